// Package simnet is a simulated UDP network for tests: pion's vnet with loss, duplication, delay and reordering, inside
// a synctest bubble or outside. Only tests import it.
package simnet

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/vnet"
	"github.com/stretchr/testify/require"
)

// Options say how bad the network is. The zero value is perfect.
type Options struct {
	Loss      float64       // share of datagrams that are lost, 0 to 1
	Duplicate float64       // share of datagrams that are sent twice, 0 to 1; copies may be lost, too
	Delay     time.Duration // of every datagram, one way
	Jitter    time.Duration // up to this much more; datagrams overtake each other
	Seed      uint64        // of losses and duplicates
}

// Network is one segment: every host reaches every other one.
type Network struct {
	t          testing.TB
	options    Options
	router     *vnet.Router
	duplicates *vnet.DuplicationFilter // nil without

	mu     sync.Mutex
	random *rand.Rand
	filter func(from, to net.Addr, payload []byte) bool
}

// New makes a network. Add the hosts, then call Start.
func New(t testing.TB, options Options) *Network {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{
		CIDR:          "0.0.0.0/0",
		MinDelay:      options.Delay,
		QueueSize:     1 << 16,
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	require.NoError(t, err)
	n := &Network{t: t, options: options, router: router, random: rand.New(rand.NewPCG(options.Seed, 1))}
	router.AddChunkFilter(n.pass)
	if options.Duplicate > 0 {
		n.duplicates, err = vnet.NewDuplicationFilter(router,
			vnet.WithDuplicationProbability(options.Duplicate),
			vnet.WithDuplicationSeed(int64(options.Seed)+1),
			vnet.WithDuplicationImmediate())
		require.NoError(t, err)
		router.AddChunkFilter(n.duplicates.ChunkFilter())
	}
	return n
}

// Drop sets a filter that decides about every datagram before chance does: true drops it.
func (n *Network) Drop(filter func(from, to net.Addr, payload []byte) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.filter = filter
}

func (n *Network) pass(c vnet.Chunk) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.filter != nil && n.filter(c.SourceAddr(), c.DestinationAddr(), c.UserData()) {
		return false
	}
	return n.options.Loss == 0 || n.random.Float64() >= n.options.Loss
}

// Router is the segment itself, for tests that put NATs behind it; do so before Start.
func (n *Network) Router() *vnet.Router { return n.router }

// Host adds a host with that IP address. Call it before Start.
func (n *Network) Host(ip string) *Host {
	n.t.Helper()
	stack, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
	require.NoError(n.t, err)
	require.NoError(n.t, n.router.AddNet(stack))
	return &Host{t: n.t, network: n, stack: stack, ip: ip}
}

// Start lets datagrams flow until stop is called. In a synctest bubble, stop must be called before the bubble ends
// (defer does that; t.Cleanup would be too late).
func (n *Network) Start() (stop func()) {
	n.t.Helper()
	require.NoError(n.t, n.router.Start())
	return func() {
		_ = n.router.Stop()
		if n.duplicates != nil {
			_ = n.duplicates.Close()
		}
	}
}

// Host is a machine on the network.
type Host struct {
	t       testing.TB
	network *Network
	stack   *vnet.Net
	ip      string
}

// Listen opens a UDP socket on that port, 0 for any.
func (h *Host) Listen(port int) net.PacketConn {
	h.t.Helper()
	conn, err := h.stack.ListenPacket("udp4", net.JoinHostPort(h.ip, strconv.Itoa(port)))
	require.NoError(h.t, err)
	return h.network.wrap(conn)
}

// ListenPacket opens a socket in the way that the Config structs of the SDK want it. An unspecified address becomes the
// host's own.
func (h *Host) ListenPacket(_ context.Context, _, address string) (net.PacketConn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = h.ip
	}
	conn, err := h.stack.ListenPacket("udp4", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	return h.network.wrap(conn), nil
}
