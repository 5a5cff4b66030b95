package cdkeywire

import (
	"net/netip"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Message is one of the types of this package.
type Message interface{ build(*kv.Builder) }

// Name is the command of a message: what may be logged of it, for challenges and responses may not.
func Name(m Message) string {
	switch m.(type) {
	case Auth:
		return "auth"
	case Accepted:
		return "uok"
	case Rejected:
		return "unok"
	case Disconnect:
		return "disc"
	case KeepAlive:
		return "ka"
	case IsOnline:
		return "ison"
	case Online:
		return "uon"
	case Offline:
		return "uoff"
	case CountRequest, Count:
		return "ucount"
	}
	return ""
}

// Auth is a game server's question whether a player's key is good.
type Auth struct {
	Product   int
	Challenge string     // what the game server gave the player
	Response  string     // what the player made of it
	IP        netip.Addr // the player's; IPv4, or the zero value
	Session   int64      // the number of the question
	NoProof   bool       // leaves reqproof\1 out; the original never does
}

func (m Auth) build(b *kv.Builder) {
	b.Pair("auth", "")
	b.Int("pid", int64(m.Product))
	b.Pair("ch", m.Challenge)
	b.Pair("resp", m.Response)
	b.Int("ip", ipNumber(m.IP))
	b.Int("skey", m.Session)
	if !m.NoProof {
		b.Pair("reqproof", "1")
	}
}

// Accepted says that a key is good.
type Accepted struct {
	KeyHash string
	Session int64
}

func (m Accepted) build(b *kv.Builder) {
	b.Pair("uok", "")
	b.Pair("cd", m.KeyHash)
	b.Int("skey", m.Session)
}

// Rejected says that a key is not good, and why.
type Rejected struct {
	KeyHash string
	Session int64
	Text    string
}

func (m Rejected) build(b *kv.Builder) {
	b.Pair("unok", "")
	b.Pair("cd", m.KeyHash)
	b.Int("skey", m.Session)
	b.Pair("errmsg", m.Text)
}

// Disconnect tells that a player has left the game server.
type Disconnect struct {
	Product int
	KeyHash string
	IP      netip.Addr
}

func (m Disconnect) build(b *kv.Builder) {
	b.Pair("disc", "")
	b.Int("pid", int64(m.Product))
	b.Pair("cd", m.KeyHash)
	b.Int("ip", ipNumber(m.IP))
}

// KeepAlive keeps the game server's address known, and its NAT open.
type KeepAlive struct{}

func (KeepAlive) build(b *kv.Builder) { b.Pair("ka", "") }

// IsOnline asks a game server whether a player with this key is on it.
type IsOnline struct {
	KeyHash   string
	Session   int64
	Challenge string // for the player to prove it; empty if that is not asked for
}

func (m IsOnline) build(b *kv.Builder) {
	b.Pair("ison", "")
	b.Pair("cd", m.KeyHash)
	b.Int("skey", m.Session)
	if m.Challenge != "" {
		b.Pair("pch", m.Challenge)
	}
}

// NoProofYet and the words around it are what the original says before the player has proved anything.
const (
	NoProofYet = "0"
	seedFirst  = "owatagusiam"
)

// Online answers [IsOnline]: the player is there.
type Online struct {
	Session int64
	Proof   string // the player's response, or NoProofYet
}

func (m Online) build(b *kv.Builder) {
	seed := ""
	if m.Proof == NoProofYet {
		seed = seedFirst // nobody looks at it
	}
	b.Pair("uon", "")
	b.Int("skey", m.Session)
	b.Pair("seed", seed)
	b.Pair("proof", m.Proof)
}

// Offline answers [IsOnline]: the player is not there.
type Offline struct{ Session int64 }

func (m Offline) build(b *kv.Builder) {
	b.Pair("uoff", "")
	b.Int("skey", m.Session)
}

// CountRequest asks a game server how many players it has.
type CountRequest struct {
	Product int
	First   bool // no product was named: the first one is meant
}

func (m CountRequest) build(b *kv.Builder) {
	b.Pair("ucount", "")
	if !m.First {
		b.Int("pid", int64(m.Product))
	}
}

// Count answers [CountRequest].
type Count struct{ Players int }

func (m Count) build(b *kv.Builder) { b.Int("ucount", int64(m.Players)) }
