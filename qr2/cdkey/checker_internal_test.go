package cdkey

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
)

var (
	validation = netip.MustParseAddrPort("192.0.2.1:29910")
	stranger   = netip.MustParseAddrPort("192.0.2.66:29910")
)

// sink is a socket on which nothing arrives, and that remembers how much was sent to others than the validation server.
type sink struct {
	once   sync.Once
	closed chan struct{}

	mu        sync.Mutex
	strangers int
}

func (s *sink) ReadFrom([]byte) (int, net.Addr, error) {
	<-s.closed
	return 0, nil, net.ErrClosed
}

func (s *sink) WriteTo(b []byte, to net.Addr) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to.String() != validation.String() {
		s.strangers++
	}
	return len(b), nil
}

func (s *sink) Close() error                     { s.once.Do(func() { close(s.closed) }); return nil }
func (s *sink) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 7777} }
func (s *sink) SetDeadline(time.Time) error      { return nil }
func (s *sink) SetReadDeadline(time.Time) error  { return s.Close() } // the reader is to let go
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// start makes a Checker without a network: the tests hand it what arrives.
func start(t testing.TB, config Config) (*Checker, *sink) {
	t.Helper()
	s := &sink{closed: make(chan struct{})}
	config.Addr, config.Products = validation.String(), []int{1}
	config.ListenPacket = func(context.Context, string, string) (net.PacketConn, error) { return s, nil }
	c, err := Start(t.Context(), nil, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, s
}

// ask puts a player's question, and does not wait.
func ask(t testing.TB, c *Checker, key string) *Player {
	t.Helper()
	response, err := Respond(key, "challenge")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.ask(Request{Challenge: "challenge", Response: response})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (c *Checker) arrives(text string, from netip.AddrPort) bool {
	b := []byte(text)
	cdkeywire.XOR(b)
	return c.receive(b, from)
}

func open(p *Player) bool {
	select {
	case <-p.decided:
		return false
	default:
		return true
	}
}

// Numbers have 14 bits, and a player knows the hash of the own key: who tries all numbers from elsewhere gets nowhere.
func TestGuessingTheNumber(t *testing.T) {
	c, s := start(t, Config{})
	p := ask(t, c, "not bought")
	for session := range sessionNumbers {
		if !c.arrives(fmt.Sprintf(`\uok\\cd\%s\skey\%d`, p.hash, session), stranger) {
			t.Fatal("the game got a CD key message")
		}
	}
	if counters := c.State().Counters; !open(p) || counters.Foreign != sessionNumbers || s.strangers != 0 {
		t.Fatalf("let in, or answered: %+v", counters)
	}
	c.arrives(fmt.Sprintf(`\uok\\cd\%s\skey\%d`, p.hash, p.session), validation)
	if open(p) || p.err != nil {
		t.Fatal("not let in by the validation server itself")
	}
}

// Whatever floods in, from the validation server's address too, costs bounded memory, and the player who waits is decided.
func TestFlood(t *testing.T) {
	c, s := start(t, Config{})
	here, waiting := ask(t, c, "here"), ask(t, c, "waiting")
	c.arrives(fmt.Sprintf(`\uok\\cd\%s\skey\%d`, here.hash, here.session), validation)
	for i := range 5_000 {
		for _, text := range []string{
			fmt.Sprintf(`\ison\\cd\%s\skey\%d\pch\%d`, here.hash, i, i),
			fmt.Sprintf(`\ison\\cd\%d\skey\%d`, i, i),
			fmt.Sprintf(`\uok\\cd\%s\skey\%d`, here.hash, i),
			fmt.Sprintf(`\unok\\cd\%d\skey\%d\errmsg\no`, i, waiting.session),
			`\ucount\`, `\ka\`, `\nonsense\`, `\`,
		} {
			c.arrives(text, validation)
			c.arrives(text, stranger)
		}
	}
	state := c.State()
	if len(c.players) != 2 || state.Proofs > defaultPendingProofs || len(c.asked) > proofRequestsInWait || cap(c.out) > 64 || s.strangers != 0 {
		t.Fatalf("%+v, %d sent to strangers", state, s.strangers)
	}
	if !open(waiting) {
		t.Fatal("decided by answers about others")
	}
	c.arrives(fmt.Sprintf(`\unok\\cd\%s\skey\%d\errmsg\no`, waiting.hash, waiting.session), validation)
	if open(waiting) {
		t.Fatal("not decided")
	}
}

// The largest datagram is taken, one byte more is not read; from elsewhere, it is the game's.
func TestSizes(t *testing.T) {
	c, _ := start(t, Config{})
	p := ask(t, c, "key")
	text := fmt.Sprintf(`\uok\\cd\%s\skey\%d\x\`, p.hash, p.session)
	longest := text + strings.Repeat("x", cdkeywire.MaxDatagram-len(text))
	if !c.arrives(longest+"x", validation) || !open(p) || c.State().Counters.Malformed != 1 {
		t.Fatal("1024 bytes were read")
	}
	if c.arrives(longest+"x", stranger) {
		t.Fatal("the game lost a packet")
	}
	if !c.arrives(longest, validation) || open(p) {
		t.Fatal("1023 bytes were not read")
	}
}

// Every datagram from the validation server and from a stranger: no panic, nothing to strangers, nobody is let in without the
// number, bounded memory.
func FuzzReceive(f *testing.F) {
	hash := HashKey("key")
	for _, text := range []string{
		"", `\`, `\uok\\cd\` + string(hash) + `\skey\1`, `\unok\\cd\` + string(hash) + `\skey\1\errmsg\no`, `\ison\\cd\` + string(hash) + `\skey\-1\pch\x`,
		`\ucount\`, `\ucount\\pid\1`, `\ka\`, `\auth\\pid\1\ch\\resp\\ip\0\skey\0`, `\uon\\skey\1\seed\\proof\x`, `\uoff\\skey\1`, `\disc\\pid\1\cd\x\ip\1`,
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, honest bool) {
		c, s := start(t, Config{})
		p, other := ask(t, c, "key"), ask(t, c, "another")
		p.session, other.session = sessionNumbers, sessionNumbers+1 // that no seed has
		from := stranger
		if honest {
			from = validation
		}
		for range 3 {
			c.arrives(string(text), from)
		}
		state := c.State()
		if state.Proofs > defaultPendingProofs || s.strangers != 0 || state.Counters.Sent > 2+3*2 {
			t.Fatalf("%+v", state)
		}
		named := strings.Contains(string(text), string(hash)) && strings.Contains(string(text), fmt.Sprint(sessionNumbers))
		if !open(p) && !(honest && named) {
			t.Fatalf("decided by %q", text)
		}
	})
}

func BenchmarkRespond(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Respond("ABCD-1234-EFGH-5678", "IBLOMCZPWKGDFTFGKAKEEFBNPA"); err != nil {
			b.Fatal(err)
		}
	}
}

// A question, its answer, and the goodbye, on a server with 64 players.
func BenchmarkAuthenticate(b *testing.B) {
	c, _ := start(b, Config{})
	for i := range 64 {
		ask(b, c, fmt.Sprint(i))
	}
	response, err := Respond("key", "challenge")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := c.ask(Request{Challenge: "challenge", Response: response})
		if err != nil {
			b.Fatal(err)
		}
		answer, err := cdkeywire.Append(nil, cdkeywire.Accepted{KeyHash: string(p.hash), Session: p.session})
		if err != nil {
			b.Fatal(err)
		}
		c.receive(answer, validation)
		p.Disconnect()
	}
}

// A datagram of a stranger that looks like ours.
func BenchmarkForeign(b *testing.B) {
	c, _ := start(b, Config{})
	answer, err := cdkeywire.Append(nil, cdkeywire.Accepted{KeyHash: string(HashKey("key")), Session: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.receive(answer, stranger)
	}
}
