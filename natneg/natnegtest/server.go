package natnegtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// The sockets of a Server.
const (
	Server1 = 0
	Server2 = 1
	Server3 = 2
	Probe1  = 3 // another address and another port than any server's, if the caller arranged it so
	Probe2  = 4 // the address of server 1, if the caller arranged it so, and another port; without it, nothing answers detection's port type 3

	serverCount   = 3
	socketCount   = 5
	maxReadErrors = 64               // in a row, after which a socket is broken
	maxSessions   = 4096             // more are not begun
	sessionLife   = 60 * time.Second // after which a cookie may be used anew
)

// Config says how the servers behave. The zero value is three servers on 127.0.0.1 that do what the original client
// expects.
type Config struct {
	// Family imitates a family of living servers (spec servers.md §7): "openspy", "wfc", "dwc" or "unispy"; empty is the
	// original.
	Family Family

	// Conns are the sockets: servers 1, 2 and 3, and up to two more from which probes are sent (see Probe1 and Probe2).
	// The Server closes them. Empty: they are opened with ListenPacket.
	Conns []net.PacketConn

	// Listen are the addresses of the sockets to be opened; a missing or empty one is 127.0.0.1:0.
	Listen []string

	// ListenPacket opens them; nil means net.ListenConfig.
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)

	ConnectDelay  time.Duration // from the last thing that was missing to CONNECT; 0 is the family's, negative none
	DeadbeatAfter time.Duration // after which a side whose partner is missing is told; 0 is the family's, negative never
	Faults        Faults

	// Hook sees every packet first and may take it; a script answers with [Server.Send]. It is called from one goroutine for
	// each socket, without locks, and must not keep packet. nil: not called.
	Hook func(server *Server, socket int, packet []byte, from netip.AddrPort) (taken bool)

	Logger *slog.Logger // packets at Debug; nil is silent
}

// Faults are ways to misbehave. The zero value has none.
type Faults struct {
	Loss     float64                                              // share of the packets that get lost, each way
	Seed     uint64                                               // of the loss
	Silent   bool                                                 // nothing is ever answered
	Dead     []int                                                // servers that answer nothing: Server1 and so on
	InitOnly bool                                                 // INITs are acknowledged, nothing else happens
	Finished uint8                                                // CONNECT carries this result in place of 0
	Guess    func(role uint8, real netip.AddrPort) netip.AddrPort // changes the address that is told to a side; nil: the real one
	Forge    netip.AddrPort                                       // before the real CONNECT, forged ones lead here: another cookie, a sender that is no server, impossible addresses
	Garbage  bool                                                 // cut and scrambled packets are sent along with every answer
}

// Report is a REPORT that a server received.
type Report struct {
	Cookie  [4]byte
	Version uint8
	Role    uint8
	Success bool
	NATType uint32
	Mapping uint32
	Game    string
}

// Server is three matchup servers. It is safe for concurrent use.
type Server struct {
	config  Config
	family  behaviour
	log     *slog.Logger
	sockets []net.PacketConn
	addrs   []netip.AddrPort
	workers sync.WaitGroup // readers, and timers that are at work

	mu       sync.Mutex
	closed   bool
	random   *rand.Rand
	sessions map[[4]byte]*session
	reports  []Report
	counts   [32]int // packets received by type
	timers   map[*time.Timer]struct{}
	out      []outgoing
}

type outgoing struct {
	socket int
	to     netip.AddrPort
	b      []byte
}

// New starts the servers.
func New(config Config) (*Server, error) {
	family, ok := behaviours[config.Family]
	if !ok {
		return nil, fmt.Errorf("natnegtest: the family %q has no NatNeg", config.Family)
	}
	if len(config.Conns) != 0 && (len(config.Conns) < serverCount || len(config.Conns) > socketCount) {
		return nil, fmt.Errorf("natnegtest: %d connections given, want 3 to 5", len(config.Conns))
	}
	s := &Server{
		config: config, family: family, log: config.Logger,
		random:   rand.New(rand.NewPCG(config.Faults.Seed, 3)),
		sessions: make(map[[4]byte]*session),
		timers:   make(map[*time.Timer]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if config.ConnectDelay != 0 {
		s.family.connectDelay = max(config.ConnectDelay, 0)
	}
	if config.DeadbeatAfter != 0 {
		s.family.deadbeat = max(config.DeadbeatAfter, 0)
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	for i := range s.sockets {
		s.workers.Go(func() { s.read(i) })
	}
	return s, nil
}

func (s *Server) listen() error {
	s.sockets = slices.Clone(s.config.Conns)
	if len(s.sockets) == 0 {
		listen := s.config.ListenPacket
		if listen == nil {
			listen = new(net.ListenConfig).ListenPacket
		}
		for i := range socketCount {
			address := "127.0.0.1:0"
			if i < len(s.config.Listen) && s.config.Listen[i] != "" {
				address = s.config.Listen[i]
			}
			conn, err := listen(context.Background(), "udp4", address)
			if err != nil {
				for _, conn := range s.sockets {
					_ = conn.Close()
				}
				return fmt.Errorf("natnegtest: %w", err)
			}
			s.sockets = append(s.sockets, conn)
		}
	}
	for _, conn := range s.sockets {
		s.addrs = append(s.addrs, addrPort(conn.LocalAddr()))
	}
	return nil
}

// Addrs are the addresses of servers 1, 2 and 3, as natneg.Config.Servers wants them.
func (s *Server) Addrs() []string {
	list := make([]string, 0, serverCount)
	for _, addr := range s.addrs[:serverCount] {
		list = append(list, addr.String())
	}
	return list
}

// Addr is the address of a socket: Server1, Server2, Server3, Probe1 or Probe2; the zero value if there is none.
func (s *Server) Addr(socket int) netip.AddrPort {
	if socket < 0 || socket >= len(s.addrs) {
		return netip.AddrPort{}
	}
	return s.addrs[socket]
}

// Reports are the REPORTs so far, repetitions included.
func (s *Server) Reports() []Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reports)
}

// Received is how many packets of a type (0 is INIT: spec natneg.md §2) arrived and were understood.
func (s *Server) Received(packetType uint8) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(packetType) >= len(s.counts) {
		return 0
	}
	return s.counts[packetType]
}

// Send sends a datagram from a socket, as it is.
func (s *Server) Send(socket int, packet []byte, to netip.AddrPort) error {
	if socket < 0 || socket >= len(s.sockets) {
		return fmt.Errorf("natnegtest: no socket %d", socket)
	}
	_, err := s.sockets[socket].WriteTo(packet, net.UDPAddrFromAddrPort(to))
	return err
}

// Close stops the servers and waits until they have ended. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for timer := range s.timers {
		timer.Stop()
	}
	clear(s.timers)
	s.mu.Unlock()
	var errs []error
	for _, conn := range s.sockets {
		if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.workers.Wait()
	return errors.Join(errs...)
}

func (s *Server) read(socket int) {
	buf := make([]byte, 2048)
	for failures := 0; failures < maxReadErrors; {
		n, from, err := s.sockets[socket].ReadFrom(buf)
		if err != nil {
			if s.isClosed() || errors.Is(err, net.ErrClosed) {
				return
			}
			failures++ // a single one is harmless: Windows tells of datagrams that are too long here
			continue
		}
		failures = 0
		s.handle(socket, buf[:n], addrPort(from))
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// after runs f under the lock later, unless the Server is closed by then.
func (s *Server) after(d time.Duration, f func()) {
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return
		}
		delete(s.timers, timer)
		s.workers.Add(1) // before Close waits: it sets closed first
		defer s.workers.Done()
		f()
		s.unlockAndSend()
	})
	s.timers[timer] = struct{}{}
}

// send queues a datagram; the lock is held.
func (s *Server) send(socket int, to netip.AddrPort, m natnegwire.Message) {
	if socket >= len(s.sockets) || s.dead(socket) || s.lost() {
		return
	}
	b := m.Append(nil)
	s.out = append(s.out, outgoing{socket, to, b})
	if s.config.Faults.Garbage {
		cut := b[:len(natnegwire.Magic)+s.random.IntN(len(b)-len(natnegwire.Magic))]
		scrambled := slices.Clone(b)
		scrambled[7] = byte(s.random.Uint32())
		for i := natnegwire.HeaderSize; i < len(scrambled); i++ {
			scrambled[i] = byte(s.random.Uint32())
		}
		if scrambled[7] == byte(natnegwire.TypeConnect) || scrambled[7] == byte(natnegwire.TypeConnectPing) {
			scrambled[7] = 0xFF // this would not be garbage but a lie; see Forge
		}
		s.out = append(s.out, outgoing{socket, to, cut}, outgoing{socket, to, scrambled})
	}
}

// unlockAndSend gives up the lock and then writes what was queued.
func (s *Server) unlockAndSend() {
	out := s.out
	s.out = nil
	s.mu.Unlock()
	for _, packet := range out {
		err := s.Send(packet.socket, packet.b, packet.to)
		s.log.Debug("natnegtest: sent", "socket", packet.socket, "to", packet.to, "bytes", len(packet.b), "error", err)
	}
}

func (s *Server) lost() bool {
	return s.config.Faults.Loss > 0 && s.random.Float64() < s.config.Faults.Loss
}

func (s *Server) dead(socket int) bool {
	return s.config.Faults.Silent || slices.Contains(s.config.Faults.Dead, socket)
}

func addrPort(addr net.Addr) netip.AddrPort {
	if udp, ok := addr.(*net.UDPAddr); ok {
		a := udp.AddrPort()
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if addr == nil {
		return netip.AddrPort{}
	}
	a, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
