package rfc5780

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v3"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// smallest is the size of the buffer of our own sockets: no answer is longer.
const smallest = 2048

// socket sends requests and hands out the answers by their transaction. On a game's socket it takes these only.
type socket struct {
	mux     *udpmux.Mux
	local   netip.AddrPort
	release func()

	mu      sync.Mutex
	waiting map[transaction]chan<- answer
}

// attach shares a connection with whoever else uses it.
func attach(conn net.PacketConn, own bool) *socket {
	s := &socket{waiting: make(map[transaction]chan<- answer)}
	var release func()
	if own {
		s.mux, release = udpmux.AttachSmall(conn, smallest)
	} else {
		s.mux, release = udpmux.Attach(conn)
	}
	remove := s.mux.Handle(s.handle)
	s.release = func() {
		remove()
		release()
		if own {
			_ = conn.Close()
		}
	}
	if addr, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		s.local = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	return s
}

// open opens a socket of our own.
func open(ctx context.Context, config *Config) (*socket, error) {
	conn, err := config.ListenPacket(ctx, "udp4", ":0")
	if err != nil {
		return nil, err
	}
	return attach(conn, true), nil
}

// handle takes the answers to our requests, and nothing else: a game may speak STUN itself.
func (s *socket) handle(b []byte, from netip.AddrPort) bool {
	a, err := parse(b, from)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to, ok := s.waiting[a.id]
	if !ok {
		return false
	}
	select {
	case to <- a:
	default: // there is one already
	}
	return true
}

// expect gives a new transaction and the channel of its answers.
func (s *socket) expect() (id transaction, answers <-chan answer, forget func()) {
	id = stun.NewTransactionID()
	to := make(chan answer, 4)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = to
	return id, to, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, id)
	}
}

// schedule is when a request is sent again.
type schedule func(transmission int) (wait time.Duration, more bool)

// transmissions and lastWait are Rc and Rm of RFC 8489 §6.2.1: seven requests, each after twice the time, and 16 times the
// first one for the last answer.
const (
	transmissions = 7
	lastWait      = 16
)

// exponential is the schedule of the RFC.
func exponential(rto time.Duration) schedule {
	return func(transmission int) (time.Duration, bool) {
		if transmission == transmissions {
			return lastWait * rto, false
		}
		return rto << (transmission - 1), true
	}
}

// steady is for answers that may well never come, such as those that a NAT keeps out: as many requests, on a way of which
// the round trip is known, in a fraction of the time.
func steady(rto time.Duration) schedule {
	return func(transmission int) (time.Duration, bool) {
		if transmission == transmissions {
			return 2 * rto, false
		}
		return rto, true
	}
}

// exchanged is an answer and how long it took.
type exchanged struct {
	answer
	roundTrip time.Duration // from the last transmission before it
}

// exchange sends a request until an answer comes that is wanted; nil wants what comes from where it was sent to. ok is false
// if none came.
func (s *socket) exchange(ctx context.Context, to netip.AddrPort, ask change, when schedule, wanted func(answer) bool) (got exchanged, ok bool, err error) {
	if wanted == nil {
		wanted = func(a answer) bool { return a.from == to && !a.own }
	}
	id, answers, forget := s.expect()
	defer forget()
	request, err := bindingRequest(id, ask)
	if err != nil {
		return exchanged{}, false, err
	}
	for transmission := 1; ; transmission++ {
		wait, more := when(transmission)
		sent := time.Now()
		// An error may pass, as "no buffer space" does; what lasts shows by silence, and is told then.
		failed := s.mux.WriteTo(request, to)
		timer := time.NewTimer(wait)
		for waiting := true; waiting; {
			select {
			case a := <-answers:
				if wanted(a) {
					timer.Stop()
					return exchanged{a, time.Since(sent)}, true, nil
				}
			case <-timer.C:
				waiting = false
			case <-s.mux.Done():
				timer.Stop()
				return exchanged{}, false, s.mux.Err()
			case <-ctx.Done():
				timer.Stop()
				return exchanged{}, false, context.Cause(ctx)
			}
		}
		if !more {
			return exchanged{}, false, failed
		}
	}
}
