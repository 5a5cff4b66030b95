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

// ProfileUpdate is what shall change in the player's own profile. Nil leaves a field as it is.
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
}

// UpdateProfile changes the player's own profile. The server does not answer; an error comes as a [*ServerError].
func (s *Session) UpdateProfile(ctx context.Context, update ProfileUpdate) error {
	const op = "update profile"
	s.mu.Lock()
	m := &gpwire.UpdateProfile{PartnerID: s.partner}
	s.mu.Unlock()
	text := func(key string, value *string) {
		if value != nil {
			m.Changes = append(m.Changes, gpwire.Change{Key: key, Value: *value})
		}
	}
	number := func(key string, value int64) {
		m.Changes = append(m.Changes, gpwire.Change{Key: key, Value: strconv.FormatInt(value, 10)})
	}
	text("nick", update.Nick)
	text("uniquenick", update.UniqueNick)
	text("firstname", update.FirstName)
	text("lastname", update.LastName)
	text("homepage", update.Homepage)
	text("zipcode", update.ZipCode)
	text("countrycode", update.CountryCode)
	if update.Sex != nil {
		number("sex", int64(*update.Sex))
	}
	if update.ICQUIN != nil {
		number("icquin", *update.ICQUIN)
	}
	if update.Birthday != nil {
		if !update.Birthday.Valid() {
			return s.fail(op, fmt.Errorf("%w: the birthday %+v is impossible", ErrInvalidText, *update.Birthday))
		}
		number("birthday", int64(update.Birthday.Pack()))
	}
	text("aim", update.AIMName)
	if update.PublicMask != nil {
		number("publicmask", *update.PublicMask)
	}
	if len(m.Changes) == 0 {
		return nil
	}
	err := s.send(ctx, op, func(key SessionKey) gpwire.Message {
		m.SessionKey = key
		return m
	})
	if err != nil {
		return err
	}
	s.ForgetProfile(s.ProfileID())
	return nil
}

// ChangeAccount changes the e-mail address and the password of the account; what is empty stays. The server does not
// answer.
func (s *Session) ChangeAccount(ctx context.Context, email, password string) error {
	const op = "change account"
	m := &gpwire.UpdateUserInfo{}
	if email != "" {
		m.Changes = append(m.Changes, gpwire.Change{Key: "email", Value: strings.ToLower(email)})
	}
	if len(password) > gpwire.MaxPassword {
		return s.fail(op, textError(&gpwire.LimitError{Length: len(password), Limit: gpwire.MaxPassword}))
	}
	if password != "" {
		m.Changes = append(m.Changes, gpwire.Change{Key: "passwordenc", Value: gscrypt.EncodePassword(password)})
	}
	if len(m.Changes) == 0 {
		return nil
	}
	return s.send(ctx, op, func(key SessionKey) gpwire.Message {
		m.SessionKey = key
		return m
	})
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
