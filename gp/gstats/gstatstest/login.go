package gstatstest

import (
	"bytes"
	"cmp"
	"crypto/subtle"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// keepAliveInterval is how often the family sends keep-alives.
func (s *Server) keepAliveInterval() time.Duration {
	if s.config.KeepAlive == 0 && s.config.Family == quirks.OpenSpy {
		return 600 * time.Second
	}
	return s.config.KeepAlive
}

// greet sends the challenge.
func (c *conn) greet() {
	s := c.server
	switch {
	case s.config.Challenge != nil:
		c.challenge = s.config.Challenge()
	case s.config.Family == quirks.UniSpy:
		c.challenge = strings.Repeat("0", 20)
	default:
		c.challenge = letters(10)
	}
	if s.config.Family == quirks.UniSpy {
		var m kv.Builder
		m.Pair("challenge", c.challenge)
		c.sendBody(m)
		return
	}
	c.put(&gstatswire.Greeting{Challenge: c.challenge})
}

// letters makes random capital letters.
func letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(mathrand.IntN(26))
	}
	return string(b)
}

// number makes the number of a connection, as text: that of dwc has ten digits, and of it the lower 32 bits count.
func (s *Server) number() (text string, connection int32) {
	var n int64
	switch {
	case s.config.Connection != nil:
		n = int64(s.config.Connection())
	case s.config.Family == quirks.OpenSpy: // seconds since it has started
		n = 1 + mathrand.Int64N(100_000)
	case s.config.Family == quirks.WFC:
		n = 10_000_000 + mathrand.Int64N(290_000_000)
	case s.config.Family == quirks.DWC:
		n = mathrand.Int64N(10_000_000_000)
	case s.config.Family == quirks.UniSpy:
		n = 11111
	case s.config.Family == quirks.KR4uzi:
		n = s.config.Now().Unix()
	default:
		n = 1 + mathrand.Int64N(1<<31-1)
	}
	return strconv.FormatInt(n, 10), int32(uint32(n))
}

// auth lets a game in.
func (c *conn) auth(m *gstatswire.Auth) {
	s := c.server
	family := s.config.Family
	secret, known := s.config.Secrets[m.Game]
	known = known || s.config.Secrets == nil
	checks := family == quirks.Original || family == quirks.OpenSpy || family == quirks.KR4uzi
	switch {
	case !known && family == quirks.WFC:
		c.refuse(errorDatabase)
		return
	case !known && family == quirks.KR4uzi:
		c.refuse(errorGame)
		return
	case !known && checks:
		c.refuse(errorClosed)
		return
	case checks && s.config.Secrets != nil && !equal(m.Response, gscrypt.GStatsResponse(c.challenge, secret)):
		if family == quirks.KR4uzi {
			c.refuse(errorResponse)
		} else {
			c.refuse(errorClosed)
		}
		return
	}
	text, connection := s.number()
	c.game, c.connection = cmp.Or(m.Game, "?"), connection
	var pairs kv.Builder
	if family == quirks.UniSpy { // in a form of its own
		pairs.Pair("sesskey", text)
		pairs.Int("lid", 1)
		c.sendBody(pairs)
		return
	}
	pairs.Int("lc", 2)
	pairs.Pair("sesskey", text)
	pairs.Int("proof", 0)
	pairs.Int("id", 1)
	if body, err := pairs.Bytes(); err == nil {
		c.send(hide(s.shape(body)))
	}
}

// handle takes a message.
func (c *conn) handle(m gstatswire.Message) {
	s := c.server
	family := s.config.Family
	switch m := m.(type) {
	case *gstatswire.Auth:
		if c.game == "" {
			c.auth(m)
		}
		return
	case *gstatswire.KeepAlive:
		if family == quirks.WFC || family == quirks.DWC {
			c.put(m)
		}
		return
	}
	if c.game == "" && (family == quirks.Original || family == quirks.KR4uzi) {
		c.hangUp()
		return
	}
	if p, ok := m.(*gstatswire.PlayerAuth); ok {
		c.authenticate(p)
		return
	}
	if family == quirks.WFC && c.player == 0 {
		c.refuse(errorNotLoggedIn)
		return
	}
	switch m := m.(type) {
	case *gstatswire.NewGame:
		s.begin(c, m)
	case *gstatswire.UpdateGame:
		s.update(c, m)
	case *gstatswire.GetProfileID:
		c.getProfileID(m)
	case *gstatswire.GetData:
		c.get(m)
	case *gstatswire.SetData:
		c.set(m)
	}
}

// readable says whether dwc can read a message: not if a value is missing at its end, and after one that is no ASCII nothing
// at all.
func (c *conn) readable(message []byte) bool {
	c.deaf = c.deaf || bytes.ContainsFunc(message, func(r rune) bool { return r >= utf8.RuneSelf })
	return !c.deaf && bytes.Count(message, []byte(`\`))%2 == 0
}

// authenticate lets a player in.
func (c *conn) authenticate(m *gstatswire.PlayerAuth) {
	s := c.server
	family := s.config.Family
	latest := m.LocalID >= c.loginID
	c.loginID = m.LocalID
	token := m.Token != ""
	switch {
	case family == quirks.DWC && !token, // it breaks off
		family == quirks.UniSpy && token, // it looks for the response under another key
		family == quirks.KR4uzi && (token || m.KeyHash != ""):
		return
	}
	id := s.identify(c, m)
	if id == 0 {
		if family == quirks.OpenSpy && latest {
			c.player = 0 // who was here before is forgotten
		}
		c.refusePlayer(m)
		return
	}
	c.player = id
	c.players[id] = true
	if family == quirks.UniSpy && m.KeyHash == "" {
		id = 1 // it answers with the number of such profiles
	}
	c.reply(&gstatswire.PlayerReply{ProfileID: int32(id), LocalID: m.LocalID})
}

// identify finds who proves to be whom; zero: nobody.
func (s *Server) identify(c *conn, m *gstatswire.PlayerAuth) ProfileID {
	family := s.config.Family
	proves := func(secret string) bool {
		return equal(m.Response, gscrypt.GStatsPlayerResponse(secret, gscrypt.GStatsChallenge(c.connection)))
	}
	switch {
	case m.Token != "":
		for id, a := range s.accounts {
			if a.AuthToken != "" && equal(a.AuthToken, m.Token) && (family == quirks.WFC || family == quirks.DWC || proves(a.PartnerChallenge)) {
				return id
			}
		}
	case family == quirks.WFC: // only with tokens
	case m.KeyHash != "":
		return s.identifyKey(m, func(key string) bool { return family == quirks.UniSpy || proves(key) })
	default:
		a, ok := s.accounts[ProfileID(m.ProfileID)]
		if ok && (family == quirks.UniSpy || a.Password != "" && proves(a.Password)) {
			return a.ProfileID
		}
	}
	return 0
}

// identifyKey finds the profile of a CD key and a nick. The original makes one if the key is known and the nick is not
// (GameSpy SDK gpersist.h, PreAuthenticatePlayerCD).
func (s *Server) identifyKey(m *gstatswire.PlayerAuth, proves func(key string) bool) ProfileID {
	a, nick := s.byKey(m.KeyHash, m.Nick)
	switch {
	case a.CDKey == "" || !proves(a.CDKey):
		return 0
	case nick:
		return a.ProfileID
	case s.config.Family != quirks.Original || !s.spend(accountCost+len(m.Nick)):
		return 0
	}
	return s.add(Account{Nick: strings.Clone(m.Nick), CDKey: a.CDKey})
}

// byKey finds an account with a CD key, and says whether it has that nick, too.
func (s *Server) byKey(hash, nick string) (found Account, exact bool) {
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		a := s.accounts[id]
		if a.CDKey == "" || !strings.EqualFold(gscrypt.GStatsKeyHash(a.CDKey), hash) {
			continue
		}
		if a.Nick == nick {
			return a, true
		}
		found = a
	}
	return found, false
}

// refusePlayer says that a player is not who they say.
func (c *conn) refusePlayer(m *gstatswire.PlayerAuth) {
	refusal := &gstatswire.PlayerReply{ProfileID: -1, LocalID: m.LocalID}
	switch c.server.config.Family {
	case quirks.Original:
		refusal.Error = "Invalid response"
	case quirks.OpenSpy:
		refusal.Error = "The password provided was incorrect."
		if m.ProfileID != 0 && !c.server.known(ProfileID(m.ProfileID)) {
			refusal.Error = "The profile provided was incorrect."
		}
	case quirks.WFC, quirks.DWC:
		refusal.ProfileID, refusal.Error = -3, "Invalid Validation"
	case quirks.UniSpy: // it breaks off
		return
	}
	c.reply(refusal)
}

// getProfileID says which profile a CD key belongs to.
func (c *conn) getProfileID(m *gstatswire.GetProfileID) {
	s := c.server
	switch s.config.Family {
	case quirks.WFC, quirks.DWC, quirks.KR4uzi: // unknown to them
		return
	}
	a, ok := s.byKey(m.KeyHash, m.Nick)
	reply := &gstatswire.ProfileIDReply{ProfileID: int32(a.ProfileID), LocalID: m.LocalID}
	if !ok {
		reply.ProfileID = -1
		switch s.config.Family {
		case quirks.UniSpy:
			return
		case quirks.OpenSpy:
			reply.Error = "The cdkey is invalid. "
		}
	}
	c.reply(reply)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
