package cdkey

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
)

// KeyHash stands for a CD key: 32 hexadecimal digits, always the same for a key. It does not tell the key, and is what a ban
// list holds.
type KeyHash string

// HashKey gives the hash of a key.
func HashKey(key string) KeyHash { return KeyHash(gscrypt.CDKeyHash(key)) }

// Response proves that a player has a CD key: what the game client sends to the game server, by the game's own means, as
// string(response). Printing it shows no more than the hash of the key.
type Response string

// responseLimit is the size of the original's buffer: 2·len(key) + len(challenge) + 8 stay below it.
const responseLimit = 512

// Respond is the game client's answer to a challenge that the game server made with [NewChallenge] (method 0).
func Respond(key, challenge string) (Response, error) {
	return respond(key, challenge, gscrypt.CDKeyNew)
}

// Prove is the game client's answer to the challenge of a [ProofRequest] (method 1).
func Prove(key, challenge string) (Response, error) {
	return respond(key, challenge, gscrypt.CDKeyProof)
}

func respond(key, challenge string, method gscrypt.CDKeyMethod) (Response, error) {
	if 2*len(key)+len(challenge)+8 >= responseLimit {
		return "", &Error{Op: "respond", Reason: fmt.Sprintf("a key of %d and a challenge of %d bytes", len(key), len(challenge)), Err: ErrTooLong}
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return Response(gscrypt.CDKeyResponse(key, challenge, binary.BigEndian.Uint32(random[:]), method)), nil
}

// NewChallenge makes a challenge for a player: text that nobody can guess.
func NewChallenge() string { return rand.Text() }

// KeyHash is the hash of the key that the response is about; empty if it is no response. Only the validation server can say
// whether the rest of it is right.
func (r Response) KeyHash() KeyHash {
	if !r.Valid() {
		return ""
	}
	return KeyHash(r[:32])
}

// Valid reports whether it has the form of a response: 72 hexadecimal digits, in lower case as the original writes them.
func (r Response) Valid() bool {
	if len(r) != gscrypt.CDKeyResponseSize {
		return false
	}
	return strings.Trim(string(r), "0123456789abcdef") == ""
}

// String hides what could be used again.
func (r Response) String() string {
	if !r.Valid() {
		return "no response"
	}
	return "response for " + string(r.KeyHash())
}

// GoString hides it from %#v.
func (r Response) GoString() string { return fmt.Sprintf("%q", r.String()) }

// LogValue hides it from logs.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }
