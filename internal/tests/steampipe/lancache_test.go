package steampipe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// names is a name service in memory.
type names map[string][]netip.Addr

func (n names) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	if addrs, ok := n[host]; ok {
		return addrs, nil
	}
	return nil, &net.DNSError{Name: host, Err: "no such host", IsNotFound: true}
}

func TestFindCache(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3", "172.16.0.1": "172.16.0.1", "172.32.0.1": "", "192.168.1.1": "192.168.1.1", "127.0.0.1": "127.0.0.1",
		"100.64.0.1": "", "169.254.1.1": "", "203.0.113.9": "", "fd00::1": "fd00::1", "fe80::1": "fe80::1", "2001:db8::1": "",
		"203.0.113.9 10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "": "",
	} {
		var addrs []netip.Addr
		for field := range strings.FieldsSeq(text) {
			addrs = append(addrs, netip.MustParseAddr(field))
		}
		addr, found, err := steampipe.FindCache(t.Context(), names{steampipe.CacheName: addrs}.lookup)
		require.NoError(t, err)
		require.Equal(t, want != "", found, text)
		if found {
			require.Equal(t, want, addr.String())
		}
	}
	_, found, err := steampipe.FindCache(t.Context(), names{}.lookup)
	require.NoError(t, err, "a name that does not exist is the usual case")
	require.False(t, found)
	_, _, err = steampipe.FindCache(t.Context(), func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("broken") })
	require.ErrorContains(t, err, steampipe.CacheName)
}

// towardPort is a dial function that goes to another port of loopback instead of one address.
func towardPort(instead, port string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == instead {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

// TestDetectCache: a cache that the name service knows gets the chunks, as with Steam's clients; without one all goes direct.
func TestDetectCache(t *testing.T) {
	depot := smallDepot(t)
	origin := serve(t, depottest.Config{Hosts: []string{"origin.example.net"}}, depot)
	cache := serve(t, depottest.Config{Hosts: []string{"origin.example.net"}}, depot)
	_, port, err := net.SplitHostPort(cache.Addr())
	require.NoError(t, err)
	for _, present := range []bool{true, false} {
		origin.Forget()
		cache.Forget()
		known := names{}
		if present {
			known[steampipe.CacheName] = []netip.Addr{netip.MustParseAddr("10.77.0.1")}
		}
		cdn := newCDN(t, steampipe.Config{Directory: list(origin), DetectCache: true, Lookup: known.lookup, DialContext: towardPort("10.77.0.1:80", port)})
		report, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key})
		require.NoError(t, err)
		through, direct := cache.Count("/chunk/"), origin.Count("/chunk/")
		if !present {
			through, direct = direct, through
		}
		require.Equal(t, report.ChunksFetched, int64(through))
		require.Zero(t, direct)
		require.Equal(t, 1, origin.Count("/manifest/"), "manifests go direct")
		require.Equal(t, present, cdn.State().Servers[len(cdn.State().Servers)-1].Cache)
	}
}

// TestLookup: names of content servers are resolved by the program, and the name still stands in Host.
func TestLookup(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{Hosts: []string{"cache7.example.net"}}, depot)
	_, port, err := net.SplitHostPort(server.Addr())
	require.NoError(t, err)
	known := names{"cache7.example.net": {netip.MustParseAddr("127.0.0.99"), netip.MustParseAddr("127.0.0.1")}} // nobody is at the first
	cdn := newCDN(t, steampipe.Config{Directory: steampipe.Servers{{Host: "cache7.example.net:" + port, VHost: "cache7.example.net"}}, Lookup: known.lookup})
	manifestOf(t, cdn, depot)
	require.Equal(t, "cache7.example.net", server.Requests()[0].Host)
	_, err = newCDN(t, steampipe.Config{Directory: steampipe.Servers{{Host: "other.example.net"}}, Lookup: known.lookup, Rounds: 1}).Manifest(t.Context(), 1, 2)
	require.ErrorContains(t, err, "no such host")
}

func TestProbeCache(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a cache": {func(w http.ResponseWriter, r *http.Request) {
			require.Equal(t, "/lancache-heartbeat", r.URL.Path)
			w.Header().Set("X-LanCache-Processed-By", "cache-1")
			w.WriteHeader(http.StatusNoContent)
		}, ""},
		"a router's page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "not as a LAN cache"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			by, err := steampipe.ProbeCache(t.Context(), server.URL, nil)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "cache-1", by)
		})
	}
	_, err := steampipe.ProbeCache(t.Context(), "http://127.0.0.1:1", nil)
	require.Error(t, err)
}

// TestProxy: an entry of the list that is a proxy gets the requests for the others, under the path that its template gives; one
// that breaks is passed by, and those that want no proxies of its type are asked themselves.
func TestProxy(t *testing.T) {
	depot := smallDepot(t)
	origin := serve(t, depottest.Config{Hosts: []string{"origin.example.net"}}, depot)
	target, err := url.Parse(origin.URL())
	require.NoError(t, err)
	var asked, broken atomic.Int64
	var damaging atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if broken.Load() > 0 {
			http.Error(w, "broken", http.StatusBadGateway)
			return
		}
		host, path, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/via/"), "/")
		if !ok || r.Host != "proxy.example.net" {
			http.Error(w, "not for a proxy", http.StatusBadRequest)
			return
		}
		onward := r.Clone(r.Context())
		onward.URL = &url.URL{Scheme: "http", Host: target.Host, Path: "/" + path}
		onward.Host, onward.RequestURI = host, ""
		response, err := http.DefaultTransport.RoundTrip(onward)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		w.WriteHeader(response.StatusCode)
		body, _ := io.ReadAll(response.Body)
		if damaging.Load() && strings.Contains(path, "/chunk/") {
			body[0] ^= 1
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(func() { proxy.Close(); http.DefaultTransport.(*http.Transport).CloseIdleConnections() })
	servers := func(bypass ...string) steampipe.Servers {
		return steampipe.Servers{
			{Type: steampipe.TypeSteamCache, Host: strings.TrimPrefix(origin.URL(), "http://"), VHost: "origin.example.net", BypassProxiesOfType: bypass},
			{Type: steampipe.TypeOpenCache, Host: strings.TrimPrefix(proxy.URL, "http://"), VHost: "proxy.example.net", UseAsProxy: true, ProxyPathTemplate: "/via/%host%%path%"},
		}
	}
	run := func(t *testing.T, config steampipe.Config) (*steampipe.Report, *steampipe.CDN) {
		asked.Store(0)
		origin.Forget()
		cdn := newCDN(t, config)
		report, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key})
		require.NoError(t, err)
		return report, cdn
	}
	t.Run("works", func(t *testing.T) {
		report, cdn := run(t, steampipe.Config{Directory: servers()})
		require.Equal(t, report.ChunksFetched+1, asked.Load(), "the manifest too")
		states := cdn.State().Servers
		require.True(t, states[1].Proxy)
		require.Equal(t, asked.Load(), states[1].Requests)
		require.Zero(t, states[1].InUse)
	})
	t.Run("not wanted", func(t *testing.T) {
		run(t, steampipe.Config{Directory: servers(steampipe.TypeOpenCache)})
		require.Zero(t, asked.Load())
	})
	t.Run("damages", func(t *testing.T) {
		damaging.Store(true)
		defer damaging.Store(false)
		report, _ := run(t, steampipe.Config{Directory: servers()})
		require.Equal(t, report.ChunksFetched, report.Retries, "each once through the proxy, then past it")
	})
	t.Run("broken", func(t *testing.T) {
		broken.Store(1)
		defer broken.Store(0)
		report, _ := run(t, steampipe.Config{Directory: servers(), CoolDown: time.Hour})
		require.Positive(t, asked.Load())
		require.Less(t, asked.Load(), report.ChunksFetched, "left alone after it failed")
	})
	t.Run("a proxy alone is no server", func(t *testing.T) {
		_, err := newCDN(t, steampipe.Config{Directory: servers()[1:]}).Manifest(t.Context(), 1, 2)
		require.ErrorIs(t, err, steampipe.ErrNoServers)
	})
}

// TestBandwidth: all connections together keep to the limit, to the byte, and the wait counts against no server's time.
func TestBandwidth(t *testing.T) {
	const limit = 10_000
	bubble(t, []string{"a", "b"}, steampipe.Config{BytesPerSecond: limit, BodyTimeout: time.Second, IdleTimeout: time.Second}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		manifest := manifestOf(t, cdn, depot)
		begun := time.Now()
		report, err := steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 16})
		require.NoError(t, err)
		require.Zero(t, report.Retries)
		took := time.Since(begun).Seconds()
		require.InDelta(t, float64(report.BytesFetched)/limit, took, 0.2, "a tenth of a second may come at once, before and after")
	})
}

// TestFasterServer: of two servers that the list likes equally, the one that turns out faster gets most of the work.
func TestFasterServer(t *testing.T) {
	servers := steampipe.Servers{{Host: "fast", WeightedLoad: 10}, {Host: "slow", WeightedLoad: 10}}
	bubble(t, []string{"fast", "slow"}, steampipe.Config{Directory: servers}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		manifest := manifestOf(t, cdn, depot)
		server.Fail(depottest.Fault{Kind: depottest.FaultSlow, Host: "slow", Delay: 400 * time.Millisecond}, depottest.Fault{Kind: depottest.FaultSlow, Host: "fast", Delay: 10 * time.Millisecond})
		report, err := steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 4})
		require.NoError(t, err)
		require.Greater(t, report.Servers["fast"].Chunks, 4*report.Servers["slow"].Chunks)
		for _, state := range cdn.State().Servers {
			require.Positive(t, state.Speed, state.Name)
		}
	})
}
