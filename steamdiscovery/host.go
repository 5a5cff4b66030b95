package steamdiscovery

import (
	"bytes"
	"net/netip"
	"slices"
	"time"
)

// Host is a client that was found. It is a snapshot: the discoverer does not change it afterwards.
type Host struct {
	ClientID   ClientID
	InstanceID InstanceID // 0 if the host does not say

	// Addr is where the host was heard first, or, when it fell silent there, where it was heard since. Everything else in
	// a Host is what it says itself, this is what the network says.
	Addr netip.AddrPort
	// Addrs are all addresses where it was heard, Addr among them; at most 8. A machine with two networks has two.
	Addrs []netip.AddrPort

	// Status is what the host says about itself, its texts made fit for display.
	Status Status
	// RawHostname is the name as it was sent: any bytes. Do not show it.
	RawHostname string
	// Raw is the status message as it was sent, a protobuf CMsgRemoteClientBroadcastStatus with everything that newer
	// clients say.
	Raw []byte

	FirstSeen time.Time // this instance
	LastSeen  time.Time
	// Missed is how many questions in a row it did not answer. The third makes it gone.
	Missed int
}

// Name is the host's name for display, or its address if it has none.
func (h Host) Name() string {
	if h.Status.Hostname != "" {
		return h.Status.Hostname
	}
	return h.Addr.Addr().String()
}

// ConnectAddr is where the host takes requests and control connections: the port that it names, at the address where it
// was heard.
func (h Host) ConnectAddr() netip.AddrPort {
	return netip.AddrPortFrom(h.Addr.Addr(), orElse(h.Status.ConnectPort, h.Addr.Port()))
}

// clone copies the lists that a caller could change.
func (h Host) clone() Host {
	h.Addrs = slices.Clone(h.Addrs)
	h.Raw = bytes.Clone(h.Raw)
	h.Status = h.Status.Clone()
	return h
}

// EventKind says what happened.
type EventKind int

// What happens.
const (
	Appeared    EventKind = iota // a host was heard for the first time
	Changed                      // a host says something else, or is heard elsewhere
	Gone                         // a host is not there any more; see Reason
	StepChanged                  // the discoverer itself: see Step and Err
)

// String is the kind in a word.
func (k EventKind) String() string {
	return stepName(int(k), "appeared", "changed", "gone", "step changed")
}

// GoneReason says why a host is gone.
type GoneReason int

// Why hosts go.
const (
	ReasonNone   GoneReason = iota // it is not gone
	SaidOffline                    // it said that it is offline
	FellSilent                     // it did not answer three questions in a row
	WasRestarted                   // another instance has taken its place; it appears next
)

// String is the reason in words.
func (r GoneReason) String() string {
	return stepName(int(r), "", "offline", "silence", "restarted")
}

// Event is something that happened to a host, or to the discoverer.
type Event struct {
	Kind     EventKind
	Time     time.Time
	Host     Host       // as it is now, or as it was last if it is gone
	Previous Host       // for Changed: as it was
	Reason   GoneReason // for Gone

	Step DiscovererStep // for StepChanged
	Err  error          // for StepChanged: why, if something failed
}
