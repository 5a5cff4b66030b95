package gptest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// handleRequest takes a message of a client that is logged in.
func (c *conn) handleRequest(m gpwire.Message) {
	if c.server.config.Family == quirks.KR4uzi {
		switch m.(type) {
		case *gpwire.GetProfile, *gpwire.UpdateProfile:
		default:
			c.handleUnknown() // it knows no buddies
			return
		}
	}
	switch m := m.(type) {
	case *gpwire.SendMessage:
		c.message(m)
	case *gpwire.SetStatus:
		c.account.status = gpwire.BuddyStatus{Status: m.Status, Text: m.Text, Location: m.Location}
		c.account.info = gpwire.StatusInfo{}
		c.server.publish(c.account)
	case *gpwire.StatusInfo:
		if c.server.config.Family == quirks.Original {
			c.account.info = *m
			c.server.publish(c.account)
		}
	case *gpwire.AddBuddy:
		c.addBuddy(m)
	case *gpwire.AuthAdd:
		c.authorize(m)
	case *gpwire.DeleteBuddy:
		c.deleteBuddy(m.ProfileID)
	case *gpwire.Revoke:
		c.revoke(m.ProfileID)
	case *gpwire.AddBlock:
		c.block(m.ProfileID)
	case *gpwire.RemoveBlock:
		c.unblock(m.ProfileID)
	case *gpwire.Invite:
		c.deliver(m.ProfileID, gpwire.BuddyMessage{Type: gpwire.TypeInvite, Payload: gpwire.InvitePayload(m.ProductID, m.Location)})
	case *gpwire.GetProfile:
		c.getProfile(m)
	case *gpwire.UpdateProfile:
		c.updateProfile(m)
	case *gpwire.UpdateUserInfo:
		c.updateUserInfo(m)
	case *gpwire.NewProfile:
		c.newProfile(m)
	case *gpwire.DeleteProfile:
		c.deleteProfile(m)
	case *gpwire.RegisterNick:
		c.registerNick(m)
	case *gpwire.RegisterCDKey:
		c.registerCDKey(m)
	case *gpwire.InviteTo:
		c.account.products = m.Products
	case *gpwire.Quiet:
		held := c.holds(gpwire.TypeRequest)
		c.quiet = m.Flags
		c.deliverWaiting(held)
		c.server.publish(c.account)
	}
	if c.server.config.Family == quirks.DWC {
		if statuses := c.statuses(sorted(c.account.buddies)); len(statuses) > 0 {
			c.put(statuses...) // with every reply (servers.md §5.3)
		}
	}
}

// block keeps a profile from seeing and reaching the client.
func (c *conn) block(id ProfileID) {
	if c.account.blocked[id] {
		c.refuse(gpwire.ErrorAddBlockAlreadyBlocked, false, "The profile is blocked already.", 0)
		return
	}
	c.account.blocked[id] = true
	c.server.publishTo(c.account, id)
}

// unblock is the reverse.
func (c *conn) unblock(id ProfileID) {
	if !c.account.blocked[id] {
		c.refuse(gpwire.ErrorRemoveBlockNotBlocked, false, "The profile is not blocked.", 0)
		return
	}
	delete(c.account.blocked, id)
	c.server.publishTo(c.account, id)
}

// holds reports whether the client has asked the server to hold such a message back (spec gp.md §5.2).
func (c *conn) holds(kind gpwire.MessageType) bool {
	switch kind {
	case gpwire.TypeMessage:
		return c.quiet&gpwire.QuietMessages != 0
	case gpwire.TypeUTM:
		return c.quiet&gpwire.QuietUTMs != 0
	case gpwire.TypeRequest, gpwire.TypeAuth, gpwire.TypeRevoke:
		return c.quiet&gpwire.QuietLists != 0
	}
	return false
}

// deliverWaiting sends what has waited for a login, or for the client to want it, with the open requests if they have waited
// too.
func (c *conn) deliverWaiting(requests bool) {
	a := c.account
	var rest []gpwire.BuddyMessage
	for _, waiting := range a.offline {
		if c.holds(waiting.Type) {
			rest = append(rest, waiting)
			continue
		}
		c.put(&waiting)
	}
	a.offline = rest
	if !requests || c.holds(gpwire.TypeRequest) {
		return
	}
	for _, from := range slices.Sorted(maps.Keys(a.requests)) {
		c.deliverRequest(from, a.requests[from])
	}
}

// forwards says which kinds of messages the family passes on (servers.md §5.3).
func (s *Server) forwards(m *gpwire.SendMessage) bool {
	switch s.config.Family {
	case quirks.OpenSpy:
		return m.Type == gpwire.TypeMessage || m.Type == gpwire.TypeUTM || m.Type == gpwire.TypePing || m.Type == gpwire.TypePong
	case quirks.WFC:
		return strings.HasPrefix(m.Text, "GPCM") && strings.Contains(m.Text, "vMAT")
	}
	return true
}

// message passes a message on.
func (c *conn) message(m *gpwire.SendMessage) {
	if !c.server.forwards(m) {
		if c.server.config.Family == quirks.WFC {
			c.refuse(gpwire.ErrorMessage, false, "There was an error sending a buddy message.", 0)
		}
		return
	}
	c.deliver(m.To, gpwire.BuddyMessage{Type: m.Type, Payload: m.Text})
}

// deliver sends a message to a buddy, or says why not.
func (c *conn) deliver(to ProfileID, m gpwire.BuddyMessage) {
	s := c.server
	a := s.profile(to)
	if a == nil || !c.account.buddies[to] && !a.buddies[c.account.ProfileID] {
		c.refuse(gpwire.ErrorMessageNotBuddy, false, "The profile the message was to be sent to is not a buddy.", 0)
		return
	}
	if a.blocked[c.account.ProfileID] {
		return
	}
	m.From = c.account.ProfileID
	awake := slices.DeleteFunc(slices.Clone(a.conns), func(other *conn) bool { return other.holds(m.Type) })
	if len(awake) == 0 {
		if s.config.Family == quirks.OpenSpy || m.Type != gpwire.TypeMessage {
			c.refuse(gpwire.ErrorMessageBuddyOffline, false, "The buddy is offline.", 0)
			return
		}
		m.Date = time.Now().Unix()
		if len(a.offline) < 100 {
			a.offline = append(a.offline, m)
		}
		return
	}
	if s.config.Family == quirks.DWC {
		m.Date = time.Now().Unix()
	}
	for _, other := range awake {
		other.put(&m)
	}
}

// addBuddy takes a buddy request (servers.md §5.3).
func (c *conn) addBuddy(m *gpwire.AddBuddy) {
	s, from := c.server, c.account
	to := s.profile(m.ProfileID)
	switch {
	case to == nil:
		c.refuse(gpwire.ErrorAddBuddyBadNew, false, "The profile requested is invalid.", 0)
		return
	case from.buddies[m.ProfileID] && s.config.Family != quirks.WFC:
		c.refuse(gpwire.ErrorAddBuddyAlreadyBuddy, false, "The profile requested is already a buddy.", 0)
		return
	}
	if s.config.Family == quirks.WFC { // adding from both sides makes friends, without a request
		s.follow(from, to.ProfileID)
		if to.buddies[from.ProfileID] {
			s.befriend(from, to)
			s.befriend(to, from)
		}
		return
	}
	signature := randomHex(32)
	if s.config.Family == quirks.OpenSpy {
		signature = digest("")
	}
	to.requests[from.ProfileID] = request{reason: m.Reason, signature: signature}
	for _, other := range to.conns {
		other.deliverRequest(from.ProfileID, to.requests[from.ProfileID])
	}
	if s.config.Family != quirks.DWC {
		return
	}
	for _, other := range to.conns { // repeated at every add until it is answered
		other.deliverRequest(from.ProfileID, to.requests[from.ProfileID])
	}
}

// deliverRequest tells of a buddy request.
func (c *conn) deliverRequest(from ProfileID, r request) {
	m := gpwire.BuddyMessage{Type: gpwire.TypeRequest, From: from, Payload: gpwire.SignPayload(r.reason, r.signature)}
	if c.server.config.Family == quirks.DWC {
		m.Date, m.Payload = time.Now().Unix(), gpwire.SignPayload("\r\n"+r.reason, r.signature)
	}
	if !c.holds(m.Type) {
		c.put(&m)
	}
}

// authorize accepts a buddy request: the one who asked gets the buddy.
func (c *conn) authorize(m *gpwire.AuthAdd) {
	s := c.server
	r, ok := c.account.requests[m.ProfileID]
	from := s.profile(m.ProfileID)
	if s.config.Family == quirks.WFC && from != nil {
		s.publishTo(from, c.account.ProfileID)
		return
	}
	if !ok || from == nil {
		c.refuse(gpwire.ErrorAuthAddBadFrom, false, "There is no such request.", 0)
		return
	}
	if r.signature != m.Signature {
		c.refuse(gpwire.ErrorAuthAddBadSignature, false, "The signature is wrong.", 0)
		return
	}
	delete(c.account.requests, m.ProfileID)
	s.follow(from, c.account.ProfileID)
	s.befriend(from, c.account)
}

// befriend tells owner that buddy has accepted.
func (s *Server) befriend(owner, buddy *account) {
	const text = "I have authorized your request to add me to your list"
	for _, c := range owner.conns {
		if s.config.Family == quirks.WFC {
			c.put(&gpwire.BuddyMessage{Type: gpwire.TypeAuth, From: buddy.ProfileID}, &gpwire.BuddyMessage{Type: gpwire.TypeMessage, From: buddy.ProfileID, Payload: text})
		} else if s.config.Family != quirks.Original || c.revision&gpwire.RevisionAuth != 0 {
			c.put(&gpwire.BuddyMessage{Type: gpwire.TypeAuth, From: buddy.ProfileID, Payload: gpwire.SignPayload(text, digest(""))})
		}
	}
	s.publishTo(buddy, owner.ProfileID)
}

// deleteBuddy removes a buddy from the client's list. OpenSpy tells the other side.
func (c *conn) deleteBuddy(id ProfileID) {
	if !c.account.buddies[id] {
		c.refuse(gpwire.ErrorDeleteBuddyNotBuddy, false, "The profile is not a buddy.", 0)
		return
	}
	c.server.unfollow(c.account, id)
	if c.server.config.Family == quirks.OpenSpy {
		c.tellRevoked(c.server.profile(id))
	}
}

// revoke removes the client from somebody else's list.
func (c *conn) revoke(id ProfileID) {
	other := c.server.profile(id)
	if other == nil || !other.buddies[c.account.ProfileID] {
		c.refuse(gpwire.ErrorRevokeNotBuddy, false, "The profile is not a buddy.", 0)
		return
	}
	c.server.unfollow(other, c.account.ProfileID)
	c.tellRevoked(other)
}

func (c *conn) tellRevoked(other *account) {
	if other == nil {
		return
	}
	for _, conn := range other.conns {
		conn.put(&gpwire.BuddyMessage{
			Type: gpwire.TypeRevoke, From: c.account.ProfileID,
			Payload: gpwire.SignPayload("I have revoked you from my list.", digest("")),
		})
	}
}

// publish tells everybody who has the profile as a buddy what it does.
func (s *Server) publish(a *account) {
	for _, id := range slices.Sorted(maps.Keys(s.followers[a.ProfileID])) {
		s.publishTo(a, id)
	}
}

// publishTo tells one profile what another does.
func (s *Server) publishTo(a *account, to ProfileID) {
	other := s.profile(to)
	if other == nil {
		return
	}
	for _, c := range other.conns {
		if messages := c.statuses([]ProfileID{a.ProfileID}); len(messages) > 0 {
			c.put(messages...)
		}
	}
}

// statuses are what the client may see of these profiles, in the form that it understands.
func (c *conn) statuses(profiles []ProfileID) []message {
	s := c.server
	var messages []message
	for _, id := range profiles {
		a := s.profile(id)
		if a == nil {
			continue
		}
		offline := len(a.conns) == 0 || a.blocked[c.account.ProfileID] || c.account.blocked[id]
		if s.config.Family == quirks.WFC && !(a.buddies[c.account.ProfileID] && c.account.buddies[id]) {
			continue
		}
		if s.config.Family == quirks.Original && c.revision&gpwire.RevisionStatusInfo != 0 {
			info := &gpwire.BuddyStatusInfo{ProfileID: id}
			if !offline {
				info.Status, info.RichStatus = a.status.Status, a.status.Text
				if a.info.Status != 0 {
					info = &gpwire.BuddyStatusInfo{
						Status: a.info.Status, ProfileID: id, HostIP: a.info.HostIP, HostPrivateIP: a.info.HostPrivateIP,
						QueryPort: a.info.QueryPort, HostPort: a.info.HostPort, SessionFlags: a.info.SessionFlags,
						RichStatus: a.info.RichStatus, GameType: a.info.GameType, GameVariant: a.info.GameVariant, GameMap: a.info.GameMap,
					}
				}
			}
			messages = append(messages, info)
			continue
		}
		status := a.status
		if len(a.conns) > 0 && s.config.Family == quirks.Original {
			status.QuietFlags = a.conns[0].quiet
		}
		payload := status.Payload()
		if offline {
			payload = "|s|0|ss|Offline"
		} else if s.config.Family == quirks.WFC {
			payload += "|qm|0"
		}
		messages = append(messages, &gpwire.BuddyMessage{Type: gpwire.TypeStatus, From: id, Payload: payload})
	}
	return messages
}
