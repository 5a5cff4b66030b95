package steampipe

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// errExhausted says that no server of the pool is left for an object.
var errExhausted = errors.New("every server was tried")

// maxCoolDown is the longest that failures alone keep a server aside (landaire/steamroom: 4, 8, 16, 30, 30 s).
const maxCoolDown = 30 * time.Second

// softFailures is how many damaged or cut bodies in a row make a server cool down. One alone says something of the object
// rather than of the server, and must not stall a download that has a single cache to ask.
const softFailures = 3

// host is a server with what we learned of it. The pool's lock guards it.
type host struct {
	server  Server
	name    string
	slots   int
	isCache bool
	base    string // URL of the cache

	inUse     int
	failures  int       // in a row; those of requests under way together count as one
	failing   time.Time // when the row began
	penalty   int
	coolUntil time.Time

	requests, failed, refused int64
	bytes                     int64
	speed                     float64 // bytes per second of one request, smoothed; 0 before the first
	lastError                 error
	lastFailure               time.Time
}

// maxSlowness bounds what measured speed counts against a host: it must get a request now and then to show that it has become
// faster.
const maxSlowness = 16

// score orders hosts, the lowest first: the list's figure, worse with our own experience, with what it already does for us, and
// with how slow it was beside the fastest (spec steampipe.md §2.2). Nobody knows how fast a host is that was not asked yet.
func (h *host) score(fastest float64) float64 {
	score := max(h.server.WeightedLoad, 1) * float64(1+h.penalty) * (1 + float64(h.inUse)/float64(max(h.server.Entries, 1)))
	if h.speed > 0 {
		score *= min(fastest/h.speed, maxSlowness)
	}
	return score
}

// measure notes how fast a body came. The time of an answer counts in small bodies more than it should: a few kilobytes say
// little, and are rounded up.
func (h *host) measure(bytes int, took time.Duration) {
	speed := float64(bytes+64<<10) / max(took.Seconds(), 1e-4)
	if h.speed == 0 {
		h.speed = speed
		return
	}
	h.speed += (speed - h.speed) / 4
}

// pool hands out servers, so many requests to each at once.
type pool struct {
	coolDown time.Duration

	mu      sync.Mutex
	hosts   []*host
	cache   *host         // the LAN cache, nil if there is none
	proxies []*host       // that stand in front of others
	changed chan struct{} // closed and replaced when a slot is free again
}

func newPool(coolDown time.Duration) *pool {
	return &pool{coolDown: coolDown, changed: make(chan struct{})}
}

// replace puts a new list in, keeping what is known of servers that stay.
func (p *pool) replace(servers []Server, slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := make(map[string]*host, len(p.hosts))
	for _, h := range p.hosts {
		known[h.name] = h
	}
	for _, h := range p.proxies {
		known[h.name] = h
	}
	p.hosts, p.proxies = p.hosts[:0:0], p.proxies[:0:0]
	listed := make(map[string]bool, len(servers))
	for _, server := range servers {
		name := server.name()
		if listed[name] {
			continue
		}
		listed[name] = true
		h := known[name]
		if h == nil {
			h = &host{name: name, slots: slots}
		}
		h.server = server
		if server.UseAsProxy {
			p.proxies = append(p.proxies, h)
		} else {
			p.hosts = append(p.hosts, h)
		}
	}
}

// setCache puts a LAN cache in front of all hosts.
func (p *pool) setCache(base, name string, slots int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cache = &host{server: Server{Host: name}, name: "LAN cache " + name, isCache: true, base: base, slots: slots}
}

// proxy is the proxy to ask for what a server has; nil if there is none, or none that works (spec steampipe.md §2.2).
func (p *pool) proxy(server Server) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, h := range p.proxies {
		if !h.coolUntil.After(now) && !slices.Contains(server.BypassProxiesOfType, h.server.Type) {
			h.inUse++
			return h
		}
	}
	return nil
}

// choice says of a host how often it was tried for an object, and whether it may be tried again.
type choice func(h *host) (tries int, ok bool)

// acquire takes a slot at the best host, waiting for one, or for a host that cools down. It gives errExhausted when the
// choice leaves none. The server is a copy: a new list may come while it is being asked.
func (p *pool) acquire(ctx context.Context, choose choice) (*host, Server, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, Server{}, ended(ctx)
		}
		p.mu.Lock()
		best, wake, any := p.best(choose, time.Now())
		if best != nil {
			best.inUse++
			server := best.server
			p.mu.Unlock()
			return best, server, nil
		}
		changed := p.changed
		p.mu.Unlock()
		if !any {
			return nil, Server{}, errExhausted
		}
		var alarm <-chan time.Time
		var timer *time.Timer
		if !wake.IsZero() {
			timer = time.NewTimer(time.Until(wake))
			alarm = timer.C
		}
		select {
		case <-changed:
		case <-alarm:
		case <-ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// best is the host to use now; or none, and when the next one will have cooled down, and whether there is any at all.
func (p *pool) best(choose choice, now time.Time) (best *host, wake time.Time, any bool) {
	// The LAN cache goes first: while it works, nothing is asked elsewhere only because it is busy.
	if p.cache != nil && !p.cache.coolUntil.After(now) {
		if _, ok := choose(p.cache); ok {
			if p.cache.inUse < p.cache.slots {
				return p.cache, wake, true
			}
			return nil, wake, true
		}
	}
	fastest := 0.0
	for _, h := range p.hosts {
		fastest = max(fastest, h.speed)
	}
	bestTries := 0
	for _, h := range p.hosts {
		tries, ok := choose(h)
		if !ok {
			continue
		}
		any = true
		if h.inUse >= h.slots {
			continue
		}
		if h.coolUntil.After(now) {
			if wake.IsZero() || h.coolUntil.Before(wake) {
				wake = h.coolUntil
			}
			continue
		}
		if best == nil || tries < bestTries || tries == bestTries && h.score(fastest) < best.score(fastest) {
			best, bestTries = h, tries
		}
	}
	return best, wake, any
}

// verdict is what a reply says of the host that sent it.
type verdict int

const (
	good     verdict = iota
	nothing          // we gave up, or never asked
	object           // the host answered; this object is not to be had there
	soft             // damaged or cut body
	overload         // time-outs, refused connections, 429, 502...: leave it alone for a while
)

// release gives the slot back and remembers how it went.
func (p *pool) release(h *host, v verdict, bytes int, took time.Duration, failure *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.inUse--
	h.requests++
	if failure != nil {
		h.lastError, h.lastFailure = failure.Err, time.Now()
	}
	switch v {
	case good:
		h.bytes += int64(bytes)
		h.failures = 0
		h.penalty /= 2
		h.measure(bytes, took)
	case object:
		h.refused++
		h.failures = 0
	case soft, overload:
		p.fail(h, v, failure)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// fail counts a failure and sets the time of cooling down.
func (p *pool) fail(h *host, v verdict, failure *Error) {
	h.failed++
	// Failures of requests that were under way when a row began are one failure.
	now := time.Now()
	if !h.coolUntil.After(now) {
		if h.failures++; h.failures == 1 {
			h.failing = now
		}
		h.penalty = min(h.penalty+1, 16)
		if v == overload || h.failures >= softFailures {
			h.coolUntil = now.Add(min(p.coolDown<<min(h.failures-1, 10), max(maxCoolDown, p.coolDown)))
			if failure.RetryAfter > 0 {
				h.coolUntil = now.Add(failure.RetryAfter)
			}
		}
	} else if until := now.Add(failure.RetryAfter); until.After(h.coolUntil) {
		h.coolUntil = until
	}
}

// reject counts a body that turned out wrong after it was handed out.
func (p *pool) reject(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range append(p.hosts[:len(p.hosts):len(p.hosts)], p.cache) {
		if h != nil && h.name == name {
			// The host works and so it is not left alone, but others go first.
			h.lastError, h.lastFailure = err, time.Now()
			h.failed++
			h.penalty = min(h.penalty+1, 16)
		}
	}
}

// ServerState is what a [CDN] knows of one server.
type ServerState struct {
	Server      Server
	Name        string        // as in errors: host, with vhost where it differs
	Cache       bool          // it is the LAN cache
	Proxy       bool          // it stands in front of others, and its figures count their requests too
	InUse       int           // requests under way
	Requests    int64         // requests made
	Refused     int64         // answered with 401, 403 or 404
	Failed      int64         // failures of any other kind, damaged bodies included
	Bytes       int64         // bytes of good bodies
	Speed       int64         // bytes per second of one request, smoothed; 0 if nothing came yet
	CoolingDown time.Duration // for how long it is still left alone, 0 if it is not
	LastError   error
	LastFailure time.Time
}

// state copies what is known.
func (p *pool) state() []ServerState {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	hosts := append(p.hosts[:len(p.hosts):len(p.hosts)], p.proxies...)
	if p.cache != nil {
		hosts = append(hosts, p.cache)
	}
	states := make([]ServerState, 0, len(hosts))
	for _, h := range hosts {
		states = append(states, ServerState{
			Server: h.server, Name: h.name, Cache: h.isCache, Proxy: h.server.UseAsProxy, InUse: h.inUse, Requests: h.requests, Refused: h.refused,
			Failed: h.failed, Bytes: h.bytes, Speed: int64(h.speed), CoolingDown: max(h.coolUntil.Sub(now), 0), LastError: h.lastError, LastFailure: h.lastFailure,
		})
	}
	return states
}
