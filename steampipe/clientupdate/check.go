package clientupdate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// Manifest lists the packages of a version. Its fields:
//
//	Platform   string            // "win32", "linux", "osx", ...
//	Version    uint64            // a Unix time; higher is newer
//	OSType     string            // usually empty
//	Packages   []Package
//	Signatures []ClientSignature // which nobody outside Valve can verify
type Manifest = depotwire.ClientManifest

// Package is a zip archive of a manifest, offered as it is and often compressed as VZ (LZMA) too, perhaps in variants for some
// operating systems or realms; Select chooses.
type Package = depotwire.ClientPackage

// ParseManifest reads a manifest: text KeyValues of at most 1 MiB and 256 packages.
func ParseManifest(b []byte) (*Manifest, error) { return depotwire.ParseClientManifest(b) }

// Status is what a check came to.
type Status int

// The outcomes of a check.
const (
	Unknown   Status = iota // no host gave a usable answer
	Current                 // the installed version is what the host has
	Available               // the host has a newer version
	Older                   // the host has an older version than is installed: a rollback, not to be followed unless asked for
)

// String says the status in words.
func (s Status) String() string {
	switch s {
	case Unknown:
		return "unknown"
	case Current:
		return "current"
	case Available:
		return "update available"
	case Older:
		return "older than installed"
	}
	return fmt.Sprintf("status %d", int(s))
}

// Evidence is what told the version.
type Evidence int

// The kinds of evidence, in the order in which they may come.
const (
	NoEvidence   Evidence = iota
	FromRedirect          // the query of a redirect
	NotModified           // HTTP 304
	FromETag              // the ETag
	FromManifest          // the manifest itself
)

// String says the evidence in words.
func (e Evidence) String() string {
	switch e {
	case NoEvidence:
		return "none"
	case FromRedirect:
		return "query of a redirect"
	case NotModified:
		return "HTTP 304 Not Modified"
	case FromETag:
		return "ETag"
	case FromManifest:
		return "manifest"
	}
	return fmt.Sprintf("evidence %d", int(e))
}

// Attempt is what one host answered.
type Attempt struct {
	Host      string   // base address
	Redirects []string // where it sent us, in order
	Status    int      // the last HTTP status; 0 if there was no answer
	Took      time.Duration
	Note      string // what was odd about an answer that could be used
	Err       error  // why it could not be used
}

// Result is the outcome of a check.
type Result struct {
	Status    Status
	Installed uint64
	Version   uint64 // what the host has; 0 if unknown
	Evidence  Evidence
	Host      string    // base address of the host that told
	Manifest  *Manifest // nil if the version was current without it, and not Config.AlwaysFetch
	Text      []byte    // the manifest as it came
	Attempts  []Attempt // one for each host that was asked, in order
}

// Check asks the hosts of config, one after the other until one answers, whether the installed version is current (spec
// steampipe.md §8.2). The result is never nil, and has every attempt. If no host gave a usable answer, its status is Unknown and
// the error matches ErrOffline and the reason of each host.
func Check(ctx context.Context, config Config) (*Result, error) {
	result := &Result{Installed: config.Installed}
	config, err := config.withDefaults()
	if err != nil {
		return result, err
	}
	client := newClient(config)
	defer client.done()
	var failures []error
	for _, host := range config.Hosts {
		attempt := Attempt{Host: host}
		started := time.Now()
		err := client.ask(ctx, host, &attempt, result)
		attempt.Took = time.Since(started)
		if err != nil {
			attempt.Err = &Error{Step: StepCheck, Host: host, Status: attempt.Status, Err: err}
			if attempt.Status == http.StatusOK {
				attempt.Err.(*Error).Status = 0 // what came with it is what is wrong
			}
		}
		result.Attempts = append(result.Attempts, attempt)
		if ctx.Err() != nil {
			return result, &Error{Step: StepCheck, Host: host, Err: backend.Ended(ctx, nil)}
		}
		if attempt.Err == nil {
			result.Host = host
			config.Logger.Info("clientupdate check", "host", host, "status", result.Status.String(), "version", result.Version, "evidence", result.Evidence.String())
			return result, nil
		}
		config.Logger.Warn("clientupdate host failed", "host", host, "error", attempt.Err)
		failures = append(failures, attempt.Err)
	}
	return result, &Error{Step: StepCheck, Err: errors.Join(append([]error{ErrOffline}, failures...)...)}
}

// ask gets one host's answer into result.
func (c *client) ask(ctx context.Context, host string, attempt *Attempt, result *Result) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	address := strings.TrimSuffix(host, "/") + "/" + c.config.Product
	condition := c.config.Installed
	if c.config.AlwaysFetch {
		condition = 0
	}
	told := uint64(0) // by redirects
	for {
		response, err := c.do(ctx, cancel, address, condition)
		if err != nil {
			return err
		}
		attempt.Status = response.StatusCode
		c.config.Logger.Debug("clientupdate answer", "address", address, "status", response.StatusCode, "etag", response.Header.Get("ETag"))
		switch {
		case isRedirect(response.StatusCode):
			response.Body.Close()
			if address, err = follow(address, response); err != nil {
				return err
			}
			attempt.Redirects = append(attempt.Redirects, address)
			if len(attempt.Redirects) > maxRedirects {
				return ErrTooManyRedirects
			}
			if parsed, err := url.Parse(address); err == nil {
				if version := number(parsed.RawQuery); version != 0 {
					told = version
				}
			}
			if told != 0 && told == condition {
				result.is(told, FromRedirect)
				return nil
			}
		case response.StatusCode == http.StatusNotModified && condition != 0:
			response.Body.Close()
			result.is(condition, NotModified)
			return nil
		case response.StatusCode == http.StatusOK:
			defer response.Body.Close()
			tag := number(response.Header.Get("ETag"))
			if tag != 0 && tag == condition {
				result.is(tag, FromETag)
				return nil
			}
			return c.read(ctx, cancel, response, attempt, result, tag, told)
		default:
			response.Body.Close()
			return ErrStatus
		}
	}
}

// read takes the manifest out of an answer.
func (c *client) read(ctx context.Context, cancel context.CancelCauseFunc, response *http.Response, attempt *Attempt, result *Result, tag, told uint64) error {
	limit := c.config.ManifestTimeout
	timer := time.AfterFunc(limit, func() { cancel(fmt.Errorf("manifest not complete within %v: %w", limit, ErrTimeout)) })
	defer timer.Stop()
	body := newIdleReader(response.Body, c.config.IdleTimeout, cancel)
	defer body.watch.Stop()
	text, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
	if err != nil {
		return reason(ctx, err)
	}
	if len(text) > maxManifest {
		return fmt.Errorf("%w: longer than %d bytes", ErrNotManifest, maxManifest)
	}
	manifest, err := ParseManifest(text)
	if err != nil {
		if what := looksLike(response.Header.Get("Content-Type"), text); what != "" {
			return fmt.Errorf("%w but %s", ErrNotManifest, what)
		}
		return fmt.Errorf("%w: %w", ErrNotManifest, err)
	}
	// The three numbers are one (spec steampipe.md §8.2); a cache between us and the host can make them differ.
	if tag != 0 && tag != manifest.Version || told != 0 && told != manifest.Version {
		attempt.Note = fmt.Sprintf("redirect says %d, ETag %d, the manifest %d: the manifest counts", told, tag, manifest.Version)
		c.config.Logger.Warn("clientupdate versions differ", "host", attempt.Host, "redirect", told, "etag", tag, "manifest", manifest.Version)
	}
	result.is(manifest.Version, FromManifest)
	result.Manifest, result.Text = manifest, text
	return nil
}

// looksLike says what a text is that is no manifest; empty if that is not clear.
func looksLike(contentType string, text []byte) string {
	start := bytes.ToLower(bytes.TrimSpace(text[:min(len(text), 512)]))
	switch {
	case len(text) == 0:
		return "empty"
	case strings.HasPrefix(contentType, "text/html"), bytes.HasPrefix(start, []byte("<!doctype")), bytes.HasPrefix(start, []byte("<html")):
		return "a web page: a captive portal, a filter or an error page"
	}
	return ""
}

// is notes the version that a host has.
func (r *Result) is(version uint64, evidence Evidence) {
	r.Version, r.Evidence = version, evidence
	switch {
	case version == r.Installed:
		r.Status = Current
	case version > r.Installed:
		r.Status = Available
	default:
		r.Status = Older
	}
}
