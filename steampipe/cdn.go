package steampipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// requestCodeLifetime is how long a manifest request code is good for (spec steampipe.md §2.3).
const requestCodeLifetime = 5 * time.Minute

// CDN is a [Source] that asks content servers over HTTP. It picks servers by the figures of their list and by how they
// behave, goes on with the next one when one fails, and gives an object up only when every server failed. It is safe for
// concurrent use. Close it when done.
type CDN struct {
	config Config
	getter getter
	own    *http.Transport // to be closed by us; nil if the caller gave one
	cache  *url.URL
	pool   *pool
	life   context.Context // ends with Close
	end    context.CancelCauseFunc
	active sync.WaitGroup
	gate   sync.Mutex // guards active against a Close at the same time

	loading chan struct{} // holds one token: who has it may ask the directory

	mu      sync.Mutex
	loaded  time.Time
	step    Step
	since   time.Time
	last    error
	refused map[refusal]error
	tokens  map[refusal]Token
}

// refusal is a server that does not serve a depot.
type refusal struct {
	depot DepotID
	host  string
}

// CDNState is what a [CDN] is doing and what it knows.
type CDNState struct {
	Step      Step // StepIdle before the first request, StepDirectory while servers are asked for, then StepFetch
	Since     time.Time
	Servers   []ServerState
	Listed    time.Time // when the server list came
	LastError error     // of the directory or of the last object that was given up
}

// NewCDN makes a source out of content servers. Nothing is asked before the first fetch.
func NewCDN(config Config) (*CDN, error) {
	if config.Directory == nil {
		return nil, &Error{Step: StepDirectory, Err: fmt.Errorf("%w: Config.Directory is nil", ErrNoServers)}
	}
	c := &CDN{config: config.withDefaults(), loading: make(chan struct{}, 1), since: time.Now(),
		refused: map[refusal]error{}, tokens: map[refusal]Token{}}
	c.loading <- struct{}{}
	c.life, c.end = context.WithCancelCause(context.Background())
	c.pool = newPool(c.config.CoolDown)
	if config.Cache != "" {
		cache, err := url.Parse(config.Cache)
		if err != nil || cache.Scheme != "http" && cache.Scheme != "https" || cache.Host == "" {
			return nil, &Error{Step: StepDirectory, Err: fmt.Errorf("Config.Cache %q is not the URL of a cache", config.Cache)}
		}
		c.cache = cache
		c.pool.cache = &host{server: Server{Host: cache.Host}, name: "LAN cache " + cache.Host, isCache: true, slots: 4 * c.config.ConnectionsPerHost}
	}
	transport := config.Transport
	if transport == nil {
		c.own = newTransport(config.DialContext, 4*c.config.ConnectionsPerHost)
		transport = c.own
	}
	c.getter = getter{transport: transport, headers: c.config.HeaderTimeout, body: c.config.BodyTimeout, idle: c.config.IdleTimeout}
	return c, nil
}

// Close ends what is under way and closes the connections; it returns when all is gone. Fetches give net.ErrClosed.
func (c *CDN) Close() error {
	c.gate.Lock()
	c.end(net.ErrClosed)
	c.gate.Unlock()
	c.active.Wait()
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return nil
}

// State tells what the CDN is doing, and how each server behaved.
func (c *CDN) State() CDNState {
	c.mu.Lock()
	state := CDNState{Step: c.step, Since: c.since, Listed: c.loaded, LastError: c.last}
	c.mu.Unlock()
	state.Servers = c.pool.state()
	return state
}

// enter joins the caller's context with the CDN's own life.
func (c *CDN) enter(ctx context.Context) (context.Context, func(), error) {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.life.Err() != nil {
		return nil, nil, &Error{Step: StepFetch, Err: net.ErrClosed}
	}
	c.active.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.life, func() { cancel(net.ErrClosed) })
	return ctx, func() { stop(); cancel(nil); c.active.Done() }, nil
}

func (c *CDN) setStep(step Step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.step != step {
		c.step, c.since = step, time.Now()
		c.config.Logger.Debug("steampipe: step", "step", step.String())
	}
}

// load asks the directory, if the list is missing or old. An old list is better than none.
func (c *CDN) load(ctx context.Context) error {
	c.mu.Lock()
	fresh := !c.loaded.IsZero() && time.Since(c.loaded) < c.config.DirectoryLifetime
	c.mu.Unlock()
	if fresh {
		return nil
	}
	select {
	case <-c.loading:
	case <-ctx.Done():
		return &Error{Step: StepDirectory, Err: ended(ctx)}
	}
	defer func() { c.loading <- struct{}{} }()
	c.mu.Lock()
	loaded := c.loaded
	c.mu.Unlock()
	if !loaded.IsZero() && time.Since(loaded) < c.config.DirectoryLifetime {
		return nil // somebody else asked meanwhile
	}
	c.setStep(StepDirectory)
	listed, err := c.config.Directory.Servers(ctx)
	if err == nil {
		usable := make([]Server, 0, len(listed))
		for _, server := range listed {
			if server.usable(c.config.App) {
				usable = append(usable, server)
			}
		}
		if len(usable) == 0 {
			err = fmt.Errorf("%w: none of the %d in the list", ErrNoServers, len(listed))
		} else {
			c.pool.replace(usable, c.config.ConnectionsPerHost)
			c.config.Logger.Debug("steampipe: servers", "listed", len(listed), "usable", len(usable))
		}
	}
	if err != nil {
		err = asError(err, StepDirectory, 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.last = err
		if c.loaded.IsZero() || ctx.Err() != nil {
			return err
		}
		c.config.Logger.Warn("steampipe: server list not renewed, the old one stays", "error", err)
	} else {
		clear(c.refused) // a new list may have other ideas
	}
	c.loaded = time.Now()
	c.step, c.since = StepFetch, time.Now()
	return nil
}

// Manifest fetches a manifest and checks that it is one, and the one asked for; pages of HTML do come with status 200.
func (c *CDN) Manifest(ctx context.Context, depot DepotID, manifest ManifestID) ([]byte, error) {
	if manifest == 0 {
		return nil, &Error{Step: StepFetchManifest, Depot: depot, Err: fmt.Errorf("%w: no manifest has the id 0", ErrNotFound)}
	}
	var body []byte
	code := codeCache{cdn: c, depot: depot, manifest: manifest}
	f := fetch{step: StepFetchManifest, depot: depot, slow: 5, limit: c.config.MaxManifest, direct: true}
	f.path = func(ctx context.Context, h *host, again bool) (string, error) {
		path := "/depot/" + depot.String() + "/manifest/" + manifest.String() + "/5"
		if c.config.RequestCode == nil {
			return path, nil
		}
		number, err := code.get(ctx, again)
		if err != nil || number == 0 {
			return path, err
		}
		return path + "/" + strconv.FormatUint(number, 10), nil
	}
	f.check = func(b []byte) error {
		m, err := parseManifest(b)
		if err != nil {
			return err
		}
		return checkIdentity(m, depot, manifest)
	}
	body, _, err := c.fetch(ctx, &f)
	if err != nil {
		err.Manifest = manifest
		return nil, err
	}
	return body, nil
}

// codeCache keeps a request code while it is good.
type codeCache struct {
	cdn      *CDN
	depot    DepotID
	manifest ManifestID
	code     uint64
	since    time.Time
	renewed  bool
}

// get gives the code; a refusal asks for a new one once.
func (k *codeCache) get(ctx context.Context, again bool) (uint64, error) {
	stale := k.since.IsZero() || time.Since(k.since) >= requestCodeLifetime
	if !stale && (!again || k.renewed) {
		return k.code, nil
	}
	k.renewed = k.renewed || again
	code, err := k.cdn.config.RequestCode(ctx, k.depot, k.manifest)
	if err != nil {
		return 0, fmt.Errorf("manifest request code: %w", err)
	}
	k.code, k.since = code, time.Now()
	return code, nil
}

// Chunk fetches a chunk. Its length is checked against the manifest, its contents by the caller.
func (c *CDN) Chunk(ctx context.Context, r ChunkRequest) (Body, error) {
	if n := len(r.Rejected); n > 0 {
		c.pool.reject(r.Rejected[n-1].Server, r.Rejected[n-1].Err)
	}
	f := fetch{step: StepFetch, depot: r.Depot, size: int64(r.Chunk.StoredSize), limit: maxStoredChunk, buffer: r.Buffer, rejected: r.Rejected}
	path := "/depot/" + r.Depot.String() + "/chunk/" + r.Chunk.ID.String()
	f.path = func(context.Context, *host, bool) (string, error) { return path, nil }
	body, server, err := c.fetch(ctx, &f)
	if err != nil {
		err.Chunk = r.Chunk.ID
		return Body{}, err
	}
	return Body{Bytes: body, Server: server}, nil
}

// fetch is one object that is to be had from any server.
type fetch struct {
	step     Step
	depot    DepotID
	size     int64
	limit    int64
	slow     int
	direct   bool // not through the LAN cache
	buffer   []byte
	rejected []Rejection
	path     func(ctx context.Context, h *host, again bool) (string, error)
	check    func([]byte) error // nil means none
	begun    time.Time

	tries   map[string]int   // failures by server
	given   map[string]bool  // servers that do not have the object
	reasons map[string]error // the last one of each server
	order   []string
}

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
			return e
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
		return nil, "", asError(err, f.step, f.depot)
	}
	f.begun = time.Now()
	for _, rejection := range f.rejected {
		f.note(rejection.Server, &Error{Step: f.step, Depot: f.depot, Server: rejection.Server, Err: rejection.Err})
	}
	for {
		h, err := c.pool.acquire(ctx, func(h *host) (int, bool) { return c.choose(f, h) })
		if errors.Is(err, errExhausted) {
			final := f.join()
			c.mu.Lock()
			c.last = final
			c.mu.Unlock()
			return nil, "", final
		}
		if err != nil {
			return nil, "", &Error{Step: f.step, Depot: f.depot, Err: err}
		}
		body, failure := c.attempt(ctx, f, h)
		if failure == nil {
			return body, h.name, nil
		}
		if ctx.Err() != nil {
			failure.Err = ended(ctx)
			return nil, "", failure
		}
		if errors.Is(failure.Err, ErrCacheLoop) {
			return nil, "", failure
		}
		f.note(h.name, failure)
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
func (c *CDN) attempt(ctx context.Context, f *fetch, h *host) ([]byte, *Error) {
	again := false
	for {
		body, failure := c.send(ctx, f, h, again)
		if failure == nil {
			c.pool.release(h, good, len(body), nil)
			return body, nil
		}
		failure.Depot = f.depot
		failure.at(f.step, h.name)
		if ctx.Err() != nil {
			c.pool.release(h, object, 0, nil) // not the host's fault
			return nil, failure
		}
		switch {
		case errors.Is(failure.Err, ErrUnauthorized), errors.Is(failure.Err, ErrForbidden):
			if !again && c.renew(ctx, f, h) {
				again = true
				continue
			}
			if !h.isCache && f.step == StepFetch {
				c.mu.Lock()
				c.refused[refusal{f.depot, h.name}] = failure
				c.mu.Unlock()
			}
			c.pool.release(h, object, 0, failure)
			f.giveUp(h)
		case errors.Is(failure.Err, ErrNotFound), errors.Is(failure.Err, ErrTooManyRedirects):
			c.pool.release(h, object, 0, failure)
			f.giveUp(h)
		case errors.Is(failure.Err, ErrBadLength), errors.Is(failure.Err, ErrBodyCorrupt), errors.Is(failure.Err, ErrManifestCorrupt):
			c.pool.release(h, soft, 0, failure)
		case failure.Status == http.StatusInternalServerError:
			c.pool.release(h, soft, 0, failure)
		case failure.Status != 0 && failure.Status != http.StatusOK && !errors.Is(failure.Err, ErrServerBroken) && !errors.Is(failure.Err, ErrTooManyRequests):
			c.pool.release(h, object, 0, failure) // a status that makes no sense here
			f.giveUp(h)
		case isCut(failure.Err):
			c.pool.release(h, soft, 0, failure)
		default:
			c.pool.release(h, overload, 0, failure)
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

// renew tells whether a refused request is worth a second try: with a token, or with a fresh request code.
func (c *CDN) renew(ctx context.Context, f *fetch, h *host) bool {
	renewed := f.step == StepFetchManifest && c.config.RequestCode != nil
	if c.config.Token != nil && !h.isCache {
		id := refusal{f.depot, h.server.vhost()}
		c.mu.Lock()
		delete(c.tokens, id)
		c.mu.Unlock()
		token, err := c.config.Token(ctx, f.depot, h.server.vhost())
		if err != nil {
			c.config.Logger.Warn("steampipe: no token", "server", h.name, "depot", f.depot, "error", err)
			return renewed
		}
		c.mu.Lock()
		c.tokens[id] = token
		c.mu.Unlock()
		return true
	}
	return renewed
}

// send makes one request. The query is the token of the host, or the order to a cache to pass the request through.
func (c *CDN) send(ctx context.Context, f *fetch, h *host, again bool) ([]byte, *Error) {
	path, err := f.path(ctx, h, again)
	if err != nil {
		return nil, &Error{Err: err}
	}
	r := request{size: f.size, limit: f.limit, slow: f.slow, vhost: h.server.vhost()}
	switch {
	case h.isCache:
		r.vhost = c.cacheVHost(f)
		r.url = strings.TrimSuffix(c.cache.String(), "/") + path
		if f.tries[h.name] > 0 {
			r.url += "?nocache=1"
		}
	case h.server.HTTPS == "mandatory":
		r.url = "https://" + h.server.Host + path
	default:
		r.url = "http://" + h.server.Host + path
	}
	if query := c.token(f.depot, h); query != "" {
		r.url += "?" + query
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

// token is the query that the host wants for the depot, if we have it.
func (c *CDN) token(depot DepotID, h *host) string {
	if c.config.Token == nil || h.isCache {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token, ok := c.tokens[refusal{depot, h.server.vhost()}]
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

// asError makes an *Error of an error. It does not look into the error: of several that are joined it would lose some.
func asError(err error, step Step, depot DepotID) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Step: step, Depot: depot, Err: err}
}
