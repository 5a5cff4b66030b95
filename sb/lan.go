package sb

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"
	"time"
)

// LANSearch says where game servers are looked for. The zero value asks the networks of all interfaces, ports 6500 to 6600,
// in both protocols.
type LANSearch struct {
	// Broadcast is where the question goes; none means 255.255.255.255 and, since systems send that through one interface
	// only, the broadcast address of every interface's network.
	Broadcast []netip.Addr
	Protocols []Protocol    // QR2, QR1; none means both, unless Query says one
	FirstPort uint16        // first query port; 0 means 6500
	LastPort  uint16        // last one, at most FirstPort+500; 0 means FirstPort+100
	Wait      time.Duration // how long answers count, after the question went out everywhere; 0 means 2 s
	Query     DirectQuery   // what those who answered are asked
}

// The bounds of a LAN search.
const (
	firstLANPort  = 6500
	lanPorts      = 100
	maxLANPorts   = 500
	maxLANServers = 4096
	maxNetworks   = 32
	lanWait       = 2 * time.Second
	lanRate       = 2000 // questions a second, unless Config.QueryRate is less
)

// echoRequest is what the original asks a LAN with (spec sb.md B.2).
var echoRequest = [8]byte{0xFE, 0xFD, 0x02}

// LAN looks for game servers on the local network and yields those that answer a query, each address once (spec sb.md B.5).
// The question is repeated once, since nobody notices a broadcast that is lost.
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

// discovery is what a LAN search adds to a run of queries: questions to everybody, and for how long strangers that answer
// count as servers.
type discovery struct {
	greetings []greeting
	wait      time.Duration
	left      int                     // servers that may still be found
	known     map[netip.AddrPort]bool // those that were

	next     int       // in greetings
	reached  bool      // one of them went out
	failure  error     // of one that did not
	repeat   time.Time // when the second round begins; the zero time before the first one is over
	end      time.Time // when answers do not count any more; the zero time before the second round is over
	repeated bool
}

// greeting is a question to everybody.
type greeting struct {
	to      netip.AddrPort
	message []byte
}

// discovery is the state of one run of the search.
func (search LANSearch) discovery() (*discovery, error) {
	fail := func(reason string) (*discovery, error) {
		return nil, &Error{Op: "LAN search", Reason: reason, Err: ErrNotConfigured}
	}
	if len(search.Broadcast) == 0 {
		search.Broadcast = broadcastAddrs(net.Interfaces)
	}
	search.FirstPort = cmp.Or(search.FirstPort, firstLANPort)
	if search.LastPort == 0 {
		search.LastPort = uint16(min(int(search.FirstPort)+lanPorts, 65535))
	}
	if search.LastPort < search.FirstPort {
		return fail(fmt.Sprintf("the ports %d to %d are none", search.FirstPort, search.LastPort))
	}
	switch {
	case search.Query.Protocol != 0:
		search.Protocols = []Protocol{search.Query.Protocol}
	case len(search.Protocols) == 0:
		search.Protocols = []Protocol{QR2, QR1}
	}
	setDefault(&search.Wait, lanWait)
	lan := &discovery{wait: search.Wait, left: maxLANServers, known: make(map[netip.AddrPort]bool)}
	for port := int(search.FirstPort); port <= min(int(search.LastPort), int(search.FirstPort)+maxLANPorts); port++ {
		for _, protocol := range search.Protocols {
			message := echoRequest[:]
			switch protocol {
			case QR2:
			case QR1:
				// The original sends \echo\test. The true question does as well, and whatever answers it, early or late, can be
				// taken for the answer to the query that follows, which looks the same.
				message = oldQuestion(search.Query)
			default:
				return fail("a LAN cannot be searched in " + protocol.String())
			}
			for _, addr := range search.Broadcast {
				lan.greetings = append(lan.greetings, greeting{netip.AddrPortFrom(addr.Unmap(), uint16(port)), message})
			}
		}
	}
	return lan, nil
}

// broadcastAddrs are where everybody hears a question.
func broadcastAddrs(interfaces func() ([]net.Interface, error)) []netip.Addr {
	list := []netip.Addr{netip.AddrFrom4([4]byte{255, 255, 255, 255})}
	all, err := interfaces()
	if err != nil {
		return list // the one that is always there
	}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagBroadcast == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, addr := range addrs {
			network, ok := addr.(*net.IPNet)
			if !ok {
				continue
			}
			if to, ok := directed(network); ok && !slices.Contains(list, to) && len(list) < maxNetworks {
				list = append(list, to)
			}
		}
	}
	return list
}

// directed is the broadcast address of an IPv4 network.
func directed(network *net.IPNet) (netip.Addr, bool) {
	ip, ones := network.IP.To4(), 0
	if len(network.Mask) == net.IPv4len {
		ones, _ = network.Mask.Size()
	}
	if ip == nil || ones == 0 || ones > 30 {
		return netip.Addr{}, false
	}
	number := binary.BigEndian.Uint32(ip) | (1<<(32-ones) - 1)
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, number))), true
}

// greet sends the questions that are due; wake is when there is more to do. listening ends when answers do not count any
// more. Some networks may be out of reach, but not all of them.
func (d *discovery) greet(r *run, now time.Time) (wake time.Time, listening bool, err error) {
	if !d.repeat.IsZero() && !d.repeated && !now.Before(d.repeat) {
		d.repeated, d.next = true, 0
	}
	for ; d.next < len(d.greetings); d.next++ {
		ok, wake := r.prober.pace.take(now)
		if !ok {
			return wake, true, nil
		}
		g := d.greetings[d.next]
		if failure := r.writeTo(g.message, g.to); failure != nil {
			d.failure = failure
			continue
		}
		d.reached = true
		r.sent.Add(1)
		r.prober.stats.sent.Add(1)
	}
	if !d.reached && d.failure != nil {
		return time.Time{}, false, d.failure
	}
	if d.repeat.IsZero() {
		d.repeat = now.Add(d.wait / 2)
	}
	if !d.repeated {
		return d.repeat, true, nil
	}
	if d.end.IsZero() { // the second round took its time, too
		d.end = now.Add(d.wait - d.wait/2)
	}
	return d.end, now.Before(d.end), nil
}

// found reports whether a datagram comes from a server that was not found before.
func (d *discovery) found(a arrival) bool {
	if d.left == 0 || !d.end.IsZero() && a.at.After(d.end) || d.known[a.from] {
		return false
	}
	d.known[a.from] = true
	d.left--
	return true
}

// protocolOf is what a server speaks that answered like this.
func protocolOf(b []byte) Protocol {
	if len(b) > 0 && b[0] == '\\' {
		return QR1
	}
	return QR2
}
