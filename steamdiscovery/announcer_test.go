package steamdiscovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// notebook is a socket on which nothing arrives, and that notes where packets are sent.
type notebook struct {
	sink
	closed chan struct{}
	once   *sync.Once
	note   func(to netip.AddrPort)
}

func (n notebook) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	<-n.closed
	return 0, netip.AddrPort{}, net.ErrClosed
}

func (n notebook) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	n.note(to)
	return len(b), nil
}

func (n notebook) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Networks come and go: a new one hears of the announcer within seconds, one that went away is left alone, and one that
// comes back counts as new.
func TestAnnouncerFollowsNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cable := link{name: "eth0", address: netip.MustParseAddr("192.0.2.1"), broadcast: netip.MustParseAddr("192.0.2.255")}
		radio := link{name: "wlan0", address: netip.MustParseAddr("198.51.100.1"), broadcast: netip.MustParseAddr("198.51.100.255")}
		var mu sync.Mutex
		links, linksErr := []link{cable}, error(nil)
		plug := func(err error, now ...link) {
			mu.Lock()
			defer mu.Unlock()
			links, linksErr = now, err
		}
		var sent []string
		begin := time.Now()
		a, err := NewAnnouncer(t.Context(), AnnounceConfig{ListenPacket: func(context.Context, string, string) (net.PacketConn, error) {
			return notebook{closed: make(chan struct{}), once: new(sync.Once), note: func(to netip.AddrPort) {
				sent = append(sent, to.Addr().String()+" "+time.Since(begin).String())
			}}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		a.links = func() ([]link, error) {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(links), linksErr
		}
		running := make(chan error, 1)
		go func() { running <- a.Run(t.Context()) }()

		time.Sleep(31 * time.Second)
		plug(nil, cable, radio)
		time.Sleep(10 * time.Second)
		plug(nil, radio)
		time.Sleep(10 * time.Second)
		plug(errors.New("no list today"))
		time.Sleep(10 * time.Second)
		plug(nil, cable)
		time.Sleep(10 * time.Second)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-running; err != nil {
			t.Fatal(err)
		}
		want := []string{
			"192.0.2.255 0s", "192.0.2.255 2s", "192.0.2.255 22s", "192.0.2.255 35s", "198.51.100.255 35s",
			"192.0.2.255 1m5s", "192.0.2.255 1m11s",
		}
		if !slices.Equal(sent, want) {
			t.Errorf("sent to %v", sent)
		}
	})
}
