package steampipe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// Two runs do not share a folder: the second one is told who is there. A lock that somebody left is no obstacle.
func TestLocked(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{}, depot)
	cdn := newCDN(t, steampipe.Config{Directory: list(server)})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".steampipe"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".steampipe", "lock"), []byte(`{"PID":1,"Host":"long gone"}`), 0o644))

	server.Fail(depottest.Fault{Kind: depottest.FaultStall, Path: "/chunk/"})
	ctx, cancel := context.WithCancel(t.Context())
	first, err := steampipe.NewJob(cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	fetching := make(chan struct{})
	ended := make(chan error, 1)
	job, err := steampipe.NewJob(cdn, manifest, dir, steampipe.Options{Key: depot.Key, Event: func(e steampipe.Event) {
		if e.Step == steampipe.StepFetch {
			close(fetching)
		}
	}})
	require.NoError(t, err)
	go func() { _, err := job.Run(ctx); ended <- err }()
	<-fetching

	_, err = first.Run(t.Context())
	require.ErrorIs(t, err, steampipe.ErrLocked)
	locked, ok := errors.AsType[*steampipe.LockError](err)
	require.True(t, ok)
	require.Equal(t, os.Getpid(), locked.PID)
	require.Equal(t, steampipe.DepotID(depot.ID), locked.Depot)
	require.NotZero(t, locked.Since)
	require.Contains(t, err.Error(), "another download works in this folder")
	e, ok := errors.AsType[*steampipe.Error](err)
	require.True(t, ok)
	require.Equal(t, steampipe.StepPrepare, e.Step)

	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	server.Heal()
	_, err = steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
	require.NoError(t, err)
	requireTree(t, depot, dir)
}

// A process that is started while a run ends does not keep the lock.
func TestLockNotInherited(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("starts true")
	}
	depot := smallDepot(t)
	cdn := newCDN(t, steampipe.Config{Directory: list(serve(t, depottest.Config{}, depot))})
	manifest := manifestOf(t, cdn, depot)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var starting sync.WaitGroup
	for range 2 {
		starting.Go(func() {
			for ctx.Err() == nil {
				_ = exec.CommandContext(ctx, "true").Run()
			}
		})
	}
	defer starting.Wait()
	defer cancel()
	for range 50 {
		_, err := steampipe.Download(t.Context(), cdn, manifest, dir, steampipe.Options{Key: depot.Key})
		require.NoError(t, err)
	}
}
