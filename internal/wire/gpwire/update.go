package gpwire

import (
	"strconv"
)

// Change is one pair of an update: a key of spec gp.md §5.7 and its new value.
type Change struct {
	Key, Value string
}

// UpdateProfile changes the profile that is logged in; nothing answers it (spec gp.md §5.5). The changes keep their
// order. Keys are those of §5.7: nick, uniquenick, firstname, birthday, publicmask, ...
type UpdateProfile struct {
	SessionKey SessionKey
	Changes    []Change
	PartnerID  PartnerID
}

func (m *UpdateProfile) Command() string { return "updatepro" }

func (m *UpdateProfile) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.changes(&m.Changes)
	number(f, "partnerid", &m.PartnerID, 0)
}

// Append writes the message.
func (m *UpdateProfile) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// UpdateUserInfo changes what belongs to the account or the machine; nothing answers it (spec gp.md §5.5).
type UpdateUserInfo struct {
	SessionKey SessionKey
	Changes    []Change
}

func (m *UpdateUserInfo) Command() string { return "updateui" }

func (m *UpdateUserInfo) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.changes(&m.Changes)
}

// Append writes the message.
func (m *UpdateUserInfo) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// changes visits all pairs that are not part of the message's frame.
func (f *fields) changes(v *[]Change) {
	if f.err != nil {
		return
	}
	if f.writing {
		for _, change := range *v {
			if limit := changeLimits[change.Key]; limit > 0 && len(change.Value) > limit {
				f.fail(change.Key, &LimitError{Length: len(change.Value), Limit: limit})
				return
			}
			f.put(change.Key, change.Value)
		}
		return
	}
	for _, pair := range f.in {
		switch string(pair.Key) {
		case "sesskey", "partnerid":
		default:
			*v = append(*v, Change{Key: string(pair.Key), Value: string(pair.Value)})
		}
	}
}

// changeLimits are the longest values in bytes (spec gp.md §3).
var changeLimits = map[string]int{
	"nick": MaxNick, "uniquenick": MaxUniqueNick, "firstname": MaxName, "lastname": MaxName, "email": MaxEmail,
	"homepage": MaxHomepage, "zipcode": MaxZipCode, "countrycode": MaxCountryCode, "aim": MaxAIMName,
}

// InviteTo says which games the player takes invitations for (spec gp.md §6.1; removed from the SDK in 2009).
type InviteTo struct {
	SessionKey SessionKey
	Products   []ProductID
}

func (m *InviteTo) Command() string { return "inviteto" }

func (m *InviteTo) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	idList(f, "products", ",", &m.Products, 0)
}

// Append writes the message.
func (m *InviteTo) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Quiet says what the server shall hold back (spec gp.md §6.1).
type Quiet struct {
	Flags      int
	SessionKey SessionKey
}

func (m *Quiet) Command() string { return "quiet" }

func (m *Quiet) fields(f *fields) {
	commandNumber(f, &m.Flags)
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
}

// Append writes the message.
func (m *Quiet) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// commandNumber visits the command with a number as its own value.
func commandNumber[T integer](f *fields, v *T) {
	if f.err != nil {
		return
	}
	if f.writing {
		f.put(f.name, strconv.FormatInt(int64(*v), 10))
		return
	}
	n, err := parseNumber[T](f.value)
	if err != nil {
		f.fail(f.name, err)
		return
	}
	*v = n
}
