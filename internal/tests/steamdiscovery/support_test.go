package steamdiscovery_test

import (
	"context"
	"iter"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

var (
	everybody = netip.MustParseAddrPort("255.255.255.255:27036")
	asker     = netip.MustParseAddrPort("192.0.2.99:5000")
)

// question is a Discovery of a client.
func question(t testing.TB, client uint64, number uint32) []byte {
	t.Helper()
	return encode(t, steamdiscoverywire.New(client, 0, steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY,
		&steampb.CMsgRemoteClientBroadcastDiscovery{SeqNum: new(number)}))
}

// statusOf is a Status of a client.
func statusOf(t testing.TB, client, instance uint64, name string) []byte {
	t.Helper()
	return encode(t, steamdiscoverywire.New(client, instance, steampb.ERemoteClientBroadcastMsg_MSG_STATUS,
		&steampb.CMsgRemoteClientBroadcastStatus{Hostname: new(name)}))
}

func encode(t testing.TB, p *steamdiscoverywire.Packet) []byte {
	t.Helper()
	b, err := p.Append(nil)
	require.NoError(t, err)
	return b
}

// runner is an Announcer or a Discoverer.
type runner interface {
	Run(context.Context) error
	Close() error
}

// start runs it until stop is called or the test ends.
func start(t testing.TB, r runner) (stop func()) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(context.Background()); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		running.Wait()
	})
	return stop
}

// announce starts an announcer on a host of the LAN.
func announce(t testing.TB, host *steamdiscoverytest.Host, config steamdiscovery.AnnounceConfig) (*steamdiscovery.Announcer, func()) {
	t.Helper()
	config.ListenPacket = host.ListenPacket
	if config.Targets == nil {
		config.Targets = []string{"255.255.255.255"}
	}
	announcer, err := steamdiscovery.NewAnnouncer(t.Context(), config)
	require.NoError(t, err)
	return announcer, start(t, announcer)
}

// discover starts a discoverer on a host of the LAN.
func discover(t testing.TB, host *steamdiscoverytest.Host, config steamdiscovery.DiscoverConfig) (*steamdiscovery.Discoverer, func()) {
	t.Helper()
	config.ListenPacket = host.ListenPacket
	if config.Targets == nil {
		config.Targets = []string{"255.255.255.255"}
	}
	discoverer, err := steamdiscovery.NewDiscoverer(t.Context(), config)
	require.NoError(t, err)
	return discoverer, start(t, discoverer)
}

// events lets a test take one event after the other; steps of the discoverer itself are left out.
func events(t testing.TB, d *steamdiscovery.Discoverer) (next func() steamdiscovery.Event, stop func()) {
	t.Helper()
	pull, stop := iter.Pull(d.Events(context.Background()))
	return func() steamdiscovery.Event {
		t.Helper()
		for {
			event, ok := pull()
			require.True(t, ok, "no more events")
			if event.Kind != steamdiscovery.StepChanged {
				return event
			}
		}
	}, stop
}

// ear is a bare socket on the LAN that notes what it hears.
type ear struct {
	conn  net.PacketConn
	begin time.Time
	done  chan struct{}

	mu    sync.Mutex
	heard []heard
}

type heard struct {
	packet *steamdiscoverywire.Packet
	from   netip.AddrPort
	at     time.Duration
}

func listenAt(t testing.TB, host *steamdiscoverytest.Host, port string) *ear {
	t.Helper()
	conn, err := host.ListenPacket(t.Context(), "udp4", "0.0.0.0:"+port)
	require.NoError(t, err)
	e := &ear{conn: conn, begin: time.Now(), done: make(chan struct{})}
	go func() {
		defer close(e.done)
		b := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			packet, err := steamdiscoverywire.Parse(b[:n])
			if err != nil {
				continue
			}
			e.mu.Lock()
			e.heard = append(e.heard, heard{packet, netip.MustParseAddrPort(from.String()), time.Since(e.begin)})
			e.mu.Unlock()
		}
	}()
	return e
}

// all is what was heard of one type.
func (e *ear) all(kind steamdiscoverywire.Type) []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []heard
	for _, h := range e.heard {
		if h.packet.Type() == kind {
			out = append(out, h)
		}
	}
	return out
}

func (e *ear) times(kind steamdiscoverywire.Type) []time.Duration {
	var out []time.Duration
	for _, h := range e.all(kind) {
		out = append(out, h.at)
	}
	return out
}

func (e *ear) close() {
	_ = e.conn.Close()
	<-e.done
}
