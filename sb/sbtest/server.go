package sbtest

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/registry"
)

// Names for what the Registry is made of.
type (
	Registry   = registry.Registry
	GameServer = registry.Server
	Field      = registry.Field
	Family     = quirks.Family
)

// Config says how the master behaves. The zero value listens on 127.0.0.1 and knows no game.
type Config struct {
	Games    map[string]string // secrets by name of the game
	Registry *Registry         // the servers that are listed; nil means one of its own
	// Family imitates a family of living servers (spec servers.md §4.1): "openspy", "wfc", "dwc", "unispy", "kr4uzi" or
	// "crymp"; empty is the original.
	Family Family
	// Old speaks the older list protocol, that of QR1 games, on every connection. Besides the original there are the families
	// "openspy" and "333networks" of it.
	Old bool

	Listen   string       // address to listen on; empty means 127.0.0.1:0
	Listener net.Listener // instead of Listen; the Server closes it
	NoListen bool         // connections come through ServeConn only

	DefaultPort    uint16                      // query port of every game; 0 means 6500
	QueryChallenge bool                        // tell clients that game servers want the query challenge
	Groups         map[string][]Group          // rooms by name of the game
	Maps           map[netip.AddrPort][]string // maps that servers will play next
	Players        []Player                    // players who can be found
	ClientIP       netip.Addr                  // what clients are told to be their address; zero means the true one
	KeepAlive      time.Duration               // between keep-alives; 0 means 15 s
	DropAfter      time.Duration               // without an echo the connection is closed; 0 means 30 s
	Faults         Faults
	Logger         *slog.Logger // nil is silent
}

// Group is a room.
type Group struct {
	ID     uint32
	Fields []Field
}

// Player is one who can be found.
type Player struct {
	Nick     string
	Game     string
	Server   netip.AddrPort
	LastSeen time.Time
}

// Faults make a master misbehave. The zero value does not.
type Faults struct {
	Fault Fault
	At    int // the fault happens in front of that byte of what is sent, counted from 0

	// Segment is how many bytes each write has at most; 0 means no limit, 1 sends byte by byte.
	Segment int
	// Body changes the plain body of a list before it is encrypted.
	Body func(plain []byte) []byte
	// NoHeader sends the body without header and cipher.
	NoHeader bool
	// Echoless ignores the echoes of keep-alives, so that every connection is dropped in the end.
	Echoless bool
}

// Fault is what happens at byte At.
type Fault int

// The faults.
const (
	None    Fault = iota
	Stall         // nothing more is sent
	Close         // the connection is closed
	Garbage       // all bytes from there on are replaced by 0xA5
)

// Server is a list master. It is safe for concurrent use.
type Server struct {
	config   Config
	registry *Registry
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[*conn]bool
	requests []Request
	hidden   map[netip.AddrPort]netip.AddrPort // opaque addresses of the family wfc
}

// Request is a list request that a client made.
type Request struct {
	Game    string
	Filter  string
	Fields  []string
	Options uint32
	Limit   int
}

// New starts a master.
func New(config Config) (*Server, error) {
	if config.Registry == nil {
		config.Registry = new(Registry)
	}
	if config.DefaultPort == 0 {
		config.DefaultPort = 6500
	}
	if config.KeepAlive <= 0 {
		config.KeepAlive = 15 * time.Second
	}
	if config.DropAfter <= 0 {
		config.DropAfter = 30 * time.Second
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: config, registry: config.Registry, listener: config.Listener,
		conns: make(map[*conn]bool), hidden: make(map[netip.AddrPort]netip.AddrPort)}
	if s.listener == nil && !config.NoListen {
		address := config.Listen
		if address == "" {
			address = "127.0.0.1:0"
		}
		var err error
		if s.listener, err = net.Listen("tcp", address); err != nil {
			return nil, err
		}
	}
	if s.listener != nil {
		s.work.Go(s.accept)
	}
	return s, nil
}

// Addr is the address that clients connect to; empty with NoListen.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Registry has the servers that are listed.
func (s *Server) Registry() *Registry { return s.registry }

// Requests are the list requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Close ends all connections and returns when their goroutines are gone. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	var err error
	if first && s.listener != nil {
		err = s.listener.Close()
	}
	for c := range conns {
		c.close()
	}
	s.work.Wait()
	return err
}

// Disconnect ends the connections that are open now, as a master that restarts does.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.close()
	}
}

func (s *Server) accept() {
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		s.work.Go(func() { s.ServeConn(raw) })
	}
}

// ServeConn serves one client, for tests that use net.Pipe, and returns when the connection has ended.
func (s *Server) ServeConn(raw net.Conn) {
	c := newConn(s, raw)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		raw.Close()
		return
	}
	s.conns[c] = true
	s.mu.Unlock()
	c.serve()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}
