package portmap

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Defaults and limits.
const (
	defaultName          = "relight"
	defaultLease         = 30 * time.Minute
	defaultSearchTimeout = 3 * time.Second
	defaultCheckInterval = time.Minute
	defaultCloseTimeout  = 2 * time.Second

	maxName     = 48                     // routers cut or refuse long descriptions
	maxLease    = 7 * 24 * time.Hour     // the most that UPnP IGD 2 knows
	minLease    = time.Second            // the protocols count seconds
	minRenew    = 500 * time.Millisecond // a router that grants next to nothing must not keep us busy
	undoTimeout = 500 * time.Millisecond
	headway     = 150 * time.Millisecond // how long a better protocol may be behind a lesser one that answered
)

// Network is what goes through the mapping.
type Network int

// The networks.
const (
	UDP Network = iota
	TCP
)

// String is "udp" or "tcp".
func (n Network) String() string {
	switch n {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return "network " + strconv.Itoa(int(n))
}

// Config says what to open and how. The zero value opens the same port outside, for UDP, on the router that has the default
// route.
type Config struct {
	Name         string  // of the program, in the router's list of open ports; at most 48 printable bytes; empty means "relight"
	Network      Network // what to let through; zero means UDP
	ExternalPort uint16  // the wished port outside; 0 means the same as inside
	Exact        bool    // fail with ErrConflict rather than take another port outside; false: take what the router gives

	Lease          time.Duration // how long a mapping outlives a program that crashes, renewed at half time; 0 means 30 min, at least 1 s, at most 7 days
	SearchTimeout  time.Duration // for finding routers and getting the mapping; 0 means 3 s
	CheckInterval  time.Duration // how often to look whether the router still has the mapping, between renewals; 0 means 1 min, negative: never
	CloseTimeout   time.Duration // for deleting the mapping in the end; 0 means 2 s
	AllowDoubleNAT bool          // keep a mapping whose outside address is not public; false: delete it and fail with ErrDoubleNAT

	Protocols []Protocol       // to try; empty means all of them
	Gateway   netip.Addr       // IPv4 address of the router for PCP and NAT-PMP; zero: that of the default route (see the package's notes for macOS)
	Search    []netip.AddrPort // where UPnP routers are searched; empty means 239.255.255.250:1900 through all interfaces, and port 1900 of the gateway
	StateFile string           // remembers the mapping, so that the next run can delete what a crashed one left; each instance needs its own; empty: nothing is remembered

	Dial         func(ctx context.Context, network, address string) (net.Conn, error)       // opens connections for PCP ("udp4") and UPnP ("tcp4"); nil means net.Dialer. NAT-PMP does not use it
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error) // opens sockets for the UPnP search; nil means net.ListenConfig
	Progress     func(State)                                                                // called at every change, in order, without locks; it should return soon and must not call Close; nil: not called
	Logger       *slog.Logger                                                               // changes at Info, trouble at Warn once per reason, each request at Debug; nil is silent
}

// withDefaults fills in what is zero and refuses what cannot work.
func (c Config) withDefaults(port uint16) (Config, error) {
	if c.Name == "" {
		c.Name = defaultName
	}
	if c.ExternalPort == 0 {
		c.ExternalPort = port
	}
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.SearchTimeout <= 0 {
		c.SearchTimeout = defaultSearchTimeout
	}
	if c.CheckInterval == 0 {
		c.CheckInterval = defaultCheckInterval
	}
	if c.CloseTimeout <= 0 {
		c.CloseTimeout = defaultCloseTimeout
	}
	if len(c.Protocols) == 0 {
		c.Protocols = []Protocol{PCP, NATPMP, UPnP}
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.ListenPacket == nil {
		c.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Gateway = c.Gateway.Unmap()
	switch {
	case port == 0:
		return c, fmt.Errorf("port 0 cannot be opened: bind the socket first and give its port")
	case len(c.Name) > maxName || strings.ContainsFunc(c.Name, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }):
		return c, fmt.Errorf("the name must be at most %d printable bytes", maxName)
	case c.Network != UDP && c.Network != TCP:
		return c, fmt.Errorf("%v: only UDP and TCP can be opened", c.Network)
	case c.Lease < minLease || c.Lease > maxLease:
		return c, fmt.Errorf("a lease of %v is not between %v and %v", c.Lease, minLease, maxLease)
	case c.Gateway.IsValid() && !c.Gateway.Is4():
		return c, fmt.Errorf("the gateway %s is not an IPv4 address", c.Gateway)
	case slices.ContainsFunc(c.Protocols, func(p Protocol) bool { return p < PCP || p > UPnP }):
		return c, fmt.Errorf("the protocols are PCP, NATPMP and UPnP")
	}
	return c, nil
}

// description is how the mapping appears in the router's list, and how a later run knows it again.
func (c *Config) description(port uint16) string {
	return fmt.Sprintf("%s %s %d", c.Name, c.Network, port)
}

// tries reports whether a protocol is wanted.
func (c *Config) tries(p Protocol) bool { return slices.Contains(c.Protocols, p) }
