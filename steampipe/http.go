package steampipe

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRedirects is how often a request is sent elsewhere before we give up (spec steampipe.md §2.4).
const maxRedirects = 10

// maxRetryAfter bounds what a Retry-After can make us wait.
const maxRetryAfter = 5 * time.Minute

// request is one GET.
type request struct {
	url   string
	vhost string // Host header; empty means the URL's host
	size  int64  // length that the body must have; 0 if not known
	limit int64  // longest body to accept when size is 0
	slow  int    // how many body time limits the body may take; 0 means one
}

// getter sends requests with the limits of time that a server gets.
type getter struct {
	transport http.RoundTripper
	headers   time.Duration
	body      time.Duration
	idle      time.Duration // longest pause within a body; 0 means no limit of its own
	limit     *limit        // of bytes per second; nil means none
}

// newTransport makes a transport that keeps so many idle connections to a host and does not undo compression behind our
// back: the length of a body is one of the checks.
func newTransport(dial func(ctx context.Context, network, address string) (net.Conn, error), perHost int) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    perHost,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// get fetches a body into buffer, which grows as needed. The error has status, reason and Retry-After; the caller adds
// what was asked and of whom.
func (g getter) get(ctx context.Context, r request, buffer []byte) ([]byte, *Error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := g.headers
	timer := time.AfterFunc(limit, func() { cancel(fmt.Errorf("no headers within %v: %w", limit, ErrTimeout)) })
	defer func() { timer.Stop() }()

	httpRequest, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, &Error{Err: err}
	}
	httpRequest.Host = r.vhost
	httpRequest.Header.Set("User-Agent", userAgent)
	httpRequest.Header.Set("Accept", "*/*")
	httpRequest.Header.Set("Accept-Encoding", "identity")
	client := http.Client{Transport: g.transport, CheckRedirect: checkRedirect}
	response, err := client.Do(httpRequest)
	if err != nil {
		return nil, &Error{Err: reason(ctx, err)}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		// A short error page is read so that the connection can be used again.
		_, _ = io.CopyN(io.Discard, response.Body, 4<<10)
		return nil, &Error{Status: response.StatusCode, RetryAfter: retryAfter(response.Header), Err: statusReason(response.StatusCode)}
	}
	watch := &watchedReader{Reader: response.Body, limit: g.limit, ctx: ctx}
	if timer.Stop() {
		limit = g.body * time.Duration(max(r.slow, 1))
		timer = time.AfterFunc(limit, func() { cancel(fmt.Errorf("body not complete within %v: %w", limit, ErrTimeout)) })
		watch.body, watch.deadline = timer, time.Now().Add(limit)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &Error{Status: response.StatusCode, Err: fmt.Errorf("body is encoded as %.20q, which was not asked for", encoding)}
	}
	if g.idle > 0 {
		watch.idle, watch.pause = time.AfterFunc(g.idle, func() { cancel(fmt.Errorf("no byte within %v: %w", g.idle, ErrTimeout)) }), g.idle
		defer watch.idle.Stop()
	}
	body, err := readBody(watch, response.ContentLength, r, buffer)
	if err != nil {
		return nil, &Error{Status: response.StatusCode, Err: reason(ctx, err)}
	}
	// Some servers send the checksum of the body (spec steampipe.md §2.3; tek-steamclient sp_simple.c).
	if given := response.Header.Get("X-Content-Crc"); given != "" {
		want, err := strconv.ParseUint(given, 10, 32)
		if err == nil && uint32(want) != crc32.ChecksumIEEE(body) {
			return nil, &Error{Status: response.StatusCode, Err: ErrBodyCorrupt}
		}
	}
	return body, nil
}

// checkRedirect limits redirects and keeps tokens from other hosts: the query string is the token, and Location has its own.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return ErrTooManyRedirects
	}
	next.Header.Set("User-Agent", userAgent)
	next.Header.Del("Referer") // the query of the first address is a token
	return nil
}

// watchedReader puts the timer of pauses off with each read, and holds reads back to keep the limit of bytes per second. The time
// that it holds them back does not count against the server.
type watchedReader struct {
	io.Reader
	ctx      context.Context
	limit    *limit      // nil means none
	idle     *time.Timer // nil means none
	pause    time.Duration
	body     *time.Timer // nil means none
	deadline time.Time   // when body fires
}

func (w *watchedReader) Read(b []byte) (int, error) {
	if w.limit != nil {
		b = b[:min(len(b), w.limit.most)]
	}
	n, err := w.Reader.Read(b)
	if waited := w.limit.wait(w.ctx, n, w.hold); waited > 0 && w.body != nil {
		w.deadline = w.deadline.Add(waited)
		w.body.Reset(time.Until(w.deadline))
	}
	if w.idle != nil {
		w.idle.Reset(w.pause)
	}
	return n, err
}

// hold stops the timers while we wait for ourselves.
func (w *watchedReader) hold() {
	if w.idle != nil {
		w.idle.Stop()
	}
	if w.body != nil {
		w.body.Stop()
	}
}

// readBody reads a body of exactly the wanted length, or of at most the limit where the length is not known.
func readBody(source io.Reader, declared int64, r request, buffer []byte) ([]byte, error) {
	limit := r.limit
	if r.size > 0 {
		limit = r.size
		if declared >= 0 && declared != r.size {
			return nil, fmt.Errorf("%w: server announces %d bytes, the manifest says %d", ErrBadLength, declared, r.size)
		}
	}
	if declared > limit {
		return nil, fmt.Errorf("%w: server announces %d bytes, the limit is %d", ErrBadLength, declared, limit)
	}
	limit = min(limit, math.MaxInt64-1) // one byte more is looked for
	body := buffer[:0]
	// A manifest that nobody validated, or a server, may claim anything: beyond the usual memory grows with the bytes.
	if want := min(max(r.size, declared), maxStoredChunk); int64(cap(body)) <= want {
		body = make([]byte, 0, want+1) // one more, so that the end is seen without growing
	}
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := source.Read(body[len(body):min(int64(cap(body)), limit+1)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrBadLength, limit)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, fmt.Errorf("%w: connection closed after %d bytes", ErrBadLength, len(body))
			}
			return nil, err
		}
	}
	// A 200 with nothing in it happens behind LAN caches (lancachenet/monolithic#163).
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrBadLength)
	}
	if r.size > 0 && int64(len(body)) != r.size {
		return nil, fmt.Errorf("%w: %d bytes, the manifest says %d", ErrBadLength, len(body), r.size)
	}
	return body, nil
}

// reason prefers why we cancelled over "context canceled", and strips the URL, which may carry a token, from the error.
func reason(ctx context.Context, err error) error {
	if errors.Is(err, ErrTooManyRedirects) {
		return ErrTooManyRedirects
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// statusReason is the sentinel of a status (spec steampipe.md §2.4).
func statusReason(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	case status == http.StatusTooManyRequests:
		return ErrTooManyRequests
	case status == http.StatusLoopDetected:
		return ErrCacheLoop
	case status == http.StatusRequestTimeout || status >= 500:
		return ErrServerBroken
	}
	return errors.New("unexpected status")
}

// retryAfter reads the header in both of its forms; 0 if there is none.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(time.Duration(min(seconds, 1<<20))*time.Second, 0), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}

// at fills in what was done and with whom, where that is not known yet.
func (e *Error) at(step Step, server string) *Error {
	if e.Step == StepIdle {
		e.Step = step
	}
	if e.Server == "" {
		e.Server = server
	}
	return e
}
