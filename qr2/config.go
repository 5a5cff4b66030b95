package qr2

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// KeyID is the number of a key in a query; a game's own are 50 to 253.
type KeyID = qr2wire.KeyID

// maxGame is the longest game name that the original's buffers hold; maxSecret likewise (spec qr2.md §9).
const (
	maxGame   = 57 // the availability check has less space than the 63 bytes of a heartbeat
	maxSecret = 63
)

const defaultResolveTimeout = 5 * time.Second

// Config says which game a [Host] serves and where its masters are. The zero value needs Game and, unless NotPublic is
// set, Secret and one of Domain, Host and Addr.
type Config struct {
	Game   string // GameSpy's name of the game, as "gmtest"; at most 57 bytes
	Secret string // the game's secret key; never shown by String or in logs; needed unless NotPublic

	Domain        string   // "example.net" gives <game>.master.example.net; empty: see Host and Addr
	Host          string   // one host for all services; wins over Domain; empty: see Domain and Addr
	Addr          string   // of the master, host or host:port; wins over both; empty: see Domain and Host
	AvailableAddr string   // of the availability service; empty: made from Domain or Host, and without these it is Addr
	Masters       []string // further masters to report to, host or host:port; nil means none
	Resolver      Resolver // nil means net.DefaultResolver

	NotPublic        bool                     // for the LAN only: not one packet goes to a master; false: listed
	SkipAvailability bool                     // do not ask the availability service first; false: ask, while heartbeats are sent already; silence means yes, and a no takes the server off the list
	RequireChallenge bool                     // clients must verify their address before they query, as if the master asked for it, and get no more than the number for that before, 17 bytes for 7; false: only if it does
	AnswerRate       int                      // bytes of answers that one address gets a second, and four seconds' worth at once, for a query from it may be forged; 0 means 16384. Raise it if monitors or many players share an address; negative: no limit, for trusted networks
	Source           func() (Snapshot, error) // for games that prefer to be asked: called when a query comes or a heartbeat is due and its latest snapshot is older than SourceAge; see "Sources" above; nil: only Update
	SourceAge        time.Duration            // how old a snapshot of Source may be when it is told; 0 means 1 s
	NoQR1            bool                     // questions of the older protocol, \basic\ or \status\, reach the game; false: they are answered
	NatNeg           *natneg.Config           // lets players behind NAT in; what is empty in it comes from this Config; nil: the host reports that it cannot
	LocalPort        uint16                   // told to the masters as the query port (localport), as a container's host has it; 0 means the connection's own
	HostPort         uint16                   // told to players as the port of the game (server key hostport), in place of the snapshot's; 0: as the snapshot says
	PublicAddr       netip.AddrPort           // told to the masters as our public address (publicip, publicport), as a port forward has it. The living masters list the address that they see all the same, and wfc-server drops heartbeats if it is not that; the zero value means what each master said of it
	LocalIPs         []netip.Addr             // told to the masters, IPv4, at most five count; nil means this machine's, or what the connection is bound to
	QuietKeys        []string                 // server keys that change all the time: their change alone is not told to the masters; nil means timeelapsed and roundelapsed
	HeartbeatSize    int                      // largest heartbeat in bytes; a longer one goes without players and teams; 0 means 1400. WFC reads 1024
	Keys             map[KeyID]string         // the game's own keys by number; nil means the predefined ones alone
	ResolveTimeout   time.Duration            // for a name; 0 means 5 s; a failure is tried again after 1, 2, 4, ... 60 s, or up to half of that earlier
	Logger           *slog.Logger             // steps at Info, packets at Debug; nil is silent
}

// String shows the configuration without the secret.
func (c Config) String() string {
	secret := ""
	if c.Secret != "" {
		secret = "(hidden)"
	}
	return fmt.Sprintf("qr2.Config{Game: %q, Secret: %s, Domain: %q, Host: %q, Addr: %q, Masters: %q, NotPublic: %t, NatNeg: %t}",
		c.Game, secret, c.Domain, c.Host, c.Addr, c.Masters, c.NotPublic, c.NatNeg != nil)
}

// GoString is String, so that no verb of package fmt shows the secret.
func (c Config) GoString() string { return c.String() }

// LogValue is String for package slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// withDefaults fills in what is zero and refuses what cannot work.
func (c Config) withDefaults() (Config, *qr2wire.Registry, error) {
	if c.AnswerRate == 0 {
		c.AnswerRate = defaultAnswerRate
	}
	if c.ResolveTimeout <= 0 {
		c.ResolveTimeout = defaultResolveTimeout
	}
	if c.HeartbeatSize == 0 {
		c.HeartbeatSize = qr2wire.MaxSize
	}
	if c.QuietKeys == nil {
		c.QuietKeys = []string{"timeelapsed", "roundelapsed"}
	}
	if c.SourceAge <= 0 {
		c.SourceAge = defaultSourceAge
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	registry, err := qr2wire.NewRegistry(c.Keys)
	invalid := func(reason string) (Config, *qr2wire.Registry, error) {
		return c, nil, &Error{Op: "configuration", Reason: reason, Err: ErrInvalid}
	}
	switch {
	case err != nil:
		return invalid(err.Error())
	case c.Game == "" || len(c.Game) > maxGame || strings.IndexByte(c.Game, 0) >= 0:
		return invalid("Game must have 1 to 57 bytes, and no NUL")
	case len(c.Secret) > maxSecret:
		return invalid("Secret has more than 63 bytes")
	case c.Secret == "" && !c.NotPublic:
		return invalid("without Secret no master lists the server; set NotPublic for a LAN server")
	case c.HeartbeatSize < 256 || c.HeartbeatSize > qr2wire.MaxSize:
		return invalid("HeartbeatSize must be 256 to 1400")
	case !c.NotPublic && c.Domain == "" && c.Host == "" && c.Addr == "" && len(c.Masters) == 0:
		return c, nil, &Error{Op: "configuration", Reason: "set NotPublic for a LAN server", Err: ErrNotConfigured}
	}
	return c, registry, nil
}

// natNeg is the configuration of joins, completed from the rest.
func (c Config) natNeg() natneg.Config {
	n := *c.NatNeg
	if n.Game == "" {
		n.Game = c.Game
	}
	if n.Domain == "" && n.Host == "" {
		n.Domain, n.Host = c.Domain, c.Host
	}
	if n.Resolver == nil {
		n.Resolver = c.Resolver
	}
	if n.Logger == nil {
		n.Logger = c.Logger
	}
	return n
}
