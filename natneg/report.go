package natneg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Dependency says on what a choice of the NAT depends: of the outside port (mapping), or of whom it lets in (filtering), in
// the words of RFC 4787.
type Dependency uint8

// The dependencies.
const (
	DependencyUnknown       Dependency = iota // not found out
	EndpointIndependent                       // on nothing: one port for all destinations, or everybody is let in
	AddressDependent                          // on the other side's address
	AddressAndPortDependent                   // on the other side's address and port
)

// String is the name.
func (d Dependency) String() string {
	switch d {
	case EndpointIndependent:
		return "endpoint-independent"
	case AddressDependent:
		return "address-dependent"
	case AddressAndPortDependent:
		return "address and port-dependent"
	}
	return "unknown"
}

// Fact is a question that may not have been answered.
type Fact uint8

// The answers.
const (
	FactUnknown Fact = iota
	FactNo
	FactYes
)

// String is the answer.
func (f Fact) String() string {
	switch f {
	case FactNo:
		return "no"
	case FactYes:
		return "yes"
	}
	return "unknown"
}

// factOf is the answer that a bool gives.
func factOf(b bool) Fact {
	if b {
		return FactYes
	}
	return FactNo
}

// Report is what a detection found out about the NAT in front of this machine: [Detect], which asks the matchup servers, or
// natneg/rfc5780, which asks a STUN server. Put into Config.NAT, it is told to the servers, which keep statistics of it, and
// helps to say early what cannot work.
type Report struct {
	Mapping          Dependency     // of the outside port; matchup servers cannot tell AddressDependent from AddressAndPortDependent and say the latter
	Filtering        Dependency     // of who is let in
	PortPreservation Fact           // the outside port is the inside one, as far as seen
	Hairpin          Fact           // a machine behind the NAT reaches another one behind it through the public address
	Step             int            // from one new mapping to the next, if that is always the same: such ports can be predicted; 0 if not, or not known
	Public           netip.AddrPort // as server 1 sees us, or server 2 if server 1 is silent
	Private          netip.AddrPort // as we see ourselves

	NAT           NATType       // in GameSpy's words
	Promiscuity   Promiscuity   // whom a symmetric NAT lets in
	Scheme        MappingScheme // how ports are chosen, in GameSpy's words
	QR2Compatible bool          // two flows to the same server keep one port: a listed server is found where the master saw it

	IPRestricted   bool          // packets from addresses that were not written to are kept out
	PortRestricted bool          // packets from other addresses and ports than those written to are kept out
	TwoServers     bool          // one matchup server did not take part (see Servers); two views were compared in place of three
	NoProbes       bool          // not all servers sent their probes, so that IPRestricted or PortRestricted is only assumed
	SameAddress    bool          // all servers that answered have one IP address: how the NAT treats others is not known
	Servers        []ServerState // the matchup servers; empty if others were asked
	Duration       time.Duration
}

// Classify puts Mapping, Filtering, PortPreservation, Step, Public and Private into GameSpy's words: NAT, Promiscuity, Scheme
// and the two restrictions. It is for detections that do not ask GameSpy's servers.
func (r *Report) Classify() {
	r.NAT, r.Promiscuity, r.Scheme = NATUnknown, PromiscuityNotApplicable, MappingUnrecognized
	if r.Mapping == DependencyUnknown {
		return
	}
	r.PortRestricted = r.Filtering == AddressAndPortDependent || r.Filtering == DependencyUnknown
	r.IPRestricted = r.PortRestricted || r.Filtering == AddressDependent
	r.NoProbes = r.Filtering == DependencyUnknown
	r.QR2Compatible = true
	open := !r.IPRestricted && !r.PortRestricted
	switch {
	case r.Public.IsValid() && r.Public.Addr() == r.Private.Addr() && open:
		r.NAT = NATNone
	case r.Public.IsValid() && r.Public.Addr() == r.Private.Addr():
		r.NAT = NATFirewallOnly
	case r.Mapping != EndpointIndependent:
		r.NAT = NATSymmetric
		r.Promiscuity = observations{ipRestricted: r.IPRestricted, portRestricted: r.PortRestricted}.promiscuity()
	case r.PortRestricted:
		r.NAT = NATPortRestricted
	case r.IPRestricted:
		r.NAT = NATRestrictedCone
	default:
		r.NAT = NATFullCone
	}
	switch {
	case r.Mapping == EndpointIndependent && r.PortPreservation == FactYes:
		r.Scheme = MappingPrivateAsPublic
	case r.Mapping == EndpointIndependent:
		r.Scheme = MappingConsistent
	case r.Step == 1 && r.PortPreservation == FactYes:
		r.Scheme = MappingMixed
	case r.Step == 1:
		r.Scheme = MappingIncremental
	}
}

// String says it in a sentence, for a person.
func (r *Report) String() string {
	var b strings.Builder
	switch r.NAT {
	case NATNone:
		b.WriteString("no NAT: everybody can reach this machine directly")
	case NATFirewallOnly:
		b.WriteString("no NAT, but a firewall: others get in once this machine has written to them, so negotiation works")
	case NATFullCone:
		b.WriteString("an open NAT (full cone): everybody can reach the ports that are in use, and negotiation works with everybody")
	case NATRestrictedCone:
		b.WriteString("a NAT that lets in whom it was asked to (restricted cone): negotiation works with everybody")
	case NATPortRestricted:
		b.WriteString("a NAT that lets in whom it was asked to, port by port (port restricted cone), the usual home router: negotiation works with everybody except behind symmetric NATs that choose their ports at random")
	case NATSymmetric:
		if r.Step != 0 {
			fmt.Fprintf(&b, "a NAT with another port for each destination (symmetric), %+d each time: negotiation has to predict the port, which mostly works, except with NATs that choose their ports at random", r.Step)
		} else {
			b.WriteString("a NAT with another port for each destination, chosen at random (symmetric): negotiation works only with machines behind open or restricted cone NATs, or without any")
		}
	default:
		b.WriteString("it is not known what is in front of this machine")
	}
	if r.NoProbes && r.NAT != NATUnknown {
		b.WriteString(" (it is only assumed that others are kept out: the servers did not all try)")
	}
	if r.SameAddress {
		b.WriteString(" (as far as can be told: all matchup servers have the same address)")
	} else if r.TwoServers {
		silent := slices.IndexFunc(r.Servers, func(s ServerState) bool { return !s.Answered })
		if names := [serverCount]string{"first", "second", "third"}; silent >= 0 && silent < len(names) {
			fmt.Fprintf(&b, " (the %s matchup server did not answer)", names[silent])
		}
	}
	return b.String()
}

// Outlook is what theory says of two machines behind NATs (spec nat.md §3).
type Outlook uint8

// The outlooks.
const (
	OutlookUnknown    Outlook = iota // too little is known of one of them
	OutlookGood                      // they reach each other at the addresses that the matchup servers see
	OutlookPrediction                // one has to guess the other's next port, which is done
	OutlookBirthday                  // only with Config.Birthday, on both sides
	OutlookImpossible                // they need a relay or a port mapping
)

// String says it in words.
func (o Outlook) String() string {
	switch o {
	case OutlookGood:
		return "good"
	case OutlookPrediction:
		return "with port prediction"
	case OutlookBirthday:
		return "only by guessing a random port (Config.Birthday on both sides)"
	case OutlookImpossible:
		return "impossible without a relay or a port mapping"
	}
	return "unknown"
}

// Outlook says whether this machine and another one can reach each other.
func (r *Report) Outlook(peer *Report) Outlook {
	if r == nil || peer == nil || r.Mapping == DependencyUnknown || peer.Mapping == DependencyUnknown {
		return OutlookUnknown
	}
	// What counts is whose ports change, and who looks at ports. What is not known is taken to be strict: most are.
	strict := func(r *Report) bool {
		return r.Filtering == AddressAndPortDependent || r.Filtering == DependencyUnknown
	}
	hard, easy := r, peer
	switch changes, others := r.Mapping != EndpointIndependent, peer.Mapping != EndpointIndependent; {
	case !changes && !others:
		return OutlookGood
	case changes && others:
		return r.outlookBothHard(peer, strict(r), strict(peer))
	case others:
		hard, easy = peer, r
	}
	switch {
	case !strict(easy):
		return OutlookGood
	case hard.Step != 0:
		return OutlookPrediction
	}
	return OutlookBirthday
}

// outlookBothHard is for two NATs whose ports change.
func (r *Report) outlookBothHard(peer *Report, strict, peerStrict bool) Outlook {
	switch {
	case !strict && !peerStrict:
		return OutlookGood // either is let in at the old port of the other
	case r.Step != 0 && peer.Step != 0:
		return OutlookPrediction
	case strict && !peerStrict && peer.Step != 0, !strict && peerStrict && r.Step != 0:
		return OutlookPrediction
	}
	return OutlookImpossible
}
