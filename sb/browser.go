package sb

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Browser finds game servers. It is safe for concurrent use. It holds a connection to the master only after
// [Browser.SendMessage] or one of its relatives, and drops that when it has not been used for a while.
type Browser struct {
	config Config

	flags  atomic.Uint32 // the latest back-end flags, with flagsKnown
	public atomic.Pointer[netip.Addr]

	queries queryCounters

	mu        sync.Mutex
	latest    *tracker
	command   *session          // for messages; nil or ended if there is none
	shared    map[*session]bool // of subscriptions, which carry messages, too
	opening   chan struct{}     // held while command is being opened
	searching chan struct{}     // held by the player search
	closed    bool
}

// flagsKnown is set in Browser.flags once a master has said something.
const flagsKnown = 1 << 16

// New makes a Browser. It does nothing yet. It fails if the Config contradicts itself.
func New(config Config) (*Browser, error) {
	config = config.withDefaults()
	if len(config.Game) > sbwire.MaxGameName || len(config.From) > sbwire.MaxGameName {
		return nil, &Error{Op: "new", Reason: "the game's name is longer than 35 bytes", Err: ErrNotConfigured}
	}
	b := &Browser{config: config, shared: make(map[*session]bool), opening: make(chan struct{}, 1), searching: make(chan struct{}, 1)}
	if config.Protocol > QR1 {
		return nil, &Error{Op: "new", Reason: "Protocol can be QR2 or QR1", Err: ErrNotConfigured}
	}
	if _, err := b.newProber(DirectQuery{}); err != nil {
		return nil, &Error{Op: "new", Reason: "Keys", Err: err}
	}
	return b, nil
}

// String describes the Browser without the secret.
func (b *Browser) String() string { return fmt.Sprintf("sb.Browser{%s}", b.config) }

// GoString is String, so that %#v does not print the secret either.
func (b *Browser) GoString() string { return b.String() }

// State is what the newest connection to the master is doing. Subscriptions have their own State.
func (b *Browser) State() State {
	b.mu.Lock()
	latest := b.latest
	b.mu.Unlock()
	if latest == nil {
		return State{}
	}
	return latest.get()
}

// PublicAddr is this machine's address as a master saw it; the zero value before the first list.
func (b *Browser) PublicAddr() netip.Addr {
	if addr := b.public.Load(); addr != nil {
		return *addr
	}
	return netip.Addr{}
}

// Close ends the connection for messages and waits for its goroutine. Lists under way and subscriptions go on until their
// contexts end or they are closed. It may be called twice.
func (b *Browser) Close() error {
	b.mu.Lock()
	b.closed = true
	command := b.command
	b.command = nil
	b.mu.Unlock()
	if command != nil {
		command.Close()
	}
	return nil
}

// learn keeps what the beginning of a reply says about the game and about us. OpenSpy gives back an address that the query
// only pretended.
func (b *Browser) learn(l *link, head *sbwire.Element, query Query) {
	b.flags.Store(flagsKnown | uint32(l.flags))
	if head.Client.IsValid() && !head.Client.IsUnspecified() && !query.SourceIP.IsValid() {
		client := head.Client
		b.public.Store(&client)
	}
}

// wantsChallenge reports whether game servers are expected to want the query challenge (spec sb.md B.3).
func (b *Browser) wantsChallenge() bool {
	flags := b.flags.Load()
	return flags&flagsKnown == 0 || flags&uint32(sbwire.FlagQueryChallenge) != 0
}
