package steampipe

import (
	"os"
	"testing"
)

// When the state folder cannot be read nobody knows what another depot has in the folder, and nothing old is removed.
func TestOthersNotKnown(t *testing.T) {
	dir := t.TempDir()
	j, err := NewJob(Folder{}, &Manifest{DepotID: 1, ManifestID: 2, Files: []File{{Name: "a"}}}, dir, Options{Key: Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	j.notifier = newNotifier(j)
	if j.root, err = os.OpenRoot(dir); err != nil {
		t.Fatal(err)
	}
	j.compareVersions()
	if j.readOthers(1); j.doubtful {
		t.Fatal("doubtful, although there is no state folder")
	}
	if err := j.root.Close(); err != nil {
		t.Fatal(err)
	}
	if j.readOthers(1); !j.doubtful {
		t.Fatal("not doubtful, although nothing can be read")
	}
}
