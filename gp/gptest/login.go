package gptest

import (
	"slices"
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// handleUnknown answers what is no message of the protocol.
func (c *conn) handleUnknown() {
	if c.server.config.Family == quirks.KR4uzi {
		c.refuse(0, false, "Invalid Query!", 0)
	}
}

// handle takes one message of a client.
func (c *conn) handle(m gpwire.Message) {
	switch m := m.(type) {
	case *gpwire.KeepAlive:
		if c.server.answersKeepAlive() {
			c.put(&gpwire.KeepAlive{})
		}
		return
	case *gpwire.Login:
		c.login(m)
		return
	case *gpwire.NewUser:
		c.newUser(m)
		return
	case *gpwire.Logout:
		c.hangUp()
		return
	}
	if c.account == nil {
		c.notLoggedIn()
		return
	}
	c.handleRequest(m)
}

// notLoggedIn answers a command before the login (servers.md §5.1).
func (c *conn) notLoggedIn() {
	switch c.server.config.Family {
	case quirks.Original, quirks.WFC:
		c.refuse(gpwire.ErrorNotLoggedIn, true, "This request cannot be processed because you are not logged in.", 0)
		c.hangUp()
	case quirks.KR4uzi:
		c.refuse(0, false, "Invalid Query!", 0)
	}
}

// login answers a login the way the family does (servers.md §5.1).
func (c *conn) login(m *gpwire.Login) {
	s := c.server
	if c.account != nil {
		return
	}
	a, code := s.find(m)
	switch family := s.config.Family; family {
	case quirks.WFC, quirks.DWC:
		if m.AuthToken == "" {
			a, code = nil, gpwire.ErrorLogin
		}
	case quirks.UniSpy:
		if m.UniqueNick == "" && m.User == "" {
			return
		}
	case quirks.KR4uzi:
		if m.UniqueNick == "" {
			c.handleUnknown()
			return
		}
	case quirks.Section8:
		if a == nil && m.UniqueNick != "" {
			a = s.add(Account{UniqueNick: m.UniqueNick, Email: m.UniqueNick + "@example.test"})
		}
		if a == nil && m.User != "" && len(s.accounts) > 0 {
			a = s.accounts[0] // every nick@email is the same player
		}
	case quirks.DumbSpy:
		if m.UniqueNick == "" {
			a, code = nil, gpwire.ErrorLogin
		} else if a == nil {
			a = s.add(Account{UniqueNick: m.UniqueNick})
		}
	}
	if a == nil {
		c.refuseLogin(code, m.ID)
		return
	}
	secret, user := c.credentials(a, m)
	if s.checksPasswords() && m.Response != gscrypt.LoginResponse(secret, user, m.Challenge, c.challenge) {
		c.refuseLogin(gpwire.ErrorLoginBadPassword, m.ID)
		return
	}
	c.accept(a, m, secret, user)
}

// find finds the account of a login, or the code of the error.
func (s *Server) find(m *gpwire.Login) (*account, gpwire.ErrorCode) {
	code := gpwire.ErrorLoginBadUniqueNick
	candidates := s.accounts
	if m.UniqueNick != "" && m.AuthToken == "" && m.Ticket == "" {
		candidates = s.nicks[strings.ToLower(m.UniqueNick)]
	}
	for _, a := range candidates {
		if a.PartnerID != m.PartnerID && m.AuthToken == "" {
			continue
		}
		switch {
		case m.AuthToken != "":
			code = gpwire.ErrorLoginBadPreauth
			if m.AuthToken == a.AuthToken {
				return a, 0
			}
		case m.Ticket != "":
			code = gpwire.ErrorLoginBadTicket
			if m.Ticket == a.ticket {
				return a, 0
			}
		case m.UniqueNick != "":
			if strings.EqualFold(m.UniqueNick, a.UniqueNick) {
				return a, 0
			}
		default:
			nick, email, _ := strings.Cut(m.User, "@")
			if code == gpwire.ErrorLoginBadUniqueNick {
				code = gpwire.ErrorLoginBadEmail
			}
			if strings.EqualFold(email, a.Email) {
				code = gpwire.ErrorLoginBadNick
				if s.config.Family == quirks.OpenSpy {
					code = gpwire.ErrorLoginBadProfile
				}
				if nick == a.Nick {
					return a, 0
				}
			}
		}
	}
	return nil, code
}

// checksPasswords says whether the family refuses a wrong password.
func (s *Server) checksPasswords() bool {
	switch s.config.Family {
	case quirks.DWC, quirks.UniSpy, quirks.Section8, quirks.DumbSpy:
		return false
	}
	return true
}

// credentials are what the response and the proof are made of.
func (c *conn) credentials(a *account, m *gpwire.Login) (secret, user string) {
	switch {
	case m.AuthToken != "":
		return a.PartnerChallenge, m.AuthToken
	case m.Ticket != "":
		if c.server.config.Family == quirks.OpenSpy {
			return m.Ticket, m.Ticket
		}
		return "", m.Ticket
	case m.UniqueNick != "":
		return a.Password, gscrypt.LoginUser(int(m.PartnerID), m.UniqueNick)
	}
	return a.Password, gscrypt.LoginUser(int(m.PartnerID), m.User)
}

// refuseLogin refuses with the family's code and manners.
func (c *conn) refuseLogin(code gpwire.ErrorCode, id int) {
	switch c.server.config.Family {
	case quirks.DWC, quirks.UniSpy:
		return // not a word
	case quirks.WFC, quirks.DumbSpy:
		code = gpwire.ErrorLogin
	case quirks.KR4uzi:
		c.refuse(code, true, code.String(), id) // stays open
		return
	}
	c.refuse(code, true, code.String(), id)
	c.hangUp()
}

// accept logs a profile in.
func (c *conn) accept(a *account, m *gpwire.Login, secret, user string) {
	s := c.server
	if m.Ticket != "" && s.config.Family == quirks.Original {
		user = gscrypt.TicketProofUser(int(m.PartnerID)) // what the SDK of 2012 insists on (spec gp.md §4.2)
	}
	if s.config.Family == quirks.Original || s.config.Family == quirks.WFC {
		for _, other := range slices.Clone(a.conns) {
			other.refuse(gpwire.ErrorForcedDisconnect, true, "This profile has been disconnected by another login.", 0)
			other.hangUp()
		}
	}
	a.ticket = s.newTicket()
	a.conns = append(a.conns, c)
	c.account, c.key, c.revision, c.quiet = a, s.sessionKey(a), m.SDKRevision, m.Quiet
	reply := &gpwire.LoginReply{
		SessionKey: c.key, Proof: s.proof(secret, user, m, c.challenge), UserID: s.userID(a), ProfileID: a.ProfileID,
		UniqueNick: a.UniqueNick, Ticket: a.ticket, ID: m.ID,
	}
	before, after := c.lists()
	switch s.config.Family {
	case quirks.KR4uzi:
		b, err := reply.Append(nil)
		if err == nil { // an empty pair too many (servers.md §5.1.4)
			c.send([]byte(strings.Replace(string(b), reply.Proof, reply.Proof+`\`, 1)))
		}
	default:
		c.put(append(before, reply)...)
	}
	if s.config.Family == quirks.DumbSpy {
		c.hangUp()
		return
	}
	if len(after) > 0 {
		c.put(after...)
	}
	c.deliverWaiting(true)
}

// lists are what the family sends around a login: before the reply and after it (servers.md §5.3).
func (c *conn) lists() (before, after []message) {
	s, a := c.server, c.account
	buddies, blocked := sorted(a.buddies), sorted(a.blocked)
	switch s.config.Family {
	case quirks.Original, quirks.UniSpy:
		if c.revision&gpwire.RevisionLists != 0 {
			before = append(before, &gpwire.BuddyList{ProfileIDs: buddies}, &gpwire.BlockList{ProfileIDs: blocked})
		}
		after = c.statuses(buddies)
	case quirks.OpenSpy: // whatever the revision, blocks first, only if there are any; statuses of the blocked too
		if len(blocked) > 0 {
			after = append(after, &gpwire.BlockList{ProfileIDs: blocked})
		}
		if len(buddies) > 0 {
			after = append(after, &gpwire.BuddyList{ProfileIDs: buddies})
		}
		after = append(after, c.statuses(append(slices.Clone(blocked), buddies...))...)
	case quirks.DWC, quirks.WFC:
		after = c.statuses(buddies)
	case quirks.Section8:
		after = append(after, &gpwire.BuddyList{ProfileIDs: buddies}, &gpwire.BlockList{ProfileIDs: blocked}, &gpwire.KeepAlive{})
	}
	return before, after
}

// newUser creates an account (servers.md §5.6).
func (c *conn) newUser(m *gpwire.NewUser) {
	s := c.server
	password, err := gscrypt.DecodePassword(m.PasswordEnc)
	if err != nil {
		c.refuse(gpwire.ErrorNewUser, true, "The password cannot be decoded.", m.ID)
		return
	}
	a, code := s.create(Account{
		Email: m.Email, Nick: m.Nick, UniqueNick: m.UniqueNick, Password: password, PartnerID: m.PartnerID,
	})
	if a == nil {
		c.refuse(code, true, code.String(), m.ID)
		c.hangUp()
		return
	}
	if s.config.Family == quirks.Section8 {
		var b kv.Builder
		b.Int("nur", int64(a.ProfileID))
		b.Int("pid", int64(a.ProfileID))
		b.Int("id", int64(m.ID))
		if text, err := b.Final(); err == nil {
			c.send(text)
		}
		return
	}
	c.put(&gpwire.NewUserReply{UserID: s.userID(a), ProfileID: a.ProfileID, ID: m.ID})
}

// create makes an account if its names are free.
func (s *Server) create(a Account) (*account, gpwire.ErrorCode) {
	for _, other := range s.accounts {
		if a.UniqueNick != "" && strings.EqualFold(other.UniqueNick, a.UniqueNick) {
			return nil, gpwire.ErrorNewUserUniqueNickInUse
		}
		if strings.EqualFold(other.Email, a.Email) {
			if other.Password != a.Password {
				return nil, gpwire.ErrorNewUserBadPassword
			}
			if other.Nick == a.Nick {
				return nil, gpwire.ErrorNewUserBadNick
			}
		}
	}
	return s.add(a), 0
}

// sorted lists a set of profiles.
func sorted(set map[ProfileID]bool) []ProfileID {
	var list []ProfileID
	for id := range set {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}
