package qr2

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
)

// beat is the next heartbeat, without its type and key.
func (b *bench) beat(state qr2wire.StateChanged) string {
	b.t.Helper()
	m := b.core.masters[0]
	b.core.sendHeartbeat(m, state, b.now, &b.out)
	packet := bytes.Clone(b.out.arena)
	b.out.reset()
	if packet[0] != 3 || qr2wire.Key(packet[1:5]) != m.key {
		b.t.Fatalf("%x", packet[:5])
	}
	return string(packet[5:])
}

// The order of the keys (spec qr2.md §3), with a key of the game's own.
func TestHeartbeatBytes(t *testing.T) {
	b := newBench(t, Config{NatNeg: new(natneg.Config)})
	for i := range byte(7) {
		b.core.localIPs = append(b.core.localIPs, netip.AddrFrom4([4]byte{10, 0, 0, i}))
	}
	b.resolved(netip.AddrPort{})
	e, err := encode(Snapshot{
		Server:  Fields{{"hostname", "h"}, {"weather", "rain"}, {"gamevariant", ""}},
		Players: []Fields{{{"player_", "ann"}, {"kills_", "3"}}, {{"player_", "bob"}}},
		Teams:   []Fields{{{"team_t", "Red"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.core.update(e)
	head := "localip0\x0010.0.0.0\x00localip1\x0010.0.0.1\x00localip2\x0010.0.0.2\x00localip3\x0010.0.0.3\x00localip4\x0010.0.0.4\x00" +
		"localport\x006500\x00natneg\x001\x00"
	game := "gamename\x00gmtest\x00"
	data := "hostname\x00h\x00weather\x00rain\x00gamevariant\x00\x00\x00" +
		"\x00\x02player_\x00kills_\x00\x00ann\x003\x00bob\x00\x00" + "\x00\x01team_t\x00\x00Red\x00"
	unknown, public := "publicip\x000\x00publicport\x000\x00", "publicip\x0067305985\x00publicport\x0027900\x00"
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got\n%q\nwant\n%q", got, want)
		}
	}
	check(b.beat(qr2wire.StateInitial), head+"statechanged\x003\x00"+game+unknown+data)
	b.challenge("abcdef00010203046CFC") // 1.2.3.4, spec qr2.md §3
	check(b.beat(qr2wire.StatePeriodic), head+game+public+data)
	check(b.beat(qr2wire.StateUpdated), head+"statechanged\x001\x00"+game+public+data)
	check(b.beat(qr2wire.StateShutdown), head+"statechanged\x002\x00"+game+public+"\x00")
}

// Everything up to 1399 bytes; from 1400 on the server section alone, and of that whole keys only.
func TestHeartbeatOf1400Bytes(t *testing.T) {
	b := newBench(t, Config{})
	b.resolved(netip.AddrPort{})
	const player = "\x00\x01player_\x00\x00ann\x00\x00\x00\x00"
	length := func(motd int, more ...Field) string {
		e, err := encode(Snapshot{Server: append(Fields{{"a", strings.Repeat("x", motd)}}, more...), Players: []Fields{{{"player_", "ann"}}}})
		if err != nil {
			t.Fatal(err)
		}
		b.core.update(e)
		return b.beat(qr2wire.StatePeriodic)
	}
	empty := len(length(0)) + 5
	if got := length(1399 - empty); len(got)+5 != 1399 || !strings.HasSuffix(got, player) {
		t.Errorf("%d bytes", len(got)+5)
	}
	if got := length(1400 - empty); len(got)+5 != 1400-len(player) || !strings.HasSuffix(got, "x\x00\x00") {
		t.Errorf("%d bytes, %q", len(got)+5, got[len(got)-30:])
	}
	// The last key is what does not fit.
	got := length(1300-empty, Field{"b", "1"}, Field{"c", strings.Repeat("y", 200)})
	if !strings.HasSuffix(got, "x\x00b\x001\x00\x00") || b.core.counters.HeartbeatsShortened != 2 {
		t.Errorf("%q, %d shortened", got[len(got)-30:], b.core.counters.HeartbeatsShortened)
	}
}
