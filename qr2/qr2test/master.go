package qr2test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/registry"
)

const listenLoopback = "127.0.0.1:0"

// Master is a QR2 master in process. It is safe for concurrent use.
//
// Three goroutines work for it from New to Close.
type Master struct {
	config   Config
	traits   traits
	registry *Registry
	conn     net.PacketConn
	probe    net.PacketConn
	log      *slog.Logger

	wake    chan struct{} // asks the timer to look again
	closing chan struct{}
	once    sync.Once
	workers sync.WaitGroup

	mu       sync.Mutex
	faults   Faults
	random   *rand.Rand
	sessions map[netip.AddrPort]*session
	message  uint32 // message key of families that count
	stats    Stats
	out      []outgoing
	changes  []func() // of the registry, made without the lock
}

// Stats count what a master received and did.
type Stats struct {
	Availability   int // checks
	Heartbeats     int
	Shutdowns      int // heartbeats that say goodbye
	Responses      int // right responses, and those that were not checked
	WrongResponses int
	KeepAlives     int
	Acks           int // of client messages
	ProbesAnswered int
	Malformed      int
	Expired        int // game servers that were forgotten for their silence
}

type outgoing struct {
	conn net.PacketConn
	b    []byte
	to   netip.AddrPort
}

// New starts a master.
func New(config Config) (*Master, error) {
	t, err := traitsOf(config.Family)
	if err != nil {
		return nil, err
	}
	if config.Expire != 0 {
		t.expire = config.Expire
	}
	if config.NoProbe {
		t.probe = false
	}
	if config.ListenPacket == nil {
		config.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	m := &Master{
		config: config, traits: t, registry: config.Registry, log: config.Logger,
		wake: make(chan struct{}, 1), closing: make(chan struct{}),
		faults: config.Faults, random: rand.New(rand.NewPCG(config.Seed, 2)),
		sessions: make(map[netip.AddrPort]*session),
	}
	if m.registry == nil {
		m.registry = new(registry.Registry)
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.conn, err = listen(config, config.Address); err != nil {
		return nil, err
	}
	if m.probe, err = listen(config, config.ProbeAddress); err != nil {
		return nil, errors.Join(err, m.conn.Close())
	}
	m.registry.SetRelay(m.relay)
	m.workers.Go(func() { m.read(m.conn, m.handle) })
	m.workers.Go(func() { m.read(m.probe, m.handleProbe) })
	m.workers.Go(m.tick)
	return m, nil
}

func listen(config Config, address string) (net.PacketConn, error) {
	if address == "" {
		address = listenLoopback
	}
	conn, err := config.ListenPacket(context.Background(), "udp4", address)
	if err != nil {
		return nil, fmt.Errorf("qr2test: listen on %s: %w", address, err)
	}
	return conn, nil
}

// Addr is the address of the master and of the availability service.
func (m *Master) Addr() string { return m.conn.LocalAddr().String() }

// ProbeAddr is the address that game servers are queried from.
func (m *Master) ProbeAddr() string { return m.probe.LocalAddr().String() }

// Registry is the list that the master fills.
func (m *Master) Registry() *Registry { return m.registry }

// Stats returns the counts.
func (m *Master) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// SetFaults changes the misbehaviour.
func (m *Master) SetFaults(faults Faults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = faults
}

// Forget drops every game server without a word, as a master does that was started anew.
func (m *Master) Forget() {
	m.mu.Lock()
	for _, s := range m.sessions {
		m.unlist(s)
	}
	clear(m.sessions)
	m.unlock()
}

// Close ends the master and waits for its goroutines. It may be called more than once. The registry keeps its servers.
func (m *Master) Close() error {
	m.once.Do(func() {
		close(m.closing)
		_ = m.conn.Close()
		_ = m.probe.Close()
	})
	m.workers.Wait()
	return nil
}

// unlock lets go of the lock, then sends what there is to send and tells the registry: never with the lock held.
func (m *Master) unlock() {
	out, changes := m.out, m.changes
	m.out, m.changes = nil, nil
	m.mu.Unlock()
	for _, change := range changes {
		change()
	}
	for _, packet := range out {
		_, _ = packet.conn.WriteTo(packet.b, net.UDPAddrFromAddrPort(packet.to))
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// send queues a packet, as the faults let it pass.
func (m *Master) send(to netip.AddrPort, b []byte) { m.sendFrom(m.conn, to, b) }

func (m *Master) sendFrom(conn net.PacketConn, to netip.AddrPort, b []byte) {
	switch {
	case m.faults.Silent, m.lost():
		return
	case m.faults.Garbage:
		for i := range b {
			b[i] = byte(m.random.Uint32())
		}
	case m.faults.WrongKey && len(b) >= 7:
		b[3] ^= 0xFF
	}
	if m.faults.Truncate > 0 {
		b = b[:min(len(b), m.faults.Truncate)]
	}
	m.out = append(m.out, outgoing{conn, b, to})
}

func (m *Master) lost() bool { return m.faults.Loss > 0 && m.random.Float64() < m.faults.Loss }

func (m *Master) read(conn net.PacketConn, handle func(b []byte, from netip.AddrPort, now time.Time)) {
	buf := make([]byte, 65536)
	for {
		n, addr, err := conn.ReadFrom(buf)
		if err != nil {
			select {
			case <-m.closing:
				return
			default:
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		udp, ok := addr.(*net.UDPAddr)
		if !ok {
			continue
		}
		from := udp.AddrPort()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		m.mu.Lock()
		if !m.lost() {
			handle(buf[:n], from, time.Now())
		}
		m.unlock()
	}
}

// tick does what is due.
func (m *Master) tick() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		m.mu.Lock()
		next := m.due(time.Now())
		if len(m.out)+len(m.changes) > 0 {
			m.unlock()
		} else {
			m.mu.Unlock()
		}
		timer.Reset(time.Until(next))
		select {
		case <-m.closing:
			return
		case <-m.wake:
		case <-timer.C:
		}
	}
}
