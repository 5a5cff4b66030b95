package gpwire

import "strconv"

// GetProfile asks for the info of a profile (spec gp.md §5.5).
type GetProfile struct {
	SessionKey SessionKey
	ProfileID  ProfileID
	ID         int
}

func (m *GetProfile) Command() string { return "getprofile" }

func (m *GetProfile) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "profileid", &m.ProfileID, required)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *GetProfile) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Sex as it is in a profile.
type Sex int32

// The sexes.
const (
	Male        Sex = 0
	Female      Sex = 1
	Unspecified Sex = 2
)

// PublicAll is the public mask of a profile that hides nothing, and the one that is read if the server sends none.
const PublicAll = -1

// ProfileInfo is the info of a profile: \pi\ (spec gp.md §5.6). What is missing in the message has its default: empty,
// zero, -1 for ICQUIN and PublicMask, Unspecified for Sex. So a struct to be written needs these three set.
type ProfileInfo struct {
	ProfileID   ProfileID
	Nick        string
	UserID      UserID
	Email       string
	Signature   string // peer signature, spec gp.md §4.3
	UniqueNick  string
	PartnerID   PartnerID // "pid" on the wire
	FirstName   string
	LastName    string
	Homepage    string
	ZipCode     string
	CountryCode string
	Birthday    Birthday
	Sex         Sex
	ICQUIN      int64
	AIMName     string
	PublicMask  int64
	Picture     int64
	Occupation  int64
	Industry    int64
	Income      int64
	Married     int64
	Children    int64
	Interests   int64 // i1
	Ownership   int64 // o1
	Connection  int64 // conn
	Longitude   float64
	Latitude    float64
	Place       string // "USA|California|Irvine"
	ID          int
}

func (m *ProfileInfo) Command() string { return "pi" }

func (m *ProfileInfo) fields(f *fields) {
	f.command("")
	number(f, "profileid", &m.ProfileID, required)
	f.text("nick", &m.Nick, 0, omitEmpty)
	f.text("userid", (*string)(&m.UserID), 0, omitEmpty)
	f.text("email", &m.Email, 0, omitEmpty)
	f.text("sig", &m.Signature, 0, 0)
	f.text("uniquenick", &m.UniqueNick, 0, omitEmpty)
	number(f, "pid", &m.PartnerID, omitEmpty)
	f.text("firstname", &m.FirstName, 0, omitEmpty)
	f.text("lastname", &m.LastName, 0, omitEmpty)
	f.text("homepage", &m.Homepage, 0, omitEmpty)
	f.text("zipcode", &m.ZipCode, 0, omitEmpty)
	f.text("countrycode", &m.CountryCode, 0, omitEmpty)
	m.Birthday.field(f)
	numberOr(f, "sex", &m.Sex, Unspecified)
	numberOr(f, "icquin", &m.ICQUIN, -1)
	f.text("aim", &m.AIMName, 0, omitEmpty)
	numberOr(f, "pmask", &m.PublicMask, PublicAll)
	number(f, "pic", &m.Picture, omitEmpty)
	number(f, "occ", &m.Occupation, omitEmpty)
	number(f, "ind", &m.Industry, omitEmpty)
	number(f, "inc", &m.Income, omitEmpty)
	number(f, "mar", &m.Married, omitEmpty)
	number(f, "chc", &m.Children, omitEmpty)
	number(f, "i1", &m.Interests, omitEmpty)
	number(f, "o1", &m.Ownership, omitEmpty)
	number(f, "conn", &m.Connection, omitEmpty)
	f.degrees("lon", &m.Longitude)
	f.degrees("lat", &m.Latitude)
	f.text("loc", &m.Place, 0, omitEmpty)
	number(f, "id", &m.ID, omitEmpty)
}

// Append writes the message.
func (m *ProfileInfo) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// degrees visits a decimal fraction. What is out of range is unknown, which is zero.
func (f *fields) degrees(key string, v *float64) {
	if f.err != nil {
		return
	}
	if f.writing {
		if *v != 0 {
			f.put(key, strconv.FormatFloat(*v, 'f', -1, 64))
		}
		return
	}
	value, ok := f.find(key)
	if !ok || len(value) == 0 {
		return
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		f.fail(key, ErrNotNumber)
		return
	}
	if n >= -180 && n <= 180 {
		*v = n
	}
}

// NewProfile creates another profile for the account (spec gp.md §5.5).
type NewProfile struct {
	SessionKey SessionKey
	Nick       string
	Replace    bool
	OldNick    string // with Replace
	ID         int
}

func (m *NewProfile) Command() string { return "newprofile" }

func (m *NewProfile) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.text("nick", &m.Nick, MaxNick, required)
	f.flag("replace", "1", &m.Replace)
	if m.Replace {
		f.text("oldnick", &m.OldNick, MaxNick, 0)
	}
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *NewProfile) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// NewProfileReply says which profile was created: \npr\. OpenSpy puts 1 behind the command.
type NewProfileReply struct {
	ProfileID ProfileID
	ID        int
}

func (m *NewProfileReply) Command() string { return "npr" }

func (m *NewProfileReply) fields(f *fields) {
	f.command("")
	number(f, "profileid", &m.ProfileID, required)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *NewProfileReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// DeleteProfile deletes the profile that is logged in.
type DeleteProfile struct {
	SessionKey SessionKey
	ID         int
}

func (m *DeleteProfile) Command() string { return "delprofile" }

func (m *DeleteProfile) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *DeleteProfile) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// DeleteProfileReply says that the profile is gone: \dpr\. The client disconnects.
type DeleteProfileReply struct {
	ID int
}

func (m *DeleteProfileReply) Command() string { return "dpr" }

func (m *DeleteProfileReply) fields(f *fields) {
	f.command("")
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *DeleteProfileReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// RegisterNick gives the profile a uniquenick. The CD key is plain here.
type RegisterNick struct {
	SessionKey SessionKey
	UniqueNick string
	CDKey      string
	PartnerID  PartnerID
	ID         int
}

func (m *RegisterNick) Command() string { return "registernick" }

func (m *RegisterNick) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.text("uniquenick", &m.UniqueNick, MaxUniqueNick, required)
	f.text("cdkey", &m.CDKey, MaxCDKey, omitEmpty)
	number(f, "partnerid", &m.PartnerID, 0)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *RegisterNick) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// RegisterNickReply says that the uniquenick is registered: \rn\.
type RegisterNickReply struct {
	ID int
}

func (m *RegisterNickReply) Command() string { return "rn" }

func (m *RegisterNickReply) fields(f *fields) {
	f.command("")
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *RegisterNickReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// RegisterCDKey registers a CD key for the profile. GameID exists only in the SDK of 2012, which always sends it.
type RegisterCDKey struct {
	SessionKey SessionKey
	CDKeyEnc   string
	GameID     int
	ID         int
}

func (m *RegisterCDKey) Command() string { return "registercdkey" }

func (m *RegisterCDKey) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.text("cdkeyenc", &m.CDKeyEnc, 0, required)
	number(f, "gameid", &m.GameID, omitEmpty)
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *RegisterCDKey) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// RegisterCDKeyReply says that the CD key is registered: \rc\.
type RegisterCDKeyReply struct {
	ID int
}

func (m *RegisterCDKeyReply) Command() string { return "rc" }

func (m *RegisterCDKeyReply) fields(f *fields) {
	f.command("")
	number(f, "id", &m.ID, 0)
}

// Append writes the message.
func (m *RegisterCDKeyReply) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }
