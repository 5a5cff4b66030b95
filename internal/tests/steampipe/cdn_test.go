package steampipe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// The list of servers may be renewed while chunks are under way.
func TestRenewWhileFetching(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server), DirectoryLifetime: time.Nanosecond})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	_, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	require.Greater(t, server.Count("/serverlist/"), 2)
	requireTree(t, depot, dir)
}

// Many requests that are refused together ask for one token, not for one each.
func TestTokenAskedOnce(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{Token: "t=1&k=2"}, depot)
	var asked atomic.Int64
	cdn := newCDN(t, steampipe.Config{Directory: list(server), Token: func(context.Context, steampipe.DepotID, string) (steampipe.Token, error) {
		asked.Add(1)
		return steampipe.Token{Query: "?t=1&k=2"}, nil
	}})
	_, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key, Connections: 8})
	require.NoError(t, err)
	require.Equal(t, int64(1), asked.Load())
}

// The program's own function failed: no server is to blame, so that none is tried again, and none is left alone.
func TestRequestCodeFails(t *testing.T) {
	refused := errors.New("not logged on")
	bubble(t, []string{"one", "two"}, steampipe.Config{RequestCode: func(context.Context, steampipe.DepotID, steampipe.ManifestID) (uint64, error) {
		return 0, refused
	}}, func(t *testing.T, server *depottest.Server, cdn *steampipe.CDN, depot *depottest.Depot) {
		begun := time.Now()
		_, err := cdn.Manifest(t.Context(), steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID))
		require.ErrorIs(t, err, refused)
		require.Zero(t, time.Since(begun))
		require.Zero(t, server.Count(""))
		for _, s := range cdn.State().Servers {
			require.Zero(t, s.CoolingDown, s.Name)
			require.Zero(t, s.Failed, s.Name)
		}
	})
}

// curious is a log handler that asks for the state whenever it is called, as one that writes it beside each line would.
type curious struct{ cdn **steampipe.CDN }

func (curious) Enabled(context.Context, slog.Level) bool { return true }
func (c curious) Handle(context.Context, slog.Record) error {
	(*c.cdn).State()
	return nil
}
func (c curious) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c curious) WithGroup(string) slog.Handler      { return c }

// No lock is held while the program's code runs.
func TestStateWhileLogging(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 500, Path: "/serverlist/", Skip: 1})
	var cdn *steampipe.CDN
	cdn = newCDN(t, steampipe.Config{Directory: list(server), DirectoryLifetime: time.Nanosecond, Logger: slog.New(curious{&cdn})})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 {
			_, err := cdn.Manifest(t.Context(), steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID))
			if err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		panic("deadlock")
	}
}

// A token never shows, in any verb.
func TestTokenHidden(t *testing.T) {
	token := steampipe.Token{Query: "?hash=secret"}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s %q %x", token, token, token, token, token, &token), "secret")
}

// The error of one chunk is its own: it does not change when another one is refused by the same server.
func TestErrorsAreNotShared(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	server.Fail(depottest.Fault{Kind: depottest.FaultStatus, Status: 401, Path: "/chunk/"})
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	var failures []*steampipe.Error
	for i := range byte(3) {
		_, err := cdn.Chunk(t.Context(), steampipe.ChunkRequest{Depot: 990135, Chunk: steampipe.Chunk{ID: steampipe.ChunkID{i + 1}, StoredSize: 10}})
		e, ok := errors.AsType[*steampipe.Error](err)
		require.True(t, ok)
		require.ErrorIs(t, e, steampipe.ErrUnauthorized)
		failures = append(failures, e)
	}
	for i, e := range failures {
		require.Equal(t, steampipe.ChunkID{byte(i) + 1}, e.Chunk)
	}
}

// claims is a transport whose answers announce a length that never comes.
type claims int64

func (c claims) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Length": {strconv.FormatInt(int64(c), 10)}}, Body: http.NoBody, ContentLength: int64(c), Request: r}, nil
}

// What a manifest or a server claims of a length takes no memory before the bytes are there.
func TestClaimedLength(t *testing.T) {
	source := newCDN(t, steampipe.Config{Directory: steampipe.Servers{{Host: "x"}}, Transport: claims(1<<32 - 1), Rounds: 1})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := source.Chunk(t.Context(), steampipe.ChunkRequest{Depot: 1, Chunk: steampipe.Chunk{StoredSize: 1<<32 - 1}})
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, steampipe.ErrBadLength)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20))
}

// Close while many fetches are under way, and while the directory hangs.
func TestCloseUnderLoad(t *testing.T) {
	depot := smallDepot(t)
	synctest.Test(t, func(t *testing.T) {
		server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}, InMemory: true})
		require.NoError(t, err)
		defer server.Close()
		server.Fail(depottest.Fault{Kind: depottest.FaultStall, At: 3})
		cdn, err := steampipe.NewCDN(steampipe.Config{Directory: hanging{}, DialContext: server.Dial})
		require.NoError(t, err)
		var fetches sync.WaitGroup
		for range 20 {
			fetches.Go(func() {
				_, err := cdn.Manifest(t.Context(), steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID))
				require.ErrorContains(t, err, "closed")
			})
		}
		synctest.Wait()
		require.NoError(t, cdn.Close())
		require.NoError(t, cdn.Close())
		fetches.Wait()
	})
}

// hanging is a directory that answers only to the end of the context.
type hanging struct{}

func (hanging) Servers(ctx context.Context) ([]steampipe.Server, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}
