package natnegtest

import (
	"net/netip"
	"time"
)

// Dependency says on what a choice of a [NAT] depends, in the words of RFC 4787.
type Dependency int

// The dependencies.
const (
	EndpointIndependent     Dependency = iota // on nothing
	AddressDependent                          // on the other side's address
	AddressAndPortDependent                   // on the other side's address and port
)

// Ports is how a [NAT] chooses outside ports.
type Ports int

// The ways.
const (
	PortsPreserved  Ports = iota // the inside port, if it is free, else the next free one
	PortsSequential              // one after the other
	PortsRandom                  // any
)

// NATConfig is how a [NAT] behaves. The zero value is a full cone.
type NATConfig struct {
	Mapping   Dependency    // when another outside port is taken
	Filtering Dependency    // who is let in, by whom the inside has written to
	Ports     Ports         // which outside port is taken; PortsPreserved cannot work if Mapping is not EndpointIndependent: the next free ones are taken then
	First     uint16        // of PortsSequential; 0 means 40000
	Step      int           // of PortsSequential; 0 means 1
	Hairpin   bool          // hosts behind the NAT reach each other through its public address
	Blocked   bool          // UDP does not pass at all
	Timeout   time.Duration // after which an idle mapping is forgotten; 0: never
}

// FullCone lets everybody in.
func FullCone() NATConfig { return NATConfig{} }

// AddressRestricted lets in the addresses that were written to.
func AddressRestricted() NATConfig { return NATConfig{Filtering: AddressDependent} }

// PortRestricted lets in the addresses and ports that were written to: the usual home router.
func PortRestricted() NATConfig { return NATConfig{Filtering: AddressAndPortDependent} }

// SymmetricSequential takes the next port for each destination.
func SymmetricSequential() NATConfig {
	return NATConfig{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, Ports: PortsSequential}
}

// SymmetricRandom takes a random port for each destination.
func SymmetricRandom() NATConfig {
	return NATConfig{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, Ports: PortsRandom}
}

// Blocked lets no UDP through.
func Blocked() NATConfig { return NATConfig{Blocked: true} }

// NAT is a router between a local network and the internet, or the network of a carrier.
type NAT struct {
	network *Network
	outer   *NAT // of the carrier; nil if there is none
	config  NATConfig
	public  netip.Addr

	// guarded by network.mu
	hosts    map[netip.Addr]*Host
	routers  map[netip.Addr]*NAT // behind this one
	mappings map[mappingKey]*mapping
	ports    map[uint16]*mapping
	next     int
}

// mappingKey is what a mapping belongs to; to is as much of the destination as counts.
type mappingKey struct {
	inside netip.AddrPort
	to     netip.AddrPort
}

type mapping struct {
	key     mappingKey
	port    uint16
	last    time.Time
	written map[netip.AddrPort]bool // as much of the destinations as counts for the filter
}

// NAT puts a router with that public address on the internet.
func (n *Network) NAT(public netip.Addr, config NATConfig) *NAT {
	return n.newNAT(nil, n.nats, public, config)
}

// NAT puts a router behind this one, which is that of a carrier then; outside is the address that it has there. The routers
// behind one carrier reach each other at those addresses.
func (nat *NAT) NAT(outside netip.Addr, config NATConfig) *NAT {
	return nat.network.newNAT(nat, nat.routers, outside, config)
}

func (n *Network) newNAT(outer *NAT, routers map[netip.Addr]*NAT, public netip.Addr, config NATConfig) *NAT {
	nat := &NAT{network: n, outer: outer, config: config, public: public, hosts: make(map[netip.Addr]*Host), routers: make(map[netip.Addr]*NAT)}
	nat.forget()
	n.mu.Lock()
	defer n.mu.Unlock()
	routers[public] = nat
	return nat
}

// Host puts a machine behind the router, or returns the one that is there. Several routers may have the same local addresses.
func (nat *NAT) Host(ip netip.Addr) *Host {
	nat.network.mu.Lock()
	defer nat.network.mu.Unlock()
	if nat.hosts[ip] == nil {
		nat.hosts[ip] = newHost(nat.network, nat, ip)
	}
	return nat.hosts[ip]
}

// Reboot makes the router forget its mappings, and gives it another public address if one is named.
func (nat *NAT) Reboot(public netip.Addr) {
	nat.network.mu.Lock()
	defer nat.network.mu.Unlock()
	nat.forget()
	if public.IsValid() {
		routers := nat.network.nats
		if nat.outer != nil {
			routers = nat.outer.routers
		}
		delete(routers, nat.public)
		nat.public = public
		routers[public] = nat
	}
}

func (nat *NAT) forget() {
	nat.mappings = make(map[mappingKey]*mapping)
	nat.ports = make(map[uint16]*mapping)
	nat.next = 0
}

// part is as much of an address as counts.
func (d Dependency) part(addr netip.AddrPort) netip.AddrPort {
	switch d {
	case EndpointIndependent:
		return netip.AddrPort{}
	case AddressDependent:
		return netip.AddrPortFrom(addr.Addr(), 0)
	}
	return addr
}

// outbound is the outside address from which a datagram leaves.
func (nat *NAT) outbound(inside, to netip.AddrPort) (netip.AddrPort, bool) {
	if nat.config.Blocked {
		return netip.AddrPort{}, false
	}
	key := mappingKey{inside, nat.config.Mapping.part(to)}
	m := nat.mappings[key]
	if m == nil || nat.expired(m) {
		port, ok := nat.choose(inside.Port())
		if !ok {
			return netip.AddrPort{}, false
		}
		m = &mapping{key: key, port: port, written: make(map[netip.AddrPort]bool)}
		nat.mappings[key], nat.ports[port] = m, m
	}
	m.last = time.Now()
	m.written[nat.config.Filtering.part(to)] = true
	return netip.AddrPortFrom(nat.public, m.port), true
}

// inbound lets a datagram in or not.
func (nat *NAT) inbound(from netip.AddrPort, port uint16, b []byte) {
	m := nat.ports[port]
	if m == nil || nat.expired(m) || !m.written[nat.config.Filtering.part(from)] || nat.config.Blocked {
		return
	}
	nat.deliver(from, m.key.inside, b)
}

// deliver hands a datagram to who has that address on the local network, if there is somebody.
func (nat *NAT) deliver(from, to netip.AddrPort, b []byte) bool {
	switch host, router := nat.hosts[to.Addr()], nat.routers[to.Addr()]; {
	case host != nil:
		host.deliver(from, to.Port(), b)
	case router != nil:
		router.inbound(from, to.Port(), b)
	default:
		return false
	}
	return true
}

// expired forgets a mapping that was idle for too long.
func (nat *NAT) expired(m *mapping) bool {
	if nat.config.Timeout <= 0 || time.Since(m.last) < nat.config.Timeout {
		return false
	}
	delete(nat.ports, m.port)
	delete(nat.mappings, m.key)
	return true
}

// choose picks a free port.
func (nat *NAT) choose(inside uint16) (uint16, bool) {
	first, step := int(nat.config.First), nat.config.Step
	if first == 0 {
		first = 40000
	}
	if step == 0 {
		step = 1
	}
	for tries := range 1 << 16 {
		var port int
		switch nat.config.Ports {
		case PortsPreserved:
			port = int(inside) + tries
		case PortsSequential:
			port = first + nat.next*step
			nat.next++
		case PortsRandom:
			port = 1024 + nat.network.random.IntN(65536-1024)
		}
		port &= 0xFFFF
		if port >= 1024 && nat.ports[uint16(port)] == nil {
			return uint16(port), true
		}
	}
	return 0, false
}
