package natneg_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/natneg"
)

// replay is a network in which recorded servers speak: what they said arrives when they said it, what is sent to them is
// kept, and the two clients reach each other.
type replay struct {
	mu      sync.Mutex
	sockets map[netip.AddrPort]*replaySocket
}

type replaySocket struct {
	replay *replay
	addr   netip.AddrPort
	in     chan replayPacket
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	sent     []replayPacket // to the servers
	deadline chan struct{}
}

type replayPacket struct {
	peer netip.AddrPort
	b    []byte
}

func (r *replay) socket(addr netip.AddrPort) *replaySocket {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sockets[addr] == nil {
		r.sockets[addr] = &replaySocket{replay: r, addr: addr, in: make(chan replayPacket, 100), closed: make(chan struct{}), deadline: make(chan struct{})}
	}
	return r.sockets[addr]
}

func (s *replaySocket) deliver(from netip.AddrPort, b []byte) {
	select {
	case s.in <- replayPacket{from, bytes.Clone(b)}:
	default:
	}
}

func (s *replaySocket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.mu.Lock()
	deadline := s.deadline
	s.mu.Unlock()
	select {
	case p := <-s.in:
		return copy(b, p.b), net.UDPAddrFromAddrPort(p.peer), nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	case <-deadline:
		return 0, nil, os.ErrDeadlineExceeded
	}
}

func (s *replaySocket) WriteTo(b []byte, to net.Addr) (int, error) {
	peer := to.(*net.UDPAddr).AddrPort()
	s.replay.mu.Lock()
	other := s.replay.sockets[peer]
	s.replay.mu.Unlock()
	if other != nil {
		other.deliver(s.addr, b)
		return len(b), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, replayPacket{peer, bytes.Clone(b)})
	return len(b), nil
}

func (s *replaySocket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.IsZero() {
		s.deadline = make(chan struct{})
	} else {
		close(s.deadline)
	}
	return nil
}

func (s *replaySocket) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *replaySocket) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(s.addr) }
func (s *replaySocket) SetDeadline(time.Time) error        { return errors.ErrUnsupported }
func (s *replaySocket) SetWriteDeadline(t time.Time) error { return nil }

// masked blanks what a client may fill differently: the port type of CONNECT_ACK and what follows its client index; the
// local address of INIT; the port type of REPORT.
func masked(b []byte) string {
	b = bytes.Clone(b)
	switch b[7] {
	case 0:
		copy(b[15:21], make([]byte, 6))
	case 6:
		b[12] = 0
		copy(b[14:], make([]byte, len(b)-14))
	case 13:
		b[12] = 0
	}
	return string(b)
}

// Two of our clients live through what two real servers said. The recorded probes and ours differ in what the protocol
// leaves open, so each recorded packet must be among ours, to the same address, from the same socket.
func TestReplay(t *testing.T) {
	zero, consistent := new(natneg.Report), &natneg.Report{Scheme: natneg.MappingConsistent}
	for _, test := range []struct {
		file, prefix string
		version      int
		servers      []string
		nat          *natneg.Report
	}{
		{"openspy-v2.json", "", 2, []string{"127.0.11.1", "127.0.11.2", "127.0.11.3"}, consistent},
		{"openspy-v3.json", "", 3, []string{"127.0.11.1", "127.0.11.2", "127.0.11.3"}, consistent},
		{"openspy-checks.json", "", 3, []string{"127.0.0.41", "127.0.0.42", "127.0.0.43"}, nil},
		{"wfc.json", "v2-", 2, nil, zero},
		{"wfc.json", "v3-", 3, nil, zero},
		{"wfc.json", "v4-", 4, nil, zero},
	} {
		t.Run(test.prefix+test.file, func(t *testing.T) {
			file := transcript.Load(t, "testdata/"+test.file)
			synctest.Test(t, func(t *testing.T) {
				network := &replay{sockets: make(map[netip.AddrPort]*replaySocket)}
				labels := make(map[string]*replaySocket)
				var began float64
				var recorded natneg.Cookie
				game := "gmtest"
				if test.servers == nil {
					game = "pokemondpds"
				}
				for _, label := range file.Labels() {
					if name, ok := strings.CutPrefix(label, test.prefix); ok && strings.HasPrefix(name, "c") {
						events := file.Conn(label)
						labels[name] = network.socket(mustAddr(events[0].Local))
						copy(recorded[:], events[0].Payload[8:12])
						if began == 0 {
							began = events[0].T
						}
					}
				}
				require.Len(t, labels, 4)
				for name, socket := range labels {
					for _, event := range file.Conn(test.prefix + name) {
						if event.Dir == transcript.ServerToClient {
							time.AfterFunc(time.Duration((event.T-began)*float64(time.Second)), func() { socket.deliver(mustAddr(event.Remote), event.Payload) })
						}
					}
				}

				var wait sync.WaitGroup
				var outcomes [2]outcome
				for i, client := range []string{"c0", "c1"} {
					config := natneg.Config{Game: game, Servers: test.servers, Version: test.version, NAT: test.nat,
						ListenPacket: func(context.Context, string, string) (net.PacketConn, error) { return labels[client+"-neg"], nil }}
					if test.servers == nil {
						config.Host = "127.0.12.1"
					}
					wait.Go(func() {
						result, err := natneg.Negotiate(t.Context(), labels[client+"-game"], config, recorded, natneg.Role(i))
						outcomes[i] = outcome{result: result, err: err}
					})
				}
				wait.Wait()
				require.NoError(t, outcomes[0].err)
				require.NoError(t, outcomes[1].err)
				pass(6 * time.Second)
				require.Equal(t, labels["c1-game"].addr, outcomes[0].result.Remote)
				require.Equal(t, labels["c0-game"].addr, outcomes[1].result.Remote)
				for _, o := range outcomes {
					counters := o.result.State().Counters
					require.Zero(t, counters.Malformed)
					require.Zero(t, counters.Unlisted)
					require.Zero(t, counters.Unexpected)
					if test.nat == nil { // the servers were asked
						require.Equal(t, natneg.EndpointIndependent, o.result.State().NAT.Mapping)
					}
				}
				finish(outcomes)

				for name, socket := range labels {
					ours := make(map[string]bool)
					for _, p := range socket.sent {
						ours[p.peer.String()+masked(p.b)] = true
					}
					for _, event := range file.Conn(test.prefix + name) {
						if event.Dir == transcript.ClientToServer {
							require.True(t, ours[event.Remote+masked(event.Payload)], "%s at %v: %s not sent", name, event.T, event.Hex)
						}
					}
				}
			})
		})
	}
}
