package steampipe

import (
	"os"
	"path/filepath"
	"testing"
)

// On macOS "é" is one file, whether the accent is a character of its own or not: when a new version spells a name the other way,
// the old name must not be removed. A hard link stands in for such a file system.
func TestRemovableByAnotherName(t *testing.T) {
	const was, is = "caf\u00e9", "cafe\u0301"
	dir := t.TempDir()
	for _, name := range []string{was, "other\u00e9"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(dir, was), filepath.Join(dir, is)); err != nil {
		t.Skip(err)
	}
	j, err := NewJob(Folder{}, &Manifest{DepotID: 1, ManifestID: 2, Files: []File{{Name: is}}}, dir, Options{Key: Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	if j.root, err = os.OpenRoot(dir); err != nil {
		t.Fatal(err)
	}
	defer j.root.Close()
	j.compareVersions()
	if j.removable(&File{Name: was}) {
		t.Error("would be removed, although it is the new version's file")
	}
	if !j.removable(&File{Name: "other\u00e9"}) {
		t.Error("would stay")
	}
}
