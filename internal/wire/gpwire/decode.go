package gpwire

import (
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// maxPairs bounds the pairs of a message that is not a list. The longest of the protocol has about thirty.
const maxPairs = 256

// Decoder reads messages, reusing its memory between them. What it returns shares no memory with the message, but a
// [*BuddyMessage], [*BuddyStatusInfo] or [*KeepAlive] of a server, which come often, is overwritten by the next one; its
// texts are not. It is not safe for concurrent use. The zero value is ready.
type Decoder struct {
	// Text makes a string of what was read. Nil means a copy of its own for each.
	Text func([]byte) string

	f       fields
	message BuddyMessage
	status  BuddyStatusInfo
	alive   KeepAlive
}

// layout is a message that describes its fields.
type layout interface {
	Message
	fields(f *fields)
}

// FromServer reads one message of the connection manager, without its \final\. A message that is not known is an
// [*UnknownError], one that cannot be read a [*FieldError].
func (d *Decoder) FromServer(body []byte) (Message, error) {
	if err := d.scan(body); err != nil {
		return nil, err
	}
	switch d.f.name {
	case "bm":
		d.message = BuddyMessage{}
		return d.read(&d.message)
	case "bsi":
		d.status = BuddyStatusInfo{}
		return d.read(&d.status)
	case "ka":
		return d.read(&d.alive)
	case "lc":
		if string(d.f.value) == "1" {
			return d.read(&Greeting{})
		}
		return d.read(&LoginReply{})
	case "nur":
		return d.read(&NewUserReply{})
	case "error":
		return d.read(&ErrorReply{})
	case "lt":
		return d.read(&TicketRenewed{})
	case "rar":
		return d.read(&RemoteAuth{})
	case "pi":
		return d.read(&ProfileInfo{})
	case "npr":
		return d.read(&NewProfileReply{})
	case "dpr":
		return d.read(&DeleteProfileReply{})
	case "rn":
		return d.read(&RegisterNickReply{})
	case "rc":
		return d.read(&RegisterCDKeyReply{})
	case "bdy":
		return d.read(&BuddyList{})
	case "blk":
		return d.read(&BlockList{})
	}
	return nil, &UnknownError{Command: d.f.name}
}

// FromClient reads one message that a client sent to the connection manager.
func (d *Decoder) FromClient(body []byte) (Message, error) {
	if err := d.scan(body); err != nil {
		return nil, err
	}
	switch d.f.name {
	case "bm":
		return d.read(&SendMessage{})
	case "ka":
		return d.read(&KeepAlive{})
	case "login":
		return d.read(&Login{})
	case "newuser":
		return d.read(&NewUser{})
	case "logout":
		return d.read(&Logout{})
	case "getprofile":
		return d.read(&GetProfile{})
	case "newprofile":
		return d.read(&NewProfile{})
	case "delprofile":
		return d.read(&DeleteProfile{})
	case "registernick":
		return d.read(&RegisterNick{})
	case "registercdkey":
		return d.read(&RegisterCDKey{})
	case "updatepro":
		return d.read(&UpdateProfile{})
	case "updateui":
		return d.read(&UpdateUserInfo{})
	case "addbuddy":
		return d.read(&AddBuddy{})
	case "authadd":
		return d.read(&AuthAdd{})
	case "delbuddy":
		return d.read(&DeleteBuddy{})
	case "revoke":
		return d.read(&Revoke{})
	case "addblock":
		return d.read(&AddBlock{})
	case "removeblock":
		return d.read(&RemoveBlock{})
	case "status":
		return d.read(&SetStatus{})
	case "statusinfo":
		return d.read(&StatusInfo{})
	case "quiet":
		return d.read(&Quiet{})
	case "inviteto":
		return d.read(&InviteTo{})
	case "pinvite":
		return d.read(&Invite{})
	}
	return nil, &UnknownError{Command: d.f.name}
}

// scan splits a message into its pairs.
func (d *Decoder) scan(body []byte) error {
	f := &d.f
	f.in, f.err, f.value, f.name, f.copy = f.in[:0], nil, nil, "", d.Text
	scanner := kv.Scan(body)
	command, ok := scanner.Next()
	if !ok {
		return &UnknownError{}
	}
	f.name, f.value = commandName(command.Key), command.Value
	if f.name == "pi" && string(f.value) == "profileid" {
		// \pi\profileid\5\..., without the empty value of the command, is what section8 and UniSpy send (servers.md
		// §5.1.4): the value was the first key.
		value, _ := scanner.Token()
		f.in = append(f.in, kv.Pair{Key: command.Value, Value: value})
		f.value = nil
	}
	for {
		pair, ok := scanner.Next()
		if !ok {
			return nil
		}
		if len(f.in) == maxPairs {
			return &FieldError{Message: f.name, Field: strconv.Itoa(maxPairs+1) + "th pair", Err: ErrMalformed}
		}
		f.in = append(f.in, pair)
	}
}

// read fills a message from the pairs.
func (d *Decoder) read(m layout) (Message, error) {
	m.fields(&d.f)
	if d.f.err != nil {
		return nil, d.f.err
	}
	return m, nil
}

// commandName avoids the allocation for the commands that come often, and cuts names that are too long to be one.
func commandName(key []byte) string {
	switch string(key) {
	case "bm":
		return "bm"
	case "bsi":
		return "bsi"
	case "ka":
		return "ka"
	case "pi":
		return "pi"
	case "error":
		return "error"
	}
	return string(key[:min(len(key), 32)])
}
