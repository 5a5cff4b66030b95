package portmap

import (
	"net/netip"
	"strconv"
	"time"
)

// Protocol is a way to ask a router.
type Protocol int

// The protocols, the preferred first (spec portmap.md §1).
const (
	PCP    Protocol = iota + 1 // RFC 6887
	NATPMP                     // RFC 6886
	UPnP                       // Internet Gateway Device, versions 1 and 2
)

// String is the name.
func (p Protocol) String() string {
	switch p {
	case PCP:
		return "PCP"
	case NATPMP:
		return "NAT-PMP"
	case UPnP:
		return "UPnP"
	}
	return "protocol " + strconv.Itoa(int(p))
}

// Step is where a mapping is.
type Step int

// The steps.
const (
	StepSetup  Step = iota // checking the configuration
	StepSearch             // looking for a router
	StepMap                // asking it for the port
	StepOpen               // the port is open
	StepRenew              // asking for it again, because the lease ends or the router has forgotten it
	StepLost               // the router does not answer or refuses now; what it has may stay open until the lease ends; see State.Err
	StepClose              // deleting
	StepClosed             // deleted, or as State.Err says
)

// String says what is being done.
func (s Step) String() string {
	switch s {
	case StepSetup:
		return "setting up"
	case StepSearch:
		return "looking for a router"
	case StepMap:
		return "opening the port"
	case StepOpen:
		return "open"
	case StepRenew:
		return "renewing"
	case StepLost:
		return "lost, trying again"
	case StepClose:
		return "closing the port"
	case StepClosed:
		return "closed"
	}
	return "step " + strconv.Itoa(int(s))
}

// State is a mapping as it stands.
type State struct {
	Step      Step
	Since     time.Time      // when the step began
	Protocol  Protocol       // how the router was asked; zero before it answered
	Router    netip.Addr     // who answered
	Network   Network        // what is let through
	Internal  netip.AddrPort // the address and port of this machine to which it leads
	External  netip.AddrPort // what others connect to; the port may not be the wished one
	Lease     time.Duration  // as granted; 0: until it is deleted, because the router knows nothing else
	Granted   time.Time      // when the lease began
	DoubleNAT bool           // External is not a public address
	Err       error          // the last trouble; nil while all is well
	Counters  Counters
}

// Counters counts what happened since Open.
type Counters struct {
	Renewals   uint64 // of the lease, in time
	Recoveries uint64 // mappings made again because the router had lost them, or was lost itself
	Checks     uint64 // looks whether the router still has it
	Failures   uint64 // requests that failed after the first success
	Swept      uint64 // leftovers of earlier runs deleted
}
