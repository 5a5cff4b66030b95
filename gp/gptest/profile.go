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
			c.server.rename(a, change.Value)
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
	c.server.rename(c.account, m.UniqueNick)
	c.put(&gpwire.RegisterNickReply{ID: m.ID})
}

// registerCDKey ties a CD key to the client's profile, if neither has another.
func (c *conn) registerCDKey(m *gpwire.RegisterCDKey) {
	key, err := gscrypt.DecodePassword(m.CDKeyEnc)
	code := gpwire.ErrorCode(0)
	switch {
	case err != nil || key == "":
		code = gpwire.ErrorRegisterCDKeyBadKey
	case c.account.cdKey != "" && c.account.cdKey != key:
		code = gpwire.ErrorRegisterCDKeyAlreadySet
	}
	for _, other := range c.server.accounts {
		if code == 0 && other != c.account && other.cdKey == key {
			code = gpwire.ErrorRegisterCDKeyAlreadyTaken
		}
	}
	if code != 0 {
		c.refuse(code, false, code.String(), m.ID)
		return
	}
	c.account.cdKey = key
	c.put(&gpwire.RegisterCDKeyReply{ID: m.ID})
}

// siblings are the profiles of the client's account: those with the same e-mail address.
func (c *conn) siblings() (list []*account) {
	for _, other := range c.server.accounts {
		if strings.EqualFold(other.Email, c.account.Email) && other.PartnerID == c.account.PartnerID {
			list = append(list, other)
		}
	}
	return list
}

// newProfile adds a profile to the client's account, or gives one of its profiles another nick.
func (c *conn) newProfile(m *gpwire.NewProfile) {
	var replaced *account
	for _, other := range c.siblings() {
		if other.Nick == m.Nick {
			c.refuse(gpwire.ErrorNewProfileBadOldNick, false, "A profile with this nick exists.", m.ID)
			return
		}
		if m.Replace && other.Nick == m.OldNick {
			replaced = other
		}
	}
	switch {
	case !m.Replace:
		a := c.account.Account
		a.ProfileID, a.Nick, a.UniqueNick, a.Buddies, a.Blocked = 0, m.Nick, "", nil, nil
		added := c.server.add(a)
		c.put(&gpwire.NewProfileReply{ProfileID: added.ProfileID, ID: m.ID})
	case replaced == nil:
		c.refuse(gpwire.ErrorNewProfileBadNick, false, "There is no profile with the nick to be replaced.", m.ID)
	default:
		replaced.Nick = m.Nick
		c.put(&gpwire.NewProfileReply{ProfileID: replaced.ProfileID, ID: m.ID})
	}
}

// deleteProfile deletes the client's profile. The original keeps the last one of an account.
func (c *conn) deleteProfile(m *gpwire.DeleteProfile) {
	if c.server.config.Family == quirks.Original && len(c.siblings()) < 2 {
		c.refuse(gpwire.ErrorDeleteProfileLast, false, "The last profile of an account cannot be deleted.", m.ID)
		return
	}
	c.server.remove(c.account)
	c.put(&gpwire.DeleteProfileReply{ID: m.ID})
}
