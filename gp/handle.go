package gp

import (
	"errors"
	"time"

	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// handle takes one message that is not part of the login's exchange (spec gp.md §1.1).
// An error ends the connection.
func (s *Session) handle(message gpwire.Message) *Error {
	switch m := message.(type) {
	case *gpwire.BuddyMessage:
		s.handleBuddyMessage(m)
	case *gpwire.BuddyStatusInfo:
		s.handleStatusInfo(m)
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
		s.events.Push(&TicketRenewed{Ticket: m.Ticket})
	case *gpwire.RemoteAuth:
		s.mu.Lock()
		s.namespace, s.partner = m.NamespaceID, m.PartnerID
		s.mu.Unlock()
		s.events.Push(&AccountChanged{NamespaceID: m.NamespaceID, PartnerID: m.PartnerID})
	case *gpwire.ErrorReply:
		return s.handleError(m)
	case *gpwire.ProfileInfo:
		s.answer(m.ID, gpwire.ErrorGetProfile, m.ProfileID, m)
	case *gpwire.NewProfileReply:
		s.answer(m.ID, gpwire.ErrorNewProfile, 0, m)
	case *gpwire.DeleteProfileReply:
		if s.answer(m.ID, gpwire.ErrorDeleteProfile, 0, m) {
			s.end(nil, false) // before the server's closing of the connection can look like a loss
		}
	case *gpwire.RegisterNickReply:
		s.answer(m.ID, gpwire.ErrorRegisterUniqueNick, 0, m)
	case *gpwire.RegisterCDKeyReply:
		s.answer(m.ID, gpwire.ErrorRegisterCDKey, 0, m)
	default: // a greeting, a login reply, an account: not at this time
		s.count(func(c *Counters) { c.Unmatched++ })
	}
	return nil
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
		s.events.Push(&Message{From: m.From, Time: when, Text: m.Payload})
	case gpwire.TypeUTM:
		s.events.Push(&GameMessage{From: m.From, Time: when, Data: m.Payload})
	case gpwire.TypeRequest:
		s.handleRequest(m, when)
	case gpwire.TypeAuth:
		s.handleAuthorized(m.From, when)
	case gpwire.TypeRevoke:
		s.handleRevoked(m.From, when)
	case gpwire.TypeStatus:
		status, err := gpwire.ParseBuddyStatus(m.Payload)
		if err != nil {
			s.ignored([]byte(m.Payload), err)
			return
		}
		s.handleStatus(BuddyStatus{
			ProfileID: m.From, Status: status.Status,
			Text: shorten(status.Text, gpwire.MaxStatus, m.Payload), Location: shorten(status.Location, gpwire.MaxLocation, m.Payload),
			IP: status.IP, Port: status.Port, QuietFlags: status.QuietFlags,
		}, nil)
	case gpwire.TypeInvite:
		product, location, err := gpwire.ParseInvitePayload(m.Payload)
		if err != nil {
			s.ignored([]byte(m.Payload), err)
			return
		}
		s.events.Push(&Invitation{From: m.From, Time: when, ProductID: product, Location: location})
	case gpwire.TypePing:
		s.pong(m.From)
	case gpwire.TypePong, gpwire.TypeReply:
		// Nothing waits for them: pongs belong to file transfers, replies to the back end.
	default:
		s.count(func(c *Counters) { c.Unknown++ })
	}
}

// handleStatusInfo takes a status in the newer form.
func (s *Session) handleStatusInfo(m *gpwire.BuddyStatusInfo) {
	text := func(text string, limit int) string { return shorten(text, limit, text) }
	s.handleStatus(BuddyStatus{
		ProfileID: m.ProfileID, Status: m.Status, Text: text(m.RichStatus, gpwire.MaxRichStatus), IP: m.IP, Port: m.Port,
		QuietFlags: m.QuietFlags,
	}, &GameInfo{
		HostIP: m.HostIP, HostPrivateIP: m.HostPrivateIP, QueryPort: m.QueryPort, HostPort: m.HostPort,
		SessionFlags: m.SessionFlags, Type: text(m.GameType, gpwire.MaxGameText), Variant: text(m.GameVariant, gpwire.MaxGameText),
		Map: text(m.GameMap, gpwire.MaxGameText), ProductID: m.ProductID,
	})
}

// pong answers a ping without waiting: a server that sends pings and reads nothing must not stop the session.
func (s *Session) pong(to ProfileID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// During a login there is no key to answer with.
	if s.link != nil && s.link.post(&gpwire.SendMessage{Type: gpwire.TypePong, SessionKey: s.key, To: to, Text: "1"}) {
		s.state.Counters.PingsAnswered++
	} else {
		s.state.Counters.Dropped++
	}
}

// handleError takes an error that is not part of a login. A fatal one ends the connection, whether the server closes it or
// not (servers.md §5.1.5).
func (s *Session) handleError(m *gpwire.ErrorReply) *Error {
	s.mu.Lock()
	peer := s.state.Peer
	s.mu.Unlock()
	if m.Fatal {
		if m.ID != 0 {
			s.refuse(m) // the operation gets its own error, and not only the end of the session
		}
		return refused("session", StepConnected, peer, m)
	}
	if s.refuse(m) {
		return nil
	}
	err := refused("request", StepConnected, peer, m)
	s.mu.Lock()
	s.state.Reason = err.Error()
	s.state.Counters.Refused++
	count := s.state.Counters.Refused
	s.mu.Unlock()
	if loud(count) {
		s.log.Warn("gp server error", "error", err, "count", count)
	}
	s.handleRefusedRequest(m.Code)
	s.events.Push(&ServerError{Err: err})
	return nil
}

var errWrongProfile = errors.New("the server answered with another profile")
