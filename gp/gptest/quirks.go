package gptest

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// newChallenge is the greeting's (servers.md §5.1).
func (s *Server) newChallenge() string {
	if s.config.Challenge != nil {
		return s.config.Challenge()
	}
	switch s.config.Family {
	case quirks.UniSpy:
		return "0000000000"
	case quirks.Section8:
		return "ABCDEFGHIJ"
	case quirks.KR4uzi:
		return letters(127)
	}
	return letters(10)
}

// letters makes random capital letters.
func letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(mathrand.IntN(26))
	}
	return string(b)
}

// randomHex makes random hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// keepAliveInterval is how often the family sends keep-alives (servers.md §5.4).
func (s *Server) keepAliveInterval() time.Duration {
	if s.config.KeepAlive != 0 {
		return s.config.KeepAlive
	}
	switch s.config.Family {
	case quirks.OpenSpy:
		return 61 * time.Second
	case quirks.Section8:
		return 5 * time.Second
	}
	return 0
}

// answersKeepAlive says whether a client's keep-alive is answered.
func (s *Server) answersKeepAlive() bool {
	return s.config.Family == quirks.WFC || s.config.Family == quirks.DWC
}

// reorder shuffles the pairs behind the command, which WFC does in every message because it walks a map.
func (s *Server) reorder(message []byte) []byte {
	if s.config.Family != quirks.WFC {
		return message
	}
	var pairs []kv.Pair
	for key, value := range kv.All([]byte(strings.TrimSuffix(string(message), kv.Terminator))) {
		pairs = append(pairs, kv.Pair{Key: key, Value: value})
	}
	if len(pairs) > 1 && !strings.HasSuffix(string(pairs[0].Key), "list") {
		mathrand.Shuffle(len(pairs)-1, func(i, j int) { pairs[i+1], pairs[j+1] = pairs[j+1], pairs[i+1] })
	}
	var m kv.Builder
	for _, pair := range pairs {
		m.Pair(string(pair.Key), string(pair.Value))
	}
	shuffled, err := m.Final()
	if err != nil {
		return message
	}
	return shuffled
}

// proof is what the family sends as its proof, which for two of them is wrong (servers.md §5.1).
func (s *Server) proof(secret, user string, login *gpwire.Login, serverChallenge string) string {
	if s.config.Faults.WrongProof {
		return strings.Repeat("0", 32)
	}
	switch s.config.Family {
	case quirks.UniSpy: // one blank too many
		h := digest(secret)
		return digest(h + strings.Repeat(" ", 49) + user + serverChallenge + login.Challenge + h)
	case quirks.DumbSpy: // the client's response in place of the password's digest
		return digest(login.Response + strings.Repeat(" ", 48) + user + serverChallenge + login.Challenge + login.Response)
	}
	return gscrypt.LoginProof(secret, user, login.Challenge, serverChallenge)
}

func digest(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// sessionKey is the key of a new session.
func (s *Server) sessionKey(a *account) gpwire.SessionKey {
	switch s.config.Family {
	case quirks.OpenSpy:
		return "1"
	case quirks.DWC:
		return gpwire.SessionKey(fmt.Sprintf("%08d", mathrand.IntN(1_000_000))) // zeros in front
	case quirks.UniSpy:
		return "1111"
	case quirks.Section8:
		return gpwire.SessionKey(strconv.FormatInt(int64(a.ProfileID), 10))
	case quirks.DumbSpy:
		return gpwire.SessionKey(strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(a.UniqueNick))), 10))
	}
	return gpwire.SessionKey(strconv.Itoa(mathrand.IntN(1 << 30)))
}

// userID is how the family writes the number of an account.
func (s *Server) userID(a *account) gpwire.UserID {
	switch {
	case a.UserID != "":
		return a.UserID
	case s.config.Family == quirks.WFC:
		return "0"
	case s.config.Family == quirks.DWC:
		return gpwire.UserID(fmt.Sprintf("84%011d", a.ProfileID)) // thirteen digits
	}
	return gpwire.UserID(strconv.FormatInt(int64(a.ProfileID+10000), 10))
}

// newTicket is the login ticket of a new session.
func (s *Server) newTicket() string {
	switch s.config.Family {
	case quirks.OpenSpy:
		return randomHex(24)
	case quirks.WFC:
		return "Ht8vXaZH+Wc28LGAw1I8QQ=="
	case quirks.DWC:
		return letters(22) + "__"
	case quirks.UniSpy:
		return "2147483647__"
	case quirks.KR4uzi:
		return letters(20) + "]Q__"
	}
	return letters(22) + "__"
}
