package gp

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// Birthday is a date that may be known in part; the zero value is unknown.
type Birthday = gpwire.Birthday

// Sex as it is in a profile.
type Sex = gpwire.Sex

// The sexes.
const (
	Male        = gpwire.Male
	Female      = gpwire.Female
	Unspecified = gpwire.Unspecified
)

// Bits of Profile.PublicMask: what others may see.
const (
	PublicHomepage    = 1
	PublicZipCode     = 2
	PublicCountryCode = 4
	PublicBirthday    = 8
	PublicSex         = 16
	PublicEmail       = 32
	PublicBuddyList   = 64
	PublicAll         = gpwire.PublicAll
)

// Profile is what the server tells about a profile. What it leaves out is empty.
type Profile struct {
	ProfileID   ProfileID
	UserID      UserID
	Nick        string
	UniqueNick  string
	Email       string
	FirstName   string
	LastName    string
	Homepage    string
	ZipCode     string
	CountryCode string
	Birthday    Birthday
	Sex         Sex
	ICQUIN      int64 // -1 if there is none
	AIMName     string
	PublicMask  int64   // a sum of Public constants; all if the server says nothing
	Longitude   float64 // degrees, negative is west
	Latitude    float64 // degrees, negative is south
	Place       string  // such as "USA|California|Irvine"
	Signature   string  // for direct links, see PeerSignature
}

// maxProfileText bounds each text of a profile that is kept: what servers send is not bound by the limits of the original.
const maxProfileText = 255

// newProfile takes what the server said, alone, without what else stood in the message.
func newProfile(info *gpwire.ProfileInfo) *Profile {
	text := func(value string) string { return cut(value, maxProfileText) }
	return &Profile{
		ProfileID: info.ProfileID, UserID: UserID(text(string(info.UserID))), Nick: text(info.Nick), UniqueNick: text(info.UniqueNick),
		Email: text(info.Email), FirstName: text(info.FirstName), LastName: text(info.LastName), Homepage: text(info.Homepage),
		ZipCode: text(info.ZipCode), CountryCode: text(info.CountryCode), Birthday: info.Birthday, Sex: info.Sex,
		ICQUIN: info.ICQUIN, AIMName: text(info.AIMName), PublicMask: info.PublicMask, Longitude: info.Longitude,
		Latitude: info.Latitude, Place: text(info.Place), Signature: text(info.Signature),
	}
}

// ProfileUpdate is what shall change in the player's own profile and account. Nil leaves a field as it is.
type ProfileUpdate struct {
	Nick        *string // at most 30 bytes
	UniqueNick  *string // at most 20 bytes
	FirstName   *string // at most 30 bytes
	LastName    *string // at most 30 bytes
	Homepage    *string // at most 75 bytes
	ZipCode     *string // at most 10 bytes
	CountryCode *string // two letters
	Sex         *Sex
	ICQUIN      *int64
	Birthday    *Birthday
	AIMName     *string // at most 50 bytes
	PublicMask  *int64

	// What the original asked of players for its statistics; numbers of lists that are not part of the protocol.
	Picture, Occupation, Industry, Income, Married, Children, Interests *int64

	Email    *string // of the account, at most 50 bytes; sent in lower case
	Password *string // of the account, at most 30 bytes

	// Machine describes the player's computer; nil says nothing about it.
	Machine *Machine
}

// Machine is what the original told about the player's computer. What is zero is not sent.
type Machine struct {
	OS              string
	CPU             CPUBrand
	CPUSpeed        int       // MHz
	MemoryMB        int       // sent in steps of 16 MB
	VideoCards      [2]string // names
	VideoRAMMB      [2]int    // sent in steps of 4 MB
	Connection      Connection
	ConnectionSpeed int
	Network         *bool // whether there is one
}

// CPUBrand is who made a processor.
type CPUBrand int

// The brands.
const (
	CPUIntel    CPUBrand = 1
	CPUAMD      CPUBrand = 2
	CPUCyrix    CPUBrand = 3
	CPUMotorola CPUBrand = 4
	CPUAlpha    CPUBrand = 5
)

// Connection is how a computer is connected.
type Connection int

// The connections.
const (
	ConnectionModem     Connection = 1
	ConnectionISDN      Connection = 2
	ConnectionCable     Connection = 3
	ConnectionDSL       Connection = 4
	ConnectionSatellite Connection = 5
	ConnectionEthernet  Connection = 6
	ConnectionWireless  Connection = 7
)

// UpdateProfile changes the player's own profile and account. All changes of one of the two go out as one message, and both
// messages together, as the original does. The server does not answer; an error comes as a [*ServerError].
func (s *Session) UpdateProfile(ctx context.Context, update ProfileUpdate) error {
	const op = "update profile"
	if update.Birthday != nil && !update.Birthday.Valid() {
		return s.fail(op, fmt.Errorf("%w: the birthday %+v is impossible", ErrInvalidText, *update.Birthday))
	}
	if update.Password != nil && len(*update.Password) > gpwire.MaxPassword {
		return s.fail(op, textError(&gpwire.LimitError{Length: len(*update.Password), Limit: gpwire.MaxPassword}))
	}
	profile, account := update.profile(), update.account()
	if len(profile)+len(account) == 0 {
		return nil
	}
	s.mu.Lock()
	partner := s.partner
	s.mu.Unlock()
	err := s.send(ctx, op, func(key SessionKey) gpwire.Message {
		var both batch
		if len(profile) > 0 {
			both = append(both, &gpwire.UpdateProfile{SessionKey: key, Changes: profile, PartnerID: partner})
		}
		if len(account) > 0 {
			both = append(both, &gpwire.UpdateUserInfo{SessionKey: key, Changes: account})
		}
		return both
	})
	if err != nil {
		return err
	}
	s.ForgetProfile(s.ProfileID())
	return nil
}

// changes are pairs of an update (spec gp.md §5.7).
type changes []gpwire.Change

func (c *changes) text(key string, value *string) {
	if value != nil {
		*c = append(*c, gpwire.Change{Key: key, Value: *value})
	}
}

func (c *changes) number(key string, value *int64) {
	if value != nil {
		*c = append(*c, gpwire.Change{Key: key, Value: strconv.FormatInt(*value, 10)})
	}
}

func (c *changes) nonzero(key string, value int) {
	if value != 0 {
		*c = append(*c, gpwire.Change{Key: key, Value: strconv.Itoa(value)})
	}
}

func (c *changes) nonempty(key, value string) {
	if value != "" {
		c.text(key, &value)
	}
}

// profile are the changes of updatepro.
func (u *ProfileUpdate) profile() []gpwire.Change {
	var c changes
	c.text("nick", u.Nick)
	c.text("uniquenick", u.UniqueNick)
	c.text("firstname", u.FirstName)
	c.text("lastname", u.LastName)
	c.text("homepage", u.Homepage)
	c.text("zipcode", u.ZipCode)
	c.text("countrycode", u.CountryCode)
	if u.Sex != nil {
		c.number("sex", new(int64(*u.Sex)))
	}
	c.number("icquin", u.ICQUIN)
	if u.Birthday != nil {
		c.number("birthday", new(int64(u.Birthday.Pack())))
	}
	c.number("pic", u.Picture)
	c.number("occ", u.Occupation)
	c.number("ind", u.Industry)
	c.number("inc", u.Income)
	c.number("mar", u.Married)
	c.number("chc", u.Children)
	c.number("i1", u.Interests)
	c.text("aim", u.AIMName)
	if u.Machine != nil {
		c.nonempty("videocard1string", u.Machine.VideoCards[0])
		c.nonempty("videocard2string", u.Machine.VideoCards[1])
		c.nonempty("osstring", u.Machine.OS)
	}
	c.number("publicmask", u.PublicMask)
	return c
}

// account are the changes of updateui.
func (u *ProfileUpdate) account() []gpwire.Change {
	var c changes
	if u.Email != nil {
		c.text("email", new(strings.ToLower(*u.Email)))
	}
	if u.Password != nil {
		c.text("passwordenc", new(gscrypt.EncodePassword(*u.Password)))
	}
	if m := u.Machine; m != nil {
		c.nonzero("cpubrandid", int(m.CPU))
		c.nonzero("cpuspeed", m.CPUSpeed)
		c.nonzero("memory", m.MemoryMB/16)
		c.nonzero("videocard1ram", m.VideoRAMMB[0]/4)
		c.nonzero("videocard2ram", m.VideoRAMMB[1]/4)
		c.nonzero("connectionid", int(m.Connection))
		c.nonzero("connectionspeed", m.ConnectionSpeed)
		if m.Network != nil {
			value := "0"
			if *m.Network {
				value = "1"
			}
			c.text("hasnetwork", &value)
		}
	}
	return c
}

// ChangeAccount changes the e-mail address and the password of the account; what is empty stays. The server does not
// answer.
func (s *Session) ChangeAccount(ctx context.Context, email, password string) error {
	var update ProfileUpdate
	if email != "" {
		update.Email = &email
	}
	if password != "" {
		update.Password = &password
	}
	return s.UpdateProfile(ctx, update)
}

// NewProfile adds a profile to the account and returns its id. With replace not empty, the profile with that nick is
// replaced.
func (s *Session) NewProfile(ctx context.Context, nick, replace string) (ProfileID, error) {
	message, err := s.do(ctx, "new profile", gpwire.ErrorNewProfile, 0, func(key SessionKey, id int) gpwire.Message {
		return &gpwire.NewProfile{SessionKey: key, Nick: nick, Replace: replace != "", OldNick: replace, ID: id}
	})
	if err != nil {
		return 0, err
	}
	return message.(*gpwire.NewProfileReply).ProfileID, nil
}

// DeleteProfile deletes the profile that is logged in, and ends the session.
func (s *Session) DeleteProfile(ctx context.Context) error {
	_, err := s.do(ctx, "delete profile", gpwire.ErrorDeleteProfile, 0, func(key SessionKey, id int) gpwire.Message {
		return &gpwire.DeleteProfile{SessionKey: key, ID: id}
	})
	if err != nil {
		return err
	}
	s.end(nil, false)
	s.done.Wait()
	return nil
}

// RegisterUniqueNick gives the profile a unique name. The CD key is only for games that ask for it, and is sent plain.
func (s *Session) RegisterUniqueNick(ctx context.Context, nick, cdKey string) error {
	s.mu.Lock()
	partner := s.partner
	s.mu.Unlock()
	_, err := s.do(ctx, "register uniquenick", gpwire.ErrorRegisterUniqueNick, 0, func(key SessionKey, id int) gpwire.Message {
		return &gpwire.RegisterNick{SessionKey: key, UniqueNick: nick, CDKey: cdKey, PartnerID: partner, ID: id}
	})
	return err
}

// RegisterCDKey ties a CD key to the profile. The game id is 0 for games with an SDK before 2012.
func (s *Session) RegisterCDKey(ctx context.Context, cdKey string, gameID int) error {
	const op = "register cd key"
	if len(cdKey) > gpwire.MaxCDKey {
		return s.fail(op, textError(&gpwire.LimitError{Length: len(cdKey), Limit: gpwire.MaxCDKey}))
	}
	_, err := s.do(ctx, op, gpwire.ErrorRegisterCDKey, 0, func(key SessionKey, id int) gpwire.Message {
		return &gpwire.RegisterCDKey{SessionKey: key, CDKeyEnc: gscrypt.EncodePassword(cdKey), GameID: gameID, ID: id}
	})
	return err
}
