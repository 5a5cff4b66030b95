package sb

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/natneg"
)

// Path is a way to a game server.
type Path int

// The paths, in the order in which Connect tries them.
const (
	PathLAN    Path = iota + 1 // the server's own address: it is behind the same public address
	PathDirect                 // the public address
	PathNatNeg                 // a path that both sides open with the help of the matchup servers
)

// String names the path.
func (p Path) String() string {
	switch p {
	case PathLAN:
		return "LAN"
	case PathDirect:
		return "direct"
	case PathNatNeg:
		return "NatNeg"
	}
	return "no path"
}

// Attempt is one path that was tried.
type Attempt struct {
	Path   Path
	Remote netip.AddrPort // the zero value if it did not come that far
	Took   time.Duration
	Err    error // nil if it worked
}

// String tells it in a line.
func (a Attempt) String() string {
	if a.Err != nil {
		return fmt.Sprintf("%s failed after %s: %v", a.Path, a.Took.Round(time.Millisecond), a.Err)
	}
	return fmt.Sprintf("%s to %s works, after %s", a.Path, a.Remote, a.Took.Round(time.Millisecond))
}

// Connection is a way to a game server that works.
type Connection struct {
	Conn     net.PacketConn // what the game uses from now on; it is the game's to close
	Remote   netip.AddrPort // where the game's packets go
	Path     Path
	Attempts []Attempt      // all that were tried, the last one successfully
	NatNeg   *natneg.Result // with PathNatNeg
}

// ConnectError says what was tried in vain.
type ConnectError struct{ Attempts []Attempt }

// Error implements error.
func (e *ConnectError) Error() string {
	if len(e.Attempts) == 0 {
		return "the server takes neither direct connections nor NAT negotiation"
	}
	var lines []string
	for _, attempt := range e.Attempts {
		lines = append(lines, attempt.String())
	}
	return strings.Join(lines, "; ")
}

// Unwrap gives ErrUnreachable and the errors of the attempts.
func (e *ConnectError) Unwrap() []error {
	errs := []error{ErrUnreachable}
	for _, attempt := range e.Attempts {
		errs = append(errs, attempt.Err)
	}
	return errs
}

// Connect finds a way to a listed server and makes sure that it works: over the LAN if the server is behind our own public
// address, directly if it takes packets from strangers, else by NAT negotiation (spec sb.md C). The first two are proved
// with a short direct query from a socket of its own (of the query port: whether the game itself listens, only the game can
// tell); if that fails, the next way is tried. conn is the game's own
// socket, or its view of a shared one; nil means that one is opened. An error is *Error around *ConnectError.
func (b *Browser) Connect(ctx context.Context, server Server, conn net.PacketConn) (*Connection, error) {
	c := &connector{browser: b, server: server, conn: conn}
	for _, try := range c.ways() {
		start := time.Now()
		connection, remote, err := try.connect(ctx)
		c.attempts = append(c.attempts, Attempt{Path: try.path, Remote: remote, Took: time.Since(start), Err: err})
		b.config.Logger.Info("connecting to a game server", "server", server.Addr.String(), "attempt", c.attempts[len(c.attempts)-1].String())
		if err == nil {
			connection.Path, connection.Remote, connection.Attempts = try.path, remote, c.attempts
			return connection, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	var err error = &ConnectError{c.attempts}
	if ctx.Err() != nil {
		err = joined(ctx.Err(), err)
	}
	return nil, &Error{Op: "connect", Peer: server.Addr.String(), Err: err}
}

// connector is one Connect under way.
type connector struct {
	browser  *Browser
	server   Server
	conn     net.PacketConn
	attempts []Attempt
}

type way struct {
	path    Path
	connect func(ctx context.Context) (*Connection, netip.AddrPort, error)
}

// ways are those that the server may be reached on.
func (c *connector) ways() []way {
	var list []way
	server := c.server
	if server.Hidden() {
		return append(list, way{PathNatNeg, c.negotiate})
	}
	if c.browser.shares(server) {
		list = append(list, way{PathLAN, func(ctx context.Context) (*Connection, netip.AddrPort, error) {
			return c.proved(ctx, server.Private, c.gamePort(server.Private))
		}})
	}
	if server.Flags&FlagDirect != 0 {
		list = append(list, way{PathDirect, func(ctx context.Context) (*Connection, netip.AddrPort, error) {
			remote := server.Addr
			if !server.Private.IsValid() || server.Private == server.Addr {
				remote = c.gamePort(server.Addr) // behind a NAT, the port that was seen from outside is the only one known
			}
			return c.proved(ctx, server.Addr, remote)
		}})
	}
	// OpenSpy drops the flag of servers that it can query itself, so a failed direct way may still be negotiated.
	negotiable := server.Flags&FlagNatNeg != 0 || server.Flags&FlagDirect != 0 && c.browser.config.negotiates()
	if negotiable {
		list = append(list, way{PathNatNeg, c.negotiate})
	}
	return list
}

// gamePort is the address with the port that players join, if the server told a different one.
func (c *connector) gamePort(addr netip.AddrPort) netip.AddrPort {
	if port, ok := c.server.Int("hostport"); ok && port > 0 && port < 1<<16 {
		return netip.AddrPortFrom(addr.Addr(), uint16(port))
	}
	return addr
}

// proved makes sure that somebody answers at the query address.
func (c *connector) proved(ctx context.Context, query, remote netip.AddrPort) (*Connection, netip.AddrPort, error) {
	if _, err := c.browser.Query(ctx, query, DirectQuery{Fields: []string{"hostname"}, Protocol: c.server.Protocol}); err != nil {
		return nil, remote, err
	}
	conn := c.conn
	if conn == nil {
		var err error
		if conn, err = c.browser.config.ListenPacket(ctx, "udp4", ":0"); err != nil {
			return nil, remote, err
		}
	}
	return &Connection{Conn: conn}, remote, nil
}

// negotiate sends a cookie through the master and opens a path under that name.
func (c *connector) negotiate(ctx context.Context) (*Connection, netip.AddrPort, error) {
	var cookie natneg.Cookie
	_, _ = rand.Read(cookie[:])
	if err := c.browser.SendMessage(ctx, c.server.Addr, qr2wire.AppendCookie(nil, cookie)); err != nil {
		return nil, netip.AddrPort{}, err
	}
	config := c.browser.config.natNeg()
	config.Candidates = c.candidates(config.Candidates)
	result, err := natneg.Negotiate(ctx, c.conn, config, cookie, natneg.Guest)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	return &Connection{Conn: result.Conn, NatNeg: result}, result.Remote, nil
}

// candidates adds the addresses of the listing to those that the Config has: the socket that negotiates is the one for queries
// or that of the game. A private address means something only behind the same public one.
func (c *connector) candidates(given []netip.AddrPort) []netip.AddrPort {
	list := slices.Clone(given)
	add := func(addr netip.AddrPort) {
		for _, addr := range []netip.AddrPort{addr, c.gamePort(addr)} {
			if addr.IsValid() && addr.Port() != 0 && !slices.Contains(list, addr) {
				list = append(list, addr)
			}
		}
	}
	if !c.server.Hidden() {
		add(c.server.Addr)
		if c.browser.shares(c.server) {
			add(c.server.Private)
		}
	}
	return list
}
