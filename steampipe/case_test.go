package steampipe

import (
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
