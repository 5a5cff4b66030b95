package gpwire

import (
	"net/netip"
	"strconv"
	"strings"
)

// AddBuddy asks another player to become a buddy (spec gp.md §6.1).
type AddBuddy struct {
	SessionKey    SessionKey
	ProfileID     ProfileID
	Reason        string
	SyncRequested string // console synchronisation, SDK of 2012
}

func (m *AddBuddy) Command() string { return "addbuddy" }

func (m *AddBuddy) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "newprofileid", &m.ProfileID, required)
	f.text("reason", &m.Reason, MaxReason, 0)
	f.text("syncrequested", &m.SyncRequested, 0, omitEmpty)
}

// Append writes the message.
func (m *AddBuddy) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// AuthAdd accepts a buddy request, with the signature that came with it.
type AuthAdd struct {
	SessionKey SessionKey
	ProfileID  ProfileID
	Signature  string
	AutoSync   string // "true" or "false", SDK of 2012
}

func (m *AuthAdd) Command() string { return "authadd" }

func (m *AuthAdd) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "fromprofileid", &m.ProfileID, required)
	f.text("sig", &m.Signature, 0, 0)
	f.text("autoSync", &m.AutoSync, 0, omitEmpty)
}

// Append writes the message.
func (m *AuthAdd) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// DeleteBuddy removes a buddy from the player's list.
type DeleteBuddy struct {
	SessionKey SessionKey
	ProfileID  ProfileID
}

func (m *DeleteBuddy) Command() string { return "delbuddy" }

func (m *DeleteBuddy) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "delprofileid", &m.ProfileID, required)
}

// Append writes the message.
func (m *DeleteBuddy) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Revoke removes the player from somebody else's list.
type Revoke struct {
	SessionKey SessionKey
	ProfileID  ProfileID
}

func (m *Revoke) Command() string { return "revoke" }

func (m *Revoke) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "profileid", &m.ProfileID, required)
}

// Append writes the message.
func (m *Revoke) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// AddBlock blocks a player.
type AddBlock struct {
	SessionKey SessionKey
	ProfileID  ProfileID
}

func (m *AddBlock) Command() string { return "addblock" }

func (m *AddBlock) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "profileid", &m.ProfileID, required)
}

// Append writes the message.
func (m *AddBlock) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// RemoveBlock unblocks a player.
type RemoveBlock struct {
	SessionKey SessionKey
	ProfileID  ProfileID
}

func (m *RemoveBlock) Command() string { return "removeblock" }

func (m *RemoveBlock) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "profileid", &m.ProfileID, required)
}

// Append writes the message.
func (m *RemoveBlock) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// SetStatus publishes what the player is doing, the older way that every living server understands.
type SetStatus struct {
	Status     Status
	SessionKey SessionKey
	Text       string
	Location   string
}

func (m *SetStatus) Command() string { return "status" }

func (m *SetStatus) fields(f *fields) {
	commandNumber(f, &m.Status)
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.text("statstring", &m.Text, MaxStatus, 0)
	f.text("locstring", &m.Location, MaxLocation, 0)
}

// Append writes the message.
func (m *SetStatus) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// Invite asks a player to join a game.
type Invite struct {
	SessionKey SessionKey
	ProfileID  ProfileID
	ProductID  ProductID
	Location   string
}

func (m *Invite) Command() string { return "pinvite" }

func (m *Invite) fields(f *fields) {
	f.command("")
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "profileid", &m.ProfileID, required)
	number(f, "productid", &m.ProductID, 0)
	f.text("location", &m.Location, MaxLocation, omitEmpty)
}

// Append writes the message.
func (m *Invite) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// MessageType is the kind of a buddy message (spec gp.md §6.2).
type MessageType int32

// The kinds of buddy messages.
const (
	TypeMessage     MessageType = 1
	TypeRequest     MessageType = 2   // somebody wants to be a buddy
	TypeReply       MessageType = 3   // back-end only
	TypeAuth        MessageType = 4   // somebody accepted the player's request
	TypeUTM         MessageType = 5   // under-the-table message: from game to game, not for people
	TypeRevoke      MessageType = 6   // somebody removed the player
	TypeStatus      MessageType = 100 // a buddy's status, see [ParseBuddyStatus]
	TypeInvite      MessageType = 101 // see [ParseInvitePayload]
	TypePing        MessageType = 102
	TypePong        MessageType = 103
	TypeKeysRequest MessageType = 104 // direct link only
	TypeKeysReply   MessageType = 105 // direct link only
)

// SendMessage sends a buddy message: \bm\ from the client.
type SendMessage struct {
	Type       MessageType
	SessionKey SessionKey
	To         ProfileID
	Text       string
}

func (m *SendMessage) Command() string { return "bm" }

func (m *SendMessage) fields(f *fields) {
	commandNumber(f, &m.Type)
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	number(f, "t", &m.To, required)
	f.text("msg", &m.Text, MaxMessage, 0)
}

// Append writes the message.
func (m *SendMessage) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// BuddyMessage is a buddy message that the server delivers: \bm\ from the server. What Payload means depends on Type.
type BuddyMessage struct {
	Type    MessageType
	From    ProfileID
	Date    int64 // Unix seconds; 0 if missing, which means now
	Payload string
}

func (m *BuddyMessage) Command() string { return "bm" }

func (m *BuddyMessage) fields(f *fields) {
	commandNumber(f, &m.Type)
	number(f, "f", &m.From, required)
	number(f, "date", &m.Date, omitEmpty)
	f.text("msg", &m.Payload, 0, 0)
}

// Append writes the message.
func (m *BuddyMessage) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

const signedMark = "|signed|"

// SignPayload is the payload of a buddy request: the reason and the signature that accepts it.
func SignPayload(reason, signature string) string { return reason + signedMark + signature }

// ParseSignedPayload splits the payload of a buddy request. The signature has 32 characters and ends the payload.
func ParseSignedPayload(payload string) (reason, signature string, err error) {
	at := strings.LastIndex(payload, signedMark)
	if at < 0 {
		return "", "", &FieldError{Message: "bm", Field: "signed", Err: ErrMissing}
	}
	reason, signature = payload[:at], payload[at+len(signedMark):]
	if len(signature) != 32 {
		return "", "", &FieldError{Message: "bm", Field: "signed", Err: ErrMalformed}
	}
	return reason, signature, nil
}

// BuddyStatus is the older form of a buddy's status, the payload of [TypeStatus].
type BuddyStatus struct {
	Status     Status
	Text       string
	Location   string
	IP         netip.Addr // not to be relied on (servers.md §5.3)
	Port       uint16
	QuietFlags int
}

// Payload writes the status.
func (s BuddyStatus) Payload() string {
	var b strings.Builder
	b.WriteString("|s|" + strconv.Itoa(int(s.Status)))
	b.WriteString("|ss|" + s.Text + "|ls|" + s.Location)
	b.WriteString("|ip|" + formatAddress(s.IP) + "|p|" + strconv.Itoa(int(s.Port)))
	if s.QuietFlags != 0 {
		b.WriteString("|qm|" + strconv.Itoa(s.QuietFlags))
	}
	return b.String()
}

// ParseBuddyStatus reads the payload of [TypeStatus]: |key|value pairs of which only s is always there. The list may end
// early and hold unknown keys (servers.md §5.3). An address, a port or flags that cannot be read are unknown: nobody relies on
// them, and the status is what counts.
func ParseBuddyStatus(payload string) (BuddyStatus, error) {
	var s BuddyStatus
	fail := func(key string, err error) (BuddyStatus, error) {
		return BuddyStatus{}, &FieldError{Message: "bm 100", Field: key, Err: err}
	}
	found := false
	rest := strings.TrimPrefix(payload, "|")
	for rest != "" {
		var key, value string
		key, rest, _ = strings.Cut(rest, "|")
		value, rest, _ = strings.Cut(rest, "|")
		switch key {
		case "s":
			if found {
				continue
			}
			var err error
			if s.Status, err = parseNumber[Status]([]byte(value)); err != nil {
				return fail(key, err)
			}
			found = true
		case "ss":
			s.Text = value
		case "ls":
			s.Location = value
		case "ip":
			s.IP, _ = parseAddress([]byte(value))
		case "p":
			s.Port, _ = parseNumber[uint16]([]byte(value))
		case "qm":
			flags, _ := parseNumber[int64]([]byte(value))
			s.QuietFlags = int(int32(flags)) // 4294967295 is -1, all
		}
	}
	if !found {
		return fail("s", ErrMissing)
	}
	return s, nil
}

// InvitePayload writes the payload of [TypeInvite].
func InvitePayload(productID ProductID, location string) string {
	payload := "|p|" + strconv.Itoa(int(productID))
	if location != "" {
		payload += "|l|" + location
	}
	return payload
}

// ParseInvitePayload reads the payload of [TypeInvite]. The location runs to the end.
func ParseInvitePayload(payload string) (productID ProductID, location string, err error) {
	rest, ok := strings.CutPrefix(payload, "|p|")
	if !ok {
		return 0, "", &FieldError{Message: "bm 101", Field: "p", Err: ErrMissing}
	}
	product, rest, _ := strings.Cut(rest, "|")
	productID, err = parseNumber[ProductID]([]byte(product))
	if err != nil {
		return 0, "", &FieldError{Message: "bm 101", Field: "p", Err: err}
	}
	location, _ = strings.CutPrefix(rest, "l|")
	return productID, location, nil
}

// BuddyList is the buddy list at login: \bdy\ (spec gp.md §6.6).
type BuddyList struct {
	ProfileIDs []ProfileID
}

func (m *BuddyList) Command() string { return "bdy" }

func (m *BuddyList) fields(f *fields) { countedList(f, &m.ProfileIDs) }

// Append writes the message.
func (m *BuddyList) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// BlockList is the list of blocked profiles at login: \blk\.
type BlockList struct {
	ProfileIDs []ProfileID
}

func (m *BlockList) Command() string { return "blk" }

func (m *BlockList) fields(f *fields) { countedList(f, &m.ProfileIDs) }

// Append writes the message.
func (m *BlockList) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// countedList reads as many ids as the command says. A list with fewer is an error.
func countedList(f *fields, v *[]ProfileID) {
	count := len(*v)
	commandNumber(f, &count)
	idList(f, "list", ",", v, required)
	if f.writing || f.err != nil {
		return
	}
	if count < 0 || count > len(*v) {
		f.fail("list", ErrMalformed)
		return
	}
	*v = (*v)[:count]
}

// StatusInfo publishes what the player is doing, the newer way (spec gp.md §6.3). No living server understands it.
type StatusInfo struct {
	Status        Status
	SessionKey    SessionKey
	HostIP        netip.Addr
	HostPrivateIP netip.Addr
	QueryPort     uint16
	HostPort      uint16
	SessionFlags  uint32
	RichStatus    string
	GameType      string
	GameVariant   string
	GameMap       string
}

func (m *StatusInfo) Command() string { return "statusinfo" }

func (m *StatusInfo) fields(f *fields) {
	f.command("")
	number(f, "state", &m.Status, required)
	f.text("sesskey", (*string)(&m.SessionKey), 0, 0)
	f.address("hostIp", &m.HostIP, 0)
	f.address("hprivIp", &m.HostPrivateIP, 0)
	number(f, "qport", &m.QueryPort, 0)
	number(f, "hport", &m.HostPort, 0)
	number(f, "sessflags", &m.SessionFlags, 0)
	f.text("richStatus", &m.RichStatus, MaxRichStatus, 0)
	f.text("gameType", &m.GameType, MaxGameText, 0)
	f.text("gameVariant", &m.GameVariant, MaxGameText, 0)
	f.text("gameMapName", &m.GameMap, MaxGameText, 0)
}

// Append writes the message.
func (m *StatusInfo) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }

// BuddyStatusInfo is the newer form of a buddy's status: \bsi\ (spec gp.md §6.3). Only state and profile must be there.
type BuddyStatusInfo struct {
	Status        Status
	ProfileID     ProfileID
	IP            netip.Addr // of the buddy's peer layer
	Port          uint16     // of the buddy's peer layer; 0: not reachable
	HostIP        netip.Addr
	HostPrivateIP netip.Addr
	QueryPort     uint16
	HostPort      uint16
	SessionFlags  uint32
	RichStatus    string
	GameType      string
	GameVariant   string
	GameMap       string
	ProductID     ProductID
	QuietFlags    int
}

func (m *BuddyStatusInfo) Command() string { return "bsi" }

func (m *BuddyStatusInfo) fields(f *fields) {
	f.command("")
	number(f, "state", &m.Status, required)
	number(f, "profile", &m.ProfileID, required)
	f.address("bip", &m.IP, 0)
	number(f, "bport", &m.Port, 0)
	f.address("hostip", &m.HostIP, 0)
	f.address("hprivip", &m.HostPrivateIP, 0)
	number(f, "qport", &m.QueryPort, 0)
	number(f, "hport", &m.HostPort, 0)
	number(f, "sessflags", &m.SessionFlags, 0)
	f.text("rstatus", &m.RichStatus, 0, 0)
	f.text("gameType", &m.GameType, 0, 0)
	f.text("gameVnt", &m.GameVariant, 0, 0)
	f.text("gameMn", &m.GameMap, 0, 0)
	number(f, "product", &m.ProductID, 0)
	number(f, "qmodeflags", &m.QuietFlags, 0)
}

// Append writes the message.
func (m *BuddyStatusInfo) Append(b []byte) ([]byte, error) { return write(b, m.Command(), m.fields) }
