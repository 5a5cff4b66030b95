package steampipe

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// faults are all ways in which a server may fail, with what an error that is down to them matches.
func faults() []struct {
	name  string
	fault depottest.Fault
	want  error
} {
	return []struct {
		name  string
		fault depottest.Fault
		want  error
	}{
		{"401", depottest.Fault{Kind: depottest.FaultStatus, Status: 401}, steampipe.ErrUnauthorized},
		{"403", depottest.Fault{Kind: depottest.FaultStatus, Status: 403}, steampipe.ErrForbidden},
		{"404", depottest.Fault{Kind: depottest.FaultStatus, Status: 404}, steampipe.ErrNotFound},
		{"408", depottest.Fault{Kind: depottest.FaultStatus, Status: 408}, steampipe.ErrServerBroken},
		{"429", depottest.Fault{Kind: depottest.FaultStatus, Status: 429}, steampipe.ErrTooManyRequests},
		{"429 with Retry-After", depottest.Fault{Kind: depottest.FaultStatus, Status: 429, RetryAfter: 2 * time.Second}, steampipe.ErrTooManyRequests},
		{"500", depottest.Fault{Kind: depottest.FaultStatus, Status: 500}, steampipe.ErrServerBroken},
		{"503", depottest.Fault{Kind: depottest.FaultStatus, Status: 503}, steampipe.ErrServerBroken},
		{"508", depottest.Fault{Kind: depottest.FaultStatus, Status: 508}, steampipe.ErrCacheLoop},
		{"418", depottest.Fault{Kind: depottest.FaultStatus, Status: 418}, nil},
		{"truncated", depottest.Fault{Kind: depottest.FaultTruncate}, steampipe.ErrBadLength},
		{"closed before the headers", depottest.Fault{Kind: depottest.FaultTruncate, At: 5}, nil},
		{"reset", depottest.Fault{Kind: depottest.FaultReset}, nil},
		{"short", depottest.Fault{Kind: depottest.FaultShort}, steampipe.ErrBadLength},
		{"empty 200", depottest.Fault{Kind: depottest.FaultEmpty}, steampipe.ErrBadLength},
		{"corrupt", depottest.Fault{Kind: depottest.FaultCorrupt}, steampipe.ErrChunkCorrupt},
		{"wrong chunk", depottest.Fault{Kind: depottest.FaultWrongChunk}, steampipe.ErrChunkCorrupt},
		{"bad X-Content-Crc", depottest.Fault{Kind: depottest.FaultBadCRC}, steampipe.ErrBodyCorrupt},
		{"redirect loop", depottest.Fault{Kind: depottest.FaultRedirectLoop}, steampipe.ErrTooManyRedirects},
		{"HTML page", depottest.Fault{Kind: depottest.FaultHTML}, steampipe.ErrBadLength},
		{"garbage", depottest.Fault{Kind: depottest.FaultGarbage}, nil},
		{"stalls in the body", depottest.Fault{Kind: depottest.FaultStall}, steampipe.ErrTimeout},
		{"stalls in the headers", depottest.Fault{Kind: depottest.FaultStall, At: 10}, steampipe.ErrTimeout},
		{"slow", depottest.Fault{Kind: depottest.FaultSlow, Delay: time.Hour}, steampipe.ErrTimeout},
	}
}

// bubble runs a test on fake time with a server in memory, whose directory lists the hosts.
func bubble(t *testing.T, hosts []string, config steampipe.Config, run func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot)) {
	depot := smallDepot(t)
	synctest.Test(t, func(t *testing.T) {
		server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}, Hosts: hosts, InMemory: true})
		require.NoError(t, err)
		defer server.Close()
		config.DialContext = server.Dial
		if config.Directory == nil {
			servers := steampipe.Servers{}
			for i, host := range hosts {
				servers = append(servers, steampipe.Server{Type: steampipe.TypeCDN, Host: host, WeightedLoad: float64(10 + i)})
			}
			config.Directory = servers
		}
		cdn, err := steampipe.NewCDN(config)
		require.NoError(t, err)
		run(t, server, cdn, depot)
		require.NoError(t, cdn.Close())
		for _, s := range cdn.State().Servers {
			require.Zero(t, s.InUse)
		}
	})
}

// One bad server among two does not stop a download, whatever is wrong with it, and not for long either.
func TestFaultsOfOneServer(t *testing.T) {
	t.Parallel()
	for _, test := range faults() {
		if test.name == "508" {
			continue // stops everything: the setup is wrong
		}
		t.Run(test.name, func(t *testing.T) {
			bubble(t, []string{"bad", "good"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
				test.fault.Host = "bad"
				server.Fail(test.fault)
				begun := time.Now()
				manifest := manifestOf(t, cdn, depot)
				dir := t.TempDir()
				report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
				require.NoError(t, err)
				requireTree(t, depot, dir)
				require.Equal(t, report.ChunksFetched, report.Servers["good"].Chunks)
				t.Logf("%v, bad: %+v", time.Since(begun), cdn.State().Servers[0])
				require.Less(t, time.Since(begun), time.Minute)
			})
		})
	}
}

// When every server fails the error says how each did, in bounded time, and what was in place before is untouched.
func TestFaultsOfAll(t *testing.T) {
	t.Parallel()
	for _, test := range faults() {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, []string{"one", "two"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
				manifest := manifestOf(t, cdn, depot)
				test.fault.Path = "/chunk/"
				server.Fail(test.fault)
				begun := time.Now()
				dir := t.TempDir()
				report, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
				require.Error(t, err)
				took := time.Since(begun)
				t.Logf("%v: %v", took, err)
				require.Less(t, took, 4*time.Minute)
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
				}
				e, ok := errors.AsType[*steampipe.Error](err)
				require.True(t, ok)
				require.Equal(t, steampipe.DepotID(depot.ID), e.Depot)
				if test.want == steampipe.ErrTimeout {
					require.True(t, e.Timeout())
				}
				if test.fault.Status != 0 && test.fault.Status != 508 {
					require.ErrorContains(t, err, "one")
					require.ErrorContains(t, err, "two")
				}
				require.Less(t, report.FilesNew, report.Files)
				// Cured, the same folder is finished.
				server.Heal()
				fresh, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.Servers{{Host: "one"}}, DialContext: server.Dial})
				require.NoError(t, err)
				defer fresh.Close()
				_, err = steampipe.Download(t.Context(), fresh, manifest, dir, steampipe.Options{Key: depot.Key})
				require.NoError(t, err)
				requireTree(t, depot, dir)
			})
		})
	}
}

// The same faults while the manifest is fetched.
func TestFaultsOfManifest(t *testing.T) {
	t.Parallel()
	for _, test := range faults() {
		if test.fault.Kind == depottest.FaultWrongChunk {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			bubble(t, []string{"one", "two"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
				server.Fail(test.fault)
				begun := time.Now()
				_, err := steampipe.FetchManifest(t.Context(), cdn, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID), depot.Key)
				require.Error(t, err)
				require.Less(t, time.Since(begun), 4*time.Minute)
				e, ok := errors.AsType[*steampipe.Error](err)
				require.True(t, ok)
				require.Equal(t, steampipe.StepFetchManifest, e.Step)
				require.Equal(t, steampipe.ManifestID(depot.ManifestID), e.Manifest)
				switch test.want {
				case nil:
				case steampipe.ErrChunkCorrupt:
					require.ErrorIs(t, err, steampipe.ErrManifestCorrupt)
				case steampipe.ErrBadLength:
					// What has no announced length, or the announced one, is found out when it is read.
					require.True(t, errors.Is(err, steampipe.ErrBadLength) || errors.Is(err, steampipe.ErrManifestCorrupt), err.Error())
				default:
					require.ErrorIs(t, err, test.want)
				}
				server.Heal()
			})
		})
	}
}

// A server that closes or stalls after any byte of its answer costs a retry, no more.
func TestCutAtAnyByte(t *testing.T) {
	t.Parallel()
	for _, kind := range []depottest.FaultKind{depottest.FaultTruncate, depottest.FaultStall} {
		bubble(t, []string{"only"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
			manifest := manifestOf(t, cdn, depot)
			var chunk steampipe.Chunk
			for _, file := range manifest.Files {
				if len(file.Chunks) > 0 {
					chunk = file.Chunks[0]
				}
			}
			// A single try in a CDN of its own has to fail, in time, with the right error.
			whole := 100 + int(chunk.StoredSize) // header and body, about
			for at := 1; at < whole; at += max(1, whole/200) {
				server.Heal()
				server.Fail(depottest.Fault{Kind: kind, At: at})
				once, err := steampipe.NewCDN(steampipe.Config{Directory: steampipe.Servers{{Host: "only"}}, DialContext: server.Dial, Rounds: 1})
				require.NoError(t, err)
				begun := time.Now()
				_, err = once.Chunk(t.Context(), steampipe.ChunkRequest{Depot: steampipe.DepotID(depot.ID), Chunk: chunk})
				if at > int(chunk.StoredSize)+80 && err == nil {
					require.NoError(t, once.Close())
					break // that was all of it
				}
				require.Error(t, err, "at %d", at)
				e, ok := errors.AsType[*steampipe.Error](err)
				require.True(t, ok)
				require.Equal(t, "only", e.Server)
				require.Equal(t, kind == depottest.FaultStall, e.Timeout(), "at %d: %v", at, err)
				require.LessOrEqual(t, time.Since(begun), 61*time.Second)
				require.NoError(t, once.Close())
			}
		})
	}
}

// Retry-After is obeyed, to the second; without it the pauses double.
func TestCoolDown(t *testing.T) {
	fetch := func(t *testing.T, cdn *steampipe.CDN, depot *depottest.Depot) time.Duration {
		begun := time.Now()
		manifestOf(t, cdn, depot)
		return time.Since(begun)
	}
	bubble(t, []string{"only"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 429, RetryAfter: 42 * time.Second, Times: 1})
		require.Equal(t, 42*time.Second, fetch(t, cdn, depot))
		server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 503, Times: 4})
		require.Equal(t, (4+8+16+30)*time.Second, fetch(t, cdn, depot))
		server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 503})
		begun := time.Now()
		_, err := steampipe.FetchManifest(t.Context(), cdn, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID), depot.Key)
		require.ErrorIs(t, err, steampipe.ErrServerBroken)
		require.Equal(t, (4+8+16+30)*time.Second, time.Since(begun), "five rounds")
		state := cdn.State()
		require.Equal(t, 30*time.Second, state.Servers[0].CoolingDown)
		require.ErrorIs(t, state.Servers[0].LastError, steampipe.ErrServerBroken)
		require.ErrorIs(t, state.LastError, steampipe.ErrServerBroken)
	})
}

// The context ends a wait for a server that cools down; the error is the context's.
func TestDeadline(t *testing.T) {
	bubble(t, []string{"only"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 503, RetryAfter: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := cdn.Manifest(ctx, steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		e, ok := errors.AsType[*steampipe.Error](err)
		require.True(t, ok)
		require.True(t, e.Timeout())
		require.Equal(t, 10*time.Second, time.Since(begun))
	})
}

// Close ends fetches that are under way, and later ones at once.
func TestClose(t *testing.T) {
	bubble(t, []string{"only"}, steampipe.Config{}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		server.Fail(depottest.Fault{Kind: depottest.FaultStall})
		failed := make(chan error, 1)
		go func() {
			_, err := cdn.Manifest(t.Context(), steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID))
			failed <- err
		}()
		synctest.Wait()
		require.NoError(t, cdn.Close())
		require.ErrorContains(t, <-failed, "closed")
		_, err := cdn.Manifest(t.Context(), 1, 2)
		require.ErrorContains(t, err, "closed")
	})
}

// A refused host gets one request with a token, which it keeps; the token goes to nobody else.
func TestToken(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{Token: "etime=1&hash=2", Hosts: []string{"a.example.net"}}, depot)
	asked := 0
	cdn := newCDN(t, steampipe.Config{Directory: list(server), Token: func(_ context.Context, id steampipe.DepotID, host string) (steampipe.Token, error) {
		asked++
		require.Equal(t, steampipe.DepotID(depot.ID), id)
		require.Equal(t, "a.example.net", host)
		return steampipe.Token{Query: "?etime=1&hash=2", Expires: time.Now().Add(time.Hour)}, nil
	}})
	_, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 1})
	require.NoError(t, err)
	require.Equal(t, 1, asked)

	// Without a token the host is struck off for the depot after the first refusal.
	server.Forget()
	cdn = newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	_, err = steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 1})
	require.ErrorIs(t, err, steampipe.ErrForbidden)
	require.NotContains(t, err.Error(), "hash=2")
	require.Equal(t, 1, server.Count("/chunk/"))
}

// The request code stands at the end of the manifest's path, and is asked for again when refused.
func TestRequestCode(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{RequestCode: 777}, depot)
	codes := []uint64{111, 777}
	cdn := newCDN(t, steampipe.Config{Directory: list(server), RequestCode: func(context.Context, steampipe.DepotID, steampipe.ManifestID) (uint64, error) {
		code := codes[0]
		codes = codes[1:]
		return code, nil
	}})
	manifestOf(t, cdn, depot)
	require.Empty(t, codes)
	require.True(t, strings.HasSuffix(server.Requests()[server.Count("")-1].Path, "/5/777"))
}

// A LAN cache gets the chunks, with the server's name in Host; manifests go direct. When it hands out damaged chunks it is told
// to ask again, then left aside.
func TestCache(t *testing.T) {
	depot := smallDepot(t)
	origin := serve(t, depottest.Config{Hosts: []string{"origin.example.net"}}, depot)
	cache := serve(t, depottest.Config{Hosts: []string{"origin.example.net"}}, depot)
	run := func(t *testing.T) *steampipe.Report {
		origin.Forget()
		cache.Forget()
		cdn := newCDN(t, steampipe.Config{Directory: list(origin), Cache: cache.URL()})
		report, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key})
		require.NoError(t, err)
		return report
	}
	t.Run("works", func(t *testing.T) {
		report := run(t)
		require.Zero(t, origin.Count("/chunk/"))
		require.Equal(t, 1, origin.Count("/manifest/"))
		require.Equal(t, report.ChunksFetched, int64(cache.Count("/chunk/")))
	})
	t.Run("damaged", func(t *testing.T) {
		cache.Fail(depottest.Fault{Kind: depottest.FaultCorrupt, Times: 1})
		defer cache.Heal()
		require.Equal(t, int64(1), run(t).Retries)
		past := 0
		for _, r := range cache.Requests() {
			if r.Query == "nocache=1" {
				past++
			}
		}
		require.Equal(t, 1, past)
		require.Zero(t, origin.Count("/chunk/"))
	})
	t.Run("dead", func(t *testing.T) {
		cache.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 502})
		defer cache.Heal()
		report := run(t)
		require.Equal(t, int64(origin.Count("/chunk/")), report.ChunksFetched)
	})
	t.Run("loops", func(t *testing.T) {
		cache.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 508})
		defer cache.Heal()
		cdn := newCDN(t, steampipe.Config{Directory: list(origin), Cache: cache.URL()})
		_, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key})
		require.ErrorIs(t, err, steampipe.ErrCacheLoop)
	})
}

// No server gets more requests at once than allowed, and the load spreads.
func TestConnectionsPerHost(t *testing.T) {
	bubble(t, []string{"a", "b"}, steampipe.Config{ConnectionsPerHost: 2}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		manifest := manifestOf(t, cdn, depot)
		server.Fail(depottest.Fault{Kind: depottest.FaultSlow, Delay: time.Second})
		begun := time.Now()
		report, err := steampipe.Download(t.Context(), cdn, manifest, t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 50})
		require.NoError(t, err)
		rounds := time.Duration((report.ChunksFetched + 3) / 4)
		require.Equal(t, rounds*time.Second, time.Since(begun).Truncate(time.Second))
		require.LessOrEqual(t, server.OpenConns(), 4)
		require.Positive(t, report.Servers["a"].Chunks)
		require.Positive(t, report.Servers["b"].Chunks)
	})
}

// transport answers requests without any connection, as a program's own round tripper may.
type transport struct{ seen int }

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.seen++
	return nil, errors.New("no network in this test")
}

func TestRoundTripper(t *testing.T) {
	own := &transport{}
	cdn := newCDN(t, steampipe.Config{Directory: steampipe.Servers{{Host: "x"}}, Transport: own, Rounds: 2})
	_, err := cdn.Manifest(t.Context(), 1, 2)
	require.ErrorContains(t, err, "no network in this test")
	require.Equal(t, 2, own.seen)
}

// The longest manifest may be any number: the largest is how a program says that it wants no limit.
func TestMaxManifest(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	manifestOf(t, newCDN(t, steampipe.Config{Directory: list(server), MaxManifest: math.MaxInt64}), depot)
}
