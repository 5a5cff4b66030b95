package steampipe

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// Updates that are given up for others, one after the other, leave no more manifests behind than the folder remembers.
func TestManifestsForgotten(t *testing.T) {
	var files [][]depottest.File
	for i := range 12 {
		files = append(files, []depottest.File{{Name: "file" + strconv.Itoa(i), Data: pieces(2*i, 2*i+1)}})
	}
	w := newWorld(t, depottest.Config{}, versions(t, depottest.Zip, files...)...)
	kept := func() []string {
		names, err := filepath.Glob(filepath.Join(w.dir, ".steampipe", "*.manifest"))
		require.NoError(t, err)
		return names
	}
	for i := range files[:11] {
		ctx, cancel := context.WithCancel(t.Context())
		source := &cancelling{Source: w.cdn, cancel: cancel}
		source.at.Store(1)
		_, err := steampipe.Download(ctx, source, w.manifests[i], w.dir, steampipe.Options{Key: w.depots[i].Key})
		require.ErrorIs(t, err, context.Canceled)
		require.LessOrEqual(t, len(kept()), 8)
	}
	w.to(t, 11, steampipe.Options{})
	require.Len(t, kept(), 1)

	// A manifest that cannot be read is forgotten too.
	require.NoError(t, os.WriteFile(kept()[0], []byte("damaged"), 0o644))
	_, err := steampipe.Download(t.Context(), w.cdn, w.manifests[0], w.dir, steampipe.Options{Key: w.depots[0].Key})
	require.NoError(t, err)
	require.Len(t, kept(), 1)
}
