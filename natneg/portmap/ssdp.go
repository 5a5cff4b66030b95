package portmap

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// The search of UPnP (spec portmap.md §2). goupnp has one, too; it waits its full two seconds in any case, asks no router
// directly, does not say who answered and writes into the program's log, so this is our own.
const (
	ssdpPort      = 1900
	ssdpMX        = 1    // seconds over which devices may spread their answers; routers hardly do
	maxAnswer     = 2048 // bytes of an answer
	maxLocations  = 8    // descriptions that are looked at: a hostile network must not keep us busy
	maxPerMachine = 3    // of them, so that one machine does not hide the router
	maxInterfaces = 8    // through which is searched
)

// searchTargets are the types that are asked for: some routers answer only to the one or the other.
var searchTargets = [...]string{
	"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
	"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
	"urn:schemas-upnp-org:service:WANIPConnection:1",
	"urn:schemas-upnp-org:service:WANIPConnection:2",
	"urn:schemas-upnp-org:service:WANPPPConnection:1",
}

// searchRounds is when the search is sent, from the start: datagrams get lost.
var searchRounds = [...]time.Duration{0, 250 * time.Millisecond, 750 * time.Millisecond}

func multicastSearch() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 255, 255, 250}), ssdpPort)
}

// location is a description that somebody offers.
type location struct {
	url  *url.URL
	from netip.Addr
}

// searchUPnP asks the networks for routers until ctx ends, and gives each description once. found runs on several
// goroutines, and the search waits for them.
func searchUPnP(ctx context.Context, config *Config, gateway netip.Addr, found func(location)) error {
	targets := config.Search
	sources := []string{":0"}
	if len(targets) == 0 {
		targets = []netip.AddrPort{multicastSearch()}
		if gateway.IsValid() {
			targets = append(targets, netip.AddrPortFrom(gateway, ssdpPort))
		}
		// A multicast leaves through the interface that has the socket's address.
		if own := multicastSources(); len(own) > 0 {
			sources = own
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	seen := newLocations(config, gateway)
	var conns []net.PacketConn
	var failed error
	for _, source := range sources {
		conn, err := config.ListenPacket(ctx, "udp4", source)
		if err != nil {
			failed = err
			continue
		}
		conns = append(conns, conn)
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
		running.Go(func() {
			buf := make([]byte, maxAnswer)
			for {
				n, from, err := conn.ReadFrom(buf)
				if err != nil {
					if ctx.Err() != nil || !passing(ctx) {
						return
					}
					continue
				}
				if place, ok := seen.accept(buf[:n], addrOf(from)); ok {
					running.Go(func() { found(place) })
				}
			}
		})
	}
	if len(conns) == 0 {
		return failed
	}
	started := time.Now()
	for _, round := range searchRounds {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(started.Add(round))):
		}
		sent := false
		for _, conn := range conns {
			for _, to := range targets {
				for _, target := range searchTargets {
					_, err := conn.WriteTo(searchMessage(to, target), net.UDPAddrFromAddrPort(to))
					if err != nil {
						failed = err
					}
					sent = sent || err == nil
				}
			}
		}
		if !sent {
			return failed
		}
	}
	<-ctx.Done()
	return nil
}

// passing waits a moment after a read error, as Windows gives for an ICMP "port unreachable", and reports whether ctx has
// not ended.
func passing(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}

func searchMessage(to netip.AddrPort, target string) []byte {
	return []byte("M-SEARCH * HTTP/1.1\r\nHOST: " + to.String() + "\r\nMAN: \"ssdp:discover\"\r\nMX: " + strconv.Itoa(ssdpMX) +
		"\r\nST: " + target + "\r\n\r\n")
}

// multicastSources is an address of each interface that can search.
func multicastSources() (sources []string) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, addr := range addrs {
			if prefix, err := netip.ParsePrefix(addr.String()); err == nil && prefix.Addr().Is4() {
				sources = append(sources, netip.AddrPortFrom(prefix.Addr(), 0).String())
				break
			}
		}
		if len(sources) == maxInterfaces {
			break
		}
	}
	return sources
}

// locations remembers which descriptions were offered.
type locations struct {
	allowed func(netip.Addr) bool

	mu       sync.Mutex
	seen     map[string]bool
	machines map[netip.Addr]int
}

func newLocations(config *Config, gateway netip.Addr) *locations {
	return &locations{seen: make(map[string]bool), machines: make(map[netip.Addr]int), allowed: func(from netip.Addr) bool {
		if from == gateway || from.IsPrivate() || from.IsLinkLocalUnicast() {
			return true
		}
		for _, to := range config.Search {
			if to.Addr().Unmap() == from {
				return true
			}
		}
		return false
	}}
}

// accept reads an answer. It must come from this network and offer a description on the very machine that sent it: anything
// else would make us a tool for asking third parties.
func (l *locations) accept(packet []byte, from netip.Addr) (location, bool) {
	if !from.Is4() || !l.allowed(from) {
		return location{}, false
	}
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(packet)), nil)
	if err != nil {
		return location{}, false
	}
	_ = answer.Body.Close()
	place, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusOK || !isOn(place, from) {
		return location{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[place.String()] || len(l.seen) >= maxLocations || l.machines[from] >= maxPerMachine {
		return location{}, false
	}
	l.seen[place.String()] = true
	l.machines[from]++
	return location{place, from}, true
}

// isOn reports whether a URL is plain HTTP on a machine that is named by its address.
func isOn(place *url.URL, machine netip.Addr) bool {
	host, err := netip.ParseAddr(place.Hostname())
	return err == nil && place.Scheme == "http" && place.User == nil && host.Unmap() == machine
}
