package qr2

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

var (
	epoch      = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	masterAddr = netip.MustParseAddrPort("192.0.2.1:27900")
	clientAddr = netip.MustParseAddrPort("192.0.2.99:6500")
)

// bench runs a core on a clock of its own.
type bench struct {
	t    *testing.T
	core *core
	now  time.Time
	out  batch
	log  []string // "<ms> <what>" of everything sent and told
}

func newBench(t *testing.T, config Config) *bench {
	t.Helper()
	config.Game, config.Secret, config.Addr = "gmtest", "HA6zkS", masterAddr.String()
	config, registry, err := config.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: epoch}
	b.core = &core{config: config, registry: registry, localPort: 6500, masters: []*master{newMaster("master")},
		numbers: newNumbers(), limits: newLimits(config.AnswerRate)}
	b.core.begin(b.core.masters[0], b.now)
	b.update("a")
	b.log = nil
	return b
}

func (b *bench) update(mapname string) {
	b.t.Helper()
	e, err := encode(Snapshot{Server: Fields{{"hostname", "h"}, {"mapname", mapname}}, Players: []Fields{{{"player_", "ann"}}}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.core.update(e)
	b.settle()
}

func (b *bench) note(format string, args ...any) {
	b.log = append(b.log, fmt.Sprintf("%d ", b.now.Sub(epoch).Milliseconds())+fmt.Sprintf(format, args...))
}

// settle does what is due now and notes it.
func (b *bench) settle() {
	b.core.tick(b.now, &b.out)
	for _, event := range b.core.events {
		if e, ok := event.(*MasterChanged); ok {
			b.note("%s", e.Step)
		}
	}
	b.core.events = nil
	for _, p := range b.out.packets {
		packet := b.out.arena[p.start:p.end]
		switch typ, key, body, err := qr2wire.ParseFromServer(packet); {
		case err != nil:
			b.t.Fatal(err)
		case p.to == clientAddr:
			b.note("to client: %s", typ)
		case typ == qr2wire.TypePrequery && len(body) > 2:
			b.note("check")
		case typ == qr2wire.TypeHeartbeat:
			h, err := qr2wire.ParseHeartbeat(key, body)
			if err != nil {
				b.t.Fatal(err)
			}
			b.note("heartbeat %d", h.State)
		default:
			b.note("%s", typ)
		}
	}
	b.out.reset()
}

// until lets the time go by.
func (b *bench) until(ms int) {
	end := epoch.Add(time.Duration(ms) * time.Millisecond)
	for {
		next := b.core.next()
		if next.IsZero() || next.After(end) {
			b.now = end
			return
		}
		if next.After(b.now) {
			b.now = next
		}
		b.settle()
	}
}

func (b *bench) receive(packet []byte) { b.receiveFrom(packet, masterAddr) }

func (b *bench) receiveFrom(packet []byte, from netip.AddrPort) {
	b.core.handle(packet, from, b.now, &b.out)
	b.settle()
}

func (b *bench) key() qr2wire.Key { return b.core.masters[0].key }

func (b *bench) resolved(available netip.AddrPort) {
	b.core.resolved(b.core.masters[0], []netip.AddrPort{masterAddr}, b.now, &b.out)
	if available.IsValid() {
		b.core.check(b.core.masters[0], available, b.now)
	}
	b.settle()
}

func (b *bench) challenge(text string) {
	b.receive(qr2wire.Challenge{Key: b.key(), Text: text}.Append(nil))
}

func (b *bench) registered() { b.receive(qr2wire.AppendToServer(nil, qr2wire.TypeRegistered, b.key())) }

func (b *bench) want(lines ...string) {
	b.t.Helper()
	if !slices.Equal(lines, b.log) {
		b.t.Errorf("got\n%q\nwant\n%q", b.log, lines)
	}
}

// The original's transmissions without any answer, vectors/qr2.json "timers", without the 100 ms of its polling.
func TestTimersWithoutAnswer(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.until(181_000)
	b.want("0 heartbeat sent", "0 heartbeat 3", "10000 heartbeat 3", "20000 heartbeat 3", "30000 no answer",
		"40000 keep-alive", "60000 keep-alive", "80000 heartbeat 0", "100000 keep-alive", "120000 keep-alive",
		"140000 heartbeat 0", "160000 keep-alive", "180000 keep-alive")
}

func TestTimersOfListedHost(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.until(100)
	b.challenge("abcdef00C00002011964")
	b.challenge("abcdef00C00002011964") // a copy is answered, too
	b.registered()
	b.until(125_000)
	b.update("b") // the latest heartbeat is 5 s old
	b.update("c")
	b.until(150_000)
	b.update("d") // now it is 20 s old
	b.until(151_000)
	b.core.goodbye(b.core.masters[0], b.now, &b.out)
	b.settle()
	b.challenge("zzzzzz00C00002011964")
	b.registered()
	b.until(400_000)
	b.want("0 heartbeat sent", "0 heartbeat 3", "100 challenge answered", "100 challenge", "100 challenge", "100 listed",
		"20000 keep-alive", "40000 keep-alive", "60000 heartbeat 0", "80000 keep-alive", "100000 keep-alive",
		"120000 heartbeat 0", "130000 heartbeat 1", "140000 keep-alive", "150000 heartbeat 1", "151000 said goodbye",
		"151000 heartbeat 2", "151000 heartbeat 2")
	if got := b.core.counters.AfterGoodbye; got != 2 {
		t.Errorf("%d packets counted after the goodbye, want 2", got)
	}
}

// Frequent changes must not hold the keep-alives up: kr4uzi's master counts nothing else.
func TestKeepAlivesBetweenChanges(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.challenge("abcdef00C00002011964")
	b.registered()
	for i := range 200 {
		b.until(i * 1000)
		b.update(fmt.Sprint(i))
	}
	last := 0
	for _, line := range b.log {
		var ms int
		var what string
		if _, err := fmt.Sscanf(line, "%d %s", &ms, &what); err == nil && what == "keep-alive" {
			if ms-last > 40_000 {
				t.Errorf("no keep-alive between %d and %d ms", last, ms)
			}
			last = ms
		}
	}
	if last < 150_000 {
		t.Errorf("the last keep-alive was at %d ms", last)
	}
}

func TestUnconfirmedResponseIsRepeated(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.challenge("abcdef00C00002011964")
	b.until(75_000)
	b.want("0 heartbeat sent", "0 heartbeat 3", "0 challenge answered", "0 challenge", "10000 heartbeat 3",
		"20000 heartbeat 3", "30000 heartbeat 3", "40000 challenge answered", "40000 keep-alive", "60000 keep-alive")
	if err := b.core.masters[0].state.Err; !errors.Is(err, ErrNotConfirmed) || !strings.Contains(err.Error(), "its confirmation may be lost") {
		t.Error(err)
	}
}

// Heartbeats do not wait for the availability check; a no takes the server off the list, and what the master answers to that
// goodbye is ignored.
func TestAvailability(t *testing.T) {
	available := netip.MustParseAddrPort("192.0.2.2:27900")
	for name, test := range map[string]struct {
		at    int
		reply []byte
		state Availability
		want  []string
	}{
		"silence":     {-1, nil, AvailabilitySilent, []string{"0 check", "0 heartbeat 3", "2000 check"}},
		"available":   {50, []byte{0xFE, 0xFD, 9, 0, 0, 0, 0}, AvailabilityYes, []string{"0 check", "0 heartbeat 3"}},
		"second":      {2100, []byte{0xFE, 0xFD, 9, 0, 0, 0, 0, 0, 0, 0}, AvailabilityYes, []string{"0 check", "0 heartbeat 3", "2000 check"}},
		"unavailable": {50, []byte{0xFE, 0xFD, 9, 0, 0, 0, 1}, AvailabilityNo, []string{"0 check", "0 heartbeat 3", "50 game unavailable", "50 heartbeat 2", "50 heartbeat 2"}},
		"temporarily": {50, []byte{0xFE, 0xFD, 9, 0, 0, 0, 2}, AvailabilityNotNow, []string{"0 check", "0 heartbeat 3", "50 game unavailable", "50 heartbeat 2", "50 heartbeat 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.resolved(available)
			if b.core.masters[0].state.Availability != AvailabilityAsked {
				t.Error("not asked")
			}
			key := b.key()
			if test.at >= 0 {
				b.until(test.at)
				// The same from elsewhere is a client's pre-query.
				b.core.handle([]byte{0xFE, 0xFD, 9, 0, 0, 0, 1}, clientAddr, b.now, &b.out)
				b.out.reset()
				b.receiveFrom(test.reply, available)
				b.receive(qr2wire.Challenge{Key: key, Text: "abcdef00C00002011964"}.Append(nil))
				b.receiveFrom([]byte{0xFE, 0xFD, 9, 0, 0, 0, 1}, available) // too late, and nothing is to be said to that
			}
			b.until(4_100)
			if test.state == AvailabilityYes {
				at := fmt.Sprint(test.at)
				test.want = append(test.want, at+" challenge answered", at+" challenge")
			}
			b.want(append([]string{"0 heartbeat sent"}, test.want...)...)
			if got := b.core.masters[0].state.Availability; got != test.state {
				t.Errorf("got %s, want %s", got, test.state)
			}
			b.log = nil
			switch name {
			case "unavailable":
				b.until(300_000)
				b.want()
			case "temporarily":
				b.until(60_050)
				b.receiveFrom([]byte{0xFE, 0xFD, 9, 0, 0, 0, 2}, available)
				b.until(120_100)
				b.receiveFrom([]byte{0xFE, 0xFD, 9, 0, 0, 0, 0}, available)
				b.until(121_000)
				b.want("60050 check", "120050 check", "120100 heartbeat sent", "120100 heartbeat 3")
			}
		})
	}
}

// A change behind the first heartbeat is not in what the master knows when it confirms.
func TestChangeBeforeTheChallengeIsTold(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.until(50)
	b.update("b")
	b.challenge("abcdef00C00002011964")
	b.registered()
	b.until(15_000)
	b.want("0 heartbeat sent", "0 heartbeat 3", "50 challenge answered", "50 challenge", "50 listed", "10000 heartbeat 1")
}

// A master that answers is kept whatever order its addresses come in; one that does not gives way to the next; one that
// has moved is followed.
func TestAddressesOfAMaster(t *testing.T) {
	b := newBench(t, Config{})
	m := b.core.masters[0]
	other := netip.MustParseAddrPort("192.0.2.77:27900")
	look := func(addrs ...netip.AddrPort) {
		t.Helper()
		if !m.wantAddr {
			t.Errorf("at %v nobody wants to look the name up", b.now.Sub(epoch))
		}
		m.wantAddr = false
		b.core.resolved(m, addrs, b.now, &b.out)
		b.settle()
	}
	m.wantAddr = true
	look(masterAddr, other)
	b.until(30_000)
	look(masterAddr, other)
	b.want("0 heartbeat sent", "0 heartbeat 3", "10000 heartbeat 3", "20000 heartbeat 3", "30000 no answer",
		"30000 heartbeat sent", "30000 heartbeat 3")
	if m.state.Addr != other {
		t.Errorf("it is still %v", m.state.Addr)
	}
	b.receiveFrom(qr2wire.Challenge{Key: b.key(), Text: "abcdef80C00002011964"}.Append(nil), other)
	b.registered()
	b.until(600_000)
	if m.wantAddr || !b.core.queryChallenge() {
		t.Error("the name is looked up before ten minutes are over, or the options are gone")
	}
	b.until(640_000)
	b.log = nil
	look(masterAddr, other)
	b.want()
	b.until(1_300_000)
	old := b.key()
	look(masterAddr)
	b.receiveFrom(qr2wire.Challenge{Key: old, Text: "zbcdef80C00002011964"}.Append(nil), other)
	b.until(1_300_000)
	if want := "1300000 heartbeat 3"; m.state.Addr != masterAddr || b.log[len(b.log)-1] != want {
		t.Errorf("at %v: %q", m.state.Addr, b.log)
	}
}

// Two names for one master: it hears of us once, and the second name is tried again later.
func TestTwoNamesOfOneMaster(t *testing.T) {
	b := newBench(t, Config{})
	second := newMaster("second")
	b.core.masters = append(b.core.masters, second)
	b.core.begin(second, b.now)
	b.core.events = nil
	b.resolved(netip.AddrPort{})
	b.core.resolved(second, []netip.AddrPort{masterAddr}, b.now, &b.out)
	b.settle()
	b.challenge("abcdef00C00002011964")
	b.registered()
	b.until(59_000)
	b.want("0 heartbeat sent", "0 heartbeat 3", "0 master not found", "0 challenge answered", "0 challenge", "0 listed", "20000 keep-alive", "40000 keep-alive")
	if !errors.Is(second.state.Err, ErrSameMaster) {
		t.Error(second.state.Err)
	}
	b.until(600_000)
	if !second.wantAddr {
		t.Error("the second name is not looked up again")
	}
	other := netip.MustParseAddrPort("192.0.2.77:27900")
	b.core.resolved(second, []netip.AddrPort{masterAddr, other}, b.now, &b.out)
	b.until(600_001)
	if second.state.Addr != other || second.state.Heartbeats != 1 {
		t.Errorf("%+v", second.state)
	}
}

func TestForgottenAndRefused(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.challenge("abcdef00C00002011964")
	b.registered()
	b.challenge("abcdef00C00002011964")
	b.challenge("ghijkl00C00002011964")
	b.registered()
	b.receive(qr2wire.AddError{Key: b.key(), Code: 1, Text: "No such gamename"}.Append(nil))
	b.receive(qr2wire.AddError{Key: b.key(), Code: 1, Text: "No such gamename"}.Append(nil))
	b.want("0 heartbeat sent", "0 heartbeat 3", "0 challenge answered", "0 challenge", "0 listed", "0 challenge",
		"0 forgotten by the master", "0 challenge answered", "0 challenge", "0 listed", "0 refused")
	if got, want := b.core.masters[0].state.Err.Error(), `qr2: heartbeat (master, 192.0.2.1:27900): the master refuses to list this server: "No such gamename" (code 1)`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The answer to a keep-alive confirms an answered challenge, with our key or, from WFC, with zeros; crymp's alone says nothing.
func TestKeepAliveAnswers(t *testing.T) {
	for name, key := range map[string]func(b *bench) qr2wire.Key{
		"ours":  (*bench).key,
		"zeros": func(*bench) qr2wire.Key { return qr2wire.Key{} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.resolved(netip.AddrPort{})
			b.until(31_000)
			b.log = nil
			answer := func() { b.receive(qr2wire.AppendToServer(nil, qr2wire.TypeKeepAlive, key(b))) }
			answer()
			b.want()
			b.challenge("abcdef00C00002011964")
			answer()
			answer()
			b.want("31000 challenge answered", "31000 challenge", "31000 listed")
		})
	}
}

func TestWrongInstanceKeyIsIgnored(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	b.log = nil
	key := b.key()
	key[0] ^= 1
	b.receive(qr2wire.Challenge{Key: key, Text: "abcdef00C00002011964"}.Append(nil))
	b.receive(qr2wire.AddError{Key: key, Code: 1, Text: "x"}.Append(nil))
	b.receive(qr2wire.ClientMessage{Key: key, Data: []byte("x")}.Append(nil))
	b.want()
	if got := b.core.counters.WrongKey; got != 3 {
		t.Errorf("%d packets counted, want 3", got)
	}
}

func TestClientMessagesAreTakenOnce(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	m := b.core.masters[0]
	send := func(n byte) {
		b.receive(qr2wire.ClientMessage{Key: b.key(), MessageKey: [4]byte{3: n}, Data: []byte("x")}.Append(nil))
	}
	for n := range byte(10) {
		send(n)
	}
	for n := range byte(10) {
		send(n)
	}
	if m.state.Messages != 10 || b.core.counters.Repeated != 10 {
		t.Errorf("%d messages and %d repeated, want 10 and 10", m.state.Messages, b.core.counters.Repeated)
	}
	send(10)
	send(0) // forgotten by now
	if m.state.Messages != 12 {
		t.Errorf("%d messages, want 12", m.state.Messages)
	}
	// A new session of the master counts from 1 again.
	b.challenge("abcdef00C00002011964")
	send(10)
	if m.state.Messages != 13 {
		t.Errorf("%d messages, want 13", m.state.Messages)
	}
}
