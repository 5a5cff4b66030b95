package netlab

import (
	"fmt"
	"strings"
)

// Dependency says on what a NAT's choice depends, in the words of RFC 4787.
type Dependency int

// The dependencies. Kernel is what Linux' masquerading does by itself.
const (
	Kernel Dependency = iota
	EndpointIndependent
	AddressDependent
	AddressAndPortDependent
)

// Allocation says how a NAT chooses outside ports.
type Allocation int

// The allocations.
const (
	Preserve Allocation = iota // the inside port
	Sequential
	Random
)

// NAT is what a router does with UDP. The zero value is a plain Linux router.
type NAT struct {
	Mapping    Dependency
	Filtering  Dependency // Kernel is AddressAndPortDependent
	Allocation Allocation // must not be Preserve with a Mapping that depends on something
	Hairpin    bool       // only with Preserve
	Blocked    bool       // UDP is dropped
}

const (
	firstPort = 40000
	ports     = 2000
)

// Translate makes a host the NAT router between its interfaces "lan", which has the network, and "wan", which has the public
// address. Linux has port-restricted and symmetric NATs only; the others come from nftables maps that are filled on the
// packets' path: outside port to inside endpoint, and whom an outside port has written to.
func (l *Lab) Translate(router string, nat NAT, network, public string) {
	l.t.Helper()
	l.Set(router, "net/ipv4/ip_forward", "1")
	// A hairpinned packet would be switched where bridges are filtered, and lost.
	l.Set(router, "net/bridge/bridge-nf-call-iptables", "0")
	l.Rules(router, nat.rules(network, public))
}

func (n NAT) rules(network, public string) string {
	var b strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&b, format+"\n", arguments...) }
	line("table ip nat\ndelete table ip nat\ntable ip nat {")
	numbered := n.Allocation != Preserve
	if numbered {
		// A number straight from the generator comes out in the wrong byte order as a port (nftables 1.0.6).
		var elements []string
		for i := range ports {
			elements = append(elements, fmt.Sprintf("%d : %d", i+1, firstPort+i))
		}
		line("map ports { type mark : inet_service; elements = { %s }; }", strings.Join(elements, ", "))
	}
	key, kind := "ip saddr . udp sport", "ipv4_addr . inet_service"
	if n.Mapping == AddressDependent {
		key, kind = key+" . ip daddr", kind+" . ipv4_addr"
	}
	remembered := numbered && (n.Mapping == EndpointIndependent || n.Mapping == AddressDependent)
	if remembered {
		line("map omap { type %s : mark; flags dynamic,timeout; timeout 120s; }", kind)
	}
	line("map imap { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; }")
	line("set seen { type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s; }")

	line("chain pre { type nat hook prerouting priority dstnat; policy accept;")
	switch n.Filtering {
	case EndpointIndependent:
		line(`iifname "wan" ip daddr %s meta l4proto udp dnat ip to udp dport map @imap`, public)
	case AddressDependent:
		line(`iifname "wan" ip daddr %s udp dport . ip saddr @seen dnat ip to udp dport map @imap`, public)
	}
	if n.Hairpin {
		filter := "udp dport . ip daddr @seen"
		if n.Filtering == EndpointIndependent {
			filter = "meta l4proto udp"
		}
		line(`iifname "lan" ip daddr %s %s dnat ip to udp dport map @imap`, public, filter)
	}
	line("}")
	if n.Hairpin {
		// What goes to the own public address opens the filter even if nobody is there yet.
		line("chain hair { type filter hook prerouting priority mangle; policy accept;")
		line(`iifname "lan" ip daddr %s meta l4proto udp update @seen { udp sport . ip daddr }`, public)
		line(`iifname "lan" ip daddr %s meta l4proto udp update @imap { udp sport : ip saddr . udp sport }`, public)
		line("}")
	}
	generator := map[Allocation]string{Sequential: "inc", Random: "random"}[n.Allocation]
	if remembered {
		line("chain alloc { type filter hook forward priority -5; policy accept;")
		from := fmt.Sprintf(`iifname "lan" ip saddr %s meta l4proto udp`, network)
		line(`%s meta mark set %s map @omap`, from, key)
		line(`%s meta mark 0 ct state new add @omap { %s : numgen %s mod %d offset 1 }`, from, key, generator, ports)
		line(`%s meta mark set %s map @omap`, from, key)
		line(`%s meta mark != 0 update @omap { %s : meta mark }`, from, key)
		line("}")
	}
	line("chain post { type nat hook postrouting priority srcnat; policy accept;")
	translate := "masquerade"
	switch {
	case remembered:
		translate = fmt.Sprintf("snat to %s : meta mark map @ports", public)
	case numbered:
		translate = fmt.Sprintf("meta mark set numgen %s mod %d offset 1 snat to %s : meta mark map @ports", generator, ports, public)
	case n.Mapping != Kernel:
		translate = "snat to " + public
	}
	line(`oifname "wan" ip saddr %s meta l4proto udp %s`, network, translate)
	line(`oifname "wan" ip saddr %s masquerade`, network)
	if n.Hairpin {
		line(`iifname "lan" oifname "lan" ct status dnat snat to %s`, public)
	}
	line("}")
	// Behind the translation of sources: what is the source port now is the outside one.
	line("chain learn { type filter hook postrouting priority 300; policy accept;")
	line(`iifname "lan" oifname "wan" meta l4proto udp ct direction original update @imap { udp sport : ct original ip saddr . ct original proto-src }`)
	line(`iifname "lan" oifname "wan" meta l4proto udp ct direction reply update @imap { udp sport : ct reply ip saddr . ct reply proto-src }`)
	line(`iifname "lan" oifname "wan" meta l4proto udp update @seen { udp sport . ip daddr }`)
	line("}")
	line("chain input { type filter hook input priority 0; policy accept;")
	line(`iifname "wan" ct state established,related accept`)
	line(`iifname "wan" meta l4proto { tcp, udp } drop`)
	line(`iifname "lan" ip daddr %s meta l4proto udp drop`, public)
	line("}")
	line("chain forw { type filter hook forward priority 0; policy accept;")
	if n.Blocked {
		line(`oifname "wan" meta l4proto udp drop`)
	}
	line(`iifname "wan" ct state established,related accept`)
	line(`iifname "wan" ct status dnat accept`)
	line(`iifname "wan" drop`)
	line("}\n}")
	return b.String()
}
