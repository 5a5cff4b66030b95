package gptest

import (
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// getProfile answers with the info of a profile (servers.md §5.1 and §5.3).
func (c *conn) getProfile(m *gpwire.GetProfile) {
	s := c.server
	a := s.profile(m.ProfileID)
	if a == nil && s.config.Family == quirks.DWC {
		a = c.account // of all things
	}
	if a == nil {
		c.refuse(gpwire.ErrorGetProfileBadProfile, false, "The profile info was requested on is invalid.", m.ID)
		return
	}
	info := &gpwire.ProfileInfo{
		ProfileID: a.ProfileID, UserID: s.userID(a), Nick: a.Nick, UniqueNick: a.UniqueNick, Email: a.Email,
		FirstName: a.FirstName, LastName: a.LastName, CountryCode: a.CountryCode, Birthday: a.Birthday,
		Sex: gpwire.Unspecified, ICQUIN: -1, PublicMask: gpwire.PublicAll,
		Signature: gscrypt.PeerSignature(a.Password, int64(a.ProfileID), int64(c.account.ProfileID)), ID: m.ID,
	}
	if a != c.account && s.config.Family != quirks.Original {
		info.Email = ""
	}
	if a != c.account && s.config.Family == quirks.WFC {
		info.UserID, info.Nick, info.UniqueNick, info.FirstName, info.LastName = "0", "000000000ADAE0000000", "000000000ADAE0000000", "", ""
	}
	switch s.config.Family {
	case quirks.UniSpy, quirks.Section8: // without the empty value of the command (servers.md §5.1.4)
		if b, err := info.Append(nil); err == nil {
			c.send([]byte(strings.Replace(string(b), `\pi\\`, `\pi\`, 1)))
		}
	default:
		c.put(info)
	}
}

// updateProfile changes the client's profile.
func (c *conn) updateProfile(m *gpwire.UpdateProfile) {
	a := c.account
	for _, change := range m.Changes {
		a.changes[change.Key] = change.Value
		switch change.Key {
		case "nick":
			a.Nick = change.Value
		case "uniquenick":
			a.UniqueNick = change.Value
		case "firstname":
			a.FirstName = change.Value
		case "lastname":
			a.LastName = change.Value
		case "countrycode":
			a.CountryCode = change.Value
		}
	}
}

// updateUserInfo changes the client's account.
func (c *conn) updateUserInfo(m *gpwire.UpdateUserInfo) {
	for _, change := range m.Changes {
		c.account.changes[change.Key] = change.Value
		switch change.Key {
		case "email":
			c.account.Email = change.Value
		case "passwordenc":
			if password, err := gscrypt.DecodePassword(change.Value); err == nil {
				c.account.Password = password
			}
		}
	}
}

// registerNick gives the client's profile a uniquenick if it is free.
func (c *conn) registerNick(m *gpwire.RegisterNick) {
	for _, other := range c.server.accounts {
		if other != c.account && strings.EqualFold(other.UniqueNick, m.UniqueNick) {
			c.refuse(gpwire.ErrorRegisterUniqueNickTaken, false, "The uniquenick is taken.", m.ID)
			return
		}
	}
	c.account.UniqueNick = m.UniqueNick
	c.put(&gpwire.RegisterNickReply{ID: m.ID})
}
