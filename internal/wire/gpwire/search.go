package gpwire

import (
	"strings"
)

// Search looks for profiles by what is known about them (spec gp.md §8.1).
type Search struct {
	SessionKey  SessionKey
	ProfileID   ProfileID
	NamespaceID NamespaceID
	PartnerID   PartnerID
	Nick        string
	UniqueNick  string
	Email       string
	FirstName   string
	LastName    string
	ICQUIN      int64
	Skip        int // matches that were received already
	GameName    string
}

func (m *Search) Command() string { return "search" }

func (m *Search) fields(f *fields) {
	f.command("")
	f.searcher(&m.SessionKey, &m.ProfileID)
	number(f, "namespaceid", &m.NamespaceID, 0)
	number(f, "partnerid", &m.PartnerID, 0)
	f.text("nick", &m.Nick, MaxNick, omitEmpty)
	f.text("uniquenick", &m.UniqueNick, MaxUniqueNick, omitEmpty)
	f.text("email", &m.Email, MaxEmail, omitEmpty)
	f.text("firstname", &m.FirstName, MaxName, omitEmpty)
	f.text("lastname", &m.LastName, MaxName, omitEmpty)
	number(f, "icquin", &m.ICQUIN, omitEmpty)
	number(f, "skip", &m.Skip, omitEmpty)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *Search) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// searcher visits who asks: 0 and 0 when not logged in.
func (f *fields) searcher(key *SessionKey, profile *ProfileID) {
	if f.writing && *key == "" {
		f.put("sesskey", "0")
	} else {
		f.text("sesskey", (*string)(key), 0, 0)
	}
	number(f, "profileid", profile, 0)
}

// SearchUnique looks for a uniquenick in several namespaces (spec gp.md §8.2).
type SearchUnique struct {
	SessionKey SessionKey
	ProfileID  ProfileID
	UniqueNick string
	Namespaces []NamespaceID // at most 16
	GameName   string
}

func (m *SearchUnique) Command() string { return "searchunique" }

func (m *SearchUnique) fields(f *fields) {
	f.command("")
	f.searcher(&m.SessionKey, &m.ProfileID)
	f.text("uniquenick", &m.UniqueNick, MaxUniqueNick, 0)
	if len(m.Namespaces) > MaxNamespaces {
		f.fail("namespaces", &LimitError{Length: len(m.Namespaces), Limit: MaxNamespaces})
		return
	}
	idList(f, "namespaces", ",", &m.Namespaces, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *SearchUnique) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// ValidEmail asks whether an e-mail address belongs to an account (spec gp.md §8.3).
type ValidEmail struct {
	Email     string
	PartnerID PartnerID
	GameName  string
}

func (m *ValidEmail) Command() string { return "valid" }

func (m *ValidEmail) fields(f *fields) {
	f.command("")
	f.text("email", &m.Email, MaxEmail, 0)
	number(f, "partnerid", &m.PartnerID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *ValidEmail) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Nicks asks for the nicks of an account (spec gp.md §8.4).
type Nicks struct {
	Email       string
	PassEnc     string
	NamespaceID NamespaceID
	PartnerID   PartnerID
	GameName    string
}

func (m *Nicks) Command() string { return "nicks" }

func (m *Nicks) fields(f *fields) {
	f.command("")
	f.text("email", &m.Email, MaxEmail, 0)
	f.text("passenc", &m.PassEnc, 0, 0)
	number(f, "namespaceid", &m.NamespaceID, 0)
	number(f, "partnerid", &m.PartnerID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *Nicks) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// ProductMatch asks for the players of a product (spec gp.md §8.5).
type ProductMatch struct {
	SessionKey SessionKey
	ProfileID  ProfileID
	ProductID  ProductID
	GameName   string
}

func (m *ProductMatch) Command() string { return "pmatch" }

func (m *ProductMatch) fields(f *fields) {
	f.command("")
	f.searcher(&m.SessionKey, &m.ProfileID)
	number(f, "productid", &m.ProductID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *ProductMatch) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Check asks whether an account exists and its password is right (spec gp.md §8.6).
type Check struct {
	Nick      string
	Email     string
	PartnerID PartnerID
	PassEnc   string
	GameName  string
}

func (m *Check) Command() string { return "check" }

func (m *Check) fields(f *fields) {
	f.command("")
	f.text("nick", &m.Nick, MaxNick, 0)
	f.text("email", &m.Email, MaxEmail, 0)
	number(f, "partnerid", &m.PartnerID, 0)
	f.text("passenc", &m.PassEnc, 0, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *Check) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// SearchNewUser creates an account without a login. Unlike [NewUser], it is for the search service: the CD key is plain
// and the e-mail keeps its case (spec gp.md §8.7).
type SearchNewUser struct {
	Nick        string
	Email       string
	PassEnc     string
	ProductID   ProductID
	NamespaceID NamespaceID
	UniqueNick  string
	CDKey       string
	PartnerID   PartnerID
	GameName    string
}

func (m *SearchNewUser) Command() string { return "newuser" }

func (m *SearchNewUser) fields(f *fields) {
	f.command("")
	f.text("nick", &m.Nick, MaxNick, 0)
	f.text("email", &m.Email, MaxEmail, 0)
	f.text("passenc", &m.PassEnc, 0, 0)
	number(f, "productID", &m.ProductID, 0)
	number(f, "namespaceid", &m.NamespaceID, 0)
	f.text("uniquenick", &m.UniqueNick, MaxUniqueNick, 0)
	f.text("cdkey", &m.CDKey, MaxCDKey, omitEmpty)
	number(f, "partnerid", &m.PartnerID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *SearchNewUser) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Others asks who has the profile as a buddy (spec gp.md §8.8).
type Others struct {
	SessionKey  SessionKey
	ProfileID   ProfileID
	NamespaceID NamespaceID
	GameName    string
}

func (m *Others) Command() string { return "others" }

func (m *Others) fields(f *fields) {
	f.command("")
	f.searcher(&m.SessionKey, &m.ProfileID)
	number(f, "namespaceid", &m.NamespaceID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *Others) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// OthersList asks for the uniquenicks of profiles (spec gp.md §8.8).
type OthersList struct {
	SessionKey  SessionKey
	ProfileID   ProfileID
	ProfileIDs  []ProfileID
	NamespaceID NamespaceID
	GameName    string
}

func (m *OthersList) Command() string { return "otherslist" }

func (m *OthersList) fields(f *fields) {
	f.command("")
	f.searcher(&m.SessionKey, &m.ProfileID)
	count := len(m.ProfileIDs)
	number(f, "numopids", &count, 0)
	idList(f, "opids", "|", &m.ProfileIDs, 0)
	number(f, "namespaceid", &m.NamespaceID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *OthersList) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// SuggestUnique asks for uniquenicks that are free (spec gp.md §8.9).
type SuggestUnique struct {
	PreferredNick string
	NamespaceID   NamespaceID
	GameName      string
}

func (m *SuggestUnique) Command() string { return "uniquesearch" }

func (m *SuggestUnique) fields(f *fields) {
	f.command("")
	f.text("preferrednick", &m.PreferredNick, MaxUniqueNick, 0)
	number(f, "namespaceid", &m.NamespaceID, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *SuggestUnique) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// ProfileList asks for the buddies of another profile (spec gp.md §8.10).
type ProfileList struct {
	SessionKey SessionKey
	ProfileID  ProfileID
	Of         ProfileID
	MaxResults int
	GameName   string
}

func (m *ProfileList) Command() string { return "profilelist" }

func (m *ProfileList) fields(f *fields) {
	f.command("")
	f.searcher(&m.SessionKey, &m.ProfileID)
	number(f, "searchprofileid", &m.Of, required)
	number(f, "maxresults", &m.MaxResults, 0)
	f.text("gamename", &m.GameName, 0, 0)
}

// Append writes the message.
func (m *ProfileList) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// SearchRequest reads one request to the search service, without its \final\.
func (d *Decoder) SearchRequest(body []byte) (Message, error) {
	if err := d.scan(body); err != nil {
		return nil, err
	}
	switch d.f.name {
	case "search":
		return d.read(&Search{})
	case "searchunique":
		return d.read(&SearchUnique{})
	case "valid":
		return d.read(&ValidEmail{})
	case "nicks":
		return d.read(&Nicks{})
	case "pmatch":
		return d.read(&ProductMatch{})
	case "check":
		return d.read(&Check{})
	case "newuser":
		return d.read(&SearchNewUser{})
	case "others":
		return d.read(&Others{})
	case "otherslist":
		return d.read(&OthersList{})
	case "uniquesearch":
		return d.read(&SuggestUnique{})
	case "profilelist":
		return d.read(&ProfileList{})
	case "ka":
		return d.read(&KeepAlive{})
	}
	return nil, &UnknownError{Command: d.f.name}
}

// ParseSearchError reads an error of the search service, if the reply is one. ok is false if it is something else.
func ParseSearchError(body []byte) (reply *ErrorReply, ok bool, err error) {
	var d Decoder
	if err := d.scan(body); err != nil || d.f.name != "error" {
		return nil, false, nil
	}
	reply = &ErrorReply{}
	_, err = d.read(reply)
	return reply, true, err
}

// trimMarker takes a list's end marker off a value that it was glued to: UniSpy ends a list with \...\bob-uoldone and
// closes (servers.md §5.1.4).
func trimMarker(value, marker string) (string, bool) { return strings.CutSuffix(value, marker) }
