package sb_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/sb"
)

// counted is a socket in memory that notes when datagrams go out, and of whom. Of the servers behind it, every third one is
// dead, and the others answer after a while, but not always.
type counted struct {
	mu      sync.Mutex
	sent    []time.Time
	asked   map[netip.AddrPort]int
	answers chan answer
	closed  chan struct{}
	once    sync.Once
	server  gameServer
}

type answer struct {
	b    []byte
	from net.Addr
}

func newCounted() *counted {
	return &counted{asked: make(map[netip.AddrPort]int), answers: make(chan answer, 1<<16), closed: make(chan struct{}),
		server: gameServer{name: "A", challenge: 77}}
}

func (c *counted) WriteTo(b []byte, to net.Addr) (int, error) {
	addr := to.(*net.UDPAddr).AddrPort()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, time.Now())
	c.asked[addr]++
	if number := addr.Port(); number%3 > 0 && (number%5 > 0 || c.asked[addr] > 1) {
		for _, reply := range c.server.answers(b) {
			time.AfterFunc(time.Duration(20+number%50)*time.Millisecond, func() { c.answers <- answer{reply, to} })
		}
	}
	return len(b), nil
}

func (c *counted) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case a := <-c.answers:
		return copy(b, a.b), a.from, nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *counted) Close() error                     { c.once.Do(func() { close(c.closed) }); return nil }
func (c *counted) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (c *counted) SetDeadline(time.Time) error      { return nil }
func (c *counted) SetReadDeadline(time.Time) error  { return nil }
func (c *counted) SetWriteDeadline(time.Time) error { return nil }

func manyServers(n int) []sb.Server {
	list := make([]sb.Server, n)
	for i := range list {
		list[i].Addr = netip.AddrPortFrom(number(i).Addr(), uint16(1000+i))
	}
	return list
}

// TestQueryRateIsKept: no more datagrams go out than Config.QueryRate says, whatever is lost, and in
// the end every server was asked as often as it should be and is told of once.
func TestQueryRateIsKept(t *testing.T) {
	for _, rate := range []int{1, 50, 2000} {
		for _, concurrency := range []int{7, 0} {
			synctest.Test(t, func(t *testing.T) {
				conn := newCounted()
				browser := newBrowser(t, sb.Config{QueryRate: rate, QueryConcurrency: concurrency,
					ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return conn, nil }})
				list := manyServers(min(20*rate, 1500))
				told := make(map[netip.AddrPort]int)
				answered := 0
				for server, err := range browser.QueryAll(t.Context(), slices.Values(list), sb.DirectQuery{}) {
					require.NoError(t, err)
					if told[server.Addr]++; server.QueryErr == nil {
						answered++
					}
				}
				alive := 0
				for _, server := range list {
					if told[server.Addr] != 1 || conn.asked[server.Addr] == 0 {
						t.Fatal(server.Addr, told[server.Addr], conn.asked[server.Addr])
					}
					if server.Addr.Port()%3 > 0 {
						alive++
					} else if conn.asked[server.Addr] != 4 {
						t.Fatal("a dead one was asked ", conn.asked[server.Addr], " times")
					}
				}
				require.Equal(t, alive, answered)
				requireRate(t, conn.sent, rate)
			})
		}
	}
}

// requireRate looks at every second.
func requireRate(t *testing.T, sent []time.Time, rate int) {
	burst := max(rate/200, 1)
	first := 0
	for i := range sent {
		for sent[i].Sub(sent[first]) >= time.Second {
			first++
		}
		if n := i - first + 1; n > rate+burst {
			t.Fatalf("%d datagrams in the second up to %v, not %d", n, sent[i], rate)
		}
	}
}

// A LAN search keeps to the same rate, its questions and its queries together.
func TestQueryRateOfALANSearch(t *testing.T) {
	for _, rate := range []int{50, 5000} {
		synctest.Test(t, func(t *testing.T) {
			conn := newCounted()
			browser := newBrowser(t, sb.Config{QueryRate: rate, ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return conn, nil }})
			found := 0
			search := sb.LANSearch{Broadcast: []netip.Addr{number(1).Addr()}, FirstPort: 7000, LastPort: 7200}
			for server, err := range browser.LAN(t.Context(), search) {
				require.NoError(t, err)
				require.NoError(t, server.QueryErr)
				require.Equal(t, "A", server.Name())
				found++
			}
			require.Equal(t, 201-67, found, "all but every third")
			requireRate(t, conn.sent, min(rate, 2000))
		})
	}
}

// However many wait for their turn, the end of the context or of the loop ends it at once, and the socket is closed.
func TestQueriesEndAtOnce(t *testing.T) {
	for _, leave := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			conn := newCounted()
			browser := newBrowser(t, sb.Config{QueryRate: 20, ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return conn, nil }})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var ended time.Time
			time.AfterFunc(3*time.Second+time.Millisecond, func() { ended = time.Now(); cancel() })
			for _, err := range browser.QueryAll(ctx, slices.Values(manyServers(10_000)), sb.DirectQuery{}) {
				if leave {
					ended = time.Now()
					break
				}
				if err != nil {
					require.ErrorIs(t, err, context.Canceled)
				}
			}
			require.Equal(t, ended, time.Now())
			<-conn.closed
		})
	}
}
