package natneg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// The traps of spec nat.md §2, with a router of this kernel, and what leads out of them.
func TestTrapsInTheLab(t *testing.T) {
	needLab(t)
	t.Parallel() // it mostly waits
	l := newNetlab(t, labs+1)
	l.link.Store(&link{delay: 150 * time.Millisecond})
	l.patience = 2 * time.Second
	usual := natKind{name: "usual", config: natnegtest.PortRestricted()}
	l.nat("ra", usual)

	// The early packet: the partner's comes before ours, and the router takes it for its own. From then on it gives our socket
	// another port towards that partner, which nobody can know.
	l.nat("rb", natKind{name: "accepts", config: natnegtest.PortRestricted(), accepts: true})
	guest, host := l.player("a1", false), l.player("b1", false)
	guest.conn, host.conn = l.listen("a1", "192.168.1.11", 6500), l.listen("b1", "192.168.2.11", 6500)
	_, err := guest.conn.WriteTo([]byte("early"), udpAddr(mustAddr("198.51.100.12:6500")))
	require.NoError(t, err)
	<-time.After(100 * time.Millisecond) // it really is on its way
	a := l.attempt(guest, host)
	require.False(t, a.ok, "the trap does not work")
	require.ErrorIs(t, a.err, natneg.ErrPingTimeout)
	// A second attempt with fresh sockets. Both send as soon as the servers name them, so that nobody's packet is early, unless
	// this machine is so busy that one of them takes longer than the packet of the other.
	for attempts := 1; !a.ok; attempts++ {
		require.LessOrEqual(t, attempts, 10, "%v", a.err)
		a = l.attempt(l.player("a1", false), l.player("b1", true))
	}

	// Two players of one home use the port that the game always uses. The second one looks as if its NAT were symmetric, which
	// does not hurt where the partner does not mind. A port of one's own helps everywhere.
	l.nat("rb", usual)
	first := l.listen("a1", "192.168.1.11", 6501)
	a = l.attempt(player{conn: first, config: l.player("a1", false).config}, l.player("oa", true))
	require.True(t, a.ok, "%+v", a)
	first = l.listen("a1", "192.168.1.11", 6502)
	defer first.Close()
	for i := range 3 { // it stays in use towards the servers
		_, err = first.WriteTo([]byte("hello"), udpAddr(l.server.Addr(i)))
		require.NoError(t, err)
	}
	<-time.After(100 * time.Millisecond)
	second := func() player {
		p := l.player("a2", false)
		p.conn = l.listen("a2", "192.168.1.12", 6502)
		return p
	}
	a = l.attempt(second(), l.player("ob", true))
	require.True(t, a.ok, "%+v", a)
	a = l.attempt(second(), l.player("b1", true))
	t.Logf("two with one inside port, partner behind a usual router: %v, %v", a.ok, a.err)
	a = l.attempt(l.player("a2", true), l.player("b1", true))
	require.True(t, a.ok, "%+v", a)

	// A router that answers with ICMP in place of silence ends nothing early, and breaks no socket.
	l.nat("ra", natKind{name: "rejects", config: natnegtest.Blocked(), rejects: true})
	a = l.attempt(l.player("a1", true), l.player("b1", true))
	require.False(t, a.ok)
}
