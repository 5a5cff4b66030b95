package steamdiscovery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// link is an IPv4 address of this machine, and the address that reaches everyone on its network.
type link struct {
	name      string
	address   netip.Addr
	broadcast netip.Addr
}

// limitedBroadcast reaches the network of the interface whose address a socket is bound to.
var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// loopbackBroadcast reaches listeners on this machine only, on Linux (spec steamdiscovery.md §8).
var loopbackBroadcast = netip.AddrFrom4([4]byte{127, 255, 255, 255})

// usableLinks lists the addresses that discovery can broadcast from. only, unless empty, names the interfaces to take.
func usableLinks(only []string) ([]link, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, &Error{Op: "interfaces", Err: err}
	}
	var links []link
	for _, ifi := range interfaces {
		if len(only) > 0 && !slices.Contains(only, ifi.Name) || !broadcasts(ifi.Flags) {
			continue
		}
		addresses, err := ifi.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, address := range addresses {
			if l, ok := linkOf(ifi.Name, address); ok {
				links = append(links, l)
			}
		}
	}
	return links, nil
}

// checkNames fails if an interface that was asked for is not there.
func checkNames(only []string) error {
	var errs []error
	for _, name := range only {
		if _, err := net.InterfaceByName(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &Error{Op: "interfaces", Err: errors.Join(errs...)}
}

func broadcasts(flags net.Flags) bool {
	const need = net.FlagUp | net.FlagBroadcast
	return flags&need == need && flags&(net.FlagLoopback|net.FlagPointToPoint) == 0
}

func linkOf(name string, address net.Addr) (link, bool) {
	network, ok := address.(*net.IPNet)
	if !ok {
		return link{}, false
	}
	ip, ok := netip.AddrFromSlice(network.IP)
	ip = ip.Unmap()
	ones, bits := network.Mask.Size()
	// The mask of an IPv4 address may be given in the 16-byte form.
	if ones -= bits - 32; !ok || !ip.Is4() || ones < 0 {
		return link{}, false
	}
	broadcast, ok := directedBroadcast(netip.PrefixFrom(ip, ones))
	return link{name: name, address: ip, broadcast: broadcast}, ok
}

// directedBroadcast is the last address of a network. Networks of one or two addresses have none.
func directedBroadcast(prefix netip.Prefix) (netip.Addr, bool) {
	if !prefix.IsValid() || !prefix.Addr().Is4() || prefix.Bits() > 30 {
		return netip.Addr{}, false
	}
	b := prefix.Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | ^uint32(0)>>prefix.Bits()
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b), true
}
