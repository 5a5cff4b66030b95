package rfc5780_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"
)

// stunServer is a STUN server with two addresses and two ports, as RFC 5780 wants it.
type stunServer struct {
	conns [2][2]net.PacketConn // [address][port]

	plain  bool    // no OTHER-ADDRESS, and CHANGE-REQUEST is ignored: a server of RFC 5389
	lies   bool    // OTHER-ADDRESS is given, but CHANGE-REQUEST ignored
	refuse bool    // errors only
	trap   bool    // OTHER-ADDRESS leads into another kind of network
	loss   float64 // of requests, and again of answers

	mu      sync.Mutex
	random  *rand.Rand
	working sync.WaitGroup
}

func (s *stunServer) start(t testing.TB) {
	s.random = rand.New(rand.NewPCG(1, 2))
	for i := range s.conns {
		for j := range s.conns[i] {
			s.working.Go(func() { s.serve(i, j) })
		}
	}
	t.Cleanup(s.stop)
}

func (s *stunServer) stop() {
	for _, ports := range s.conns {
		for _, conn := range ports {
			_ = conn.Close()
		}
	}
	s.working.Wait()
}

func (s *stunServer) addr() string { return s.conns[0][0].LocalAddr().String() }

func (s *stunServer) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Float64() < s.loss
}

func (s *stunServer) serve(i, j int) {
	buf := make([]byte, 2048)
	for {
		n, from, err := s.conns[i][j].ReadFrom(buf)
		if err != nil {
			return
		}
		request := stun.New()
		if stun.Decode(buf[:n], request) != nil || request.Type != stun.BindingRequest || s.lost() || s.lost() { // one way, and the other
			continue
		}
		ai, aj := i, j
		if change, err := request.Get(stun.AttrChangeRequest); err == nil && len(change) == 4 && !s.plain && !s.lies {
			if change[3]&4 != 0 {
				ai = 1 - i
			}
			if change[3]&2 != 0 {
				aj = 1 - j
			}
		}
		setters := []stun.Setter{stun.NewTransactionIDSetter(request.TransactionID)}
		to, other := from.(*net.UDPAddr), s.conns[1-i][1-j].LocalAddr().(*net.UDPAddr)
		if s.refuse {
			setters = append(setters, stun.BindingError, stun.CodeServerError)
		} else {
			setters = append(setters, stun.BindingSuccess, &stun.XORMappedAddress{IP: to.IP, Port: to.Port})
			if s.trap {
				other = &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 53}
			}
			if !s.plain {
				setters = append(setters, &stun.OtherAddress{IP: other.IP, Port: other.Port})
			}
		}
		answer, err := stun.Build(setters...)
		if err != nil {
			continue
		}
		_, _ = s.conns[ai][aj].WriteTo(answer.Raw, from)
	}
}

// onLoopback starts a server on two addresses of the loopback network.
func onLoopback(t testing.TB, s *stunServer) *stunServer {
	t.Helper()
	for try := range 20 {
		port := 20000 + rand.IntN(20000)
		ok := true
		for i, ip := range []string{"127.0.0.1", "127.0.0.2"} {
			for j := range 2 {
				conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port+j))))
				if err != nil {
					ok = false
					require.Less(t, try, 19, "no two ports on 127.0.0.1 and 127.0.0.2: %v", err)
					continue
				}
				s.conns[i][j] = conn
			}
		}
		if ok {
			break
		}
		for _, ports := range s.conns {
			for _, conn := range ports {
				if conn != nil {
					_ = conn.Close()
				}
			}
		}
	}
	s.start(t)
	return s
}
