package natneg

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// path is a socket with our handler on it.
type path struct {
	raw     net.PacketConn // as it was given or opened
	mux     *udpmux.Mux
	view    net.PacketConn // what the game gets; nil if it gets nothing
	owned   bool           // the mux was made here, so the view is taken back on failure
	remove  func()
	release func()
}

// paths are the sockets of a negotiation.
type paths struct {
	game   *path // nil if the game gave none: then the negotiate socket becomes its own
	neg    *path
	extra  []*path // of Config.Birthday
	chosen *path   // the one on which the partner was reached; nil until then
	listen string  // where our own are opened
}

// openPaths attaches to the game's socket and opens the negotiate socket. What the partner sends before the game knows
// of it waits in the view.
func openPaths(ctx context.Context, conn net.PacketConn, config Config, n *Negotiation) (*paths, error) {
	listen := ":0"
	if conn != nil {
		if local := boundAddr(conn).Addr(); local.Is4() && !local.IsUnspecified() {
			listen = net.JoinHostPort(local.String(), "0")
		}
	}
	raw, err := config.ListenPacket(ctx, "udp4", listen)
	if err != nil {
		return nil, err
	}
	p := &paths{listen: listen}
	if conn == nil {
		p.neg, err = gamePath(raw, n.cookie, n.receive(negotiateSocket, natnegwire.Is))
	} else {
		p.game, err = gamePath(conn, n.cookie, n.receive(gameSocket, func([]byte) bool { return false }))
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	if p.neg == nil {
		p.neg = ownPath(raw, n.receive(negotiateSocket, func([]byte) bool { return true }))
	}
	return p, nil
}

// gamePath is a socket that the game uses. The cookie may be there only once.
func gamePath(conn net.PacketConn, cookie Cookie, handler udpmux.Handler) (*path, error) {
	p := &path{raw: conn, view: conn}
	p.mux, p.release = udpmux.Attach(conn)
	var ok bool
	if p.remove, ok = p.mux.HandleOnly(cookie, handler); !ok {
		p.release()
		return nil, fmt.Errorf("%w: %s", ErrCookieInUse, cookie)
	}
	if _, shared := conn.(*udpmux.Conn); !shared {
		p.owned = true
		p.view = p.mux.Conn()
	}
	return p, nil
}

// ownPath is a socket of ours, on which nothing but NatNeg is of interest.
func ownPath(conn net.PacketConn, handler udpmux.Handler) *path {
	p := &path{raw: conn}
	p.mux, p.release = udpmux.AttachSmall(conn, natnegwire.MaxSize+1)
	p.remove = p.mux.Handle(handler)
	return p
}

// receive makes the handler of a socket: it takes what carries our cookie, and what else is certainly nobody's.
func (n *Negotiation) receive(s socket, nobodys func(b []byte) bool) udpmux.Handler {
	return func(b []byte, from netip.AddrPort) bool {
		if !natnegwire.HasCookie(b, n.cookie) {
			if nobodys(b) {
				n.foreign.Add(1)
				return true
			}
			return false
		}
		select {
		case n.inbox <- inbound{s, cloneDatagram(b), from}:
		default:
			n.dropped.Add(1)
		}
		return true
	}
}

// cloneDatagram copies a datagram for the inbox. One byte more than a packet can have is enough to see that it is too
// long.
func cloneDatagram(b []byte) []byte { return bytes.Clone(b[:min(len(b), natnegwire.MaxSize+1)]) }

// openExtra opens more sockets of our own, as many as it can.
func (p *paths) openExtra(ctx context.Context, n *Negotiation, count int) int {
	for i := range count {
		raw, err := n.config.ListenPacket(ctx, "udp4", p.listen)
		if err != nil {
			break
		}
		p.extra = append(p.extra, ownPath(raw, n.receive(extraSockets+socket(i), func([]byte) bool { return true })))
	}
	return len(p.extra)
}

// choose says on which socket the partner was reached; of the additional ones, it keeps only that.
func (p *paths) choose(n *Negotiation, s socket) error {
	switch {
	case s == gameSocket:
		p.chosen = p.game
	case s == negotiateSocket:
		p.chosen = p.neg
	default:
		i := int(s - extraSockets)
		raw := p.extra[i].raw
		p.extra[i].detach(true) // it read small datagrams only
		p.extra = slices.Delete(p.extra, i, i+1)
		path, err := gamePath(raw, n.cookie, n.receive(s, natnegwire.Is))
		if err != nil {
			_ = raw.Close()
			return err
		}
		p.chosen = path
	}
	p.closeExtra()
	return nil
}

func (p *paths) closeExtra() {
	for _, extra := range p.extra {
		_ = extra.raw.Close()
		extra.detach(true)
	}
	p.extra = nil
}

// conn is what the game uses after success.
func (p *paths) conn() net.PacketConn { return p.chosen.view }

// local is what INIT tells: our address, and the port of the socket that the game will use.
func (p *paths) local(config Config, server netip.AddrPort) netip.AddrPort {
	conn := p.neg.raw
	ip := config.LocalIP.Unmap()
	if p.game != nil {
		conn = p.game.raw
	}
	if !ip.IsValid() {
		ip = localIP(server, conn, p.neg.raw)
	}
	return netip.AddrPortFrom(ip, boundAddr(conn).Port())
}

func (p *paths) write(packet outgoing) error {
	path := p.neg
	switch i := int(packet.socket - extraSockets); {
	case packet.socket == gameSocket:
		path = p.game
	case packet.socket == negotiateSocket:
	case p.chosen != nil:
		path = p.chosen
	case i < len(p.extra):
		path = p.extra[i]
	}
	return path.mux.WriteTo(packet.b, packet.to)
}

// main is the path whose end is the end of the negotiation.
func (p *paths) main() *path {
	switch {
	case p.chosen != nil:
		return p.chosen
	case p.game != nil:
		return p.game
	}
	return p.neg
}

// done is closed when the game's socket was closed or broke.
func (p *paths) done() <-chan struct{} { return p.main().mux.Done() }

// err says why.
func (p *paths) err() error { return p.main().mux.Err() }

// abandon gives the game's socket back and closes our own.
func (p *paths) abandon() {
	if p.game != nil {
		p.game.detach(true)
	}
	p.closeExtra()
	_ = p.neg.raw.Close()
	p.neg.detach(true)
}

// settle leaves the game alone with its socket.
func (p *paths) settle() {
	for _, path := range []*path{p.game, p.neg} {
		switch path {
		case nil, p.chosen:
		case p.game: // the path is on another one
			p.game.detach(p.game.owned)
		default:
			_ = path.raw.Close()
			path.detach(true)
		}
	}
	p.chosen.detach(false)
}

func (p *path) detach(withdraw bool) {
	p.remove()
	if withdraw && p.owned {
		p.mux.Withdraw()
	}
	p.release()
}
