package qr2

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
)

// cookie lets the master relay one under a message key.
func (b *bench) cookie(cookie natneg.Cookie, message byte) {
	b.receive(qr2wire.ClientMessage{Key: b.key(), MessageKey: [4]byte{3: message}, Data: qr2wire.AppendCookie(nil, cookie)}.Append(nil))
}

// One cookie is one negotiation, however often it comes.
func TestCookieStartsOneNegotiation(t *testing.T) {
	b := newBench(t, Config{NatNeg: new(natneg.Config)})
	b.core.joins = make(map[natneg.Cookie]joinPhase)
	b.resolved(netip.AddrPort{})
	for message := range byte(3) {
		b.cookie(natneg.Cookie{1}, message)
	}
	b.cookie(natneg.Cookie{2}, 9)
	if want := []natneg.Cookie{{1}, {2}}; !slices.Equal(b.core.cookies, want) || b.core.counters.Repeated != 2 {
		t.Errorf("negotiations %v, %d repeated", b.core.cookies, b.core.counters.Repeated)
	}
}

// What a flood of cookies can start is bounded, also by those that linger; what was not begun with when the run ends is told
// and does not begin in the next one.
func TestJoinsAreBounded(t *testing.T) {
	b := newBench(t, Config{NatNeg: new(natneg.Config)})
	b.core.joins = make(map[natneg.Cookie]joinPhase)
	b.resolved(netip.AddrPort{})
	for i := range byte(maxJoins + 5) {
		b.cookie(natneg.Cookie{1, i}, i)
	}
	if len(b.core.cookies) != maxJoins || b.core.counters.JoinsRefused != 5 || b.core.joining() != maxJoins {
		t.Errorf("%d begun, %d refused", len(b.core.cookies), b.core.counters.JoinsRefused)
	}
	b.core.events = nil
	b.core.dropCookies()
	for _, event := range b.core.events {
		if e, ok := event.(*JoinEnded); !ok || e.Err == nil {
			t.Errorf("%#v", event)
		}
	}
	if len(b.core.events) != maxJoins || len(b.core.cookies)+len(b.core.joins) != 0 {
		t.Errorf("%d events, %d cookies, %d joins", len(b.core.events), len(b.core.cookies), len(b.core.joins))
	}
	for i := range maxLingering {
		b.core.joins[natneg.Cookie{2, byte(i)}] = joinLingering
	}
	b.core.events = nil
	b.core.onCookie(b.core.masters[0], natneg.Cookie{3})
	if ended, ok := b.core.events[1].(*JoinEnded); !ok || !errors.Is(ended.Err, ErrTooManyJoins) {
		t.Errorf("%#v", b.core.events)
	}
}

func TestMasterNamedTwiceIsOne(t *testing.T) {
	names := masterNames(Config{Game: "gmtest", Domain: "example.net", Masters: []string{"gmtest.master.example.net", "a.example.org", "a.example.org:27900"}})
	if want := []string{"gmtest.master.example.net:27900", "a.example.org:27900"}; !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
}
