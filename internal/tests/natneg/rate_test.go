package natneg_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// packetLog remembers when what left a public address, and where it went.
type packetLog struct {
	mu    sync.Mutex
	times map[netip.Addr][]time.Time
	to    map[netip.Addr]map[netip.AddrPort]natnegwire.Type
}

func watch(network *natnegtest.Network) *packetLog {
	l := &packetLog{times: make(map[netip.Addr][]time.Time), to: make(map[netip.Addr]map[netip.AddrPort]natnegwire.Type)}
	network.Watch(func(from, to netip.AddrPort, b []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		packet, err := natnegwire.Parse(b)
		if err != nil {
			return // the game's
		}
		l.times[from.Addr()] = append(l.times[from.Addr()], time.Now())
		if l.to[from.Addr()] == nil {
			l.to[from.Addr()] = make(map[netip.AddrPort]natnegwire.Type)
		}
		l.to[from.Addr()][to] = packet.Head().Type
	})
	return l
}

// busiest is how many packets left that address in the busiest second.
func (l *packetLog) busiest(from netip.Addr) (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := l.times[from]
	first := 0
	for i, sent := range times {
		for sent.Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// No negotiation sends more than its limit in any second, whatever the NATs and whatever it has to guess; and what it sends
// goes to the servers, to the partner's address as the servers name it, with the ports that follow from it, or to where a ping
// or a probe came from.
func TestRateAndDestinations(t *testing.T) {
	for _, rate := range []int{0, 16, 32} {
		for _, birthday := range []bool{false, true} {
			for _, guest := range natKinds() {
				for _, host := range natKinds() {
					synctest.Test(t, func(t *testing.T) {
						l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 20 * time.Millisecond, Loss: 0.1, Seed: 1}, natnegtest.Config{Family: natnegtest.OpenSpy, ConnectDelay: -1}, guest, host)
						defer l.server.Close()
						log := watch(l.network)
						players := [2]player{l.player(t, 0, false), l.player(t, 1, true)}
						for i := range players {
							players[i].config.PacketRate, players[i].config.Birthday = rate, birthday
						}
						ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
						defer cancel()
						a := try(ctx, cookie, players[0], players[1])
						require.False(t, a.half || !a.ok && a.err == nil, "rate %d, birthday %v, %s and %s: one side only: %v", rate, birthday, guest.name, host.name, a.err)
						limit := rate
						if limit == 0 {
							limit = 64
							if birthday {
								limit = 200
							}
						}
						for i, player := range l.players {
							public, peer := player.Addr(), netip.AddrFrom4([4]byte{203, 0, 113, byte(2 - i)})
							if l.nats[i] != nil {
								public = netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})
							}
							require.LessOrEqual(t, log.busiest(public), limit, "%s and %s", guest.name, host.name)
							for to, kind := range log.to[public] {
								switch {
								case to.Addr() == peer && kind == natnegwire.TypeConnectPing:
								case to.Port() == 27901 && to.Addr().As4()[3] <= 3 && to.Addr().As4()[0] == 198:
								case kind == natnegwire.TypeERTAck:
								default:
									t.Errorf("%s and %s: %v to %v", guest.name, host.name, kind, to)
								}
							}
							if !birthday {
								require.LessOrEqual(t, len(log.to[public]), 64+3) // and the servers
							}
						}
					})
				}
			}
		}
	}
}

// A random port is found by trying, if both sides want it: spec nat.md §3.
func TestBirthday(t *testing.T) {
	for seed := range uint64(10) {
		for _, pair := range [][2]natKind{{natKinds()[5], natKinds()[3]}, {natKinds()[3], natKinds()[5]}} {
			synctest.Test(t, func(t *testing.T) {
				l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 30 * time.Millisecond, Loss: 0.05, Seed: seed}, natnegtest.Config{}, pair[0], pair[1])
				defer l.server.Close()
				var players [2]player
				for i := range players {
					players[i] = l.player(t, i, pair[i].name != "random")
					players[i].config.Birthday = true
				}
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
				defer cancel()
				a := try(ctx, cookie, players[0], players[1])
				require.True(t, a.ok, "seed %d: %v", seed, a.err)
				require.Equal(t, natneg.PathBirthday, a.path)
				t.Logf("%s and %s: %v, %d packets", pair[0].name, pair[1].name, a.took, a.sent)
			})
		}
	}
}
