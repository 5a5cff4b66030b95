package gstatstest

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/faulty"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// conn is one client's connection. Server.mu guards what is below the blank line.
type conn struct {
	server *Server
	net    net.Conn
	faults faulty.Faults
	delay  time.Duration
	wake   chan struct{} // has a token when there is something to write
	gone   chan struct{}
	once   sync.Once

	out        [][]byte // to be written
	queued     int      // bytes in out
	deaf       bool     // nothing is understood any more
	hungUp     bool     // when everything is written
	held       []byte   // a reply that waits for the next one
	challenge  string
	game       string // authenticated if not empty
	connection int32
	players    map[ProfileID]bool // authenticated
	player     ProfileID          // the last of them
	games      map[int32]*Game    // by the client's numbers; the last of each
	loginID    int32              // the local id of the last attempt to authenticate one
}

// ServeConn serves a connection, such as one end of net.Pipe. It returns at once; the server closes the connection.
func (s *Server) ServeConn(nc net.Conn) {
	c := &conn{
		server: s, net: nc, wake: make(chan struct{}, 1), gone: make(chan struct{}), players: make(map[ProfileID]bool),
		games: make(map[int32]*Game),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= s.config.Limits.Connections {
		_ = nc.Close()
		return
	}
	s.conns[c] = true
	c.faults, c.delay = s.config.Faults.stream(), s.config.Faults.Delay
	if !s.config.Faults.NoGreeting {
		c.greet()
	}
	s.done.Go(c.writeLoop)
	s.done.Go(c.readLoop)
	s.done.Go(c.awaitAuth)
	if interval := s.keepAliveInterval(); interval > 0 {
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
	w := faulty.NewWriter(c.net, c.faults, c.gone)
	for {
		c.server.mu.Lock()
		batch, last := c.out, c.hungUp
		c.out = nil
		c.server.mu.Unlock()
		for _, b := range batch {
			if !faulty.Wait(c.delay, c.gone) || !w.Write(b) {
				return
			}
			c.server.mu.Lock()
			c.queued -= len(b)
			c.server.mu.Unlock()
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

// awaitAuth ends a connection that does not authenticate a game in time.
func (c *conn) awaitAuth() {
	if !faulty.Wait(c.server.config.Limits.Auth, c.gone) {
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.game == "" {
		c.abort()
	}
}

func (c *conn) keepAlive(interval time.Duration) {
	for faulty.Wait(interval, c.gone) {
		c.server.mu.Lock()
		c.put(&gstatswire.KeepAlive{})
		c.server.mu.Unlock()
	}
}

func (c *conn) readLoop() {
	defer c.leave()
	splitter := gstatswire.Splitter(c.server.config.Limits.Message)
	for {
		_, err := splitter.Fill(c.net, 4096)
		for {
			message, ok, splitErr := splitter.Next()
			if splitErr != nil {
				return
			}
			if !ok {
				break
			}
			command := c.receive(gstatswire.Uncover(message))
			if family := c.server.config.Family; family == quirks.DWC && err == nil {
				break // what came with it waits for more to come
			} else if family == quirks.WFC && command == "setpd" {
				splitter = gstatswire.Splitter(c.server.config.Limits.Message) // what came with it is lost
			}
		}
		splitter.Release()
		if err != nil {
			return
		}
	}
}

// leave forgets the connection.
func (c *conn) leave() {
	c.abort()
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	delete(c.server.conns, c)
}

// receive takes one message, in clear, and returns its command.
func (c *conn) receive(message []byte) (command string) {
	s := c.server
	command = string(kv.Command(message).Key)
	s.log.Debug("gstatstest received", "command", command, "bytes", len(message))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepReceived(message)
	if c.hungUp {
		return command
	}
	if answer := s.config.Answer; answer != nil {
		if answers, handled := answer(string(message)); handled {
			for _, body := range answers {
				c.send(hide([]byte(body)))
			}
			return command
		}
	}
	if slices.Contains(s.config.Faults.CloseOn, command) {
		c.abort()
		return command
	}
	if slices.Contains(s.config.Faults.Mute, command) {
		return command
	}
	if s.config.Family == quirks.DWC && !c.readable(message) {
		return command
	}
	m, err := gstatswire.FromClient(message)
	if err != nil {
		s.log.Debug("gstatstest cannot read a message", "error", err)
		if field, ok := errors.AsType[*gstatswire.FieldError](err); ok && field.Field == "length" && s.config.Family == quirks.WFC {
			c.refuse(errorParse)
		}
		return command
	}
	c.handle(m)
	return command
}

// put sends a message as the family writes it.
func (c *conn) put(m gstatswire.Message) {
	if body, err := m.Append(nil); err != nil {
		c.server.log.Error("gstatstest cannot send", "error", err)
	} else {
		c.send(hide(c.server.shape(body)))
	}
}

// send queues bytes.
func (c *conn) send(b []byte) {
	if c.hungUp || len(b) == 0 {
		return
	}
	if c.queued+len(b) > c.server.config.Limits.Queue {
		c.abort()
		return
	}
	c.out = append(c.out, b)
	c.queued += len(b)
	c.signal()
}

// hide makes of a message in clear what goes over the wire. Like the original it does not care whether that reads \final\ in
// the middle.
func hide(body []byte) []byte {
	gscrypt.GStatsXOR(body)
	return append(body, kv.Terminator...)
}
