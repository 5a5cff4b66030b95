package gstatswire

import (
	"strings"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// The commands of clients.
const (
	auth         = "auth"
	newGame      = "newgame"
	updateGame   = "updgame"
	playerAuth   = "authp"
	getProfileID = "getpid"
	getData      = "getpd"
	setData      = "setpd"
	keepAlive    = "ka"
)

// Separator stands for a backslash in what has no length: snapshots and lists of keys.
const Separator = "\x01"

// Auth proves that the client knows the game's secret.
type Auth struct {
	Game, Response string
	Port           uint16
}

// Append appends the message.
func (m *Auth) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(auth, "")
	pairs.Pair("gamename", m.Game)
	pairs.Pair("response", m.Response)
	pairs.Int("port", int64(m.Port))
	pairs.Int("id", 1)
	return pairs.Bytes()
}

// gameMask hides the number of a game in one that was begun without a connection (spec gstats.md §3).
const gameMask = 0x38F371E6

// NewGame begins a game. It is not answered.
type NewGame struct {
	Connection, SessionKey int32
	Logged                 bool // it was begun without a connection, and comes from the log: Connection counts for nothing
}

// Append appends the message.
func (m *NewGame) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(newGame, "")
	if m.Logged {
		pairs.Int("sesskey", int64(m.SessionKey))
		pairs.Int("challenge", int64(m.SessionKey^gameMask))
		return pairs.Bytes()
	}
	pairs.Int("connid", int64(m.Connection))
	pairs.Int("sesskey", int64(m.SessionKey))
	return pairs.Bytes()
}

// UpdateGame is a snapshot of a game, the last one if Done. It is not answered.
type UpdateGame struct {
	SessionKey, Connection int32
	Done                   bool
	Data                   string // with backslashes, which go as Separator
	Logged                 bool   // it could not be sent when it was made, and comes from the log
}

// Append appends the message.
func (m *UpdateGame) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(updateGame, "")
	pairs.Int("sesskey", int64(m.SessionKey))
	pairs.Int("connid", int64(m.Connection))
	pairs.Int("done", flag(m.Done))
	pairs.Pair("gamedata", strings.ReplaceAll(m.Data, `\`, Separator))
	if m.Logged {
		pairs.Int("dl", 1)
	}
	return pairs.Bytes()
}

// PlayerAuth authenticates a player: with ProfileID and the digest of the password, with a partner's Token, or with Nick
// and KeyHash.
type PlayerAuth struct {
	ProfileID     int32
	Token         string // not empty: with a partner's token
	Nick, KeyHash string // KeyHash not empty: with a CD key
	Response      string
	LocalID       int32
}

// Append appends the message.
func (m *PlayerAuth) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(playerAuth, "")
	switch {
	case m.Token != "":
		pairs.Pair("authtoken", m.Token)
	case m.KeyHash != "":
		pairs.Pair("nick", m.Nick)
		pairs.Pair("keyhash", m.KeyHash)
	default:
		pairs.Int("pid", int64(m.ProfileID))
	}
	pairs.Pair("resp", m.Response)
	pairs.Int("lid", int64(m.LocalID))
	return pairs.Bytes()
}

// GetProfileID asks for the profile of a CD key.
type GetProfileID struct {
	Nick, KeyHash string
	LocalID       int32
}

// Append appends the message.
func (m *GetProfileID) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(getProfileID, "")
	pairs.Pair("nick", m.Nick)
	pairs.Pair("keyhash", m.KeyHash)
	pairs.Int("lid", int64(m.LocalID))
	return pairs.Bytes()
}

// GetData reads what is stored for a player.
type GetData struct {
	ProfileID   int32
	Type, Index int32
	Keys        []string // empty: everything
	NoKeys      bool     // not even an empty list of keys, which makes openspy read what was stored as a whole
	LocalID     int32
	Since       int64 // in Unix seconds; 0: always
}

// Append appends the message.
func (m *GetData) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(getData, "")
	pairs.Int("pid", int64(m.ProfileID))
	pairs.Int("ptype", int64(m.Type))
	pairs.Int("dindex", int64(m.Index))
	if !m.NoKeys {
		pairs.Pair("keys", strings.Join(m.Keys, Separator))
	}
	pairs.Int("lid", int64(m.LocalID))
	if m.Since != 0 {
		pairs.Int("mod", m.Since)
	}
	return pairs.Bytes()
}

// SetData stores something for a player. With KeyValues, Data is pairs with a NUL behind them.
type SetData struct {
	ProfileID   int32
	Type, Index int32
	KeyValues   bool
	LocalID     int32
	Data        []byte
}

// Append appends the message.
func (m *SetData) Append(b []byte) ([]byte, error) {
	pairs := kv.Build(b)
	pairs.Pair(setData, "")
	pairs.Int("pid", int64(m.ProfileID))
	pairs.Int("ptype", int64(m.Type))
	pairs.Int("dindex", int64(m.Index))
	pairs.Int("kv", flag(m.KeyValues))
	pairs.Int("lid", int64(m.LocalID))
	return appendData(pairs, m.Data)
}

// KeepAlive asks for a sign of life, and is one.
type KeepAlive struct{}

// Append appends the message.
func (m *KeepAlive) Append(b []byte) ([]byte, error) { return append(b, `\ka\`...), nil }

func appendData(pairs kv.Builder, data []byte) ([]byte, error) {
	pairs.Int("length", int64(len(data)))
	pairs.Pair("data", "")
	b, err := pairs.Bytes()
	if err != nil {
		return b, err
	}
	return append(b, data...), nil
}

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

// FromClient reads a message of a client, uncovered. It keeps nothing of it.
func FromClient(message []byte) (Message, error) {
	r, data, err := read(message)
	if err != nil {
		return nil, err
	}
	var m Message
	switch r.command {
	case auth:
		port := r.optional("port")
		m = &Auth{Game: r.needed("gamename"), Response: r.needed("response"), Port: uint16(port)}
	case newGame:
		g := &NewGame{SessionKey: r.int32("sesskey"), Logged: !r.has("connid")}
		if !g.Logged {
			g.Connection = r.int32("connid")
		}
		m = g
	case updateGame:
		m = &UpdateGame{
			SessionKey: r.int32("sesskey"), Connection: r.optional("connid"), Done: r.optional("done") != 0,
			Data: strings.ReplaceAll(r.needed("gamedata"), Separator, `\`), Logged: r.optional("dl") != 0,
		}
	case playerAuth:
		p := &PlayerAuth{Token: r.text("authtoken"), Nick: r.text("nick"), KeyHash: r.text("keyhash"), Response: r.text("resp"), LocalID: r.int32("lid")}
		if p.Token == "" && p.KeyHash == "" {
			p.ProfileID = r.int32("pid")
		}
		m = p
	case getProfileID:
		m = &GetProfileID{Nick: r.text("nick"), KeyHash: r.text("keyhash"), LocalID: r.int32("lid")}
	case getData:
		g := &GetData{ProfileID: r.int32("pid"), Type: r.int32("ptype"), Index: r.int32("dindex"), NoKeys: !r.has("keys"), LocalID: r.int32("lid"), Since: r.time("mod")}
		if keys := r.text("keys"); keys != "" {
			g.Keys = strings.Split(keys, Separator)
		}
		m = g
	case setData:
		m = &SetData{
			ProfileID: r.int32("pid"), Type: r.int32("ptype"), Index: r.int32("dindex"), KeyValues: r.optional("kv") != 0,
			LocalID: r.int32("lid"), Data: r.data(data, true),
		}
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
