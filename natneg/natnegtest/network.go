package natnegtest

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// NetworkConfig says how bad a [Network] is. The zero value loses nothing and takes no time.
type NetworkConfig struct {
	Delay time.Duration // of every datagram that crosses the internet, one way; on a local network there is none
	Loss  float64       // share of those datagrams that get lost, 0 to 1
	Radio float64       // share that gets lost before it reaches the sender's NAT, as on a bad wireless network, 0 to 1
	Seed  uint64        // of the loss and of random ports: the same seed, the same fate of a socket's n-th datagram
}

// Network is an internet in memory, with hosts on it and NATs in front of others. It has no goroutines and opens no sockets,
// so that it can be used inside a testing/synctest bubble, where a whole negotiation takes no time at all, and outside of one.
// It knows IPv4 and UDP. It is safe for concurrent use.
type Network struct {
	config NetworkConfig

	mu       sync.Mutex
	hosts    map[netip.Addr]*Host // on the internet itself
	nats     map[netip.Addr]*NAT
	random   *rand.Rand
	flights  flights
	launched int
	timer    *time.Timer
	watch    func(from, to netip.AddrPort, b []byte)
}

// NewNetwork makes a network without hosts.
func NewNetwork(config NetworkConfig) *Network {
	return &Network{
		config: config,
		hosts:  make(map[netip.Addr]*Host),
		nats:   make(map[netip.Addr]*NAT),
		random: rand.New(rand.NewPCG(config.Seed, 11)),
	}
}

// Watch has every datagram that crosses the internet shown to a function, before chance decides about it, with the addresses
// that it has out there. The function must not call the network, nor keep b.
func (n *Network) Watch(watch func(from, to netip.AddrPort, b []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watch = watch
}

// Host puts a machine with a public address on the internet, or returns the one that is there.
func (n *Network) Host(ip netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[ip] == nil {
		n.hosts[ip] = newHost(n, nil, ip)
	}
	return n.hosts[ip]
}

// Servers starts matchup servers on the network, at 198.51.100.1 to .3, with the two addresses from which they probe.
func (n *Network) Servers(config Config) (*Server, error) {
	for i, ip := range []byte{1, 2, 3, 4, 1} {
		port := 27901
		if i >= Probe1 {
			port = 30695
		}
		conn, err := n.Host(netip.AddrFrom4([4]byte{198, 51, 100, ip})).Listen(port)
		if err != nil {
			for _, conn := range config.Conns {
				_ = conn.Close()
			}
			return nil, err
		}
		config.Conns = append(slices.Clone(config.Conns), conn)
	}
	return New(config)
}

// Host is a machine: on the internet, or behind a NAT.
type Host struct {
	network *Network
	nat     *NAT
	ip      netip.Addr

	conns map[uint16]*memoryConn // guarded by network.mu
	next  uint16                 // port that the system gives out
	count uint64                 // sockets opened so far
}

func newHost(n *Network, nat *NAT, ip netip.Addr) *Host {
	return &Host{network: n, nat: nat, ip: ip, conns: make(map[uint16]*memoryConn), next: 49152}
}

// Addr is the machine's own address.
func (h *Host) Addr() netip.Addr { return h.ip }

// Listen opens a UDP socket on that port; 0 is any.
func (h *Host) Listen(port int) (net.PacketConn, error) {
	return h.ListenPacket(context.Background(), "udp4", ":"+strconv.Itoa(port))
}

// ListenPacket opens a UDP socket in the way that natneg.Config and other configurations want it. Whatever address it names is
// the host's own.
func (h *Host) ListenPacket(_ context.Context, _, address string) (net.PacketConn, error) {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	port := uint16(number)
	for tries := 0; port == 0; tries++ {
		if h.conns[h.next] == nil {
			port = h.next
		}
		h.next = max(h.next+1, 49152)
		if tries > 65535-49152 {
			return nil, fmt.Errorf("natnegtest: %s has no free port", h.ip)
		}
	}
	local := netip.AddrPortFrom(h.ip, port)
	if h.conns[port] != nil {
		return nil, fmt.Errorf("natnegtest: %s is in use", local)
	}
	h.count++
	address4 := h.ip.As4()
	seed := uint64(address4[0])<<56 | uint64(address4[1])<<48 | uint64(address4[2])<<40 | uint64(address4[3])<<32 | h.count
	c := newMemoryConn(h, local, rand.New(rand.NewPCG(n.config.Seed, seed)))
	h.conns[port] = c
	return c, nil
}

// send takes a datagram from a socket.
func (n *Network) send(c *memoryConn, to netip.AddrPort, b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := c.local
	if c.host.nat == nil && to.Addr() == from.Addr() {
		c.host.deliver(from, to.Port(), b)
		return
	}
	for nat := c.host.nat; nat != nil; nat = nat.outer {
		if nat.deliver(from, to, b) {
			return // the local network
		}
		if nat == c.host.nat && n.config.Radio > 0 && c.random.Float64() < n.config.Radio {
			return
		}
		outside, ok := nat.outbound(from, to)
		if !ok {
			return
		}
		if to.Addr() == nat.public {
			if nat.config.Hairpin {
				nat.inbound(outside, to.Port(), b)
			}
			return
		}
		from = outside
	}
	if n.watch != nil {
		n.watch(from, to, b)
	}
	if n.config.Loss > 0 && c.random.Float64() < n.config.Loss {
		return
	}
	n.launch(from, to, b)
}

// arrive hands a datagram to whoever has that address.
func (n *Network) arrive(f flight) {
	switch host, nat := n.hosts[f.to.Addr()], n.nats[f.to.Addr()]; {
	case host != nil:
		host.deliver(f.from, f.to.Port(), f.b)
	case nat != nil:
		nat.inbound(f.from, f.to.Port(), f.b)
	}
}

func (h *Host) deliver(from netip.AddrPort, port uint16, b []byte) {
	if c := h.conns[port]; c != nil {
		c.push(from, b)
	}
}

// flight is a datagram under way.
type flight struct {
	due      time.Time
	number   int // those that are due at the same time keep their order
	from, to netip.AddrPort
	b        []byte
}

func (n *Network) launch(from, to netip.AddrPort, b []byte) {
	f := flight{from: from, to: to, b: slices.Clone(b)}
	if n.config.Delay <= 0 {
		n.arrive(f)
		return
	}
	n.launched++
	f.due, f.number = time.Now().Add(n.config.Delay), n.launched
	heap.Push(&n.flights, f)
	n.schedule()
}

// schedule sets the timer for the first flight.
func (n *Network) schedule() {
	if len(n.flights) == 0 {
		return
	}
	wait := time.Until(n.flights[0].due)
	if n.timer == nil {
		n.timer = time.AfterFunc(wait, n.land)
		return
	}
	n.timer.Reset(wait)
}

// land delivers what is due.
func (n *Network) land() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.flights) > 0 && !n.flights[0].due.After(time.Now()) {
		n.arrive(heap.Pop(&n.flights).(flight))
	}
	n.schedule()
}

// flights is a heap.
type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].due.Before(f[j].due) || f[i].due.Equal(f[j].due) && f[i].number < f[j].number
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last] = flight{}
	*f = (*f)[:last]
	return x
}
