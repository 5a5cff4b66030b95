package steampipe

import (
	"crypto/sha1"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// manifestWith is the manifest of a depot with these files.
func manifestWith(t *testing.T, files ...depottest.File) *steampipe.Manifest {
	t.Helper()
	depot, err := depottest.NewDepot(depottest.DepotConfig{Files: files, ChunkSize: 1000, ClearNames: true})
	require.NoError(t, err)
	server := serve(t, depottest.Config{}, depot)
	return manifestOf(t, newCDN(t, steampipe.Config{Directory: list(server)}), depot)
}

func TestCompare(t *testing.T) {
	bytes := func(seed byte, size int) []byte {
		b := make([]byte, size)
		sum := sha1.Sum([]byte{seed})
		for i := range b {
			b[i] = sum[i%20] ^ byte(i/20)
		}
		return b
	}
	same, moving, changing, tail := bytes(1, 3000), bytes(2, 1500), bytes(3, 2500), bytes(4, 500)
	old := manifestWith(t,
		depottest.File{Name: `bin\same`, Data: same}, depottest.File{Name: `old\moving`, Data: moving}, depottest.File{Name: "changing", Data: changing},
		depottest.File{Name: "program", Data: tail}, depottest.File{Name: "gone", Data: bytes(5, 700)}, depottest.File{Name: "ReadMe", Data: bytes(6, 10)}, depottest.File{Name: "link", Flags: depottest.Symlink, Link: "program"},
	)
	changed := append(append([]byte(nil), changing[:2000]...), bytes(7, 500)...)
	new := manifestWith(t,
		depottest.File{Name: `bin\same`, Data: same}, depottest.File{Name: `new\moved`, Data: moving}, depottest.File{Name: "changing", Data: changed},
		depottest.File{Name: "program", Data: tail, Flags: steampipe.FlagExecutable}, depottest.File{Name: "fresh", Data: bytes(8, 1200)}, depottest.File{Name: "readme", Data: bytes(6, 10)},
		depottest.File{Name: "zeros", Data: make([]byte, 5000)}, depottest.File{Name: "link", Flags: depottest.Symlink, Link: "readme"},
	)
	c, err := steampipe.Compare(old, new)
	require.NoError(t, err)
	type row struct {
		kind       steampipe.ChangeKind
		path, from string
	}
	var rows []row
	fetch := int64(0)
	for _, change := range c.Changes {
		rows = append(rows, row{change.Kind, change.Path, change.From})
		fetch += change.Fetch
		if change.Kind != steampipe.Changed && change.Kind != steampipe.Added || change.Path == "zeros" || change.Path == "link" {
			require.Zero(t, change.Fetch, change.Path)
		} else {
			require.Positive(t, change.Fetch, change.Path)
		}
	}
	require.Equal(t, []row{
		{steampipe.Changed, "changing", ""}, {steampipe.Added, "fresh", ""}, {steampipe.Changed, "link", ""}, {steampipe.Moved, "new/moved", "old/moving"},
		{steampipe.Attributes, "program", ""}, {steampipe.Moved, "readme", "ReadMe"}, {steampipe.Added, "zeros", ""}, {steampipe.Removed, "gone", ""},
	}, rows)
	require.Equal(t, 1, c.Unchanged)
	require.Equal(t, 1, c.Count(steampipe.Removed))
	require.Equal(t, c.Fetch, fetch)
	require.Equal(t, 3, c.ChunksAdded, "the end of changing, and two of fresh")
	require.Equal(t, int64(500+1200), c.FetchPlain)
	require.Equal(t, 2, c.ChunksRemoved, "the old end of changing, and gone")
	require.Equal(t, 3+2+2+1+1, c.ChunksKept)
	require.Equal(t, int64(3000+1500+2500+500+700+10), c.SizeBefore)

	c, err = steampipe.Compare(nil, new)
	require.NoError(t, err)
	require.Equal(t, len(new.Files), c.Count(steampipe.Added))
	require.Zero(t, c.ChunksKept+c.ChunksRemoved)
	c, err = steampipe.Compare(new, new)
	require.NoError(t, err)
	require.Empty(t, c.Changes)
	require.Zero(t, c.Fetch)

	_, err = steampipe.Compare(nil, &steampipe.Manifest{NamesEncrypted: true})
	require.ErrorIs(t, err, steampipe.ErrNamesEncrypted)
}

// Depots for systems that tell case apart have names that differ in nothing else: each is compared with its own older one.
func TestCompareTwins(t *testing.T) {
	a, b, c := []byte("first"), []byte("second"), []byte("third")
	both := manifestWith(t, depottest.File{Name: `include\xt_MARK.h`, Data: a}, depottest.File{Name: `include\xt_mark.h`, Data: b})
	comparison, err := steampipe.Compare(both, both)
	require.NoError(t, err)
	require.Empty(t, comparison.Changes)
	require.Equal(t, 2, comparison.Unchanged)

	one := manifestWith(t, depottest.File{Name: `include\xt_mark.h`, Data: b})
	comparison, err = steampipe.Compare(both, one)
	require.NoError(t, err)
	require.Equal(t, []steampipe.Change{{Kind: steampipe.Removed, Path: "include/xt_MARK.h", Size: int64(len(a))}}, comparison.Changes)

	other := manifestWith(t, depottest.File{Name: `include\XT_MARK.h`, Data: a}, depottest.File{Name: `include\xt_mark.h`, Data: c})
	comparison, err = steampipe.Compare(both, other)
	require.NoError(t, err)
	require.Equal(t, 1, comparison.Count(steampipe.Changed))
	require.Equal(t, 1, comparison.Count(steampipe.Moved))
	require.Len(t, comparison.Changes, 2)
}

func TestCompareReal(t *testing.T) {
	key := sharedKey(t, "44ce5c5297a415a1a6f69c856037a5a2fdd82cd474fa659edfb4d59b2abc55fc")
	manifest, err := steampipe.ReadManifest(shared.Read(t, "vectors", "steampipe", "real", "depot_440_1118032470228587934.manifest"), key)
	require.NoError(t, err)
	c, err := steampipe.Compare(nil, manifest)
	require.NoError(t, err)
	require.Equal(t, 7, c.Count(steampipe.Added))
	require.Equal(t, int64(manifest.Size), c.SizeAfter)
	require.Equal(t, int64(manifest.CompressedSize), c.Fetch, "what the manifest itself says")
	require.Equal(t, int(manifest.UniqueChunks), c.ChunksAdded)
}
