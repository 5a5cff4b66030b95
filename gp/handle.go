package gp

import (
	"errors"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// handle takes one message that is not part of the login's exchange (spec gp.md §1.1).
func (s *Session) handle(message gpwire.Message) {
	switch m := message.(type) {
	case *gpwire.BuddyMessage:
		s.handleBuddyMessage(m)
	case *gpwire.BuddyStatusInfo:
		s.handleStatus(statusOfInfo(m))
	case *gpwire.KeepAlive:
		s.count(func(c *Counters) { c.KeepAlivesReceived++ })
	case *gpwire.BuddyList:
		s.handleBuddyList(m)
	case *gpwire.BlockList:
		s.handleBlockList(m)
	case *gpwire.TicketRenewed:
		s.mu.Lock()
		s.ticket = m.Ticket
		s.mu.Unlock()
		s.events.push(&TicketRenewed{Ticket: m.Ticket})
	case *gpwire.RemoteAuth:
		s.mu.Lock()
		s.namespace, s.partner = m.NamespaceID, m.PartnerID
		s.mu.Unlock()
		s.events.push(&AccountChanged{NamespaceID: m.NamespaceID, PartnerID: m.PartnerID})
	case *gpwire.ErrorReply:
		s.handleError(m)
	case *gpwire.ProfileInfo:
		s.answer(m.ID, gpwire.ErrorGetProfile, m.ProfileID, m)
	case *gpwire.NewProfileReply:
		s.answer(m.ID, gpwire.ErrorNewProfile, 0, m)
	case *gpwire.DeleteProfileReply:
		s.answer(m.ID, gpwire.ErrorDeleteProfile, 0, m)
	case *gpwire.RegisterNickReply:
		s.answer(m.ID, gpwire.ErrorRegisterUniqueNick, 0, m)
	case *gpwire.RegisterCDKeyReply:
		s.answer(m.ID, gpwire.ErrorRegisterCDKey, 0, m)
	default: // a greeting, a login reply, an account: not at this time
		s.count(func(c *Counters) { c.Unmatched++ })
	}
}

func (s *Session) count(change func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state.Counters)
}

// handleBuddyMessage takes what other players send, and what the server says about them (spec gp.md §6.2).
func (s *Session) handleBuddyMessage(m *gpwire.BuddyMessage) {
	when := time.Unix(m.Date, 0)
	if m.Date <= 0 {
		when = time.Now()
	}
	switch m.Type {
	case gpwire.TypeMessage:
		s.events.push(&Message{From: m.From, Time: when, Text: m.Payload})
	case gpwire.TypeUTM:
		s.events.push(&GameMessage{From: m.From, Time: when, Data: m.Payload})
	case gpwire.TypeRequest:
		s.handleRequest(m, when)
	case gpwire.TypeAuth:
		s.events.push(&BuddyAuthorized{From: m.From, Time: when})
	case gpwire.TypeRevoke:
		s.mu.Lock()
		delete(s.buddies, m.From)
		s.mu.Unlock()
		s.events.push(&BuddyRevoked{From: m.From, Time: when})
	case gpwire.TypeStatus:
		status, err := gpwire.ParseBuddyStatus(m.Payload)
		if err != nil {
			s.ignored([]byte(m.Payload), err)
			return
		}
		s.handleStatus(BuddyStatus{
			ProfileID: m.From, Status: status.Status, Text: status.Text, Location: status.Location,
			IP: status.IP, Port: status.Port, QuietFlags: status.QuietFlags,
		})
	case gpwire.TypeInvite:
		product, location, err := gpwire.ParseInvitePayload(m.Payload)
		if err != nil {
			s.ignored([]byte(m.Payload), err)
			return
		}
		s.events.push(&Invitation{From: m.From, Time: when, ProductID: product, Location: location})
	case gpwire.TypePing:
		s.pong(m.From)
	case gpwire.TypePong, gpwire.TypeReply:
		// Nothing waits for them: pongs belong to file transfers, replies to the back end.
	default:
		s.count(func(c *Counters) { c.Unknown++ })
	}
}

// handleRequest remembers the signature that accepts a buddy request.
func (s *Session) handleRequest(m *gpwire.BuddyMessage, when time.Time) {
	reason, signature, err := gpwire.ParseSignedPayload(m.Payload)
	if err != nil {
		s.ignored([]byte(m.Payload), err)
		return
	}
	s.mu.Lock()
	_, known := s.requests[m.From]
	if !known && len(s.requests) >= maxRequests {
		s.state.Counters.Dropped++
		s.state.Reason = "too many open buddy requests, one was dropped"
		s.mu.Unlock()
		return
	}
	s.requests[m.From] = strings.Clone(signature) // alone, without the reason that it stood behind
	s.mu.Unlock()
	s.events.push(&BuddyRequest{From: m.From, Time: when, Reason: reason})
}

// handleStatus takes a status in either form. Those of blocked profiles are ignored (spec gp.md §6.2). Its texts are kept as
// long as the session lasts, so they are cut to what the original takes (§3).
func (s *Session) handleStatus(status BuddyStatus) {
	status.Text, status.Location = cut(status.Text, gpwire.MaxStatus), cut(status.Location, gpwire.MaxLocation)
	if game := status.Game; game != nil {
		game.Type, game.Variant, game.Map = cut(game.Type, gpwire.MaxGameText), cut(game.Variant, gpwire.MaxGameText), cut(game.Map, gpwire.MaxGameText)
	}
	s.mu.Lock()
	if s.blocked[status.ProfileID] {
		s.state.Counters.Blocked++
		s.mu.Unlock()
		return
	}
	if _, known := s.buddies[status.ProfileID]; known || len(s.buddies) < maxBuddies {
		s.buddies[status.ProfileID] = status
	} else {
		s.state.Counters.Dropped++
		s.state.Reason = "too many buddies, a status was not kept"
	}
	s.mu.Unlock()
	s.events.push(&status)
}

func statusOfInfo(m *gpwire.BuddyStatusInfo) BuddyStatus {
	return BuddyStatus{
		ProfileID: m.ProfileID, Status: m.Status, Text: m.RichStatus, IP: m.IP, Port: m.Port, QuietFlags: m.QuietFlags,
		Game: &GameInfo{
			HostIP: m.HostIP, HostPrivateIP: m.HostPrivateIP, QueryPort: m.QueryPort, HostPort: m.HostPort,
			SessionFlags: m.SessionFlags, Type: m.GameType, Variant: m.GameVariant, Map: m.GameMap, ProductID: m.ProductID,
		},
	}
}

// handleBuddyList adds the buddies that are not known yet. Lists may come at any time, in parts, and again.
func (s *Session) handleBuddyList(m *gpwire.BuddyList) {
	s.mu.Lock()
	for _, id := range m.ProfileIDs {
		if _, known := s.buddies[id]; !known && len(s.buddies) < maxBuddies {
			s.buddies[id] = BuddyStatus{ProfileID: id, Status: Offline}
		}
	}
	s.mu.Unlock()
	s.events.push(&BuddyList{ProfileIDs: m.ProfileIDs})
}

func (s *Session) handleBlockList(m *gpwire.BlockList) {
	s.mu.Lock()
	for _, id := range m.ProfileIDs {
		if len(s.blocked) < maxBuddies {
			s.blocked[id] = true
		}
	}
	s.mu.Unlock()
	s.events.push(&BlockList{ProfileIDs: m.ProfileIDs})
}

// pong answers a ping without waiting: a server that sends pings and reads nothing must not stop the session.
func (s *Session) pong(to ProfileID) {
	s.mu.Lock()
	if s.state.Step != StepConnected { // during the login there is no key to answer with
		s.state.Counters.Dropped++
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	b, err := (&gpwire.SendMessage{Type: gpwire.TypePong, SessionKey: s.sessionKey(), To: to, Text: "1"}).Append(nil)
	if err != nil {
		return
	}
	select {
	case s.out <- &outgoing{bytes: b}:
		s.count(func(c *Counters) { c.PingsAnswered++ })
	default:
		s.count(func(c *Counters) { c.Dropped++ })
	}
}

// handleError takes an error that is not part of a login. A fatal one ends the session, whether the server closes the
// connection or not (servers.md §5.1.5).
func (s *Session) handleError(m *gpwire.ErrorReply) {
	s.mu.Lock()
	peer := s.state.Peer
	s.mu.Unlock()
	if m.Fatal {
		err := refused("session", StepConnected, peer, m)
		s.end(err, false)
		return
	}
	if s.refuse(m) {
		return
	}
	err := refused("request", StepConnected, peer, m)
	s.mu.Lock()
	s.state.Reason = err.Error()
	s.mu.Unlock()
	s.log.Warn("gp server error", "error", err)
	s.events.push(&ServerError{Err: err})
}

var errWrongProfile = errors.New("the server answered with another profile")
