package steampipe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// fetch is one object that is to be had from any server.
type fetch struct {
	step     Step
	depot    DepotID
	size     int64
	limit    int64
	slow     int
	direct   bool // not through the LAN cache
	optional bool // not worth asking every server
	buffer   []byte
	rejected []Rejection
	path     func(ctx context.Context, again bool) (string, error)
	check    func([]byte) error // nil means none
	begun    time.Time

	tries   map[string]int   // failures by server
	given   map[string]bool  // servers that do not have the object
	reasons map[string]error // the last one of each server
	order   []string
}

// callError is the failure of a function of the program's own. No server is to blame, and none can do better.
type callError struct{ error }

func (e callError) Unwrap() error { return e.error }

// note remembers why a server did not do.
func (f *fetch) note(name string, err error) {
	if f.tries == nil {
		f.tries, f.given, f.reasons = map[string]int{}, map[string]bool{}, map[string]error{}
	}
	if _, ok := f.reasons[name]; !ok {
		f.order = append(f.order, name)
	}
	f.reasons[name] = err
	f.tries[name]++
}

// join is the error of an object that no server had: all of them say why.
func (f *fetch) join() *Error {
	var failures []error
	for _, name := range f.order {
		failures = append(failures, f.reasons[name])
	}
	if len(failures) == 1 {
		if e, ok := errors.AsType[*Error](failures[0]); ok {
			return e.copy() // others may hold the same one, and the caller fills in what it was about
		}
	}
	if len(failures) == 0 {
		failures = []error{ErrNoServers}
	}
	return &Error{Step: f.step, Depot: f.depot, Err: errors.Join(failures...)}
}

// fetch tries server after server.
func (c *CDN) fetch(ctx context.Context, f *fetch) ([]byte, string, *Error) {
	ctx, leave, err := c.enter(ctx)
	if err != nil {
		return nil, "", asError(err, f.step, f.depot)
	}
	defer leave()
	if err := c.load(ctx); err != nil {
		return nil, "", asError(err, f.step, f.depot).copy()
	}
	f.begun = time.Now()
	for _, rejection := range f.rejected {
		f.note(rejection.Server, &Error{Step: f.step, Depot: f.depot, Server: rejection.Server, Err: rejection.Err})
	}
	for {
		h, server, err := c.pool.acquire(ctx, func(h *host) (int, bool) { return c.choose(f, h) })
		if errors.Is(err, errExhausted) {
			final := f.join()
			c.mu.Lock()
			c.last = final.copy()
			c.mu.Unlock()
			return nil, "", final
		}
		if err != nil {
			return nil, "", &Error{Step: f.step, Depot: f.depot, Err: err}
		}
		body, failure := c.attempt(ctx, f, h, server)
		if failure == nil {
			return body, h.name, nil
		}
		if ctx.Err() != nil {
			return nil, "", &Error{Step: f.step, Depot: f.depot, Server: h.name, Err: ended(ctx)}
		}
		if _, own := failure.Err.(callError); own || errors.Is(failure.Err, ErrCacheLoop) {
			return nil, "", failure
		}
		f.note(h.name, failure)
		if f.optional && (f.given[h.name] || len(f.order) > 1) {
			return nil, "", failure
		}
		c.config.Logger.Warn("steampipe: fetch failed", "step", f.step.String(), "depot", f.depot, "server", h.name, "status", failure.Status, "error", failure.Err)
	}
}

// choose says whether a host may be asked for an object.
func (c *CDN) choose(f *fetch, h *host) (int, bool) {
	tries := f.tries[h.name]
	if f.given[h.name] {
		return tries, false
	}
	if h.isCache {
		// Once more past a damaged copy, then direct (spec steampipe.md §2.5).
		return tries, !f.direct && tries < 2
	}
	if tries >= c.config.Rounds {
		return tries, false
	}
	if h.failures >= c.config.Rounds && !h.failing.Before(f.begun) {
		// While this object waited its turn, the host failed others as often as it may fail this one.
		if f.reasons[h.name] == nil {
			f.note(h.name, &Error{Step: f.step, Depot: f.depot, Server: h.name, Err: h.lastError})
		}
		return tries, false
	}
	c.mu.Lock()
	reason, refused := c.refused[refusal{f.depot, h.name}]
	c.mu.Unlock()
	if refused {
		if f.reasons[h.name] == nil {
			f.note(h.name, reason)
		}
		return tries, false
	}
	return tries, true
}

// attempt asks one host once, or twice if a token or a new request code may help, and gives its slot back.
func (c *CDN) attempt(ctx context.Context, f *fetch, h *host, server Server) ([]byte, *Error) {
	again := false
	for {
		path, err := f.path(ctx, again)
		if err != nil {
			c.pool.release(h, nothing, 0, 0, nil)
			return nil, &Error{Step: f.step, Depot: f.depot, Err: callError{err}}
		}
		query := c.token(f.depot, h, server)
		begun := time.Now()
		body, failure := c.send(ctx, f, h, server, path, query)
		if failure == nil {
			c.pool.release(h, good, len(body), time.Since(begun), nil)
			return body, nil
		}
		failure.Depot = f.depot
		failure.at(f.step, h.name)
		if ctx.Err() != nil {
			c.pool.release(h, nothing, 0, 0, nil) // not the host's fault
			return nil, failure
		}
		switch {
		case errors.Is(failure.Err, ErrUnauthorized), errors.Is(failure.Err, ErrForbidden):
			if !again && c.renew(ctx, f, h, server, query) {
				again = true
				continue
			}
			if !h.isCache && f.step == StepFetch {
				c.mu.Lock()
				c.refused[refusal{f.depot, h.name}] = failure.copy()
				c.mu.Unlock()
			}
			c.pool.release(h, object, 0, 0, failure)
			f.giveUp(h)
		case errors.Is(failure.Err, ErrNotFound), errors.Is(failure.Err, ErrTooManyRedirects), f.optional && errors.Is(failure.Err, ErrBadLength):
			c.pool.release(h, object, 0, 0, failure)
			f.giveUp(h)
		case errors.Is(failure.Err, ErrBadLength), errors.Is(failure.Err, ErrBodyCorrupt), errors.Is(failure.Err, ErrManifestCorrupt):
			c.pool.release(h, soft, 0, 0, failure)
		case failure.Status == http.StatusInternalServerError:
			c.pool.release(h, soft, 0, 0, failure)
		case failure.Status != 0 && failure.Status != http.StatusOK && !errors.Is(failure.Err, ErrServerBroken) && !errors.Is(failure.Err, ErrTooManyRequests):
			c.pool.release(h, object, 0, 0, failure) // a status that makes no sense here
			f.giveUp(h)
		case isCut(failure.Err):
			c.pool.release(h, soft, 0, 0, failure)
		default:
			c.pool.release(h, overload, 0, 0, failure)
		}
		if h.isCache {
			if !errors.Is(failure.Err, ErrBadLength) && !errors.Is(failure.Err, ErrBodyCorrupt) {
				f.giveUp(h)
			}
			c.config.Logger.Warn("steampipe: LAN cache failed, going on without it for this object", "server", h.name, "error", failure.Err)
		}
		return nil, failure
	}
}

// isCut says whether a connection broke, rather than could not be made.
func isCut(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op != "dial" || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// giveUp strikes the host off for this object.
func (f *fetch) giveUp(h *host) {
	if f.given == nil {
		f.tries, f.given, f.reasons = map[string]int{}, map[string]bool{}, map[string]error{}
	}
	f.given[h.name] = true
}

// renew tells whether a refused request is worth a second try: with a token, or with a fresh request code. Requests that are
// refused together ask for one token: the first one gets it, the others see that theirs, which was used, is not the last.
func (c *CDN) renew(ctx context.Context, f *fetch, h *host, server Server, used string) bool {
	renewed := f.step == StepFetchManifest && c.config.RequestCode != nil
	if c.config.Token == nil || h.isCache {
		return renewed
	}
	select {
	case <-c.asking:
	case <-ctx.Done():
		return false
	}
	defer func() { c.asking <- struct{}{} }()
	if now := c.token(f.depot, h, server); now != "" && now != used {
		return true
	}
	id := refusal{f.depot, server.vhost()}
	token, err := c.config.Token(ctx, f.depot, server.vhost())
	c.mu.Lock()
	if err == nil {
		c.tokens[id] = token
	} else {
		delete(c.tokens, id)
	}
	c.mu.Unlock()
	if err != nil {
		c.config.Logger.Warn("steampipe: no token", "server", h.name, "depot", f.depot, "error", err)
		return renewed
	}
	return true
}

// send makes one request. The query is the token of the host, if it has one.
func (c *CDN) send(ctx context.Context, f *fetch, h *host, server Server, path, query string) ([]byte, *Error) {
	r := request{size: f.size, limit: f.limit, slow: f.slow, vhost: server.vhost()}
	switch {
	case h.isCache:
		r.vhost = c.cacheVHost(f)
		r.url = h.base + path
		if f.tries[h.name] > 0 {
			r.url += "?nocache=1"
		}
	default:
		if query != "" {
			query = "?" + query
		}
		r.url = server.scheme() + server.Host + path + query
		// A copy that came damaged may be the proxy's, and would be again from every server behind it.
		if len(f.rejected) == 0 {
			if body, ok := c.sendThroughProxy(ctx, f, r, server, path+query); ok {
				return body, nil
			}
		}
	}
	if c.config.Logger.Enabled(ctx, slog.LevelDebug) {
		c.config.Logger.Debug("steampipe: request", "server", h.name, "path", path)
	}
	body, failure := c.getter.get(ctx, r, f.buffer)
	if failure != nil {
		return nil, failure
	}
	if f.check != nil {
		if err := f.check(body); err != nil {
			return nil, &Error{Status: http.StatusOK, Err: err}
		}
	}
	return body, nil
}

// sendThroughProxy makes a request through a proxy of the list, if there is one. A proxy that cannot serve is left alone for a
// while, and the server is asked itself: whatever that one refuses, it must refuse by itself.
func (c *CDN) sendThroughProxy(ctx context.Context, f *fetch, r request, server Server, path string) ([]byte, bool) {
	proxy := c.pool.proxy(server)
	if proxy == nil {
		return nil, false
	}
	r.url, r.vhost = proxy.server.scheme()+proxy.server.Host+proxy.server.through(server.vhost(), path), proxy.server.vhost()
	begun := time.Now()
	body, failure := c.getter.get(ctx, r, f.buffer)
	if failure == nil && f.check != nil {
		if err := f.check(body); err != nil {
			failure = &Error{Status: http.StatusOK, Err: err}
		}
	}
	if failure == nil {
		c.pool.release(proxy, good, len(body), time.Since(begun), nil)
		return body, true
	}
	if ctx.Err() != nil {
		c.pool.release(proxy, nothing, 0, 0, nil)
		return nil, false
	}
	if failure.Status == http.StatusUnauthorized || failure.Status == http.StatusForbidden || failure.Status == http.StatusNotFound {
		c.pool.release(proxy, object, 0, 0, failure)
		return nil, false
	}
	c.pool.release(proxy, overload, 0, 0, failure)
	c.config.Logger.Warn("steampipe: proxy failed, asking the server itself", "proxy", proxy.name, "server", server.name(), "status", failure.Status, "error", failure.Err)
	return nil, false
}

// token is the query that the host wants for the depot, if we have it.
func (c *CDN) token(depot DepotID, h *host, server Server) string {
	if c.config.Token == nil || h.isCache {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token, ok := c.tokens[refusal{depot, server.vhost()}]
	if !ok || !token.Expires.IsZero() && !time.Now().Before(token.Expires) {
		return ""
	}
	return strings.TrimPrefix(token.Query, "?")
}

// cacheVHost is whom the LAN cache shall ask: the best server that does not refuse the depot.
func (c *CDN) cacheVHost(f *fetch) string {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	vhost, best := "", 0.0
	for _, h := range c.pool.hosts {
		if f.given[h.name] {
			continue
		}
		if score := max(h.server.WeightedLoad, 1) * float64(1+h.penalty); vhost == "" || score < best {
			vhost, best = h.server.vhost(), score
		}
	}
	return vhost
}
