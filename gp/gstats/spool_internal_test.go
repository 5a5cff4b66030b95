package gstats

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func openTestSpool(t *testing.T, folder string) *Spool {
	t.Helper()
	spool, err := OpenSpool(folder, SpoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spool.Close() })
	return spool
}

// A file that cannot be read at the moment, for want of file descriptors for example, is as good as before: it stays.
func TestSpoolKeepsWhatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	spool := openTestSpool(t, folder)
	if _, err := spool.keep(kept{Game: "g", Key: 1, Data: []byte(`\n\1`)}, nil); err != nil {
		t.Fatal(err)
	}
	whole := spool.root
	other, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	_ = other.Close()
	spool.root = other // nothing can be opened through it
	e, _, changed, err := spool.oldest("g")
	if e != nil || err == nil || changed == nil {
		t.Fatalf("oldest gave %v, %v, %v", e, changed, err)
	}
	if spool.Len() != 1 || spool.Damaged() != 0 {
		t.Fatalf("%d snapshots are left, %d damaged", spool.Len(), spool.Damaged())
	}
	if err := spool.load(); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("load: %v", err)
	}
	spool.root = whole
	if e, k, _, err := spool.oldest("g"); err != nil || e == nil || k.Key != 1 {
		t.Fatalf("oldest gave %v, %v", e, err)
	}
}

// Of two damaged files with the same name, both stay for a person to look at.
func TestSpoolKeepsAllDamagedFiles(t *testing.T) {
	folder := t.TempDir()
	for round := range 2 {
		spool := openTestSpool(t, folder)
		name, err := spool.keep(kept{Game: "g"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := spool.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := openTestSpool(t, folder).Close(); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(folder, "*"+spoolDamaged))
		if err != nil || len(names) != round+1 {
			t.Fatalf("damaged files: %v, %v", names, err)
		}
	}
}

// A snapshot that was replaced, and that the system does not let go of, is sent before the one that replaced it, and never after.
func TestSpoolKeepsWhatCannotBeRemoved(t *testing.T) {
	folder := t.TempDir()
	spool := openTestSpool(t, folder)
	old, err := spool.keep(kept{Game: "g", Key: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, old)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(folder, old, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.keep(kept{Game: "g", Key: 1, Done: true}, []string{old}); err != nil {
		t.Fatal(err)
	}
	if spool.entries[0].name != old {
		t.Fatalf("%s is first, and %s still in the folder", spool.entries[0].name, old)
	}
}
