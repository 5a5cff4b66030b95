package gstatstest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

// Server is a statistics server. It is safe for concurrent use.
type Server struct {
	config Config
	log    *slog.Logger

	mu       sync.Mutex
	closed   bool
	listener net.Listener
	conns    map[*conn]bool
	accounts map[ProfileID]Account
	slots    map[Slot]record
	blocks   map[Slot]record       // of openspy, which keeps them apart
	modified map[indexed]time.Time // of any type: so the original counts
	games    []*Game
	spent    int           // bytes of what is kept
	changed  chan struct{} // is closed when games change
	received []string
	heard    int // bytes in received

	done sync.WaitGroup
}

// New makes a server that listens nowhere: give it connections with [Server.ServeConn] or [Server.Dial], or call
// [Server.Start].
func New(config Config) *Server {
	config.Limits = config.Limits.withDefaults()
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{
		config: config, log: config.Logger, conns: make(map[*conn]bool), accounts: make(map[ProfileID]Account),
		slots: make(map[Slot]record), blocks: make(map[Slot]record), modified: make(map[indexed]time.Time), changed: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, account := range config.Accounts {
		s.Add(account)
	}
	return s
}

// Start makes a server that listens on loopback.
func Start(config Config) (*Server, error) {
	s := New(config)
	if err := s.Start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Start listens.
func (s *Server) Start() error {
	addr := s.config.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("gstatstest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.listener != nil {
		_ = listener.Close()
		return fmt.Errorf("gstatstest: start: %w", net.ErrClosed)
	}
	s.listener = listener
	s.done.Go(func() { s.accept(listener) })
	return nil
}

func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			s.ServeConn(conn)
		default:
			time.Sleep(10 * time.Millisecond) // too many open files, say: it may pass
		}
	}
}

// Addr is where the server listens; empty if it does not.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Dial gives the client's end of an in-memory connection. It fits the DialContext of a client's configuration, and works in
// a synctest bubble.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	s.ServeConn(server)
	return client, nil
}

// Close ends all connections and waits until nothing of the server runs any more. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	if s.listener != nil {
		_ = s.listener.Close()
	}
	for c := range s.conns {
		c.abort()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Add creates an account, or replaces the one of that profile, and returns its profile.
func (s *Server) Add(a Account) ProfileID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(a)
}

func (s *Server) add(a Account) ProfileID {
	if a.ProfileID == 0 {
		a.ProfileID = 20001
		for s.known(a.ProfileID) {
			a.ProfileID++
		}
	}
	s.accounts[a.ProfileID] = a
	return a.ProfileID
}

func (s *Server) known(id ProfileID) bool {
	_, ok := s.accounts[id]
	return ok
}

// Connections is how many clients are connected.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Authenticated reports whether a player is authenticated on some connection.
func (s *Server) Authenticated(id ProfileID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.players[id] {
			return true
		}
	}
	return false
}

// Received lists the messages that clients have sent, in clear and in order, without \final\. At most 10 000 messages and
// 16 MiB are kept.
func (s *Server) Received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

func (s *Server) keepReceived(message []byte) {
	if len(s.received) < 10_000 && s.heard+len(message) <= 16<<20 {
		s.received = append(s.received, string(message))
		s.heard += len(message)
	}
}

// Send hides a message, ends it with \final\ and sends it to all clients. Faults of the stream apply.
func (s *Server) Send(message string) { s.SendRaw(hide([]byte(message))) }

// SendRaw sends bytes to all clients as they are.
func (s *Server) SendRaw(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.send(slices.Clone(b))
	}
}

// Drop ends all connections without a word, as a crash of the server or of the network does.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.abort()
	}
}

// SetFaults changes what the server does wrong. Those of the stream of bytes apply to connections that come from now on.
func (s *Server) SetFaults(faults Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.Faults = faults
}
