package cdkey

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
)

// Checker has the players' CD keys checked: the game server's side. It is safe for concurrent use. One goroutine works for it
// from [Start] to Close, beside the reader of the socket.
type Checker struct {
	config  Config
	log     *slog.Logger
	mux     *udpmux.Mux
	remove  func()
	release func()
	own     net.PacketConn // that Start opened; nil if it was given one

	wake    chan struct{} // asks the timer to look again
	closing chan struct{}
	once    sync.Once
	workers sync.WaitGroup
	asked   chan *ProofRequest

	mu        sync.Mutex
	server    netip.AddrPort // the validation server
	lookedUp  time.Time
	players   []*Player // in order of arrival
	keepAlive time.Time // when the next one is due
	link      Link
	since     time.Time
	heard     time.Time
	err       error // it has ended
	sendErr   error // of the latest datagram
	counters  Counters
	out       []outgoing
}

type outgoing struct {
	b  []byte
	to netip.AddrPort
}

// exclusive is the key under which a socket has one Checker at most.
type exclusive struct{}

// forever is when there is nothing to do.
const forever = time.Hour

// Start finds the validation server and begins. conn is the game's socket as qr2.Host.GameConn or natneg.Share give it: CD key
// messages from the validation server are taken from it, the rest stays the game's. With an engine's host, they are among what
// the engine hands to Host.HandlePacket. A socket that nobody shares is not to be read by others until Close. nil opens one that is
// used for nothing else. ctx bounds Start alone.
func Start(ctx context.Context, conn net.PacketConn, config Config) (*Checker, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	locator := backend.Locator{Domain: config.Domain, Host: config.Host, Resolver: config.Resolver}
	addrs, err := locator.Resolve(ctx, backend.CDKey, "", config.Addr)
	if err != nil {
		return nil, &Error{Op: "start", Peer: "the validation server", Reason: "its address is not known", Err: err}
	}
	now := time.Now()
	c := &Checker{
		config: config, log: config.Logger, server: addrs[0],
		wake: make(chan struct{}, 1), closing: make(chan struct{}), asked: make(chan *ProofRequest, proofRequestsInWait),
		since: now, lookedUp: now,
	}
	if config.KeepAlive > 0 {
		c.keepAlive = now.Add(config.KeepAlive)
	}
	if conn == nil {
		if conn, err = config.ListenPacket(ctx, "udp", ":0"); err != nil {
			return nil, &Error{Op: "start", Reason: "no socket", Err: err}
		}
		c.own = conn
	}
	c.mux, c.release = udpmux.Attach(conn)
	remove, ok := c.mux.HandleOnly(exclusive{}, c.receive)
	if !ok {
		c.release()
		return nil, &Error{Op: "start", Err: ErrInUse}
	}
	c.remove = remove
	c.workers.Go(c.run)
	return c, nil
}

// Addr is the validation server's address. If it is silent, its name is looked up again, and the address may become another.
func (c *Checker) Addr() netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// Close tells the validation server that the players have left, and ends. Who waits in Authenticate gets net.ErrClosed. The
// socket stays open if it was given. It may be called more than once.
func (c *Checker) Close() error {
	c.once.Do(func() {
		c.end(net.ErrClosed)
		close(c.closing)
	})
	c.workers.Wait()
	c.remove()
	c.release()
	if c.own != nil {
		if err := c.own.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	return nil
}

// end lets everybody go.
func (c *Checker) end(err error) {
	c.mu.Lock()
	defer c.unlock()
	if c.err != nil {
		return
	}
	c.err = err
	for _, p := range c.players {
		c.goodbye(p)
		p.left = true
		if !p.online {
			p.decide(0, &Error{Op: "authenticate", Peer: c.server.String(), Err: err})
		}
	}
	c.players = nil
	close(c.asked)
}

// run is the clock.
func (c *Checker) run() {
	ctx, cancel := context.WithCancel(context.Background()) // of what the clock begins
	defer cancel()
	timer := time.NewTimer(forever)
	defer timer.Stop()
	for {
		c.mu.Lock()
		next := c.tick(ctx, time.Now())
		c.unlock()
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.mux.Done():
			err := c.mux.Err()
			if err == nil {
				err = net.ErrClosed
			}
			c.end(err)
			return
		case <-c.closing:
			return
		}
	}
}

// tick does what is due, and says when to come again.
func (c *Checker) tick(ctx context.Context, now time.Time) (next time.Time) {
	next = now.Add(forever)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if !c.keepAlive.IsZero() && c.err == nil {
		if !now.Before(c.keepAlive) {
			c.send(cdkeywire.KeepAlive{}, c.server)
			c.keepAlive = now.Add(c.config.KeepAlive)
		}
		sooner(c.keepAlive)
	}
	for i := 0; i < len(c.players); {
		p := c.players[i]
		if !p.online && !now.Before(p.due) {
			c.overdue(ctx, p, now)
			if p.left {
				continue // its place is the next one's
			}
		}
		if !p.online {
			sooner(p.due)
		}
		p.expire(now)
		for _, request := range p.proofs {
			sooner(request.Expires)
		}
		i++
	}
	return next
}

// receive takes what is the validation server's off the socket.
func (c *Checker) receive(b []byte, from netip.AddrPort) bool {
	if !cdkeywire.Is(b) {
		return false
	}
	message, err := cdkeywire.Parse(b)
	c.mu.Lock()
	defer c.unlock()
	if from != c.server {
		// Whoever guesses a number of 14 bits could let players in: the original believes everybody. What is no message
		// may be the game's own.
		if err == nil {
			c.counters.Foreign++
		}
		return err == nil
	}
	if err != nil {
		c.counters.Malformed++
		return true
	}
	if c.err != nil {
		return true
	}
	now := time.Now()
	c.counters.Received++
	c.heard = now
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("cdkey: received", "from", from, "message", cdkeywire.Name(message))
	}
	switch m := message.(type) {
	case cdkeywire.Accepted:
		c.answered(KeyHash(m.KeyHash), m.Session, nil, now)
	case cdkeywire.Rejected:
		c.answered(KeyHash(m.KeyHash), m.Session, &m, now)
	case cdkeywire.IsOnline:
		c.isOnline(m, now)
	case cdkeywire.CountRequest:
		c.send(cdkeywire.Count{Players: c.count(m)}, c.server)
	default:
		c.counters.Unmatched++ // a question that game servers ask
	}
	return true
}

// send queues a message; the lock is held.
func (c *Checker) send(m cdkeywire.Message, to netip.AddrPort) {
	b, err := cdkeywire.Append(nil, m)
	if err != nil {
		c.counters.SendErrors++ // cannot be: what goes in was checked
		return
	}
	c.sendBytes(b, to)
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("cdkey: send", "to", to, "message", cdkeywire.Name(m))
	}
}

func (c *Checker) sendBytes(b []byte, to netip.AddrPort) {
	c.counters.Sent++
	c.out = append(c.out, outgoing{b, to})
}

// unlock lets go of the lock and then writes what was queued.
func (c *Checker) unlock() {
	out, troubled := c.out, c.sendErr != nil
	c.out = nil
	c.mu.Unlock()
	failed := 0
	var latest error
	for _, packet := range out {
		if latest = c.mux.WriteTo(packet.b, packet.to); latest != nil {
			failed++
			c.log.Debug("cdkey: not sent", "to", packet.to, "error", latest)
		}
	}
	if failed > 0 || troubled && len(out) > 0 {
		c.mu.Lock()
		c.counters.SendErrors += failed
		c.sendErr = latest
		c.mu.Unlock()
	}
}
