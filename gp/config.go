package gp

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// Config says where the presence services are and how to talk to them. Game and one of Domain, Host and Addr are needed;
// everything else works when it is zero.
type Config struct {
	// Game is the name that the game has at GameSpy, such as "gmtest". Empty is sent as it is.
	Game string

	// Domain makes the names of the services: "example.net" gives gpcm.example.net and gpsp.example.net. Empty means that
	// Host or the addresses below are used.
	Domain string
	// Host is one host for all services, as small back ends have it; it wins over Domain. Empty means none.
	Host string
	// Addr is the address of the connection manager, with or without a port, and wins over Host and Domain. Empty means
	// none.
	Addr string
	// SearchAddr is Addr for the search service.
	SearchAddr string
	// Resolver finds addresses by name. Nil means net.DefaultResolver.
	Resolver Resolver
	// DialContext opens connections, always to an IP address with a port. Nil means a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// ProductID is the number that the game has at GameSpy. Zero is sent as zero, which living servers take.
	ProductID ProductID
	// NamespaceID says where uniquenicks are unique. Zero means 1, GameSpy's own; [NoNamespace] is for games that have no
	// uniquenicks.
	NamespaceID NamespaceID
	// PartnerID is the company that accounts belong to. Zero is GameSpy; 10 is [PartnerIGN], 11 [PartnerNintendo].
	PartnerID PartnerID
	// Revision is what the client can do, as a sum of Revision constants. Zero means [DefaultRevision]. With
	// [RevisionStatusInfo], the newer status is sent as well as the older.
	Revision int
	// Quiet is what the server shall hold back, as a sum of Quiet constants. Zero means nothing.
	Quiet int
	// PeerPort is announced as the UDP port for direct links between players, which relight itself does not make. Zero
	// announces a firewall: everything goes through the server.
	PeerPort uint16

	// AcceptUnverifiedProof accepts a server that cannot prove that it knows the password. UniSpy and dumbspy send a
	// wrong proof. False refuses it with [ErrProofMismatch].
	AcceptUnverifiedProof bool
	// Challenge makes the client's challenge of a login: 32 letters and digits. Nil means a random one; anything else is
	// for tests that replay a recorded login.
	Challenge func() string

	// DialTimeout bounds the connect to one address. Zero means 10 s.
	DialTimeout time.Duration
	// LoginTimeout bounds a login from its start to the server's answer, all addresses included. Zero means 30 s.
	LoginTimeout time.Duration
	// OperationTimeout bounds the wait for the server's answer to one request. Zero means 15 s.
	OperationTimeout time.Duration
	// WriteTimeout bounds the sending of one message. Zero means 10 s.
	WriteTimeout time.Duration
	// SearchTimeout bounds one search, all pages of its results together. Zero means 30 s.
	SearchTimeout time.Duration
	// KeepAlive is the silence, of both sides, after which a keep-alive is sent. Zero means 120 s, like the original;
	// negative means never.
	KeepAlive time.Duration
	// PeerTimeout ends a session that has received nothing for this long; halfway there, a keep-alive asks for a sign of
	// life. Use it only with a server that answers keep-alives (wfc, dwc) or sends its own more often than this (openspy
	// every 61 s): others are silent while they are well. Zero means no limit; TCP's own keep-alive still works.
	PeerTimeout time.Duration

	// Reconnect lets the session get a new connection when the one it has is lost. Nil means never: the session ends.
	// A login that fails at the first time is not tried again either way.
	Reconnect *Reconnect

	// SendRate is how many messages are sent in a second, once those of two seconds have gone out at once; more of them wait
	// in the queue. Zero means 50, negative no limit. Keep-alives do not count.
	SendRate float64
	// SendQueue is how many messages wait to be sent; with one more, a call fails with [ErrQueueFull]. Zero means 128.
	SendQueue int

	// EventQueue is how many events wait to be taken, with at most 4 MiB of text in them. When one more arrives, the oldest
	// is dropped, and the next event that is taken is an [*EventsLost] with their number. Zero means 1024.
	EventQueue int
	// FetchProfiles asks the server for the profiles of the buddies, and of everybody with an open request, one after the
	// other, and keeps them in the roster. False leaves that to [Session.Profile].
	FetchProfiles bool
	// ProfileCache is how many profiles are kept; the one that was not used for the longest makes room. Zero means 512,
	// negative none.
	ProfileCache int
	// ProfileAge is how long [Session.Profile] takes a profile from the cache instead of asking again. Zero means 10
	// minutes, negative for ever.
	ProfileAge time.Duration
	// MaxMessage is the longest message that is accepted, in bytes. Zero means 256 KiB.
	MaxMessage int
	// SearchConnections is how many connections to the search service one searcher, or all searchers of a session, have at
	// once; more searches wait. Zero means 4.
	SearchConnections int
	// MaxResults is the most results that one search takes, over all its pages. Zero means 10 000.
	MaxResults int

	// Progress is called with the state at every step of a login, and once more when it has failed: until Login returns
	// there is no session to ask. It runs in the goroutine that logs in, without locks, and should return soon. Nil means
	// that nobody is told; errors name the step anyway.
	Progress func(State)
	// Logger gets the steps of sessions at Info, what is odd at Warn, and every message, with secrets masked, at Debug. Nil
	// is silent.
	Logger *slog.Logger
}

// NoNamespace is the NamespaceID of games without uniquenicks.
const NoNamespace NamespaceID = -1

// What a client can do, for Config.Revision. The server changes its behaviour by these.
const (
	RevisionAuth       = gpwire.RevisionAuth       // be told when a buddy request was accepted
	RevisionRevoke     = gpwire.RevisionRevoke     // be told when a buddy removed the player
	RevisionStatusInfo = gpwire.RevisionStatusInfo // the newer status, which no living server understands
	RevisionLists      = gpwire.RevisionLists      // be sent the buddy and block lists after login
	RevisionRemoteAuth = gpwire.RevisionRemoteAuth // be told namespace and partner after an authtoken login
	RevisionCDKey      = gpwire.RevisionCDKey      // CD key registration with a game id

	// DefaultRevision is what the original of 2007 announces.
	DefaultRevision = RevisionAuth | RevisionRevoke | RevisionLists
)

// What the server shall hold back, for Config.Quiet and Session.SetQuiet.
const (
	QuietNone     = gpwire.QuietNone
	QuietMessages = gpwire.QuietMessages // messages of buddies
	QuietUTMs     = gpwire.QuietUTMs     // messages from game to game
	QuietLists    = gpwire.QuietLists    // requests, authorisations and revocations
	QuietAll      = gpwire.QuietAll
)

// withDefaults fills in what zero means.
func (c Config) withDefaults() Config {
	c = c.withDialer()
	switch c.NamespaceID {
	case 0:
		c.NamespaceID = 1
	case NoNamespace:
		c.NamespaceID = 0
	}
	if c.Revision == 0 {
		c.Revision = DefaultRevision
	}
	if c.Challenge == nil {
		c.Challenge = newChallenge
	}
	for _, limit := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.DialTimeout, 10 * time.Second},
		{&c.LoginTimeout, 30 * time.Second},
		{&c.OperationTimeout, 15 * time.Second},
		{&c.WriteTimeout, 10 * time.Second},
		{&c.SearchTimeout, 30 * time.Second},
		{&c.KeepAlive, 120 * time.Second},
		{&c.ProfileAge, 10 * time.Minute},
	} {
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
	}
	if c.SendRate == 0 {
		c.SendRate = 50
	}
	if c.SendQueue <= 0 {
		c.SendQueue = 128
	}
	if c.EventQueue <= 0 {
		c.EventQueue = 1024
	}
	if c.ProfileCache == 0 {
		c.ProfileCache = 512
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = kv.DefaultLimit
	}
	if c.SearchConnections <= 0 {
		c.SearchConnections = 4
	}
	if c.MaxResults <= 0 {
		c.MaxResults = 10_000
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// withDialer fills in the dialer alone.
func (c Config) withDialer() Config {
	if c.DialContext == nil {
		c.DialContext = (&net.Dialer{}).DialContext
	}
	return c
}

func (c Config) locator() backend.Locator {
	return backend.Locator{Domain: c.Domain, Host: c.Host, Resolver: c.Resolver}
}

// newChallenge makes 32 random characters. The 32 characters of crypto/rand.Text's alphabet are among those that the
// protocol allows.
func newChallenge() string { return (rand.Text() + rand.Text())[:gpwire.ClientChallenge] }
