package steamdiscovery

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// AnnouncerStep is what an [Announcer] is doing.
type AnnouncerStep int

// The steps of an announcer.
const (
	AnnouncerIdle       AnnouncerStep = iota // open, but not running
	AnnouncerAnnouncing                      // answers and broadcasts
	AnnouncerOffline                         // ended, as was wanted
	AnnouncerFailed                          // ended, because the socket failed
)

// String is the step in a word.
func (s AnnouncerStep) String() string {
	return stepName(int(s), "idle", "announcing", "offline", "failed")
}

// DiscovererStep is what a [Discoverer] is doing.
type DiscovererStep int

// The steps of a discoverer.
const (
	DiscovererIdle      DiscovererStep = iota // open, but not running
	DiscovererSearching                       // asks, and nobody has answered yet or nobody is left
	DiscovererTracking                        // at least one host is known
	DiscovererNoNetwork                       // the last question could not be sent anywhere; it will try again
	DiscovererClosed                          // ended, as was wanted
)

// String is the step in words.
func (s DiscovererStep) String() string {
	return stepName(int(s), "idle", "searching", "tracking", "no network", "closed")
}

func stepName(step int, names ...string) string {
	if step >= 0 && step < len(names) {
		return names[step]
	}
	return "step " + strconv.Itoa(step)
}

// AnnouncerState is a snapshot of an [Announcer].
type AnnouncerState struct {
	Step  AnnouncerStep
	Since time.Time // when the step began

	Addr       netip.AddrPort // where it listens
	ClientID   ClientID
	InstanceID InstanceID
	Status     Status           // what it announces, zero values filled in
	Broadcast  []netip.AddrPort // where it broadcast last

	LastError error // of the last broadcast or the last failed answer; nil after a broadcast that worked
	Counters  AnnouncerCounters
}

// AnnouncerCounters counts packets since the start.
type AnnouncerCounters struct {
	Received   uint64 // datagrams of any kind
	Questions  uint64 // searches that deserved an answer
	Requests   uint64 // requests of devices that went to AnnounceConfig.Requests
	Answers    uint64 // packets sent to one asker
	Broadcasts uint64 // packets sent to everyone on a network
	SendFailed uint64
	ReadFailed uint64
	Conflicts  uint64 // signs that another machine has the same client id
	Ignored    Ignored
}

// AnnouncerEvent is a step of an [Announcer].
type AnnouncerEvent struct {
	Step AnnouncerStep
	Time time.Time
	Err  error // why, if it failed
}

// DiscovererState is a snapshot of a [Discoverer].
type DiscovererState struct {
	Step  DiscovererStep
	Since time.Time // when the step began

	ClientID ClientID         // under which it asks
	Sockets  []netip.AddrPort // from which it asks
	Passive  netip.AddrPort   // where it listens to broadcasts; not valid while it does not
	Targets  []netip.AddrPort // whom it asked last
	Search   uint32           // sequence number of the search
	Hosts    int              // how many are in the table
	LastPoll time.Time        // when it asked last

	// LastError is why the last poll reached nobody, or why a socket failed; nil after a poll that reached at least one
	// target, if a passive discoverer listens as well.
	LastError error
	Counters  DiscovererCounters
}

// DiscovererCounters counts packets since the start.
type DiscovererCounters struct {
	Polls      uint64 // rounds of questions
	Sent       uint64 // packets
	Received   uint64 // datagrams of any kind
	Statuses   uint64 // accepted
	Offlines   uint64 // accepted
	SendFailed uint64
	ReadFailed uint64
	LostEvents uint64 // dropped because an iterator over the events was slow
	Conflicts  uint64 // statuses of a second machine under the client id of a first
	Ignored    Ignored
}

// Ignored counts datagrams that had no effect, by reason.
type Ignored struct {
	NotSteam    uint64 // some other protocol
	Malformed   uint64 // damaged, or not addressed as it must be
	Own         uint64 // our own broadcast came back
	OtherType   uint64 // a type that is of no concern here
	RateLimited uint64 // too many questions from one address, or too many new hosts, or changes of one host
	Duplicate   uint64 // the same question again, heard through another broadcast
	TooLarge    uint64 // a status larger than any client sends
	TableFull   uint64 // more hosts than are kept, in all or from one address
	NotFromHost uint64 // an Offline that did not come from the host it is about
}

// add counts a datagram that could not be read.
func (i *Ignored) add(err error) {
	if errors.Is(err, steamdiscoverywire.ErrNotSteam) {
		i.NotSteam++
		return
	}
	i.Malformed++
}

func debugReceived(log *slog.Logger, from netip.AddrPort, envelope *steamdiscoverywire.Envelope) {
	if log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug("received", "peer", from, "type", steamdiscoverywire.TypeName(envelope.Type), "client", envelope.ClientID,
			"instance", envelope.InstanceID, "bytes", len(envelope.Body))
	}
}

func debugIgnored(log *slog.Logger, from netip.AddrPort, err error) {
	if log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug("ignored", "peer", from, "error", err)
	}
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
