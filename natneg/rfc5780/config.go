package rfc5780

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/natneg"
)

// Defaults and limits.
const (
	defaultPort    = 3478
	defaultTimeout = 10 * time.Second
	defaultRTO     = 500 * time.Millisecond // RFC 8489 §6.2.1
	minRTO         = 100 * time.Millisecond
	maxServers     = 8
)

// Config says which servers to ask and for how long. The zero value needs Servers.
type Config struct {
	Servers  []string        // STUN servers, as "stun.example.net" or with a port; without one it is 3478; 1 to 8. All are asked, and the first one that speaks RFC 5780 does the rest
	Resolver natneg.Resolver // nil means net.DefaultResolver

	Timeout time.Duration // for everything; 0 means 10 s. About two seconds are enough where nothing is lost
	RTO     time.Duration // wait after the first transmission of a request, doubled each time, until the way to a server is known; 0 means 500 ms, as in RFC 8489

	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error) // opens UDP sockets; nil means net.ListenConfig
	Logger       *slog.Logger                                                               // the result at Info, answers at Debug; nil is silent
}

func (c Config) withDefaults() (Config, error) {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.RTO <= 0 {
		c.RTO = defaultRTO
	}
	if c.ListenPacket == nil {
		c.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if len(c.Servers) == 0 {
		return c, &Error{Reason: "no server is named", Err: ErrNotConfigured}
	}
	if len(c.Servers) > maxServers {
		return c, &Error{Reason: fmt.Sprintf("%d servers are named, at most %d are asked", len(c.Servers), maxServers)}
	}
	return c, nil
}

// resolve finds the IPv4 address of a server.
func (c *Config) resolve(ctx context.Context, server string) (netip.AddrPort, error) {
	host, portText, err := net.SplitHostPort(server)
	if err != nil {
		host, portText = server, strconv.Itoa(defaultPort)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, fmt.Errorf("%q has no port between 1 and 65535", server)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if !addr.Unmap().Is4() {
			return netip.AddrPort{}, fmt.Errorf("%s is not an IPv4 address", addr)
		}
		return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
	}
	addrs, err := c.Resolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, addr := range addrs {
		if addr.Unmap().Is4() {
			return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%q has no IPv4 address", host)
}
