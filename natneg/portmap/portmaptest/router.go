package portmaptest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// Options say what kind of router it is. The zero value speaks everything and has a public address.
type Options struct {
	External  netip.Addr    // its outside address; zero means 20.20.20.11
	NoPCP     bool          // PCP requests get the answer of a router that speaks NAT-PMP only
	NoNATPMP  bool          // NAT-PMP requests get the answer of a router that speaks PCP only
	NoUPnP    bool          // the search stays unanswered
	IGD       int           // version of the Internet Gateway Device, 1 or 2; 0 means 2
	MaxLease  time.Duration // longer wishes are cut, 0 means a day
	Permanent bool          // UPnP mappings have no lease (error 725)
	Uptime    time.Duration // for how long it seems to have been running at the start
}

// Faults are ways to misbehave. They may be changed at any time with SetFaults.
type Faults struct {
	Silent       bool          // nothing is answered
	Unauthorized bool          // every mapping is refused, as by a FRITZ!Box that must not be asked
	NoRoom       bool          // there is no room for mappings
	Disconnected bool          // the line is down
	OtherPort    bool          // PCP and NAT-PMP give another port than the wished one
	Delay        time.Duration // before every answer
	WrongNonce   bool          // PCP answers carry another nonce
	Cut          int           // PCP and NAT-PMP answers are cut to this many bytes; 0: whole
	Location     string        // of the description, instead of the true one
	ControlURL   string        // of the service, instead of the true one
	Redirect     string        // the description is answered with a redirection to here
	Answer       string        // to every action of UPnP, instead of the true one
	Endless      bool          // the description and the answers of UPnP never end
}

// Mapping is an open port.
type Mapping struct {
	Transport   string // "UDP" or "TCP"
	External    uint16
	Internal    netip.AddrPort
	Description string    // as given by UPnP
	Protocol    string    // that made it: "PCP", "NAT-PMP" or "UPnP"
	Expires     time.Time // zero: never
	nonce       pcpwire.Nonce
}

// Router is a router. It is safe for concurrent use.
type Router struct {
	options  Options
	addr     netip.Addr
	control  *net.UDPConn // PCP and NAT-PMP
	search   *net.UDPConn
	listener net.Listener
	server   *http.Server
	working  sync.WaitGroup
	closed   chan struct{}
	close    sync.Once

	mu       sync.Mutex
	faults   Faults
	external netip.Addr
	started  time.Time
	mappings []Mapping
	requests map[string]int
}

// Start starts a router on a loopback address.
func Start(options Options) (*Router, error) {
	if !options.External.IsValid() {
		options.External = netip.AddrFrom4([4]byte{20, 20, 20, 11})
	}
	if options.IGD == 0 {
		options.IGD = 2
	}
	if options.MaxLease <= 0 {
		options.MaxLease = 24 * time.Hour
	}
	var failures error
	for try := range 20 {
		addr := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(250)), byte(rand.IntN(250)), byte(1 + rand.IntN(250))})
		if try == 19 {
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		r := &Router{options: options, addr: addr, external: options.External, started: time.Now().Add(-options.Uptime), closed: make(chan struct{}), requests: make(map[string]int)}
		if err := r.listen(); err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		r.working.Go(r.serveControl)
		r.working.Go(r.serveSearch)
		r.working.Go(r.serveHTTP)
		return r, nil
	}
	return nil, fmt.Errorf("portmaptest: no loopback address can be had: %w", failures)
}

func (r *Router) listen() (err error) {
	if r.control, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.addr, pcpwire.Port))); err != nil {
		return err
	}
	if r.search, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.addr, 0))); err == nil {
		if r.listener, err = net.Listen("tcp4", netip.AddrPortFrom(r.addr, 0).String()); err == nil {
			r.server = &http.Server{Handler: r.handler(), ReadHeaderTimeout: time.Second}
			return nil
		}
		_ = r.search.Close()
	}
	_ = r.control.Close()
	return err
}

// Close stops the router. It may be called more than once.
func (r *Router) Close() {
	r.close.Do(func() {
		close(r.closed)
		_ = r.control.Close()
		_ = r.search.Close()
		_ = r.server.Close()
	})
	r.working.Wait()
}

// Addr is the router's address inside: the gateway.
func (r *Router) Addr() netip.Addr { return r.addr }

// SearchAddr is where it hears the search of UPnP.
func (r *Router) SearchAddr() netip.AddrPort { return r.search.LocalAddr().(*net.UDPAddr).AddrPort() }

// SetFaults changes how it misbehaves.
func (r *Router) SetFaults(faults Faults) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = faults
}

// SetExternal gives the router another outside address, as providers do at night.
func (r *Router) SetExternal(addr netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.external = addr
}

// Restart makes it forget all mappings, as after a loss of power.
func (r *Router) Restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mappings, r.started = nil, time.Now()
}

// Add puts a mapping in, as if somebody had asked for it.
func (r *Router) Add(m Mapping) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mappings = append(r.mappings, m)
}

// Mappings are the open ports.
func (r *Router) Mappings() []Mapping {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expireLocked()
	return slices.Clone(r.mappings)
}

// Requests counts what was asked, by name: "PCP MAP", "NAT-PMP 1", "UPnP AddPortMapping" and so on.
func (r *Router) Requests(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests[name]
}

func (r *Router) count(name string) Faults {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests[name]++
	return r.faults
}

// delay waits as the faults say, and reports whether to answer.
func (r *Router) delay(faults Faults) bool {
	if faults.Silent {
		return false
	}
	if faults.Delay > 0 {
		select {
		case <-r.closed:
			return false
		case <-time.After(faults.Delay):
		}
	}
	return true
}

func (r *Router) outside() netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.external
}

// epoch is for how long it has been keeping its mappings.
func (r *Router) epoch() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return uint32(time.Since(r.started) / time.Second)
}

func (r *Router) expireLocked() {
	r.mappings = slices.DeleteFunc(r.mappings, func(m Mapping) bool { return !m.Expires.IsZero() && time.Now().After(m.Expires) })
}

// lease is what is granted of a wish.
func (r *Router) lease(seconds uint32) time.Duration {
	return min(time.Duration(seconds)*time.Second, r.options.MaxLease)
}

// find is the mapping of an outside port; -1 if there is none.
func (r *Router) findLocked(transport string, external uint16) int {
	return slices.IndexFunc(r.mappings, func(m Mapping) bool { return m.Transport == transport && m.External == external })
}

// openLocked gives a port to an inside one: the one that it has, the wished one, or the next free one.
func (r *Router) openLocked(m Mapping, lease time.Duration) Mapping {
	r.expireLocked()
	m.Expires = time.Now().Add(lease)
	if i := slices.IndexFunc(r.mappings, func(o Mapping) bool { return o.Transport == m.Transport && o.Internal == m.Internal }); i >= 0 {
		m.External = r.mappings[i].External
		r.mappings[i] = m
		return m
	}
	if m.External == 0 {
		m.External = 40000
	}
	if r.faults.OtherPort {
		m.External++
	}
	for r.findLocked(m.Transport, m.External) >= 0 {
		m.External++
	}
	r.mappings = append(r.mappings, m)
	return m
}
