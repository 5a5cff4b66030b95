package natneg

import "net/netip"

// observations are what the two sockets of a detection saw (spec natneg.md §4). An invalid address did not arrive.
type observations struct {
	ipRestricted   bool
	portRestricted bool
	private        netip.AddrPort
	map1a          netip.AddrPort // public address, as server 1 sees it
	map1b          netip.AddrPort // the same, asked a second time
	map2           netip.AddrPort // as server 2 sees it
	map3           netip.AddrPort // as server 3 sees it
}

// evaluate is the original's table (spec natneg.md §4); ok is false if there is too little to judge by.
func (o observations) evaluate() (report Report, ok bool) {
	if !public(o.map1a) || !public(o.map2) || !public(o.map3) {
		return Report{NAT: NATUnknown, Promiscuity: PromiscuityNotApplicable}, false
	}
	p1, p2, p3 := int(o.map1a.Port()), int(o.map2.Port()), int(o.map3.Port())
	private := int(o.private.Port())
	delta := p3 - p2

	report = Report{
		Promiscuity:    PromiscuityNotApplicable,
		IPRestricted:   o.ipRestricted,
		PortRestricted: o.portRestricted,
		Public:         o.map1a,
		Private:        o.private,
		QR2Compatible:  o.map1b.Port() == 0 || o.map1b.Port() == o.map1a.Port(),
	}
	switch {
	case o.map1a.Addr() == o.private.Addr() && !o.ipRestricted && !o.portRestricted:
		report.NAT = NATNone
	case o.map1a.Addr() == o.private.Addr():
		report.NAT = NATFirewallOnly
	case delta != 0:
		report.NAT = NATSymmetric
		report.Promiscuity = o.promiscuity()
	case o.portRestricted:
		report.NAT = NATPortRestricted
	case o.ipRestricted:
		report.NAT = NATRestrictedCone
	default:
		report.NAT = NATFullCone
	}
	switch {
	case p1 == private && p2 == private && p3 == private:
		report.Scheme = MappingPrivateAsPublic
	case p1 == p2 && p2 == p3:
		report.Scheme = MappingConsistent
	case p1 == private && delta == 1:
		report.Scheme = MappingMixed
	case delta == 1:
		report.Scheme = MappingIncremental
	}
	return report, true
}

func (o observations) promiscuity() Promiscuity {
	switch {
	case !o.ipRestricted && !o.portRestricted:
		return Promiscuous
	case !o.portRestricted:
		return PortPromiscuous
	case !o.ipRestricted:
		return IPPromiscuous
	}
	return NotPromiscuous
}

// public reports whether a server gave an address at all.
func public(addr netip.AddrPort) bool { return addr.Addr().IsValid() && !addr.Addr().IsUnspecified() }
