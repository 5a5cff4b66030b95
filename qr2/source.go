package qr2

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

const (
	// defaultSourceAge is how old a snapshot may get by default before the source is asked for another.
	defaultSourceAge = time.Second
	// sourcePatience is how long a call of the source may take before queries are answered with what there is, and
	// lateAnswer how old a query may be that waited all the same, because there was nothing.
	sourcePatience = 100 * time.Millisecond
	lateAnswer     = time.Second
	// maxHeld is how many queries wait for the source, and maxHeldSize the longest of them: no query is as long.
	maxHeld     = 64
	maxHeldSize = 1024
)

// puller calls Config.Source: when a query comes or a heartbeat is due and the snapshot is too old, on a goroutine of its own,
// once at a time and without any lock, for it is the game's code.
type puller struct {
	mu       sync.Mutex
	latest   time.Time     // when the latest call ended; zero: there was none
	began    time.Time     // when the call that is under way began; zero: there is none
	ended    chan struct{} // closed when that one ends
	held     []heldQuery   // that wait for it
	late     *time.Timer   // for them, when it takes too long
	calls    int
	failures int
	err      error // of the latest call
}

func (p *puller) state() (calls, failures int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls, p.failures, p.err
}

type heldQuery struct {
	b    []byte
	from netip.AddrPort
	at   time.Time
}

// pull has the source called if the snapshot is too old, and gives what is closed when that call ends; nil if there is none.
func (h *Host) pull(now time.Time) <-chan struct{} {
	p := &h.puller
	p.mu.Lock()
	defer p.mu.Unlock()
	return h.pullLocked(now)
}

func (h *Host) pullLocked(now time.Time) <-chan struct{} {
	p := &h.puller
	if p.began.IsZero() && (p.latest.IsZero() || now.Sub(p.latest) >= h.config.SourceAge) {
		p.began, p.ended = now, make(chan struct{})
		p.calls++
		p.late = time.AfterFunc(sourcePatience, h.sourceIsLate)
		go h.callSource()
	}
	if p.began.IsZero() {
		return nil
	}
	return p.ended
}

// hold keeps a query until the source has answered, if the snapshot is too old. A source that is slow, or dead, only makes
// answers old.
func (h *Host) hold(b []byte, from netip.AddrPort, now time.Time) bool {
	p := &h.puller
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.pullLocked(now) == nil || now.Sub(p.began) >= sourcePatience || len(p.held) == maxHeld || len(b) > maxHeldSize {
		return false
	}
	p.held = append(p.held, heldQuery{bytes.Clone(b), from, now})
	return true
}

// callSource takes the source's snapshot, and answers the queries that waited for it.
func (h *Host) callSource() {
	snapshot, err := h.askSource()
	if err == nil {
		err = h.Update(snapshot)
	}
	p := &h.puller
	now := time.Now()
	p.mu.Lock()
	held := p.held
	p.held, p.began, p.latest, p.err = nil, time.Time{}, now, err
	if err != nil {
		p.failures++
	}
	close(p.ended)
	p.late.Stop()
	p.mu.Unlock()
	select {
	case <-h.closing:
		return
	default:
	}
	if err != nil {
		h.config.Logger.Warn("qr2: no snapshot from the source", "error", err)
	}
	h.answerHeld(held, now)
}

// sourceIsLate answers the queries that wait with what there is; if there is nothing they go on waiting.
func (h *Host) sourceIsLate() {
	if h.published.Load() == nil {
		return
	}
	p := &h.puller
	p.mu.Lock()
	held := p.held
	p.held = nil
	p.mu.Unlock()
	select {
	case <-h.closing:
	default:
		h.answerHeld(held, time.Now())
	}
}

func (h *Host) answerHeld(held []heldQuery, now time.Time) {
	var out batch
	for _, query := range held {
		if now.Sub(query.at) < lateAnswer {
			h.decide(query.b, query.from, &out)
			h.flush(&out)
		}
	}
}

// askSource calls the game's code, which must not take the host with it.
func (h *Host) askSource() (snapshot Snapshot, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = &Error{Op: "source", Reason: fmt.Sprintf("it panicked: %v", reason), Err: ErrSource}
		}
	}()
	snapshot, err = h.config.Source()
	if err != nil {
		err = &Error{Op: "source", Reason: err.Error(), Err: fmt.Errorf("%w: %w", ErrSource, err)}
	}
	return snapshot, err
}

// firstPull waits a moment for the source, so that the first heartbeats have something to tell.
func (h *Host) firstPull(ctx context.Context) {
	ended := h.pull(time.Now())
	if ended == nil {
		return
	}
	timer := time.NewTimer(sourcePatience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-h.closing:
	case <-ctx.Done():
	}
}
