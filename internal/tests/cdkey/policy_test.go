package cdkey_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

func TestDuplicatesWhereTheyAreAllowed(t *testing.T) {
	bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{AllowDuplicates: true, Products: []int{product, 10}})
		one, err := c.Authenticate(t.Context(), request(t, "key"))
		require.NoError(t, err)
		two, err := c.Authenticate(t.Context(), request(t, "key"))
		require.NoError(t, err)
		require.Equal(t, one.KeyHash(), two.KeyHash())
		require.NotSame(t, one, two)
		one.Disconnect()
		require.Equal(t, []*cdkey.Player{two}, c.Players())
	})
}

// A key is a product's: the same text may be a key of another one.
func TestDuplicatesOfAnotherProduct(t *testing.T) {
	bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{Products: []int{product, 10}})
		_, err := c.Authenticate(t.Context(), request(t, "key"))
		require.NoError(t, err)
		other := request(t, "key")
		other.Product = 10
		player, err := c.Authenticate(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, 10, player.Product())
	})
}

// The first question is not decided yet: the same key is in use all the same, as with the original.
func TestDuplicateOfAnUndecidedPlayer(t *testing.T) {
	bubble(t, cdkeytest.Config{Faults: cdkeytest.Faults{Silent: true}}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{})
		first := make(chan error)
		go func() {
			_, err := c.Authenticate(t.Context(), request(t, "key"))
			first <- err
		}()
		synctest.Wait()
		_, err := c.Authenticate(t.Context(), request(t, "key"))
		require.ErrorIs(t, err, cdkey.ErrKeyInUse)
		require.NoError(t, <-first)
	})
}

func TestMaxPlayers(t *testing.T) {
	bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{MaxPlayers: 2})
		for i := range 2 {
			_, err := c.Authenticate(t.Context(), request(t, fmt.Sprint(i)))
			require.NoError(t, err)
		}
		_, err := c.Authenticate(t.Context(), request(t, "2"))
		require.ErrorIs(t, err, cdkey.ErrTooManyPlayers)
		c.Players()[0].Disconnect()
		_, err = c.Authenticate(t.Context(), request(t, "2"))
		require.NoError(t, err)
	})
}

// A refusal that comes after the decision changes nothing, as with the original; nor does one about somebody else.
func TestLateAndForeignRefusals(t *testing.T) {
	bubble(t, cdkeytest.Config{Faults: cdkeytest.Faults{Silent: true}}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{Transmissions: 1, RetryInterval: 500 * time.Millisecond})
		decided := make(chan *cdkey.Player)
		go func() {
			player, err := c.Authenticate(t.Context(), request(t, "key"))
			require.NoError(t, err)
			decided <- player
		}()
		asked := w.texts("auth")[0]
		m, err := cdkeywire.ParseText([]byte(asked.text))
		require.NoError(t, err)
		session := m.(cdkeywire.Auth).Session
		refusal := `\unok\\cd\%s\skey\%d\errmsg\no`
		for _, other := range []string{
			fmt.Sprintf(refusal, cdkey.HashKey("another"), session),
			fmt.Sprintf(refusal, cdkey.HashKey("key"), session+1),
			fmt.Sprintf(refusal, "", session),
		} {
			require.NoError(t, w.server.Send(other, asked.from))
		}
		player := <-decided
		require.Equal(t, 500*time.Millisecond, time.Since(w.begin))
		require.Equal(t, cdkey.Unanswered, player.Verdict())
		require.NoError(t, w.server.Send(fmt.Sprintf(refusal, cdkey.HashKey("key"), session), asked.from))
		synctest.Wait()
		require.Len(t, c.Players(), 1)
		require.Equal(t, 4, c.State().Counters.Unmatched)
		require.Equal(t, cdkey.LinkSilent, c.State().Link)
		w.server.SetFaults(cdkeytest.Faults{})
		_, err = c.Authenticate(t.Context(), request(t, "another"))
		require.NoError(t, err)
		require.Equal(t, cdkey.LinkAnswering, c.State().Link)
	})
}

// Families that accept all: a duplicate elsewhere is not found, and nothing is remembered.
func TestFamilies(t *testing.T) {
	for _, family := range []cdkeytest.Family{cdkeytest.OpenSpy, cdkeytest.KR4uzi} {
		t.Run(string(family), func(t *testing.T) {
			bubble(t, cdkeytest.Config{Family: family}, func(t *testing.T, w *world) {
				for i := range 2 {
					c := w.start(i, cdkey.Config{OnTimeout: cdkey.RejectOnTimeout})
					player, err := c.Authenticate(t.Context(), request(t, "key"))
					require.NoError(t, err)
					require.Equal(t, cdkey.Validated, player.Verdict())
				}
				require.False(t, w.server.Online(product, "key").IsValid())
				// A question without the pair behind its number.
				conn, err := w.hosts[0].ListenPacket(t.Context(), "udp4", ":0")
				require.NoError(t, err)
				defer conn.Close()
				bare := []byte(`\auth\\pid\1\ch\x\resp\y\ip\0\skey\7`)
				cdkeywire.XOR(bare)
				_, err = conn.WriteTo(bare, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(w.server.Addr())))
				require.NoError(t, err)
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
				b := make([]byte, 100)
				n, _, err := conn.ReadFrom(b)
				if family == cdkeytest.KR4uzi {
					require.Error(t, err)
				} else {
					require.NoError(t, err)
					require.Equal(t, `\uok\\cd\y\skey\7`, text(b[:n]))
				}
			})
		})
	}
	for _, config := range []cdkeytest.Config{{Family: "wfc"}, {Family: "nobody"}, {Family: "openspy", Keys: map[int][]string{1: nil}}} {
		_, err := cdkeytest.New(config)
		require.Error(t, err)
	}
}

// names finds one name.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addr, ok := n[host]; ok {
		return []netip.Addr{netip.MustParseAddr(addr)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func TestWhereTheServerIs(t *testing.T) {
	resolver := names{"key.example.net": "::ffff:192.0.2.1", "host.example.net": "2001:db8::1", "other.example.net": "192.0.2.3"}
	config := cdkey.Config{Products: []int{1}, Resolver: resolver, KeepAlive: -1}
	for want, change := range map[string]func(*cdkey.Config){
		"192.0.2.1:29910":     func(c *cdkey.Config) { c.Domain = "example.net" },
		"[2001:db8::1]:29910": func(c *cdkey.Config) { c.Host, c.Domain = "host.example.net", "example.net" },
		"192.0.2.3:7":         func(c *cdkey.Config) { c.Addr, c.Domain = "other.example.net:7", "example.net" },
	} {
		config := config
		change(&config)
		c, err := cdkey.Start(t.Context(), nil, config)
		require.NoError(t, err)
		require.Equal(t, want, c.Addr().String())
		require.NoError(t, c.Close())
	}
	config.Domain = "example.org"
	_, err := cdkey.Start(t.Context(), nil, config)
	failure, ok := errors.AsType[*cdkey.Error](err)
	require.True(t, ok)
	require.Equal(t, "start", failure.Op)
	_, ok = errors.AsType[*net.DNSError](err)
	require.True(t, ok)

	report, err := cdkey.Diagnose(t.Context(), nil, config)
	require.NoError(t, err)
	require.False(t, report.OK())
	require.Len(t, report.Steps, 2)
}

// moving is a name whose addresses change.
type moving struct {
	mu    sync.Mutex
	addrs []netip.Addr
	asked int
}

func (m *moving) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return m.addrs, nil
}

func (m *moving) to(addrs ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addrs = nil
	for _, addr := range addrs {
		m.addrs = append(m.addrs, netip.MustParseAddr(addr))
	}
}

// Game servers run for months, and back ends move: while the validation server is silent its name is looked up again, and of
// several addresses the next one is tried.
func TestTheServerMoves(t *testing.T) {
	for name, addrs := range map[string][]string{"another address": {"10.0.0.1"}, "several addresses": {"10.0.0.9", "10.0.0.1"}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
				resolver := new(moving)
				resolver.to("10.0.0.9")
				c, err := cdkey.Start(t.Context(), nil, cdkey.Config{
					Products: []int{product}, Domain: "example.net", Resolver: resolver, ListenPacket: w.hosts[0].ListenPacket,
				})
				require.NoError(t, err)
				defer c.Close()
				come := func(key string) cdkey.Verdict {
					player, err := c.Authenticate(t.Context(), request(t, key))
					require.NoError(t, err)
					return player.Verdict()
				}
				require.Equal(t, cdkey.Unanswered, come("1"))
				require.Equal(t, 1, resolver.asked, "not within a minute")
				resolver.to(addrs...)
				<-time.After(time.Minute)
				require.Equal(t, cdkey.Unanswered, come("2"))
				synctest.Wait()
				require.Equal(t, "10.0.0.1:29910", c.Addr().String())
				require.Equal(t, cdkey.Validated, come("3"))
				require.Equal(t, 2, resolver.asked)
				require.Equal(t, 1, c.State().Counters.Moved)
			})
		})
	}
}

// stuck is a name server that does not answer from its second question on.
type stuck struct{ asked chan struct{} }

func (s stuck) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	select {
	case s.asked <- struct{}{}:
		return []netip.Addr{netip.MustParseAddr("10.0.0.9")}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestCloseWhileANameIsLookedUp(t *testing.T) {
	bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
		c, err := cdkey.Start(t.Context(), nil, cdkey.Config{
			Products: []int{product}, Domain: "example.net", Resolver: stuck{make(chan struct{}, 1)}, ListenPacket: w.hosts[0].ListenPacket,
		})
		require.NoError(t, err)
		<-time.After(time.Minute)
		_, err = c.Authenticate(t.Context(), request(t, "key"))
		require.NoError(t, err)
		closing := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, closing, time.Now())
	})
}

func TestNoSocket(t *testing.T) {
	broken := errors.New("no more sockets")
	_, err := cdkey.Start(t.Context(), nil, cdkey.Config{Products: []int{1}, Addr: "127.0.0.1",
		ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return nil, broken }})
	require.ErrorIs(t, err, broken)
}

func TestDiagnose(t *testing.T) {
	for name, test := range map[string]struct {
		server cdkeytest.Config
		policy cdkey.TimeoutPolicy
		ok     bool
		says   string
	}{
		"knows keys":     {cdkeytest.Config{Keys: map[int][]string{product: {"key"}}}, 0, true, "as it should"},
		"accepts all":    {cdkeytest.Config{Family: "openspy"}, 0, true, "any key"},
		"silent":         {cdkeytest.Config{Faults: cdkeytest.Faults{Silent: true}}, cdkey.RejectOnTimeout, false, "does not answer"},
		"silent, let in": {cdkeytest.Config{Faults: cdkeytest.Faults{Silent: true}}, cdkey.AcceptOnTimeout, false, "let in all the same"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.server, func(t *testing.T, w *world) {
				c := w.start(0, cdkey.Config{OnTimeout: test.policy})
				report, err := c.Diagnose(t.Context())
				require.NoError(t, err)
				require.Equal(t, test.ok, report.OK(), "%v", report)
				require.Contains(t, report.String(), test.says)
				require.Empty(t, c.Players())
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, err = c.Diagnose(ctx)
				require.ErrorIs(t, err, context.Canceled)
				require.NoError(t, c.Close())
				report, err = c.Diagnose(t.Context())
				require.NoError(t, err)
				require.ErrorIs(t, report.Err(), net.ErrClosed)
			})
		})
	}
}
