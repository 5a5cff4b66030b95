package steampipe

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Config configures a [CDN]. Only a Directory is required.
type Config struct {
	// Directory says which servers there are; see [Servers], [ServerList] and [WebAPI]. Required.
	Directory Directory
	// DirectoryLifetime is how long a list is used before it is asked for again. 0 means one hour.
	DirectoryLifetime time.Duration
	// App skips servers that are reserved for other apps. 0 does not look.
	App uint32

	// Cache is the base URL of a LAN cache, such as "http://10.0.0.5". Chunks are asked from it over plain http, with the
	// chosen server's name in Host; manifests still go direct. After a damaged chunk the cache is told to pass the next
	// request through, then it is left aside for that chunk; after repeated failures it is left aside for a while, and that
	// is logged. Empty means none.
	Cache string
	// DetectCache looks for a LAN cache as Steam's clients do, when Cache is empty: if the name [CacheName] has a private
	// address, the cache is there. See [FindCache].
	DetectCache bool
	// BytesPerSecond limits what all connections of the CDN together receive, bodies only. 0 means no limit.
	BytesPerSecond int64

	// RequestCode gets the code that the live network wants at the end of a manifest's path. It changes every five minutes
	// and is asked for again when an attempt crosses that time or is refused. Nil leaves the path without one, as private
	// caches have it.
	RequestCode func(ctx context.Context, depot DepotID, manifest ManifestID) (uint64, error)
	// Token gets a CDN token for one host and depot, after that host answered 401 or 403. Nil means that there are none.
	Token func(ctx context.Context, depot DepotID, host string) (Token, error)

	// Transport sends the requests. It must leave bodies as they are sent. Nil means a transport of the CDN's own.
	Transport http.RoundTripper
	// DialContext opens connections for the CDN's own transport. Nil means net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Lookup resolves names, for DetectCache and, unless there is a DialContext, for the CDN's own transport: the way to send
	// the names of content servers somewhere else without a name server of one's own. Nil means the system's.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	// ConnectionsPerHost is how many requests one server gets at once. 0 means 8.
	ConnectionsPerHost int
	// HeaderTimeout is the time that a server has to answer, connecting included. 0 means 10 s.
	HeaderTimeout time.Duration
	// BodyTimeout is the time that a chunk's body may take; a manifest's may take five times that. 0 means 60 s.
	BodyTimeout time.Duration
	// IdleTimeout is the longest pause within a body. 0 means 15 s.
	IdleTimeout time.Duration
	// CoolDown is how long a server is left alone after its first failure of a kind that passes; it doubles with each
	// further one, to at most 30 s. A Retry-After wins over it. 0 means 4 s.
	CoolDown time.Duration
	// Rounds is how often each server is tried for one object before the object is given up. 0 means 5.
	Rounds int
	// MaxManifest is the longest manifest body to accept, in bytes. 0 means 256 MiB.
	MaxManifest int64

	// Logger gets requests at Debug and failures at Warn. Nil is silent. Tokens and keys are never logged.
	Logger *slog.Logger
}

// Token is a CDN token: the query string that a host wants, with its "?" or without.
type Token struct {
	Query   string
	Expires time.Time // zero means that it does not
}

// Format does not say the token, whatever the verb.
func (Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("token")) }

// LogValue does not say the token.
func (Token) LogValue() slog.Value { return slog.StringValue("token") }

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	set := func(value *time.Duration, usual time.Duration) {
		if *value <= 0 {
			*value = usual
		}
	}
	set(&c.DirectoryLifetime, time.Hour)
	set(&c.HeaderTimeout, 10*time.Second)
	set(&c.BodyTimeout, time.Minute)
	set(&c.IdleTimeout, 15*time.Second)
	set(&c.CoolDown, 4*time.Second)
	if c.ConnectionsPerHost <= 0 {
		c.ConnectionsPerHost = 8
	}
	if c.Rounds <= 0 {
		c.Rounds = 5
	}
	if c.MaxManifest <= 0 {
		c.MaxManifest = 256 << 20
	}
	if c.Lookup != nil && c.DialContext == nil {
		c.DialContext = dialResolved(c.Lookup)
	}
	if c.Lookup == nil {
		c.Lookup = lookupSystem
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
