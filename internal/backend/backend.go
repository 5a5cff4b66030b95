// Package backend knows how the services of a GameSpy back end are named and found: one domain for all of them, one
// host for all of them, or an address for each (spec servers.md §1).
package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/gscrypt"
)

// Service is one of the services of a back end.
type Service int

// The services, with the transport and the port that the original gave them.
const (
	GPCM      Service = iota // presence, TCP 29900
	GPSP                     // player search, TCP 29901
	Master                   // QR2 master, UDP 27900
	Available                // availability check, UDP 27900
	List                     // server browser list master, TCP 28910
	NatNeg1                  // first matchup server, UDP 27901
	NatNeg2                  // second matchup server, UDP 27901
	NatNeg3                  // third matchup server, UDP 27901
	GameStats                // statistics, TCP 29920
	CDKey                    // CD key validation, UDP 29910
	OldList                  // list master of QR1 games, TCP 28900
)

// ErrNotConfigured says that neither a domain, a host nor an address was given, so the service has no name.
var ErrNotConfigured = errors.New("no domain, host or address configured")

// Resolver turns a host name into addresses. *net.Resolver is one; a program may put its own in.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Locator finds services. The zero value finds only services that are given an address of their own.
type Locator struct {
	Domain   string   // names are made from it: "example.net" gives "gpcm.example.net"
	Host     string   // one host name or IP address for every service; wins over Domain
	Resolver Resolver // nil means net.DefaultResolver
}

// String names the service as people know it.
func (s Service) String() string {
	switch s {
	case GPCM:
		return "GPCM"
	case GPSP:
		return "GPSP"
	case Master:
		return "QR2 master"
	case Available:
		return "availability service"
	case List:
		return "list master"
	case NatNeg1:
		return "NatNeg server 1"
	case NatNeg2:
		return "NatNeg server 2"
	case NatNeg3:
		return "NatNeg server 3"
	case GameStats:
		return "GStats"
	case CDKey:
		return "CD key service"
	case OldList:
		return "older list master"
	}
	return "service " + strconv.Itoa(int(s))
}

// Port is the port that the original service listens on.
func (s Service) Port() uint16 {
	switch s {
	case GPCM:
		return 29900
	case GPSP:
		return 29901
	case Master, Available:
		return 27900
	case List:
		return 28910
	case NatNeg1, NatNeg2, NatNeg3:
		return 27901
	case GameStats:
		return 29920
	case CDKey:
		return 29910
	case OldList:
		return 28900
	}
	return 0
}

// name is the host name of the service in a domain (servers.md §1.1). game is the name of the game, in any case; the
// services that do not carry it ignore it.
func (s Service) name(game, domain string) string {
	switch s {
	case GPCM:
		return "gpcm." + domain
	case GPSP:
		return "gpsp." + domain
	case Master:
		return game + ".master." + domain
	case Available:
		return game + ".available." + domain
	case List:
		return fmt.Sprintf("%s.ms%d.%s", game, gscrypt.MasterIndex(game), domain)
	case NatNeg1:
		return game + ".natneg1." + domain
	case NatNeg2:
		return game + ".natneg2." + domain
	case NatNeg3:
		return game + ".natneg3." + domain
	case GameStats:
		return game + ".gamestats." + domain
	case CDKey:
		return "key." + domain
	case OldList:
		return "master." + domain
	}
	return domain
}

// HostPort is the "host:port" of a service. addr, when not empty, overrides everything else: it is a host name or an IP
// address with or without a port.
func (l Locator) HostPort(service Service, game, addr string) (string, error) {
	port := strconv.Itoa(int(service.Port()))
	switch {
	case addr != "":
		return withPort(addr, port), nil
	case l.Host != "":
		return withPort(l.Host, port), nil
	case l.Domain != "":
		return net.JoinHostPort(service.name(game, strings.Trim(l.Domain, ".")), port), nil
	}
	return "", fmt.Errorf("%s: %w", service, ErrNotConfigured)
}

// Resolve finds the addresses of a service, IPv4 ones first, IPv4-mapped ones unmapped. It fails if there are none.
func (l Locator) Resolve(ctx context.Context, service Service, game, addr string) ([]netip.AddrPort, error) {
	hostPort, err := l.HostPort(service, game, addr)
	if err != nil {
		return nil, err
	}
	return l.ResolveHostPort(ctx, hostPort)
}

// ResolveHostPort finds the addresses of a "host:port".
func (l Locator) ResolveHostPort(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	if addr, err := netip.ParseAddrPort(hostPort); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}, nil
	}
	host, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", hostPort, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address %q: port is not a number below 65536", hostPort)
	}
	resolver := l.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	var v4, v6 []netip.AddrPort
	for _, addr := range found {
		addr = addr.Unmap()
		if addr.Is4() {
			v4 = append(v4, netip.AddrPortFrom(addr, uint16(port)))
		} else {
			v6 = append(v6, netip.AddrPortFrom(addr, uint16(port)))
		}
	}
	if len(v4)+len(v6) == 0 {
		return nil, fmt.Errorf("resolve %s: no addresses", host)
	}
	return append(v4, v6...), nil
}

// withPort adds a port to an address that has none.
func withPort(addr, port string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), port)
}
