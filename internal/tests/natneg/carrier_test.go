package natneg_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// A carrier's NAT in front of the home router: the stricter of the two counts (spec nat.md §3).
func TestBehindACarrier(t *testing.T) {
	kinds := natKinds()
	for carrier := 1; carrier <= 5; carrier++ {
		for home := 1; home <= 5; home++ {
			for partner := range 6 {
				t.Run(fmt.Sprintf("%s behind %s, and %s", kinds[home].name, kinds[carrier].name, kinds[partner].name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 50 * time.Millisecond}, natnegtest.Config{}, kinds[carrier], kinds[partner])
						defer l.server.Close()
						router := l.nats[0].NAT(netip.MustParseAddr("100.64.0.7"), kinds[home].config)
						l.players[0] = router.Host(netip.MustParseAddr("192.168.1.2"))
						report, err := natneg.Detect(t.Context(), l.config(0))
						require.NoError(t, err)
						require.Equal(t, max(home, carrier) >= 4, report.Mapping != natneg.EndpointIndependent)
						a := try(t.Context(), cookie, l.player(t, 0, true), l.player(t, 1, true))
						stricter := kinds[max(home, carrier)]
						if a.path != natneg.PathPrediction { // a random port may be a predicted one
							require.Equal(t, joins(stricter, kinds[partner]), a.ok, "%v", a.err)
						}
					})
				})
			}
		}
	}
}

// Two homes behind one carrier. The servers see one address, and those of openspy-core name what the players call their own,
// which leads nowhere, or to somebody else. What helps is the carrier's hairpin, or an address that the game knows.
func TestNeighboursBehindACarrier(t *testing.T) {
	for _, hairpin := range []bool{false, true} {
		for _, told := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				carrier := natKinds()[1]
				carrier.config.Hairpin = hairpin
				l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 50 * time.Millisecond}, natnegtest.Config{}, carrier, carrier)
				defer l.server.Close()
				var players [2]player
				for i := range players {
					outside := netip.AddrFrom4([4]byte{100, 64, 0, byte(7 + i)})
					l.players[i] = l.nats[0].NAT(outside, natnegtest.PortRestricted()).Host(netip.AddrFrom4([4]byte{192, 168, byte(i + 1), 2}))
					conn, err := l.players[i].Listen(6500 + 10*i) // with one port for both, the carrier could keep it for one of them only
					require.NoError(t, err)
					players[i] = player{conn: conn, config: l.config(i)}
					if told {
						players[i].config.Candidates = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 64, 0, byte(8 - i)}), uint16(6510-10*i))}
					}
				}
				a := try(t.Context(), cookie, players[0], players[1])
				t.Logf("hairpin %v, told %v: %v %v %v", hairpin, told, a.ok, a.path, a.err)
				require.Equal(t, hairpin || told, a.ok, "hairpin %v, told %v: %v", hairpin, told, a.err)
			})
		}
	}
}
