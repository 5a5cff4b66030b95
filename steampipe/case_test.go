package steampipe

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// On a file system that folds case, of names that differ in case only the last one stays, and the others are reported.
func TestDropShadowed(t *testing.T) {
	manifest := &Manifest{DepotID: 1, ManifestID: 2, Files: []File{{Name: `Data\A`}, {Name: `b`}, {Name: `data\a`}, {Name: `DATA\a`},
		{Name: `B`, Flags: FlagSymlink, LinkTarget: "c"}, {Name: `l`, Flags: FlagSymlink, LinkTarget: "c"}}}
	j, err := NewJob(Folder{}, manifest, t.TempDir(), Options{Key: Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	j.notifier = newNotifier(j)
	j.dropShadowed()
	if len(j.plan.entries) != 2 || j.plan.entries[0].file.Name != "b" || j.plan.entries[1].file.Name != `DATA\a` {
		t.Fatalf("%d entries are left", len(j.plan.entries))
	}
	if len(j.plan.links) != 1 || j.plan.links[0].path != "l" {
		t.Fatalf("%d links are left", len(j.plan.links))
	}
	if len(j.problems) != 3 {
		t.Fatalf("%d problems", len(j.problems))
	}
}

// Files and folders that the new version spells in another case are renamed part by part where the file system folds case. This
// one may not: there the renaming itself can be seen.
func TestRespell(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"Data/Sub/ReadMe", "Data/Sub/other", "same/File"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	previous := &Manifest{DepotID: 1, ManifestID: 1, Files: []File{{Name: `Data\Sub\ReadMe`}, {Name: `Data\Sub\other`}, {Name: `same\File`}, {Name: "Gone"}}}
	manifest := &Manifest{DepotID: 1, ManifestID: 2, Files: []File{{Name: `data\Sub\README`}, {Name: `data\Sub\other`}, {Name: `same\file`}}}
	j, err := NewJob(Folder{}, manifest, dir, Options{Key: Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	if j.root, err = os.OpenRoot(dir); err != nil {
		t.Fatal(err)
	}
	defer j.root.Close()
	j.folds, j.previous = true, []*Manifest{previous}
	j.compareVersions()
	if err := j.respell(); err != nil {
		t.Fatal(err)
	}
	var names []string
	err = fs.WalkDir(j.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if want := []string{"data/Sub/README", "data/Sub/other", "same/file"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("%v: %q, want %q", err, names, want)
	}
	// What differs in case only is the new version's, and not removed.
	var gone []string
	for _, file := range j.older {
		gone = append(gone, file.Name)
	}
	if !slices.Equal(gone, []string{"Gone"}) {
		t.Fatal(gone)
	}
}
