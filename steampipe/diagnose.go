package steampipe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis tells step by step what works and what does not. Its fields: Subject, and Steps with Name, Peer, Outcome, Took,
// Found, Advice and Err; OK, Err and String sum it up; it can be written as JSON.
type Diagnosis = diagnosis.Report

// Target is what a [Diagnose] should try to get and where it would go. The zero value looks at the servers alone.
type Target struct {
	// Depot and Manifest are asked for at every server. 0 for either asks for nothing: any answer over HTTP is good.
	Depot    DepotID
	Manifest ManifestID
	// Dir is the folder of a download, there or not: its disk is looked at. Empty looks at none.
	Dir string
	// Bytes is how many are to be written there. 0 if not known; [Job.Plan] tells.
	Bytes int64
}

// maxDiagnosed bounds the servers that are asked; lists have twenty.
const maxDiagnosed = 32

// maxSkew is how far the clock may be off: request codes change every five minutes, and tokens run out.
const maxSkew = 4 * time.Minute

// Diagnose finds out why a download does not work: whether the directory answers, there is a LAN cache, each server can be
// reached and has what is wanted, the clock is right, the disk has room. It asks every server, not only until one answers, and
// writes nothing. The error is not nil only if ctx ended or config is not usable.
func Diagnose(ctx context.Context, config Config, target Target) (*Diagnosis, error) {
	if config.Directory == nil {
		return nil, &Error{Step: StepDirectory, Err: fmt.Errorf("%w: Config.Directory is nil", ErrNoServers)}
	}
	if _, err := parseCache(config.Cache); err != nil {
		return nil, &Error{Step: StepDirectory, Err: err}
	}
	config = config.withDefaults()
	d := &doctor{config: config, target: target, report: &Diagnosis{Subject: "Steam content servers"}, transport: config.Transport}
	if target.Depot != 0 {
		d.report.Subject = fmt.Sprintf("download of depot %v", target.Depot)
	}
	if d.transport == nil {
		own := newTransport(config.DialContext, 1)
		defer own.CloseIdleConnections()
		d.transport = own
	}
	for _, part := range []struct {
		step Step
		look func(context.Context)
	}{{StepDirectory, d.directory}, {StepDirectory, d.cache}, {StepFetchManifest, d.servers}, {StepFetchManifest, d.clock}, {StepPrepare, d.disk}} {
		part.look(ctx)
		if ctx.Err() != nil {
			return d.report, &Error{Step: part.step, Depot: target.Depot, Manifest: target.Manifest, Err: ended(ctx)}
		}
	}
	return d.report, nil
}

// doctor is a diagnosis under way.
type doctor struct {
	config    Config
	target    Target
	transport http.RoundTripper
	report    *Diagnosis
	usable    []Server
	skews     []time.Duration // of the servers' clocks against ours
}

func (d *doctor) directory(ctx context.Context) {
	begun := time.Now()
	listed, err := d.config.Directory.Servers(ctx)
	step := diagnosis.Step{Name: "ask the directory", Took: time.Since(begun), Outcome: diagnosis.Passed, Err: err}
	if err != nil {
		step.Outcome, step.Advice = diagnosis.Failed, networkAdvice(err, "ask another directory, or name the servers (steampipe.Servers)")
		d.report.Add(step)
		return
	}
	seen := make(map[string]bool)
	for _, server := range listed {
		if server.usable(d.config.App) && !seen[server.name()] {
			seen[server.name()] = true
			d.usable = append(d.usable, server)
		}
	}
	step.Found = fmt.Sprintf("%d servers, %d to be used", len(listed), len(d.usable))
	if len(d.usable) == 0 {
		step.Outcome, step.Err = diagnosis.Failed, ErrNoServers
		step.Advice = "the list has no server for this app: check Config.App and the cell"
	}
	d.report.Add(step)
}

// cache looks for a LAN cache as a download would, and asks it whether it is one.
func (d *doctor) cache(ctx context.Context) {
	base := d.config.Cache
	if base == "" {
		begun := time.Now()
		addr, found, err := FindCache(ctx, d.config.Lookup)
		step := diagnosis.Step{Name: "look for a LAN cache", Peer: CacheName, Took: time.Since(begun), Outcome: diagnosis.Passed, Err: err}
		switch {
		case err != nil:
			step.Outcome, step.Advice = diagnosis.Warned, "downloads go direct; check the name service if there should be a cache"
		case !found:
			step.Found = "none"
		default:
			step.Found = addr.String()
			if !d.config.DetectCache {
				step.Outcome, step.Advice = diagnosis.Warned, "it is not used: set Config.DetectCache"
			}
			base = "http://" + netip.AddrPortFrom(addr, 80).String()
		}
		d.report.Add(step)
	}
	if base == "" {
		return
	}
	begun := time.Now()
	by, err := ProbeCache(ctx, strings.TrimSuffix(base, "/"), d.transport)
	step := diagnosis.Step{Name: "ask the LAN cache", Peer: base, Took: time.Since(begun), Outcome: diagnosis.Passed, Found: by, Err: err}
	if err != nil {
		step.Outcome = diagnosis.Warned
		step.Advice = "if it is another kind of cache this means nothing; if chunks are slow to come, restart the cache or leave Config.Cache and DetectCache out"
	}
	d.report.Add(step)
}

// servers asks each server.
func (d *doctor) servers(ctx context.Context) {
	if len(d.usable) == 0 {
		d.report.Add(diagnosis.Step{Name: "ask the servers", Outcome: diagnosis.Skipped})
		return
	}
	works := 0
	asked := d.usable[:min(len(d.usable), maxDiagnosed)]
	for _, server := range asked {
		step := d.server(ctx, server)
		if ctx.Err() != nil {
			return
		}
		if step.Outcome == diagnosis.Passed {
			works++
		}
		d.report.Add(step)
	}
	verdict := diagnosis.Step{Name: "servers that work", Outcome: diagnosis.Passed, Found: fmt.Sprintf("%d of %d", works, len(asked))}
	switch works {
	case len(asked):
	case 0:
		verdict.Outcome, verdict.Err = diagnosis.Failed, ErrNoServers
		verdict.Advice = "see what the servers said; look at the network if other sites fail too"
	default:
		verdict.Outcome, verdict.Advice = diagnosis.Warned, "downloads work, from the servers that do"
	}
	d.report.Add(verdict)
}

// server asks one server for anything, and for the manifest if there is one to ask for.
func (d *doctor) server(ctx context.Context, server Server) diagnosis.Step {
	begun := time.Now()
	status, err := d.knock(ctx, server)
	step := diagnosis.Step{Name: "reach server", Peer: server.name(), Outcome: diagnosis.Passed, Found: fmt.Sprintf("HTTP %d", status), Err: err}
	if err == nil && d.target.Depot != 0 && d.target.Manifest != 0 {
		step.Name = "get manifest"
		var n int
		if n, err = d.manifest(ctx, server); err == nil {
			step.Found = fmt.Sprintf("%d bytes", n)
		}
	}
	step.Took = time.Since(begun)
	if err != nil {
		step.Outcome, step.Err, step.Found = diagnosis.Warned, err, ""
		step.Advice = d.advice(err)
	}
	return step
}

// knock makes a connection and a request that any server answers somehow, and looks at the server's clock.
func (d *doctor) knock(ctx context.Context, server Server) (status int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.config.HeaderTimeout, fmt.Errorf("no answer within %v: %w", d.config.HeaderTimeout, ErrTimeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.scheme()+server.Host+"/", nil)
	if err != nil {
		return 0, err
	}
	request.Host = server.vhost()
	request.Header.Set("User-Agent", userAgent)
	response, err := d.transport.RoundTrip(request)
	if err != nil {
		return 0, reason(ctx, err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // so that the connection can be used again
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		d.skews = append(d.skews, time.Until(date))
	}
	return response.StatusCode, nil
}

// manifest gets the manifest from one server, as a download does.
func (d *doctor) manifest(ctx context.Context, server Server) (int, error) {
	config := d.config
	config.Directory, config.Cache, config.DetectCache, config.Rounds, config.App = Servers{server}, "", false, 1, 0
	config.Transport = d.transport
	cdn, err := NewCDN(config)
	if err != nil {
		return 0, err
	}
	defer cdn.Close()
	b, err := cdn.Manifest(ctx, d.target.Depot, d.target.Manifest)
	return len(b), err
}

// advice says what to try after a server failed.
func (d *doctor) advice(err error) string {
	_, own := errors.AsType[callError](err)
	switch {
	case own:
		return "no server is to blame: see why Config.RequestCode fails"
	case errors.Is(err, ErrUnauthorized), errors.Is(err, ErrForbidden):
		if d.config.RequestCode == nil && d.config.Token == nil {
			return "it wants a request code or a token, or does not carry the depot: set Config.RequestCode and Config.Token"
		}
		return "the request code or token was refused, or the server does not carry the depot"
	case errors.Is(err, ErrNotFound):
		return "it does not have this manifest: check the number; old versions are taken away, and new ones take a while"
	case errors.Is(err, ErrManifestCorrupt):
		return "something on the way answers in the server's place: open any web page and log in to the network, or look for a filter"
	case errors.Is(err, ErrCacheLoop):
		return "a LAN cache asks itself: its own name service must not send Steam's names to it"
	case errors.Is(err, ErrTooManyRequests), errors.Is(err, ErrServerBroken):
		return "it is overloaded or broken: try later"
	}
	return networkAdvice(err, "try another server")
}

// networkAdvice says what to try when there was no proper answer.
func networkAdvice(err error, otherwise string) string {
	_, dns := errors.AsType[*net.DNSError](err)
	operation, cut := errors.AsType[*net.OpError](err)
	_, certificate := errors.AsType[x509.CertificateInvalidError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	e, timeout := errors.AsType[*Error](err)
	switch {
	case dns:
		return "the name service does not know the host: check the DNS settings, or a filter that blocks Steam"
	case certificate, authority, name:
		return "its certificate is not right: check the clock, and what reads along on this network"
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded), timeout && e.Timeout():
		return "nothing answers: a firewall that drops, a dead host or a slow network"
	case cut && operation.Op == "dial":
		return "no connection: check that the network is up, and that a firewall lets http and https out"
	}
	return otherwise
}

// clock compares ours with the servers'. The one in the middle counts: a server may be wrong too.
func (d *doctor) clock(context.Context) {
	step := diagnosis.Step{Name: "compare the clock", Outcome: diagnosis.Passed}
	if len(d.skews) == 0 {
		step.Outcome = diagnosis.Skipped
		d.report.Add(step)
		return
	}
	slices.Sort(d.skews)
	skew := d.skews[len(d.skews)/2].Round(time.Second)
	switch {
	case skew.Abs() <= maxSkew:
		step.Found = "right"
	case skew > 0:
		step.Found = fmt.Sprintf("%v behind the servers", skew)
	default:
		step.Found = fmt.Sprintf("%v before the servers", -skew)
	}
	if skew.Abs() > maxSkew {
		step.Outcome, step.Advice = diagnosis.Warned, "set the clock: request codes, tokens and certificates depend on it"
	}
	d.report.Add(step)
}

// disk looks for room where the download goes.
func (d *doctor) disk(context.Context) {
	if d.target.Dir == "" {
		return
	}
	step := diagnosis.Step{Name: "look at the disk", Peer: d.target.Dir, Outcome: diagnosis.Passed}
	above := existing(d.target.Dir)
	info, err := os.Stat(above)
	available, ok := freeSpace(above)
	switch {
	case err == nil && !info.IsDir():
		step.Outcome, step.Err = diagnosis.Failed, fmt.Errorf("%s is a %s", above, kindOf(info.Mode()))
		step.Advice = "choose another folder"
	case !ok:
		step.Outcome, step.Found = diagnosis.Skipped, "the system does not say how much room there is"
	case available < d.target.Bytes:
		step.Outcome, step.Err = diagnosis.Failed, &SpaceError{Needed: d.target.Bytes, Available: available}
		step.Advice = "make room, or choose another folder"
	default:
		step.Found = fmt.Sprintf("%d MiB are free", available>>20)
	}
	d.report.Add(step)
}
