package gstats

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// Config says where the statistics service is and how to talk to it. Game, Secret and one of Domain, Host and Addr are
// needed; everything else works when it is zero.
type Config struct {
	// Game is the name that the game has at GameSpy, such as "gmtest", and Secret its secret key. Neither may be empty.
	Game, Secret string
	// Port is the game's own port, which the server is told. Zero is told as zero.
	Port uint16

	// Domain makes the name of the service: "example.net" gives <game>.gamestats.example.net, as in the original, and
	// gamestats.example.net where there is no such name. Empty means that Host or Addr is used.
	Domain string
	// Host is one host for all services, as small back ends have it; it wins over Domain. Empty means none.
	Host string
	// Addr is the address of the service, with or without a port (29920), and wins over Host and Domain. Empty means none.
	Addr string
	// Resolver finds addresses by name. Nil means net.DefaultResolver.
	Resolver Resolver
	// DialContext opens connections, always to an IP address with a port. Nil means a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// DialTimeout bounds the connect to one address. Zero means 10 s.
	DialTimeout time.Duration
	// ConnectTimeout bounds one try to connect, from looking up the name to the server's session number, all addresses
	// included. Zero means 20 s, like the original.
	ConnectTimeout time.Duration
	// OperationTimeout bounds the wait for the server's answer to one request. Zero means 15 s.
	OperationTimeout time.Duration
	// WriteTimeout bounds the sending of one message. Zero means 10 s.
	WriteTimeout time.Duration

	// Reconnect lets the session get a new connection when the one it has is lost. Nil means never: the session ends.
	Reconnect *Reconnect
	// Spool keeps snapshots that cannot be sent, and sends them over the next connection, in this run of the program or a
	// later one. It stays the caller's: several sessions may share one, and Close does not close it. Nil means none: such a
	// snapshot is an error.
	Spool *Spool

	// OmitNUL leaves out the NUL that the original sends, and counts, behind the values of [Session.SetValues]. dwc stores it as
	// a part of the last value, and ends its answer to a Get there: of what several SetValues have written, a Get sees a part. False
	// sends it, as the original does.
	OmitNUL bool

	// MaxMessage is the longest message that is accepted, and the longest that is sent, in bytes. Zero means 256 KiB. Some
	// servers take less: wfc 16 KiB.
	MaxMessage int
	// MaxPending is how many requests wait for their answers at once; one more fails with [ErrTooMany]. Zero means 256.
	MaxPending int
	// EventQueue is how many events wait to be taken. When one more arrives, the oldest is dropped, and the next event that
	// is taken is an [*EventsLost] with their number. Zero means 256.
	EventQueue int

	// Logger gets the steps of sessions at Info, what is odd at Warn, and every message, with secrets masked, at Debug. Nil
	// is silent.
	Logger *slog.Logger
}

// sendQueue is how many messages wait to be sent, at most as many as requests wait for their answers.
const sendQueue = 64

// withDefaults fills in what zero means.
func (c Config) withDefaults() Config {
	if c.DialContext == nil {
		c.DialContext = (&net.Dialer{}).DialContext
	}
	for _, limit := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&c.DialTimeout, 10 * time.Second},
		{&c.ConnectTimeout, 20 * time.Second},
		{&c.OperationTimeout, 15 * time.Second},
		{&c.WriteTimeout, 10 * time.Second},
	} {
		if *limit.value <= 0 {
			*limit.value = limit.standard
		}
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = kv.DefaultLimit
	}
	if c.MaxPending <= 0 {
		c.MaxPending = 256
	}
	if c.EventQueue <= 0 {
		c.EventQueue = 256
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// check says what is missing.
func (c Config) check() error {
	if c.Game == "" || c.Secret == "" {
		return ErrNoSecret
	}
	if !kv.Valid(c.Game) {
		return ErrInvalidText
	}
	_, err := c.locator().HostPort(backend.GameStats, c.Game, c.Addr)
	return err
}

func (c Config) locator() backend.Locator {
	return backend.Locator{Domain: c.Domain, Host: c.Host, Resolver: c.Resolver}
}

// resolve finds the addresses of the service, and says by which name. The original puts the name of the game in front
// (GameSpy SDK gstats/gstats.c, InitStatsAsync); living back ends may have one name for all games (spec servers.md §1).
func (c Config) resolve(ctx context.Context) (addrs []netip.AddrPort, name string, err error) {
	if name, err = c.locator().HostPort(backend.GameStats, c.Game, c.Addr); err != nil {
		return nil, "", err
	}
	addrs, err = c.locator().ResolveHostPort(ctx, name)
	missing, ok := errors.AsType[*net.DNSError](err)
	common, cut := strings.CutPrefix(name, c.Game+".")
	if !ok || !missing.IsNotFound || !cut || c.Addr != "" || c.Host != "" {
		return addrs, name, err
	}
	if addrs, second := c.locator().ResolveHostPort(ctx, common); second == nil {
		return addrs, common, nil
	}
	return nil, name, err
}
