package gptest

import (
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// handleSearch answers a request to the search service (servers.md §6).
func (c *conn) handleSearch(m gpwire.Message, err error) {
	s := c.server
	if err != nil {
		if s.config.Family == quirks.WFC {
			c.wfcRefuse()
		}
		return
	}
	if _, ok := m.(*gpwire.KeepAlive); ok {
		if s.answersKeepAlive() {
			c.put(&gpwire.KeepAlive{})
		}
		return
	}
	if s.config.Family == quirks.WFC {
		switch m := m.(type) {
		case *gpwire.Search:
			c.sendRaw(`\bsrdone\\final\`)
		case *gpwire.OthersList:
			c.othersList(m)
		default:
			c.wfcRefuse()
		}
		return
	}
	c.answerSearch(m)
	if _, ok := m.(*gpwire.Nicks); s.config.Family == quirks.OpenSpy && !ok {
		if _, ok := m.(*gpwire.ProductMatch); !ok {
			c.hangUp() // after every reply but these
		}
	}
}

func (c *conn) wfcRefuse() {
	c.refuse(gpwire.ErrorParse, true, "There was an error parsing an incoming request.", 0)
	c.hangUp()
}

func (c *conn) sendRaw(text string) { c.send([]byte(text)) }

// answerSearch finds the answer.
func (c *conn) answerSearch(m gpwire.Message) {
	s := c.server
	switch m := m.(type) {
	case *gpwire.Search:
		c.searchProfiles(m)
	case *gpwire.SearchUnique:
		c.putMatches(gpwire.ListSearch, 0, s.matches(func(a *account) bool { return strings.EqualFold(a.UniqueNick, m.UniqueNick) }))
	case *gpwire.ValidEmail:
		c.put(&gpwire.ValidReply{Valid: len(s.matches(func(a *account) bool { return strings.EqualFold(a.Email, m.Email) })) > 0})
	case *gpwire.Nicks:
		c.nicks(m)
	case *gpwire.ProductMatch:
		if s.config.Family != quirks.OpenSpy { // which does not answer
			c.putMatches(gpwire.ListProductMatch, 0, s.matches(func(a *account) bool { return len(a.conns) > 0 }))
		}
	case *gpwire.Check:
		c.check(m)
	case *gpwire.SearchNewUser:
		c.searchNewUser(m)
	case *gpwire.Others:
		c.putMatches(gpwire.ListOthers, 0, s.matches(func(a *account) bool { return a.buddies[m.ProfileID] }))
	case *gpwire.OthersList:
		c.othersList(m)
	case *gpwire.SuggestUnique:
		c.suggest(m)
	case *gpwire.ProfileList:
		c.profileList(m)
	}
}

// matches lists the accounts that fit. E-mails of others are hidden where the family hides them.
func (s *Server) matches(fits func(*account) bool) []gpwire.Match {
	var matches []gpwire.Match
	for _, a := range s.accounts {
		if !fits(a) {
			continue
		}
		email := a.Email
		if s.config.Family == quirks.OpenSpy {
			email = "[hidden]"
		}
		matches = append(matches, gpwire.Match{
			ProfileID: a.ProfileID, Nick: a.Nick, UniqueNick: a.UniqueNick, NamespaceID: 1,
			FirstName: a.FirstName, LastName: a.LastName, Email: email, Status: a.status.Status, StatusText: a.status.Text,
		})
	}
	return matches
}

func (c *conn) putMatches(kind gpwire.ListKind, more int, matches []gpwire.Match) {
	c.put(&gpwire.MatchList{Kind: kind, Matches: matches, More: more})
}

// pageSize is how many matches a search gives at once.
const pageSize = 20

func (c *conn) searchProfiles(m *gpwire.Search) {
	if c.server.config.Family == quirks.OpenSpy && m.UniqueNick != "" && m.Nick+m.Email+m.FirstName+m.LastName == "" {
		c.putMatches(gpwire.ListSearch, 0, nil) // by uniquenick alone it finds nothing (servers.md §6)
		return
	}
	fits := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	matches := c.server.matches(func(a *account) bool {
		return fits(m.Nick, a.Nick) && fits(m.UniqueNick, a.UniqueNick) && fits(m.Email, a.Email) &&
			fits(m.FirstName, a.FirstName) && fits(m.LastName, a.LastName)
	})
	matches = matches[min(max(m.Skip, 0), len(matches)):]
	more := max(len(matches)-pageSize, 0)
	c.putMatches(gpwire.ListSearch, more, matches[:len(matches)-more])
}

func (c *conn) nicks(m *gpwire.Nicks) {
	password, _ := gscrypt.DecodePassword(m.PassEnc)
	reply := &gpwire.NicksReply{}
	for _, a := range c.server.accounts {
		if strings.EqualFold(a.Email, m.Email) && a.Password == password {
			reply.Nicks = append(reply.Nicks, gpwire.NickPair{Nick: a.Nick, UniqueNick: a.UniqueNick})
		}
	}
	if len(reply.Nicks) == 0 {
		switch c.server.config.Family {
		case quirks.OpenSpy:
			reply.Code = gpwire.ErrorLoginBadPassword
		case quirks.KR4uzi:
			c.sendRaw(`\error\\err\551\errmsg\Unable to get any associated profiles.\fatal\\final\`)
			return
		}
	}
	c.put(reply)
}

func (c *conn) check(m *gpwire.Check) {
	reply := &gpwire.CodeReply{Name: "cur", Code: gpwire.ErrorCheckBadEmail}
	password, _ := gscrypt.DecodePassword(m.PassEnc)
	for _, a := range c.server.accounts {
		if !strings.EqualFold(a.Email, m.Email) {
			continue
		}
		switch {
		case a.Nick != m.Nick:
			if c.server.config.Family != quirks.OpenSpy { // which has one code for both
				reply.Code = gpwire.ErrorCheckBadNick
			}
			continue
		case a.Password != password:
			reply.Code = gpwire.ErrorCheckBadPassword
		default:
			reply.Code, reply.ProfileID = 0, a.ProfileID
		}
		break
	}
	c.put(reply)
}

func (c *conn) searchNewUser(m *gpwire.SearchNewUser) {
	password, err := gscrypt.DecodePassword(m.PassEnc)
	if err != nil {
		c.put(&gpwire.CodeReply{Name: "nur", Code: gpwire.ErrorNewUser})
		return
	}
	a, code := c.server.create(Account{
		Email: m.Email, Nick: m.Nick, UniqueNick: m.UniqueNick, Password: password, PartnerID: m.PartnerID,
	})
	switch {
	case a != nil:
		c.put(&gpwire.CodeReply{Name: "nur", ProfileID: a.ProfileID})
	case c.server.config.Family == quirks.OpenSpy:
		var b kv.Builder // with \pid\0
		b.Int("nur", int64(code))
		b.Int("pid", 0)
		if text, err := b.Final(); err == nil {
			c.send(text)
		}
	default:
		c.put(&gpwire.CodeReply{Name: "nur", Code: code})
	}
}

func (c *conn) othersList(m *gpwire.OthersList) {
	wanted := make(map[ProfileID]bool)
	for _, id := range m.ProfileIDs {
		wanted[id] = true
	}
	matches := c.server.matches(func(a *account) bool { return wanted[a.ProfileID] })
	if c.server.config.Family == quirks.UniSpy && len(matches) > 0 {
		list := &gpwire.MatchList{Kind: gpwire.ListOthersList, Matches: matches}
		if b, err := list.Append(nil); err == nil { // the marker glued to the last value, no \final\ (servers.md §5.1.4)
			c.sendRaw(strings.Replace(strings.TrimSuffix(string(b), `\\final\`), `\oldone`, `oldone`, 1))
			c.hangUp()
		}
		return
	}
	c.putMatches(gpwire.ListOthersList, 0, matches)
}

func (c *conn) suggest(m *gpwire.SuggestUnique) {
	reply := &gpwire.SuggestReply{}
	for _, suffix := range []string{"1", "_2", "x"} {
		nick := m.PreferredNick[:min(len(m.PreferredNick), gpwire.MaxUniqueNick-2)] + suffix
		if len(c.server.matches(func(a *account) bool { return strings.EqualFold(a.UniqueNick, nick) })) == 0 {
			reply.Nicks = append(reply.Nicks, nick)
		}
	}
	if c.server.config.Family == quirks.UniSpy {
		if b, err := reply.Append(nil); err == nil { // without the empty value of the marker
			c.sendRaw(strings.Replace(string(b), `\usdone\\`, `\usdone\`, 1))
		}
		return
	}
	c.put(reply)
}

func (c *conn) profileList(m *gpwire.ProfileList) {
	reply := &gpwire.ProfileListReply{Hidden: true}
	if a := c.server.profile(m.Of); a != nil {
		reply.Hidden = a.changes["publicmask"] != "" && a.changes["publicmask"] != "-1"
		if !reply.Hidden {
			reply.ProfileIDs = sorted(a.buddies)
			reply.ProfileIDs = reply.ProfileIDs[:min(len(reply.ProfileIDs), max(m.MaxResults, 0))]
		}
	}
	c.put(reply)
}
