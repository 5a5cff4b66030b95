package qr2_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// names is a resolver whose answers a test changes.
type names struct {
	mu    sync.Mutex
	addrs []netip.Addr
	asked int
}

func (n *names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if len(n.addrs) == 0 {
		return nil, errors.New("no such host")
	}
	return n.addrs, nil
}

// lookups counts them.
func (n *names) lookups() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *names) set(addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addrs = nil
	for _, addr := range addrs {
		n.addrs = append(n.addrs, netip.MustParseAddr(addr))
	}
}

// world is a network with one master at a time and a host that finds it by name.
type world struct {
	t       *testing.T
	net     *memnet
	names   names
	master  *qr2test.Master
	host    *qr2.Host
	conn    *memConn
	players int
	maps    int
	starts  uint64
	stop    func()
}

const hostIP, otherHostIP = "198.51.100.7:7777", "198.51.100.8:40001"

// newWorld must be called in a bubble. players is how many are in the host's snapshot.
func newWorld(t *testing.T, players int, config qr2.Config) *world {
	w := &world{t: t, net: newMemnet(), players: players}
	w.conn = w.net.listen(t, hostIP)
	config.Game, config.Secret, config.Resolver = game, secret, &w.names
	if config.Domain == "" && config.Masters == nil {
		config.Domain = "example.net"
	}
	var err error
	w.host, err = qr2.NewHost(w.conn, config)
	require.NoError(t, err)
	w.change()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.host.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return w
}

func (w *world) change() {
	w.maps++
	s := snapshot(w.players)
	s.Server[3].Value = fmt.Sprint("map", w.maps)
	if w.players == 0 {
		s.Teams = nil
	}
	require.NoError(w.t, w.host.Update(s))
}

// start puts a master of a family at an address, and the name of the masters there, too.
func (w *world) start(family qr2test.Family, ip string, config qr2test.Config) {
	w.end()
	config.Games, config.Family = map[string]string{game: secret}, family
	config.Address, config.ProbeAddress, config.ListenPacket = ip+":27900", ip+":16500", w.net.listenPacket
	w.starts++
	config.Seed = w.starts
	var err error
	w.master, err = qr2test.New(config)
	require.NoError(w.t, err)
	w.names.set(ip)
}

// end is the end of the master, without a word.
func (w *world) end() {
	if w.master != nil {
		require.NoError(w.t, w.master.Close())
		w.master = nil
	}
}

func (w *world) close() {
	w.stop()
	require.NoError(w.t, w.host.Close())
	require.NoError(w.t, w.conn.Close())
	w.end()
}

func (w *world) state() qr2.MasterState { return w.host.State().Masters[0] }

func (w *world) listed() bool { return len(w.master.Registry().List(game)) == 1 }

// within waits until the host is listed and says how long that took.
func (w *world) within(limit time.Duration, why string) {
	w.t.Helper()
	start := time.Now()
	for !w.listed() {
		require.Less(w.t, time.Since(start), limit, "%s: %+v", why, w.state())
		time.Sleep(time.Second)
	}
}

// until waits for a step.
func (w *world) until(step qr2.Step) *qr2.MasterChanged {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	defer cancel()
	for event := range w.host.Events(ctx) {
		if e, ok := event.(*qr2.MasterChanged); ok && e.Step == step {
			return e
		}
	}
	require.FailNow(w.t, "the step did not come", "%s: %+v", step, w.state())
	return nil
}

// stays lets time go by and looks every so often whether the host is on the list.
func (w *world) stays(d, look time.Duration, why string) {
	w.t.Helper()
	for range d / look {
		time.Sleep(look)
		require.True(w.t, w.listed(), "%s: %+v", why, w.state())
	}
}

// Sixty days: every family in its turn, each for nine days, with a master that is started anew, forgets, is away for
// hours and moves, while the game changes its map every quarter of an hour and its address once a week. Whenever there is a
// master, the host is on its list within minutes.
func TestStaysListedForMonths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, qr2.Config{AvailableAddr: "203.0.113.250"})
		defer w.close()
		addresses := []string{hostIP, otherHostIP}
		days, quarters := 60, 24*4
		if raceEnabled {
			days, quarters = 3*len(families), 6*4
		}
		each := (days + len(families) - 1) / len(families)
		for round := range len(families) {
			family := families[round%len(families)]
			why := fmt.Sprintf("%q", family)
			// The look-ups notice within ten minutes that the old master has moved; then two rounds of heartbeats.
			ip := fmt.Sprintf("203.0.113.%d", round+1)
			w.start(family, ip, qr2test.Config{})
			w.within(11*time.Minute+30*time.Second, why+": moved")
			for day := range each {
				why := fmt.Sprintf("%s, day %d", why, day)
				for range quarters {
					w.stays(15*time.Minute, time.Minute, why)
					w.change()
				}
				synctest.Wait() // a heartbeat that tells the change must not arrive behind what follows
				switch day % 4 {
				case 0:
					// Forgotten without a word.
					w.master.Forget()
					w.within(7*time.Minute, why+": forgotten")
				case 1:
					// Away for three hours.
					w.end()
					time.Sleep(3 * time.Hour)
					w.start(family, ip, qr2test.Config{})
					w.within(7*time.Minute, why+": back")
				case 2:
					// Another address of our own; the old one stays on the list for as long as the family keeps it.
					addresses[0], addresses[1] = addresses[1], addresses[0]
					w.net.rename(w.conn, addresses[0])
					w.master.Forget()
					w.within(7*time.Minute, why+": another public address")
					require.Equal(t, addresses[0], w.master.Registry().List(game)[0].Addr.String())
				}
			}
			require.NotZero(t, w.state().Forgotten, why)
		}
		state := w.state()
		require.Equal(t, len(families)-1, state.Moved)
		require.Zero(t, w.host.State().Counters.Malformed)
		w.stop()
		require.Equal(t, qr2.StepStopped, w.state().Step)
	})
}

// A master is started anew and says nothing: how soon the host is on its list again, and how its state tells.
func TestMasterStartedAnew(t *testing.T) {
	for _, family := range families {
		for _, players := range []int{0, 4} {
			t.Run(fmt.Sprintf("%q %d players", family, players), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, players, qr2.Config{SkipAvailability: true})
					defer w.close()
					w.start(family, "203.0.113.1", qr2test.Config{})
					w.within(25*time.Second, "at first")
					w.stays(10*time.Minute, time.Minute, "meanwhile")
					require.Equal(t, family == qr2test.DWC && players > 0, w.state().WithoutPlayers)
					w.end()
					w.start(family, "203.0.113.1", qr2test.Config{})
					w.within(61*time.Second, "again")
					time.Sleep(11 * time.Second)
					if family != qr2test.UniSpy { // it neither challenges nor confirms
						require.Equal(t, qr2.StepListed, w.state().Step)
						require.Equal(t, 1, w.state().Forgotten)
					}
					w.stays(10*time.Minute, time.Minute, "for good")
				})
			})
		}
	}
}

// DWC fails on heartbeats with players. The host was listed without, players came, and then the emulator was started anew: it
// takes no notice of the heartbeats that would have it ask us again, but of one in five minutes.
func TestDWCStartedAnewWithPlayers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0, qr2.Config{SkipAvailability: true})
		defer w.close()
		w.start(qr2test.DWC, "203.0.113.1", qr2test.Config{})
		w.within(2*time.Second, "at first")
		w.players = 4
		w.change()
		w.stays(30*time.Minute, time.Minute, "keep-alives count")
		w.end()
		w.start(qr2test.DWC, "203.0.113.1", qr2test.Config{})
		w.within(6*time.Minute, "again")
		w.stays(30*time.Minute, time.Minute, "for good")
	})
}

// What the list says of the players stays there: a master that has answered a heartbeat with players gets no other.
func TestPlayersStayOnTheList(t *testing.T) {
	for _, family := range families {
		if family == qr2test.DWC {
			continue
		}
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 4, qr2.Config{SkipAvailability: true})
				defer w.close()
				w.start(family, "203.0.113.1", qr2test.Config{})
				w.within(2*time.Second, "at first")
				for range time.Hour / (5 * time.Second) {
					time.Sleep(5 * time.Second)
					servers := w.master.Registry().List(game)
					require.Len(t, servers, 1)
					require.Len(t, servers[0].Players, 4, "%+v", w.state())
				}
			})
		})
	}
}

// Our public address changes, without a word to us: a NAT was started anew, a line dialled in again. The old address in the heartbeats
// makes wfc-server drop them, so the host has to forget it.
func TestNewPublicAddress(t *testing.T) {
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 4, qr2.Config{SkipAvailability: true})
				defer w.close()
				w.start(family, "203.0.113.1", qr2test.Config{})
				w.within(25*time.Second, "at first")
				time.Sleep(time.Minute)
				w.net.rename(w.conn, otherHostIP)
				isListed := func() bool {
					for _, server := range w.master.Registry().List(game) {
						if server.Addr == netip.MustParseAddrPort(otherHostIP) {
							return true
						}
					}
					return false
				}
				start := time.Now()
				for !isListed() {
					require.Less(t, time.Since(start), 2*time.Minute, "%+v", w.state())
					time.Sleep(time.Second)
				}
				if family != qr2test.Crymp && family != qr2test.UniSpy {
					require.Equal(t, otherHostIP, w.host.State().Public.String())
				}
			})
		})
	}
}

// A master falls silent that always answered keep-alives: the host says so after a minute and looks its name up at once. Of
// several addresses it tries all, then waits.
func TestSilentMasterGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, qr2.Config{SkipAvailability: true})
		defer w.close()
		w.start(qr2test.OpenSpy, "203.0.113.1", qr2test.Config{})
		w.within(2*time.Second, "at first")
		time.Sleep(10 * time.Minute)
		w.end()
		w.names.set("203.0.113.1", "203.0.113.2", "203.0.113.3")
		event := w.until(qr2.StepForgotten)
		require.ErrorIs(t, event.Err, qr2.ErrNoAnswer)
		time.Sleep(10 * time.Minute)
		sent := w.net.sentTo("203.0.113.3:27900")
		require.Positive(t, sent)
		require.Less(t, sent, 60, "as if there were no pause between two rounds")
		w.start(qr2test.OpenSpy, "203.0.113.2", qr2test.Config{})
		w.names.set("203.0.113.1", "203.0.113.2", "203.0.113.3")
		w.within(4*time.Minute, "at another address")
		require.Equal(t, "203.0.113.2:27900", w.state().Addr.String())
	})
}

// A back end that moves takes its hosts along within ten minutes, even if it never answers a keep-alive; and while the name is not
// found, the old address is kept.
func TestMovedMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, qr2.Config{SkipAvailability: true})
		defer w.close()
		w.start(qr2test.KR4uzi, "203.0.113.1", qr2test.Config{})
		w.within(2*time.Second, "at first")
		w.names.set()
		w.stays(40*time.Minute, time.Minute, "without a name server")
		w.start(qr2test.KR4uzi, "203.0.113.2", qr2test.Config{})
		w.within(11*time.Minute, "at the new address")
		require.Equal(t, 1, w.state().Moved)
		require.Less(t, w.names.lookups(), 100)
	})
}

// Of a master that never answers keep-alives nobody can tell whether it still runs: the diagnosis says since when it is quiet.
func TestDiagnoseAQuietMaster(t *testing.T) {
	for _, family := range []qr2test.Family{qr2test.KR4uzi, qr2test.OpenSpy} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 4, qr2.Config{SkipAvailability: true})
			defer w.close()
			w.start(family, "203.0.113.1", qr2test.Config{})
			w.until(qr2.StepListed)
			time.Sleep(10*time.Minute + 15*time.Second)
			report, err := w.host.Diagnose(t.Context())
			require.NoError(t, err)
			require.True(t, report.OK())
			if family == qr2test.KR4uzi {
				require.Contains(t, report.String(), "the master has said nothing since "+w.state().LastHeard.Format(time.DateTime))
				require.Contains(t, report.String(), "look for the server in a browser")
			} else {
				require.NotContains(t, report.String(), "has said nothing")
			}
		})
	}
}

// A short break of the line, and the master still has us: the state says listed again.
func TestShortSilence(t *testing.T) {
	for _, family := range []qr2test.Family{qr2test.OpenSpy, qr2test.Crymp} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 4, qr2.Config{SkipAvailability: true})
			defer w.close()
			w.start(family, "203.0.113.1", qr2test.Config{Expire: time.Hour})
			w.within(2*time.Second, "at first")
			w.until(qr2.StepListed)
			time.Sleep(time.Minute)
			w.master.SetFaults(qr2test.Faults{Silent: true})
			w.until(qr2.StepNoAnswer)
			w.master.SetFaults(qr2test.Faults{})
			event := w.until(qr2.StepListed)
			require.NoError(t, event.Err)
			w.stays(time.Hour, time.Minute, "afterwards")
		})
	}
}
