package clientupdate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRedirects is how often a request is sent elsewhere before we give up.
const maxRedirects = 10

// client sends requests within the limits of time of a Config.
type client struct {
	config Config
	http   http.Client
	done   func()
}

func newClient(config Config) *client {
	c := &client{config: config, done: func() {}}
	transport := config.Transport
	if transport == nil {
		dial := config.DialContext
		if dial == nil {
			dial = (&net.Dialer{}).DialContext
		}
		own := &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dial,
			DisableCompression:     true, // sizes are checked
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		}
		transport, c.done = own, own.CloseIdleConnections
	}
	// A redirect is an answer: its query is the version.
	c.http = http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// do sends one GET and gives the answer, whose body the caller closes; cancel ends the request with a reason.
func (c *client) do(ctx context.Context, cancel context.CancelCauseFunc, address string, version uint64) (*http.Response, error) {
	limit := c.config.HeaderTimeout
	timer := time.AfterFunc(limit, func() { cancel(fmt.Errorf("no answer within %v: %w", limit, ErrTimeout)) })
	defer timer.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.config.userAgent())
	request.Header.Set("Accept", "*/*")
	request.Header.Set("Accept-Encoding", "identity")
	if version != 0 {
		request.Header.Set("If-None-Match", strconv.Quote(strconv.FormatUint(version, 10)))
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, reason(ctx, err)
	}
	return response, nil
}

// follow resolves a Location against the address that gave it.
func follow(from string, response *http.Response) (string, error) {
	location, err := response.Location()
	if err != nil {
		return "", fmt.Errorf("%w without a usable Location", ErrStatus)
	}
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	if location.Scheme != "http" && location.Scheme != "https" {
		return "", fmt.Errorf("redirect to %.32q", location.Scheme)
	}
	if base.Scheme == "https" && location.Scheme == "http" {
		return "", ErrDowngrade
	}
	return location.String(), nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// number reads a version: decimal digits, in quotes or not, with or without the mark of a weak ETag.
func number(s string) uint64 {
	n, err := strconv.ParseUint(strings.Trim(strings.TrimPrefix(s, "W/"), `"`), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// idleReader cancels a request when its body pauses for too long, and is bounded.
type idleReader struct {
	io.Reader
	watch *time.Timer
	limit time.Duration
}

func newIdleReader(body io.Reader, limit time.Duration, cancel context.CancelCauseFunc) *idleReader {
	return &idleReader{body, time.AfterFunc(limit, func() { cancel(fmt.Errorf("no byte within %v: %w", limit, ErrTimeout)) }), limit}
}

func (r *idleReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.watch.Reset(r.limit)
	return n, err
}

// reason prefers why we cancelled over "context canceled", and leaves out the address, which the error has already.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
