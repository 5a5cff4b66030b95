package sbtest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/registry"
	"github.com/relight-sdk/relight/internal/wire/sbfilter"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

const (
	writeTimeout = 10 * time.Second
	maxPushes    = 1 << 16 // changes that wait for a client which does not read
)

// conn is one client.
type conn struct {
	server *Server
	raw    net.Conn
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex // of everything that is sent
	cipher  *gscrypt.EnctypeX
	encoder sbwire.Encoder
	sent    int
	stalled bool

	listing sync.Mutex // of what follows: a further list request changes it under the pushes
	request sbwire.ListRequest
	filter  sbfilter.Expr // nil: all
	keys    []sbwire.Key
	stop    func() // of the registry's watch; nil without
	started bool   // keep-alives
	pushing bool   // what the watch sees
	echoed  chan struct{}

	changesMu sync.Mutex
	changes   []registry.Change
	wake      chan struct{}
}

func newConn(s *Server, raw net.Conn) *conn {
	ctx, cancel := context.WithCancel(context.Background())
	return &conn{server: s, raw: raw, ctx: ctx, cancel: cancel, echoed: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

func (c *conn) close() {
	c.cancel()
	c.raw.Close()
}

// serve reads the client's messages until the end.
func (c *conn) serve() {
	defer c.work.Wait()
	defer c.close()
	if c.server.config.Old {
		c.serveOld()
		return
	}
	for {
		message, err := readMessage(c.raw)
		if err != nil {
			break
		}
		request, err := sbwire.ParseRequest(message)
		if err != nil {
			c.server.config.Logger.Info("list master: bad request", "error", err.Error())
			break
		}
		if !c.handle(request) {
			break
		}
	}
	if c.stop != nil {
		c.stop()
	}
}

// readMessage reads a message with its length.
func readMessage(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(head[:]))
	if length < 3 || length > 4096 {
		return nil, io.ErrUnexpectedEOF
	}
	message := make([]byte, length)
	copy(message, head[:])
	_, err := io.ReadFull(r, message[2:])
	return message, err
}

// handle answers one request; false ends the connection.
func (c *conn) handle(request sbwire.Request) bool {
	switch r := request.(type) {
	case sbwire.ListRequest:
		c.listing.Lock()
		defer c.listing.Unlock()
		return c.list(r)
	case sbwire.SendMessage:
		addr := c.server.reveal(r.Addr)
		c.work.Go(func() {
			if err := c.server.registry.Relay(c.ctx, addr, r.Data); err != nil {
				c.server.config.Logger.Info("list master: message not relayed", "to", addr.String(), "error", err.Error())
			}
		})
	case sbwire.InfoRequest:
		c.info(r.Addr)
	case sbwire.KeepAlive:
		if !c.server.config.Faults.Echoless {
			select {
			case c.echoed <- struct{}{}:
			default:
			}
		}
	case sbwire.MapLoopRequest:
		if maps, ok := c.server.config.Maps[r.Addr]; ok && c.family() == quirks.Original {
			c.message(sbwire.MapLoop{Addr: r.Addr, Changes: time.Now().Add(time.Minute), Maps: maps})
		}
	case sbwire.PlayerSearchRequest:
		if c.family() == quirks.Original {
			c.search(r)
		}
	}
	return true
}

func (c *conn) family() quirks.Family { return c.server.config.Family }

// clientIP is what the client is told to be its address.
func (c *conn) clientIP() netip.Addr {
	if ip := c.server.config.ClientIP; ip.IsValid() {
		return ip
	}
	if tcp, ok := c.raw.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// clientPort is the client's TCP port, which some families put where the default query port belongs.
func (c *conn) clientPort() uint16 {
	if tcp, ok := c.raw.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Port()
	}
	return 40000
}

// header sends the clear beginning and sets the cipher up.
func (c *conn) header(secret string) error {
	if c.cipher != nil || c.server.config.Faults.NoHeader {
		return nil // a further list goes on with the same stream
	}
	h := headerOf(c.family(), c.server.config.QueryChallenge)
	cipher, err := gscrypt.NewEnctypeX(c.request.Challenge, h.Challenge, secret)
	if err != nil {
		return err
	}
	b, err := h.Append(nil)
	if err != nil {
		return err
	}
	c.write(b)
	c.mu.Lock()
	c.cipher = cipher
	c.mu.Unlock()
	return nil
}

// send encrypts and sends; the lock keeps the stream in order.
func (c *conn) send(plain []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendLocked(plain)
}

func (c *conn) sendLocked(plain []byte) {
	b := append([]byte(nil), plain...)
	if c.cipher != nil {
		c.cipher.Encrypt(b, b)
	}
	c.writeLocked(b)
}

func (c *conn) write(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeLocked(b)
}

// writeLocked sends bytes, with the faults.
func (c *conn) writeLocked(b []byte) {
	faults := c.server.config.Faults
	for len(b) > 0 && !c.stalled {
		n := len(b)
		if faults.Segment > 0 {
			n = min(n, faults.Segment)
		}
		piece := b[:n]
		if faults.Fault != None && c.sent+n > faults.At {
			keep := max(faults.At-c.sent, 0)
			switch faults.Fault {
			case Garbage:
				for i := keep; i < n; i++ {
					piece[i] = 0xA5
				}
			default:
				piece = piece[:keep]
				c.stalled = true
			}
		}
		_ = c.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
		if len(piece) > 0 {
			if _, err := c.raw.Write(piece); err != nil {
				c.stalled = true
				c.close()
				return
			}
		}
		c.sent += n
		b = b[n:]
	}
	if c.stalled && faults.Fault == Close {
		c.close()
	}
}

// message sends a message behind the list.
func (c *conn) message(m sbwire.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := c.encoder.Message(nil, m)
	if err != nil {
		c.server.config.Logger.Info("list master: message cannot be written", "error", err.Error())
		return
	}
	c.sendLocked(b)
}

// keepAlive asks for an echo again and again and drops a client that does not send it.
func (c *conn) keepAlive() {
	ticker := time.NewTicker(c.server.config.KeepAlive)
	defer ticker.Stop()
	drop := time.NewTimer(c.server.config.DropAfter)
	defer drop.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ticker.C:
			token := make([]byte, 5)
			_, _ = rand.Read(token)
			c.message(sbwire.KeepAlive{Data: token})
		case <-c.echoed:
			drop.Reset(c.server.config.DropAfter)
		case <-drop.C:
			c.close()
			return
		}
	}
}

// watch gathers what happens to the registry, if the client wants to be told.
func (c *conn) watch() {
	if !c.pushes() || c.stop != nil || c.request.Options&sbwire.OptionPush == 0 {
		return
	}
	c.stop = c.server.registry.Watch(func(change registry.Change) {
		c.changesMu.Lock()
		if len(c.changes) < maxPushes {
			c.changes = append(c.changes, change)
		}
		c.changesMu.Unlock()
		select {
		case c.wake <- struct{}{}:
		default:
		}
	})
}

// pushAll pushes what watch has gathered, until the connection ends.
func (c *conn) pushAll() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		}
		c.changesMu.Lock()
		changes := c.changes
		c.changes = nil
		c.changesMu.Unlock()
		for _, change := range changes {
			c.push(change)
		}
	}
}
