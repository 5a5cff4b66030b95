package gptest

import (
	"net"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/faulty"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// conn is one client's connection. Server.mu guards what is below the blank line.
type conn struct {
	server *Server
	net    net.Conn
	faults Faults
	wake   chan struct{} // has a token when there is something to write
	gone   chan struct{}
	once   sync.Once

	out       [][]byte // to be written
	hungUp    bool     // and then to be closed
	search    bool
	challenge string
	account   *account
	key       gpwire.SessionKey
	revision  int
	quiet     int
}

// outQueue is how many messages wait for a client that does not read. One more, and the server gives it up.
const outQueue = 4096

func (s *Server) serve(nc net.Conn, search bool) {
	c := &conn{server: s, net: nc, wake: make(chan struct{}, 1), gone: make(chan struct{}), search: search}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = nc.Close()
		return
	}
	s.conns[c] = true
	c.faults = s.config.Faults
	if !search && !c.faults.NoGreeting {
		c.challenge = s.newChallenge()
		c.put(&gpwire.Greeting{Challenge: c.challenge, ID: 1})
	}
	s.done.Go(c.writeLoop)
	s.done.Go(c.readLoop)
	if interval := s.keepAliveInterval(); interval > 0 && !search {
		s.done.Go(func() { c.keepAlive(interval) })
	}
}

// abort closes the connection at once.
func (c *conn) abort() {
	c.once.Do(func() { close(c.gone) })
	_ = c.net.Close()
}

// hangUp closes the connection when everything was sent.
func (c *conn) hangUp() {
	c.hungUp = true
	c.signal()
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) writeLoop() {
	defer c.abort()
	w := faulty.NewWriter(c.net, c.faults.stream(), c.gone)
	for {
		c.server.mu.Lock()
		batch, last := c.out, c.hungUp
		c.out = nil
		c.server.mu.Unlock()
		for _, b := range batch {
			if !faulty.Wait(c.faults.Delay, c.gone) || !w.Write(b) {
				return
			}
		}
		if last {
			return
		}
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
	}
}

func (c *conn) keepAlive(interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.server.mu.Lock()
			c.put(&gpwire.KeepAlive{})
			c.server.mu.Unlock()
		case <-c.gone:
			return
		}
	}
}

func (c *conn) readLoop() {
	defer c.leave()
	var splitter kv.Splitter
	var decoder gpwire.Decoder
	for {
		_, err := splitter.Fill(c.net, 1024)
		for {
			body, ok, splitErr := splitter.Next()
			if splitErr != nil {
				c.abort()
				return
			}
			if !ok {
				break
			}
			c.receive(&decoder, body)
		}
		if err != nil {
			return
		}
	}
}

// receive takes one message.
func (c *conn) receive(decoder *gpwire.Decoder, body []byte) {
	s := c.server
	s.log.Debug("gptest received", "message", gpwire.Mask(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.received) < 10_000 {
		s.received = append(s.received, string(body))
	}
	if c.hungUp {
		return
	}
	if c.search {
		message, err := decoder.SearchRequest(body)
		c.handleSearch(message, err)
		return
	}
	message, err := decoder.FromClient(body)
	if err != nil {
		c.handleUnknown()
		return
	}
	c.handle(message)
}

// leave forgets the connection and tells the buddies.
func (c *conn) leave() {
	c.abort()
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if a := c.account; a != nil {
		a.conns = slices.DeleteFunc(a.conns, func(other *conn) bool { return other == c })
		if len(a.conns) == 0 {
			a.status = gpwire.BuddyStatus{}
			if !s.closed {
				s.publish(a)
			}
			if s.config.Family == quirks.WFC { // the consoles know their friends, and tell at each login
				for id := range a.buddies {
					s.unfollow(a, id)
				}
			}
		}
	}
}

// message is what can be put on the wire.
type message interface {
	Append(b []byte) ([]byte, error)
}

// put sends messages as one segment.
func (c *conn) put(messages ...message) {
	var b []byte
	for _, m := range messages {
		one, err := m.Append(nil)
		if err != nil {
			c.server.log.Error("gptest cannot send", "error", err)
			continue
		}
		b = append(b, c.server.reorder(one)...)
	}
	c.send(b)
}

// send queues bytes.
func (c *conn) send(b []byte) {
	if c.hungUp || len(b) == 0 {
		return
	}
	if len(c.out) >= outQueue {
		c.abort()
		return
	}
	c.out = append(c.out, b)
	c.signal()
}

// refuse sends an error the way the family writes it (servers.md §5.1.4).
func (c *conn) refuse(code gpwire.ErrorCode, fatal bool, text string, id int) {
	switch c.server.config.Family {
	case quirks.WFC:
		id = 0
	case quirks.OpenSpy:
		if !fatal {
			id = 0
		}
	case quirks.KR4uzi:
		var m kv.Builder
		m.Pair("error", "")
		m.Int("err", int64(code))
		m.Pair("errmsg", text)
		if fatal {
			m.Pair("fatal", "")
		}
		m.Int("id", int64(id))
		if b, err := m.Final(); err == nil {
			c.send(b)
		}
		return
	}
	c.put(&gpwire.ErrorReply{Code: code, Fatal: fatal, Text: text, ID: id})
}
