package gstatswire

import (
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// unchanged is the result of a read that found nothing newer (GameSpy SDK gpersist.h, PersDataCallbackFn).
const unchanged = 2

// The commands of servers.
const (
	loginStep      = "lc"
	challengeAlone = "challenge" // as UniSpy greets
	sessionAlone   = "sesskey"   // as UniSpy says that the game is authenticated
	playerReply    = "pauthr"
	profileIDReply = "getpidr"
	dataReply      = "getpdr"
	setReply       = "setpdr"
	errorReply     = "error"
)

// Greeting is the server's challenge.
type Greeting struct {
	Challenge string
}

// Append appends the message.
func (m *Greeting) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Int(loginStep, 1)
	pairs.Pair("challenge", m.Challenge)
	pairs.Int("id", 1)
	return pairs.Bytes()
}

// Session says that the game is authenticated, and what number the connection has.
type Session struct {
	Connection int32
}

// Append appends the message.
func (m *Session) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Int(loginStep, 2)
	pairs.Int("sesskey", int64(m.Connection))
	pairs.Int("proof", 0)
	pairs.Int("id", 1)
	return pairs.Bytes()
}

// PlayerReply answers PlayerAuth. A ProfileID of 0 or less is a refusal.
type PlayerReply struct {
	ProfileID, LocalID int32
	Error              string
}

// Append appends the message.
func (m *PlayerReply) Append(b []byte) ([]byte, error) {
	return appendProfile(b, playerReply, m.ProfileID, m.LocalID, m.Error)
}

// ProfileIDReply answers GetProfileID. A ProfileID of 0 or less is a refusal.
type ProfileIDReply struct {
	ProfileID, LocalID int32
	Error              string
}

// Append appends the message.
func (m *ProfileIDReply) Append(b []byte) ([]byte, error) {
	return appendProfile(b, profileIDReply, m.ProfileID, m.LocalID, m.Error)
}

func appendProfile(b []byte, command string, profile, localID int32, text string) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Int(command, int64(profile))
	pairs.Int("lid", int64(localID))
	if text != "" {
		pairs.Pair("errmsg", text)
	}
	return pairs.Bytes()
}

// DataReply answers GetData.
type DataReply struct {
	Success            bool
	Unchanged          bool // with Success: what is stored is not newer than the request asks for
	LocalID, ProfileID int32
	Modified           int64 // in Unix seconds
	// Missing says that the reply has no data at all, not even of length 0: so does wfc when nothing is stored.
	Missing bool
	Data    []byte
}

// Append appends the message.
func (m *DataReply) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	result := flag(m.Success)
	if m.Success && m.Unchanged {
		result = unchanged
	}
	pairs.Int(dataReply, result)
	pairs.Int("lid", int64(m.LocalID))
	pairs.Int("pid", int64(m.ProfileID))
	if !m.Missing || m.Modified != 0 {
		pairs.Int("mod", m.Modified)
	}
	if m.Missing {
		return pairs.Bytes()
	}
	return appendData(pairs, m.Data)
}

// SetReply answers SetData.
type SetReply struct {
	Success            bool
	LocalID, ProfileID int32
	Modified           int64 // in Unix seconds
}

// Append appends the message.
func (m *SetReply) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Int(setReply, flag(m.Success))
	pairs.Int("lid", int64(m.LocalID))
	pairs.Int("pid", int64(m.ProfileID))
	pairs.Int("mod", m.Modified)
	return pairs.Bytes()
}

// ErrorReply is an error that answers no request, in the form of presence: openspy and wfc send it. The original knows none.
type ErrorReply struct {
	Code  int32
	Fatal bool
	Text  string
}

// Append appends the message.
func (m *ErrorReply) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(errorReply, "")
	pairs.Int("err", int64(m.Code))
	if m.Fatal {
		pairs.Pair("fatal", "")
	}
	pairs.Pair("errmsg", m.Text)
	return pairs.Bytes()
}

// FromServer reads a message of a server, uncovered. It keeps nothing of it. A reply whose data is not what its length says
// comes with a [FieldError], so that the request it answers can fail.
func FromServer(message []byte) (Message, error) {
	r, data, err := read(message)
	if err != nil {
		return nil, err
	}
	var m Message
	switch r.command {
	case challengeAlone:
		return &Greeting{Challenge: r.text(challengeAlone)}, nil
	case sessionAlone:
		m = &Session{Connection: r.connection()}
	case loginStep:
		switch r.text(loginStep) {
		case "1":
			if !r.has("challenge") {
				r.keep(&FieldError{Message: r.command, Field: "challenge", Err: ErrMissing})
			}
			m = &Greeting{Challenge: r.text("challenge")}
		case "2":
			m = &Session{Connection: r.connection()}
		default:
			return nil, &FieldError{Message: loginStep, Field: loginStep, Err: ErrNotNumber}
		}
	case playerReply:
		m = &PlayerReply{ProfileID: r.int32(playerReply), LocalID: r.int32("lid"), Error: r.text("errmsg")}
	case profileIDReply:
		m = &ProfileIDReply{ProfileID: r.int32(profileIDReply), LocalID: r.int32("lid"), Error: r.text("errmsg")}
	case dataReply:
		result := r.int32(dataReply) // less than one is a failure, and so it is for setReply
		d := &DataReply{Success: result > 0, Unchanged: result == unchanged, LocalID: r.int32("lid"), ProfileID: r.int32("pid"), Modified: r.time("mod")}
		if r.err != nil {
			return nil, r.err
		}
		d.Missing = data == nil && !r.has("length")
		if d.Data = r.data(data, !d.Missing); r.err != nil {
			return d, r.err
		}
		m = d
	case setReply:
		m = &SetReply{Success: r.int32(setReply) > 0, LocalID: r.int32("lid"), ProfileID: r.int32("pid"), Modified: r.time("mod")}
	case errorReply:
		m = &ErrorReply{Code: r.optional("err"), Fatal: r.has("fatal"), Text: r.text("errmsg")}
	case keepAlive:
		m = &KeepAlive{}
	default:
		return nil, &UnknownError{Command: r.command}
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// read finds the command, the pairs and the data. Only where the command has data are its bytes not pairs; nil: none.
func read(message []byte) (*reader, []byte, error) {
	command := string(kv.Command(message).Key)
	if len(command) > 64 {
		command = command[:64]
	}
	r := &reader{fields: fields{command: command, pairs: message}}
	if command == "" {
		return nil, nil, &UnknownError{}
	}
	if command != dataReply && command != setData {
		return r, nil, nil
	}
	at := dataAt(message)
	if at < 0 {
		return r, nil, nil
	}
	r.pairs = message[:at]
	return r, message[at:], nil
}

// data takes what the length says (spec gstats.md §4): what is behind it is not looked at.
func (r *reader) data(b []byte, needed bool) []byte {
	if r.err != nil || !needed {
		return nil
	}
	length, err := r.number("length")
	if err != nil {
		r.keep(err)
		return nil
	}
	if length < 0 || length > int64(len(b)) {
		r.keep(&FieldError{Message: r.command, Field: "length", Err: ErrLength})
		return nil
	}
	return append([]byte{}, b[:length]...) // of its own even if it is empty
}
