package sb

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// LANSearch says where game servers are looked for. The zero value asks the local network, ports 6500 to 6600.
type LANSearch struct {
	Broadcast []netip.Addr  // where the question goes; none means 255.255.255.255
	FirstPort uint16        // first query port; 0 means 6500
	LastPort  uint16        // last one, at most FirstPort+500; 0 means FirstPort+100
	Wait      time.Duration // how long answers count; 0 means 2 s
	Query     DirectQuery   // what those who answered are asked
}

// The bounds of a LAN search.
const (
	firstLANPort  = 6500
	lanPorts      = 100
	maxLANPorts   = 500
	maxLANServers = 4096
	lanWait       = 2 * time.Second
)

// echoRequest is what the original asks a LAN with (spec sb.md B.2).
var echoRequest = [8]byte{0xFE, 0xFD, 0x02}

// LAN looks for game servers on the local network and yields those that answer a query (spec sb.md B.5).
func (b *Browser) LAN(ctx context.Context, search LANSearch) iter.Seq2[Server, error] {
	return func(yield func(Server, error) bool) {
		lan, err := search.discovery()
		if err != nil {
			yield(Server{}, err)
			return
		}
		b.query(ctx, "udp4", func(func(Server) bool) {}, search.Query, lan)(yield)
	}
}

// discovery is the state of one run of the search.
func (search LANSearch) discovery() (*discovery, error) {
	if len(search.Broadcast) == 0 {
		search.Broadcast = []netip.Addr{netip.AddrFrom4([4]byte{255, 255, 255, 255})}
	}
	if search.FirstPort == 0 {
		search.FirstPort = firstLANPort
	}
	if search.LastPort == 0 {
		search.LastPort = uint16(min(int(search.FirstPort)+lanPorts, 65535))
	}
	if search.LastPort < search.FirstPort {
		return nil, &Error{Op: "LAN search", Reason: fmt.Sprintf("the ports %d to %d are none", search.FirstPort, search.LastPort), Err: ErrNotConfigured}
	}
	setDefault(&search.Wait, lanWait)
	lan := &discovery{message: echoRequest[:], wait: search.Wait, limit: maxLANServers, known: make(map[netip.AddrPort]bool)}
	for _, addr := range search.Broadcast {
		for port := int(search.FirstPort); port <= min(int(search.LastPort), int(search.FirstPort)+maxLANPorts); port++ {
			lan.greetings = append(lan.greetings, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
		}
	}
	return lan, nil
}

// seen reports whether that server was found before, and remembers it.
func (d *discovery) seen(addr netip.AddrPort) bool {
	if d.known[addr] {
		return true
	}
	d.known[addr] = true
	return false
}
