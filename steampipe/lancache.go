package steampipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// CacheName is the one name whose address tells Steam's clients of a LAN cache (spec steampipe.md §2.5; uklans/cache-domains).
const CacheName = "lancache.steamcontent.com"

// FindCache resolves [CacheName] and gives the first of its addresses that is private: RFC 1918, loopback, or the local
// ranges of IPv6. Steam's clients send chunks there then. Addresses shared by carriers (100.64.0.0/10) and public ones do not
// count: name such a cache in [Config.Cache]. A name that does not exist is no error. lookup nil is the system's.
func FindCache(ctx context.Context, lookup func(ctx context.Context, host string) ([]netip.Addr, error)) (addr netip.Addr, found bool, err error) {
	if lookup == nil {
		lookup = lookupSystem
	}
	addrs, err := lookup(ctx, CacheName)
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return netip.Addr{}, false, nil
	}
	if err != nil {
		return netip.Addr{}, false, &Error{Step: StepDirectory, Server: CacheName, Err: err}
	}
	for _, a := range addrs {
		if a = a.Unmap(); a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() && a.Is6() {
			return a, true, nil
		}
	}
	return netip.Addr{}, false, nil
}

// ProbeCache asks a LAN cache whether it is one, by the page that lancachenet's caches have for that; by is the name that the
// cache gives itself. Steam's clients do not ask. base is a URL as in [Config.Cache]; transport nil is one of its own.
func ProbeCache(ctx context.Context, base string, transport http.RoundTripper) (by string, err error) {
	fail := func(status int, err error) (string, error) {
		return "", &Error{Step: StepDirectory, Server: base, Status: status, Err: err}
	}
	if transport == nil {
		own := newTransport(nil, 1)
		defer own.CloseIdleConnections()
		transport = own
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, fmt.Errorf("no answer within 10 s: %w", ErrTimeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/lancache-heartbeat", nil)
	if err != nil {
		return fail(0, err)
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fail(0, reason(ctx, err))
	}
	defer response.Body.Close()
	by = response.Header.Get("X-LanCache-Processed-By")
	if response.StatusCode != http.StatusNoContent || by == "" {
		return fail(response.StatusCode, errors.New("answers, but not as a LAN cache"))
	}
	return by, nil
}

func lookupSystem(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// dialResolved dials the addresses that a look-up gives, one after the other.
func dialResolved(lookup func(ctx context.Context, host string) ([]netip.Addr, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		dialer := net.Dialer{Timeout: 10 * time.Second}
		if _, err := netip.ParseAddr(host); err == nil {
			return dialer.DialContext(ctx, network, address)
		}
		addrs, err := lookup(ctx, host)
		if err != nil {
			return nil, err
		}
		failures := []error{fmt.Errorf("%s has %d addresses", host, len(addrs))}
		for _, addr := range addrs {
			conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
			if err == nil {
				return conn, nil
			}
			failures = append(failures, err)
		}
		return nil, errors.Join(failures...)
	}
}

// detectCache looks for a LAN cache once, when servers are asked for the first time.
func (c *CDN) detectCache(ctx context.Context) {
	if !c.config.DetectCache || c.config.Cache != "" || c.detected {
		return
	}
	addr, found, err := FindCache(ctx, c.config.Lookup)
	if ctx.Err() != nil {
		return
	}
	c.detected = true
	switch {
	case err != nil:
		c.config.Logger.Warn("steampipe: looking for a LAN cache failed, going on without", "error", err)
	case found:
		host := addr.String()
		if addr.Is6() {
			host = "[" + host + "]"
		}
		c.config.Logger.Info("steampipe: LAN cache found", "address", addr)
		c.pool.setCache("http://"+host, host, 4*c.config.ConnectionsPerHost)
	}
}
