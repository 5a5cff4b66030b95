package sb

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/natneg"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// Config says which game is browsed, where its list master is, and how long things may take. Game, Secret and one of
// Domain, Host and Addr are needed for everything that asks the master; direct queries and the LAN need none of them.
type Config struct {
	Game        string // name of the game whose servers are listed
	From        string // name of the game that Secret belongs to; empty means Game
	Secret      string // secret of that game; it is never sent, logged or printed
	GameVersion uint32 // told to the master, 0 is what nearly every game says

	// Protocol is the generation of the game: QR1 for games up to about 2004, whose masters listen on port 28900; 0 means
	// QR2. It decides how lists are asked for, and servers of which nothing else is known.
	Protocol Protocol
	// Enctype is how a master of the older protocol is asked to encrypt its list: 0 not at all, 1 or 2 as the game does.
	// Masters of today understand 0, unless they imitate the original for one game.
	Enctype int

	Domain   string   // the back end's domain; the master's name is made from it: example.net gives gmtest.ms8.example.net
	Host     string   // one host for all services; wins over Domain
	Addr     string   // the list master's address, with or without port; wins over both
	Resolver Resolver // nil means net.DefaultResolver

	// DialContext opens the TCP connection to the master; nil means net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// ListenPacket opens the UDP socket of direct queries; nil means net.ListenConfig.
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)
	Logger       *slog.Logger // nil is silent; segments and datagrams are at Debug

	ConnectTimeout   time.Duration // to resolve and connect; 0 means 5 s
	ReplyTimeout     time.Duration // the longest silence of a master that owes something; 0 means 5 s
	ListTimeout      time.Duration // all the waiting for one list, or one search; 0 means 60 s
	KeepAliveTimeout time.Duration // silence of a master that has sent a keep-alive before; 0 means 60 s
	// ReconnectFor is how long a subscription whose connection has ended tries to make it again; 0 means not at all, a
	// negative one without end. The waits between the tries grow from a second to two minutes.
	ReconnectFor time.Duration
	IdleTimeout  time.Duration // how long an unused connection for messages stays open; 0 means 30 s

	Keys map[uint8]string // the game's own QR2 keys, 50 to 253, for DirectQuery.Fields

	QueryAttempts int // how often an unanswered direct query is sent, 1 to 8; 0 means 4
	// QueryTimeout is the wait after the first attempt, half as long again after each later one; 0 means 500 ms. Where
	// answers come fast, it is down to a fifth of that, but after the last attempt it is never shorter.
	QueryTimeout     time.Duration
	QueryConcurrency int // direct queries under way at the same time, of about 1 kB each; 0 means 8192
	// QueryRate is the most datagrams of direct queries and LAN searches a second; 0 means 50,000. Queries start at 1000 a second, or this if it
	// is less; the pace doubles in every round trip while answers come in, and gives way when they are lost.
	QueryRate int

	MaxServers      int // servers of one list, 0 means 250,000; more is an error
	MaxElementBytes int // bytes of one server, key or popular value; 0 means 16 KiB
	MaxPopularBytes int // bytes of all popular values of a list; 0 means 256 KiB
	MaxListBytes    int // what the servers of a subscription may take in memory; 0 means 128 MiB

	// NatNeg says how Connect negotiates. What is empty in Game, Domain, Host, Resolver, ListenPacket and Logger is taken
	// from this Config. The addresses of the listing are added to its Candidates.
	NatNeg natneg.Config

	// Challenge makes the eight characters of each list request; nil means at random. Tests that replay a recording set it.
	Challenge func() [8]byte
}

// String describes the Config without the secret.
func (c Config) String() string {
	return fmt.Sprintf("sb.Config{Game: %q, Domain: %q, Host: %q, Addr: %q, Secret: hidden}", c.Game, c.Domain, c.Host, c.Addr)
}

// GoString is String, so that %#v does not print the secret either.
func (c Config) GoString() string { return c.String() }

// LogValue implements slog.LogValuer without the secret.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.From == "" {
		c.From = c.Game
	}
	if c.DialContext == nil {
		c.DialContext = new(net.Dialer).DialContext
	}
	if c.ListenPacket == nil {
		c.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Challenge == nil {
		c.Challenge = gscrypt.ClientChallenge
	}
	setDefault(&c.ConnectTimeout, 5*time.Second)
	setDefault(&c.ReplyTimeout, 5*time.Second)
	setDefault(&c.ListTimeout, time.Minute)
	setDefault(&c.KeepAliveTimeout, time.Minute)
	setDefault(&c.IdleTimeout, 30*time.Second)
	setDefault(&c.QueryAttempts, 4)
	c.QueryAttempts = min(c.QueryAttempts, maxAttempts)
	setDefault(&c.QueryTimeout, 500*time.Millisecond)
	setDefault(&c.QueryConcurrency, 8192)
	setDefault(&c.QueryRate, fastestPace)
	setDefault(&c.MaxServers, sbwire.DefaultMaxServers)
	setDefault(&c.MaxElementBytes, sbwire.DefaultMaxElement)
	return c
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// service is the list master of the protocol.
func (c Config) service() backend.Service {
	if c.Protocol == QR1 {
		return backend.OldList
	}
	return backend.List
}

func (c Config) locator() backend.Locator {
	return backend.Locator{Domain: c.Domain, Host: c.Host, Resolver: c.Resolver}
}

func (c Config) limits() sbwire.Limits {
	return sbwire.Limits{Element: c.MaxElementBytes, Popular: c.MaxPopularBytes, Servers: c.MaxServers}
}

// natNeg is the NatNeg part with what it takes from the rest.
func (c Config) natNeg() natneg.Config {
	n := c.NatNeg
	if n.Game == "" {
		n.Game = c.Game
	}
	if n.Domain == "" && n.Host == "" && len(n.Servers) == 0 {
		n.Domain, n.Host = c.Domain, c.Host
	}
	if n.Resolver == nil {
		n.Resolver = c.Resolver
	}
	if n.ListenPacket == nil {
		n.ListenPacket = c.ListenPacket
	}
	if n.Logger == nil {
		n.Logger = c.Logger
	}
	return n
}

// negotiates reports whether matchup servers are configured.
func (c Config) negotiates() bool {
	n := c.natNeg()
	return n.Domain != "" || n.Host != "" || len(n.Servers) > 0
}
