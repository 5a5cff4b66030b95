package qr2_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// pulled is a host in memory whose snapshot comes from a source; each answers a query for the name of the host.
type pulled struct {
	host    *qr2.Host
	calls   int
	mu      sync.Mutex // answers come from several goroutines
	answers []string
}

func newPulled(t *testing.T, source func(p *pulled) (qr2.Snapshot, error)) *pulled {
	t.Helper()
	p := new(pulled)
	var err error
	p.host, err = qr2.NewEngineHost(netip.MustParseAddrPort("10.0.0.1:7777"), func(b []byte, to netip.AddrPort) error {
		_, _, body, err := qr2wire.ParseFromServer(b)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.answers = append(p.answers, string(body))
		return err
	}, qr2.Config{Game: game, NotPublic: true, AnswerRate: -1, Source: func() (qr2.Snapshot, error) {
		p.calls++
		return source(p)
	}})
	require.NoError(t, err)
	return p
}

// got is what it has answered.
func (p *pulled) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.answers)
}

func (p *pulled) ask(t *testing.T) {
	t.Helper()
	require.True(t, p.host.HandlePacket(packetOf(t, qr2wire.BasicQuery(testKey, 1)), netip.MustParseAddrPort("10.0.0.2:1")))
	synctest.Wait()
}

func named(name string) (qr2.Snapshot, error) {
	return qr2.Snapshot{Server: fields("hostname", name)}, nil
}

func TestSourceIsAskedWhenItMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPulled(t, func(p *pulled) (qr2.Snapshot, error) {
			_ = p.host.State() // no lock is held
			return named(fmt.Sprint(p.calls))
		})
		defer p.host.Close()
		synctest.Wait()
		require.Zero(t, p.calls, "nobody has asked")
		for range 3 {
			p.ask(t)
		}
		time.Sleep(999 * time.Millisecond)
		p.ask(t)
		require.Equal(t, []string{"1\x00", "1\x00", "1\x00", "1\x00"}, p.got())
		time.Sleep(time.Hour)
		p.ask(t)
		require.Equal(t, "2\x00", p.got()[4], "never an hour old")
		require.Equal(t, 2, p.host.State().Counters.SourceCalls)
		require.NoError(t, p.host.State().SourceErr)
	})
}

// A source that fails, panics or never returns makes answers old, and that is said.
func TestBadSources(t *testing.T) {
	broken := errors.New("broken")
	for name, bad := range map[string]func() (qr2.Snapshot, error){
		"error":      func() (qr2.Snapshot, error) { return qr2.Snapshot{}, broken },
		"panic":      func() (qr2.Snapshot, error) { panic(broken) },
		"impossible": func() (qr2.Snapshot, error) { return named("\x00") },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPulled(t, func(p *pulled) (qr2.Snapshot, error) {
				if p.calls == 2 {
					return bad()
				}
				return named(fmt.Sprint(p.calls))
			})
			defer p.host.Close()
			for range 3 {
				p.ask(t)
				if p.calls == 2 {
					require.Error(t, p.host.State().SourceErr, name)
					if name != "impossible" {
						require.ErrorIs(t, p.host.State().SourceErr, qr2.ErrSource)
					}
					require.Contains(t, p.host.State().SourceErr.Error(), map[string]string{"error": "broken", "panic": "broken", "impossible": "NUL"}[name])
				}
				time.Sleep(time.Second)
			}
			require.Equal(t, []string{"1\x00", "1\x00", "3\x00"}, p.got(), name)
			require.Equal(t, 1, p.host.State().Counters.SourceFailures)
			require.NoError(t, p.host.State().SourceErr)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		p := newPulled(t, func(p *pulled) (qr2.Snapshot, error) {
			if p.calls == 2 {
				<-hang
			}
			return named(fmt.Sprint(p.calls))
		})
		p.ask(t)
		time.Sleep(time.Second)
		for range 100 {
			p.ask(t)
		}
		require.Len(t, p.got(), 1+100-64, "64 wait for it, the others are answered with what there is")
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		require.Len(t, p.got(), 1+100-64)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.Len(t, p.got(), 1+100, "it is too slow: those that wait get what there is")
		p.ask(t)
		require.Len(t, p.got(), 1+100+1, "and so does who comes now")
		for _, answer := range p.got() {
			require.Equal(t, "1\x00", answer)
		}
		time.Sleep(500 * time.Millisecond)
		hang <- struct{}{}
		synctest.Wait()
		p.ask(t)
		require.Len(t, p.got(), 1+100+2)
		require.Equal(t, "2\x00", p.got()[102])
		require.Equal(t, 2, p.calls)
		// Closed while it hangs.
		p.calls = 1
		time.Sleep(time.Second)
		p.ask(t)
		require.NoError(t, p.host.Close())
		hang <- struct{}{}
		synctest.Wait()
		require.Len(t, p.got(), 1+100+2)
	})
}

// The first queries wait longer, because there is nothing else to answer them with; very old ones are dropped.
func TestSlowFirstCallOfTheSource(t *testing.T) {
	for took, answered := range map[time.Duration]int{900 * time.Millisecond: 1, 2 * time.Second: 0} {
		synctest.Test(t, func(t *testing.T) {
			p := newPulled(t, func(*pulled) (qr2.Snapshot, error) {
				time.Sleep(took)
				return named("first")
			})
			defer p.host.Close()
			p.ask(t)
			time.Sleep(took)
			synctest.Wait()
			require.Len(t, p.got(), answered, took)
		})
	}
}

// Heartbeats tell what the source says, from the first one on.
func TestHeartbeatsTellTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := newStage(t, simnet.Options{Delay: time.Millisecond}, qr2test.Config{}, qr2.Config{Source: func() (qr2.Snapshot, error) {
			return named("from the source")
		}})
		defer stop()
		time.Sleep(5 * time.Second)
		list := s.master.Registry().List(game)
		require.Len(t, list, 1)
		require.Equal(t, "from the source", list[0].Value("hostname"))
		time.Sleep(5 * time.Minute)
		calls := s.host.State().Counters.SourceCalls
		require.Greater(t, calls, 3)
		require.Less(t, calls, 60)
	})
}
