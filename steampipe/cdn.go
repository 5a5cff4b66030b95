package steampipe

import (
	"context"
	"fmt"
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
	pool   *pool
	life   context.Context // ends with Close
	end    context.CancelCauseFunc
	active sync.WaitGroup
	gate   sync.Mutex // guards active against a Close at the same time

	loading  chan struct{} // holds one element: who has it may ask the directory
	detected bool          // whether a LAN cache was looked for; of who has loading
	asking   chan struct{} // the same for Config.Token

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
	c := &CDN{config: config.withDefaults(), loading: make(chan struct{}, 1), asking: make(chan struct{}, 1), since: time.Now(),
		refused: map[refusal]error{}, tokens: map[refusal]Token{}}
	c.loading <- struct{}{}
	c.asking <- struct{}{}
	c.life, c.end = context.WithCancelCause(context.Background())
	c.pool = newPool(c.config.CoolDown)
	if cache, err := parseCache(config.Cache); err != nil {
		return nil, &Error{Step: StepDirectory, Err: err}
	} else if cache != nil {
		c.pool.setCache(strings.TrimSuffix(cache.String(), "/"), cache.Host, 4*c.config.ConnectionsPerHost)
	}
	transport := config.Transport
	if transport == nil {
		c.own = newTransport(c.config.DialContext, 4*c.config.ConnectionsPerHost)
		transport = c.own
	}
	c.getter = getter{transport: transport, headers: c.config.HeaderTimeout, body: c.config.BodyTimeout, idle: c.config.IdleTimeout, limit: newLimit(c.config.BytesPerSecond)}
	return c, nil
}

// parseCache reads Config.Cache; nil if it is empty.
func parseCache(base string) (*url.URL, error) {
	if base == "" {
		return nil, nil
	}
	cache, err := url.Parse(base)
	if err != nil || cache.Scheme != "http" && cache.Scheme != "https" || cache.Host == "" {
		return nil, fmt.Errorf("Config.Cache %q is not the URL of a cache", base)
	}
	return cache, nil
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
	news := c.step != step
	if news {
		c.step, c.since = step, time.Now()
	}
	c.mu.Unlock()
	if news {
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
	c.detectCache(ctx)
	listed, err := c.config.Directory.Servers(ctx)
	if err == nil {
		usable, content := make([]Server, 0, len(listed)), 0
		for _, server := range listed {
			if server.usable(c.config.App) {
				content++
			} else if !server.proxies() {
				continue
			}
			usable = append(usable, server)
		}
		if content == 0 {
			err = fmt.Errorf("%w: none of the %d in the list", ErrNoServers, len(listed))
		} else {
			c.pool.replace(usable, c.config.ConnectionsPerHost)
			c.config.Logger.Debug("steampipe: servers", "listed", len(listed), "usable", len(usable))
		}
	}
	if err != nil {
		err = asError(err, StepDirectory, 0)
		c.mu.Lock()
		c.last = err
		c.mu.Unlock()
		if loaded.IsZero() || ctx.Err() != nil {
			return err
		}
		c.config.Logger.Warn("steampipe: server list not renewed, the old one stays", "error", err)
	}
	c.mu.Lock()
	if err == nil {
		clear(c.refused) // a new list may have other ideas
	}
	c.loaded = time.Now()
	c.mu.Unlock()
	c.setStep(StepFetch)
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
	f.path = func(ctx context.Context, again bool) (string, error) {
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
	f.path = func(context.Context, bool) (string, error) { return path, nil }
	body, server, err := c.fetch(ctx, &f)
	if err != nil {
		err.Chunk = r.Chunk.ID
		return Body{}, err
	}
	return Body{Bytes: body, Server: server}, nil
}

// Patch fetches a delta patch. One server that has none will do: patches are rarely on offer.
func (c *CDN) Patch(ctx context.Context, r PatchRequest) (Body, error) {
	f := fetch{step: StepFetchPatch, depot: r.Depot, slow: 5, limit: r.MaxSize, optional: true}
	path := "/depot/" + r.Depot.String() + "/patch/" + r.From.String() + "/" + r.To.String()
	f.path = func(context.Context, bool) (string, error) { return path, nil }
	body, server, err := c.fetch(ctx, &f)
	if err != nil {
		err.Manifest = r.To
		return Body{}, err
	}
	return Body{Bytes: body, Server: server}, nil
}

// asError makes an *Error of an error. It does not look into the error: of several that are joined it would lose some.
func asError(err error, step Step, depot DepotID) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Step: step, Depot: depot, Err: err}
}
