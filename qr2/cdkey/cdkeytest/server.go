package cdkeytest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
)

const (
	defaultProofTime = 2 * time.Second
	maxOnline        = 4096 // keys; more are refused
	maxReadErrors    = 64   // in a row, after which the socket is broken
)

// Config says how the server behaves. The zero value accepts every key, on 127.0.0.1.
type Config struct {
	Address      string                                                                     // to listen on; empty: 127.0.0.1:0
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error) // nil means net.ListenConfig

	Family    Family           // "" behaves as the original; a family without a validation server is refused
	Keys      map[int][]string // the keys of each product; nil: every key is good; not with a family that accepts all
	ProofTime time.Duration    // for the player of a key that comes a second time to prove it; 0 means 2 s
	Faults    Faults
	Logger    *slog.Logger // decisions at Info, messages at Debug; nil is silent

	// Hook sees the text of every message first and may take it; a script answers with [Server.Send]. It is called from one
	// goroutine, without locks. nil: not called.
	Hook func(server *Server, text string, from netip.AddrPort) (taken bool)
}

// Faults are ways to misbehave. The zero value has none.
type Faults struct {
	Silent       bool   // nothing is answered
	Miss         int    // so many messages are lost first
	Refuse       string // every key is refused with these words; empty: none
	OtherKey     bool   // answers are about another key
	OtherSession bool   // answers are to another question
	Elsewhere    bool   // answers come from another socket
	Cut          int    // answers are cut to so many bytes; 0: not
	Twice        bool   // answers come twice
}

// Stats count what a server received.
type Stats struct {
	Questions   int // auth
	KeepAlives  int
	Disconnects int
	Proofs      int // with a response
	Malformed   int
}

type keyID struct {
	product int
	hash    string
}

// doubt is a key that turned up on another game server, and is not decided yet.
type doubt struct {
	id        keyID
	from      netip.AddrPort // the new game server
	session   int64          // its question
	old       netip.AddrPort
	challenge string
	timer     *time.Timer
}

// Server is a validation server. It is safe for concurrent use.
type Server struct {
	config    Config
	traits    traits
	log       *slog.Logger
	conn      net.PacketConn
	elsewhere net.PacketConn
	worker    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	faults Faults
	stats  Stats
	online map[keyID]netip.AddrPort
	doubts map[int64]*doubt // by the number of our question
	number int64
}

// New starts a server.
func New(config Config) (*Server, error) {
	t, err := traitsOf(config.Family)
	if err != nil {
		return nil, err
	}
	if t.acceptsAll && config.Keys != nil {
		return nil, fmt.Errorf("cdkeytest: the family %q accepts every key: Keys cannot be set", config.Family)
	}
	if config.Address == "" {
		config.Address = "127.0.0.1:0"
	}
	if config.ListenPacket == nil {
		config.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if config.ProofTime <= 0 {
		config.ProofTime = defaultProofTime
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		config: config, traits: t, log: config.Logger, faults: config.Faults,
		online: make(map[keyID]netip.AddrPort), doubts: make(map[int64]*doubt),
	}
	if s.conn, err = config.ListenPacket(context.Background(), "udp4", config.Address); err != nil {
		return nil, fmt.Errorf("cdkeytest: %w", err)
	}
	host, _, _ := net.SplitHostPort(s.conn.LocalAddr().String())
	if s.elsewhere, err = config.ListenPacket(context.Background(), "udp4", net.JoinHostPort(host, "0")); err != nil {
		return nil, errors.Join(fmt.Errorf("cdkeytest: %w", err), s.conn.Close())
	}
	s.worker.Go(s.read)
	return s, nil
}

// Addr is the server's address, for cdkey.Config.Addr.
func (s *Server) Addr() string { return s.conn.LocalAddr().String() }

// Stats returns the counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// SetFaults changes the misbehaviour.
func (s *Server) SetFaults(faults Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

// Online is the game server that a key is on; the zero value if it is on none.
func (s *Server) Online(product int, key string) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.online[keyID{product, gscrypt.CDKeyHash(key)}]
}

// Send sends a message, as \key\value text, to a game server.
func (s *Server) Send(text string, to netip.AddrPort) error { return write(s.conn, text, to) }

// SendFromElsewhere is Send from another socket than the server's.
func (s *Server) SendFromElsewhere(text string, to netip.AddrPort) error {
	return write(s.elsewhere, text, to)
}

func write(conn net.PacketConn, text string, to netip.AddrPort) error {
	b := []byte(text)
	cdkeywire.XOR(b)
	_, err := conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

// Close ends the server. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, d := range s.doubts {
		d.timer.Stop()
	}
	clear(s.doubts)
	s.mu.Unlock()
	_ = s.conn.Close()
	_ = s.elsewhere.Close()
	s.worker.Wait()
	return nil
}

func (s *Server) read() {
	buf := make([]byte, 2048)
	for failures := 0; failures < maxReadErrors; {
		n, addr, err := s.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		udp, ok := addr.(*net.UDPAddr)
		if err != nil || !ok {
			failures++
			continue
		}
		failures = 0
		from := udp.AddrPort()
		s.handle(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

func (s *Server) handle(b []byte, from netip.AddrPort) {
	text := slices.Clone(b)
	cdkeywire.XOR(text)
	if s.config.Hook != nil && s.config.Hook(s, string(text), from) {
		return
	}
	message, err := cdkeywire.Parse(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stats.Malformed++
		s.log.Debug("cdkeytest: malformed", "from", from, "error", err)
		return
	}
	s.log.Debug("cdkeytest: received", "from", from, "message", cdkeywire.Name(message))
	switch m := message.(type) {
	case cdkeywire.Auth:
		s.stats.Questions++
		if s.faults.Miss > 0 {
			s.faults.Miss--
			return
		}
		if s.traits.needsMore && !ended(text, "skey") {
			return
		}
		s.auth(m, from)
	case cdkeywire.KeepAlive:
		s.stats.KeepAlives++
	case cdkeywire.Disconnect:
		s.stats.Disconnects++
		if id := (keyID{m.Product, m.KeyHash}); s.online[id] == from {
			delete(s.online, id)
		}
	case cdkeywire.Online:
		s.proof(m, from)
	case cdkeywire.Offline:
		if d := s.doubts[m.Session]; d != nil && d.old == from {
			s.settle(m.Session, true)
		}
	}
}

// auth answers a game server's question.
func (s *Server) auth(m cdkeywire.Auth, from netip.AddrPort) {
	id := keyID{m.Product, m.Response[:min(32, len(m.Response))]}
	old, known := s.online[id]
	switch {
	case s.faults.Refuse != "":
		s.reply(cdkeywire.Rejected{KeyHash: id.hash, Session: m.Session, Text: s.faults.Refuse}, from)
	case s.config.Keys != nil && !gscrypt.CDKeyMatches(s.key(id), m.Challenge, m.Response, gscrypt.CDKeyNew):
		s.reply(cdkeywire.Rejected{KeyHash: id.hash, Session: m.Session, Text: "Invalid CD Key"}, from)
	case s.traits.acceptsAll:
		s.reply(cdkeywire.Accepted{KeyHash: id.hash, Session: m.Session}, from)
	case known && old != from:
		s.ask(&doubt{id: id, from: from, session: m.Session, old: old})
	case !known && len(s.online) >= maxOnline:
		s.reply(cdkeywire.Rejected{KeyHash: id.hash, Session: m.Session, Text: "Server is full"}, from)
	default:
		s.online[id] = from
		s.reply(cdkeywire.Accepted{KeyHash: id.hash, Session: m.Session}, from)
	}
}

// key is the key with that hash; empty if there is none.
func (s *Server) key(id keyID) string {
	for _, key := range s.config.Keys[id.product] {
		if gscrypt.CDKeyHash(key) == id.hash {
			return key
		}
	}
	return ""
}

// ask asks the game server on which the key is whether its player is still there.
func (s *Server) ask(d *doubt) {
	for _, other := range s.doubts {
		if other.id == d.id {
			return // it is being asked: the question was repeated, or a third server came
		}
	}
	s.number++
	number := s.number
	d.challenge = "proof" + strconv.FormatInt(number, 10)
	d.timer = time.AfterFunc(s.config.ProofTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			s.settle(number, true)
		}
	})
	s.doubts[number] = d
	s.reply(cdkeywire.IsOnline{KeyHash: d.id.hash, Session: number, Challenge: d.challenge}, d.old)
}

// proof looks at what the player of the old server proves.
func (s *Server) proof(m cdkeywire.Online, from netip.AddrPort) {
	if m.Proof == cdkeywire.NoProofYet {
		return
	}
	s.stats.Proofs++
	d := s.doubts[m.Session]
	if d == nil || d.old != from {
		return
	}
	if s.config.Keys == nil && len(m.Proof) == gscrypt.CDKeyResponseSize && m.Proof[:32] == d.id.hash ||
		gscrypt.CDKeyMatches(s.key(d.id), d.challenge, m.Proof, gscrypt.CDKeyProof) {
		s.settle(m.Session, false)
	}
}

// settle decides a doubt.
func (s *Server) settle(number int64, moved bool) {
	d := s.doubts[number]
	if d == nil {
		return
	}
	d.timer.Stop()
	delete(s.doubts, number)
	if moved {
		s.online[d.id] = d.from
		s.reply(cdkeywire.Accepted{KeyHash: d.id.hash, Session: d.session}, d.from)
		return
	}
	s.reply(cdkeywire.Rejected{KeyHash: d.id.hash, Session: d.session, Text: "CD Key is already in use"}, d.from)
}

// reply sends a message, as the faults have it.
func (s *Server) reply(m cdkeywire.Message, to netip.AddrPort) {
	if s.faults.Silent {
		return
	}
	if accepted, ok := m.(cdkeywire.Accepted); ok {
		if s.faults.OtherKey {
			accepted.KeyHash = gscrypt.CDKeyHash("another key than " + accepted.KeyHash)
		}
		if s.faults.OtherSession {
			accepted.Session++
		}
		m = accepted
	}
	switch decision := m.(type) {
	case cdkeywire.Accepted:
		s.log.Info("cdkeytest: accepted", "key", decision.KeyHash, "for", to)
	case cdkeywire.Rejected:
		s.log.Info("cdkeytest: rejected", "key", decision.KeyHash, "for", to, "text", decision.Text)
	}
	b, err := cdkeywire.Append(nil, m)
	if err != nil {
		s.log.Error("cdkeytest: not sent", "message", cdkeywire.Name(m), "error", err)
		return
	}
	if s.faults.Cut > 0 {
		b = b[:min(len(b), s.faults.Cut)]
	}
	conn := s.conn
	if s.faults.Elsewhere {
		conn = s.elsewhere
	}
	times := 1
	if s.faults.Twice {
		times = 2
	}
	for range times {
		_, _ = conn.WriteTo(b, net.UDPAddrFromAddrPort(to))
	}
}
