package natneg

import "strconv"

// NATType is what stands between this machine and the internet, in GameSpy's words; the values travel in REPORT (spec
// natneg.md §4; GameSpy SDK natneg/NATify.h).
type NATType uint32

// The kinds of NAT.
const (
	NATNone           NATType = 0 // none, and no firewall
	NATFirewallOnly   NATType = 1 // a public address behind a firewall
	NATFullCone       NATType = 2 // one port for all, open to all
	NATRestrictedCone NATType = 3 // one port for all, open to the addresses that were written to
	NATPortRestricted NATType = 4 // one port for all, open to the addresses and ports that were written to
	NATSymmetric      NATType = 5 // another port for each destination
	NATUnknown        NATType = 6 // not detected
)

// String is the name.
func (t NATType) String() string {
	switch t {
	case NATNone:
		return "no NAT"
	case NATFirewallOnly:
		return "firewall only"
	case NATFullCone:
		return "full cone"
	case NATRestrictedCone:
		return "restricted cone"
	case NATPortRestricted:
		return "port restricted cone"
	case NATSymmetric:
		return "symmetric"
	case NATUnknown:
		return "unknown"
	}
	return "NAT type " + strconv.FormatUint(uint64(t), 10)
}

// Promiscuity says whom a symmetric NAT lets in.
type Promiscuity uint32

// The kinds of promiscuity.
const (
	Promiscuous              Promiscuity = 0 // everybody
	NotPromiscuous           Promiscuity = 1 // only addresses and ports that were written to
	PortPromiscuous          Promiscuity = 2 // any port of an address that was written to
	IPPromiscuous            Promiscuity = 3 // any address with a port that was written to
	PromiscuityNotApplicable Promiscuity = 4 // the NAT is not symmetric
)

// String is the name.
func (p Promiscuity) String() string {
	switch p {
	case Promiscuous:
		return "promiscuous"
	case NotPromiscuous:
		return "not promiscuous"
	case PortPromiscuous:
		return "port promiscuous"
	case IPPromiscuous:
		return "IP promiscuous"
	case PromiscuityNotApplicable:
		return "not applicable"
	}
	return "promiscuity " + strconv.FormatUint(uint64(p), 10)
}

// MappingScheme is how a NAT chooses outside ports.
type MappingScheme uint32

// The schemes.
const (
	MappingUnrecognized    MappingScheme = 0
	MappingPrivateAsPublic MappingScheme = 1 // the inside port is kept
	MappingConsistent      MappingScheme = 2 // another port, the same for all destinations
	MappingIncremental     MappingScheme = 3 // the next port for each destination
	MappingMixed           MappingScheme = 4 // kept for the first destination, then the next
)

// String is the name.
func (m MappingScheme) String() string {
	switch m {
	case MappingUnrecognized:
		return "unrecognized"
	case MappingPrivateAsPublic:
		return "private port as public port"
	case MappingConsistent:
		return "consistent port"
	case MappingIncremental:
		return "incremental"
	case MappingMixed:
		return "mixed"
	}
	return "mapping scheme " + strconv.FormatUint(uint64(m), 10)
}
