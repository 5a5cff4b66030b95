package natneg

import (
	"net/netip"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// Whether all servers that answered have one address is about these alone, not about a silent one.
func TestSameAddress(t *testing.T) {
	for _, test := range []struct {
		addrs  [serverCount]string // empty: not found
		silent int                 // -1: none
		want   bool
	}{
		{[serverCount]string{"198.51.100.1:1", "198.51.100.1:2", "198.51.100.1:3"}, -1, true},
		{[serverCount]string{"198.51.100.1:1", "198.51.100.2:1", "198.51.100.1:3"}, -1, false},
		{[serverCount]string{"198.51.100.9:1", "198.51.100.1:2", "198.51.100.1:3"}, 0, true},
		{[serverCount]string{"198.51.100.1:1", "198.51.100.9:2", "198.51.100.1:3"}, 1, true},
		{[serverCount]string{"", "198.51.100.1:2", "198.51.100.1:3"}, -1, true},
		{[serverCount]string{"", "198.51.100.1:2", "198.51.100.2:3"}, -1, false},
	} {
		found := servers{state: make([]ServerState, serverCount)}
		for i, addr := range test.addrs {
			if addr != "" {
				found.state[i].Addr = netip.MustParseAddrPort(addr)
			}
		}
		d := newDetection(3, found)
		d.start(epoch, defaultDetectTimeout)
		for _, packet := range d.out {
			if packet.socket != mapSocket || test.silent >= 0 && packet.to == found.state[test.silent].Addr {
				continue
			}
			answer, err := natnegwire.Parse(packet.b)
			if err != nil {
				t.Fatal(err)
			}
			reply := answer.(natnegwire.Exchange)
			reply.Type, reply.Addr = natnegwire.TypeAddressReply, netip.MustParseAddrPort("203.0.113.1:5000")
			d.handle(mapSocket, reply.Append(nil), packet.to, epoch)
		}
		report, ok := d.report(netip.MustParseAddrPort("192.168.1.2:5000"))
		if !ok || report.SameAddress != test.want {
			t.Errorf("%v without %d: %v, %v", test.addrs, test.silent, report.SameAddress, ok)
		}
	}
}
