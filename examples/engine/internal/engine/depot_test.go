//go:build !nosteampipe

package engine

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// The numbers of relight.h are those of the package.
var _ = []struct{}{
	{}, [1]struct{}{}[EntryMissing-steampipe.FileMissing], [1]struct{}{}[EntryWrongSize-steampipe.FileWrongSize],
	[1]struct{}{}[EntryWrongBytes-steampipe.FileBadChunks], [1]struct{}{}[EntryWrongKind-steampipe.FileWrongKind],
	[1]struct{}{}[EntryPlayers-steampipe.FileUsers], [1]struct{}{}[EntryExtra-steampipe.FileExtra],
	[1]struct{}{}[EntryWrite-entryPlanned-steampipe.ActionWrite], [1]struct{}{}[EntryRepair-entryPlanned-steampipe.ActionRepair],
	[1]struct{}{}[EntryMove-entryPlanned-steampipe.ActionMove], [1]struct{}{}[EntryRemove-entryPlanned-steampipe.ActionRemove],
}

// newDepot serves a depot, and gives the configuration that downloads it.
func newDepot(t *testing.T) (*depottest.Server, DepotConfig) {
	t.Helper()
	made, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, Generate: 1 << 20, Files: []depottest.File{
		{Name: `bin\game`, Data: []byte("a game"), Flags: depottest.Executable},
		{Name: `maps\bay.bsp`, Data: []byte("a map")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{made}, AnyHost: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, DepotConfig{
		Depot: made.ID, Manifest: made.ManifestID, Key: hex.EncodeToString(made.Key[:]), Servers: server.URL(), Dir: filepath.Join(t.TempDir(), "game"),
	}
}

// depotRun does something with a depot, and gives all that was told.
func depotRun(t *testing.T, config DepotConfig) (done, closed Event, seen []Event) {
	t.Helper()
	g := newGame(t)
	g.add(g.library.NewDepot(config))
	closed = g.wait(EventClosed, nil)
	for _, event := range g.seen {
		if event.Type == EventDepotDone || event.Type == EventDepotReport {
			done = event
		}
	}
	return done, closed, g.seen
}

func value(event Event, key string) string {
	for _, field := range event.Fields {
		if field.Key == key {
			return field.Value
		}
	}
	return ""
}

func TestDepotDownload(t *testing.T) {
	_, config := newDepot(t)
	config.Flags = DepotTellFiles
	done, closed, seen := depotRun(t, config)
	if closed.Code != OK || done.Number == 0 || done.Number != done.Total || done.Status != 0 || value(done, "bytes_fetched") == "0" {
		t.Fatalf("done %+v, closed %+v", done, closed)
	}
	b, err := os.ReadFile(filepath.Join(config.Dir, "bin", "game"))
	if err != nil || string(b) != "a game" {
		t.Errorf("%q, %v", b, err)
	}
	files, last := 0, Event{}
	for _, event := range seen {
		switch event.Type {
		case EventDepotFile:
			files++
			if event.Name == "" || strings.Contains(event.Name, `\`) || event.Status != 1 {
				t.Errorf("file: %+v", event)
			}
		case EventDepotProgress:
			last = event
		}
	}
	if int64(files) != done.Total || last.Number != last.Total || last.Total == 0 {
		t.Errorf("%d files of %d; %+v", files, done.Total, last)
	}

	// Nothing to do; then something is wrong, which a verification and a plan tell of and another download repairs.
	if done, closed, _ = depotRun(t, config); closed.Code != OK || done.ID != 0 || value(done, "files_kept") != number(done.Total) {
		t.Errorf("again: %+v, %+v", done, closed)
	}
	game := filepath.Join(config.Dir, "bin", "game")
	if err := os.WriteFile(game, []byte("a lame"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config.Dir, "notes.txt"), []byte("the player's"), 0o666); err != nil {
		t.Fatal(err)
	}
	check := config
	check.Action, check.Flags = DepotVerify, DepotTellExtra
	done, closed, seen = depotRun(t, check)
	if closed.Code != OK || done.Status != 1 || done.Number != done.Total-1 || value(done, "extra") != "1" {
		t.Errorf("verify: %+v, %+v", done, closed)
	}
	entries := make(map[string]int32)
	for _, event := range seen {
		if event.Type == EventDepotEntry {
			entries[event.Name] = event.Status
		}
	}
	if len(entries) != 2 || entries["bin/game"] != EntryWrongBytes || entries["notes.txt"] != EntryExtra {
		t.Errorf("entries: %v", entries)
	}
	check.Action = DepotPlan
	done, closed, seen = depotRun(t, check)
	planned := Event{}
	for _, event := range seen {
		if event.Type == EventDepotEntry {
			planned = event
		}
	}
	if closed.Code != OK || done.ID == 0 || planned.Name != "bin/game" || planned.Status != EntryWrite && planned.Status != EntryRepair {
		t.Errorf("plan: %+v, %+v, %+v", done, closed, planned)
	}
	if b, _ := os.ReadFile(game); string(b) != "a lame" {
		t.Error("a plan has written")
	}
	if done, closed, _ = depotRun(t, config); closed.Code != OK || value(done, "files_new") != "1" {
		t.Errorf("repair: %+v, %+v", done, closed)
	}
}

func TestDepotPatterns(t *testing.T) {
	_, config := newDepot(t)
	config.Files = "maps/**"
	if done, closed, _ := depotRun(t, config); closed.Code != OK || done.Total != 1 {
		t.Errorf("%+v, %+v", done, closed)
	}
	if _, err := os.Stat(filepath.Join(config.Dir, "bin")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestDepotSaysWhyNot(t *testing.T) {
	server, good := newDepot(t)
	g := newGame(t)
	for _, change := range []func(*DepotConfig){
		func(c *DepotConfig) { c.Dir = "" },
		func(c *DepotConfig) { c.Servers = "" },
		func(c *DepotConfig) { c.Folder = c.Dir },
		func(c *DepotConfig) { c.Key = "12" },
		func(c *DepotConfig) { c.Manifest = 0 },
		func(c *DepotConfig) { c.Action = 9 },
		func(c *DepotConfig) { c.Files = "[" },
	} {
		config := good
		change(&config)
		if _, err := g.library.NewDepot(config); codeFrom(err) != ErrInvalid || strings.Contains(err.Error(), good.Key) {
			t.Errorf("%+v: %v", config, err)
		}
	}
	if live := g.library.Live(); live.Handles != 0 {
		t.Errorf("%+v", live)
	}

	config := good
	config.Key = strings.Repeat("11", 32)
	if _, closed, _ := depotRun(t, config); closed.Code != ErrManifest && closed.Code != ErrCorrupt {
		t.Errorf("wrong key: %+v", closed)
	}
	config = good
	config.Manifest++
	if _, closed, _ := depotRun(t, config); closed.Code != ErrNotFound || closed.Native != 404 {
		t.Errorf("no such version: %+v", closed)
	}
	config = good
	config.Action = DepotDiagnose
	if report, closed, _ := depotRun(t, config); closed.Code != OK || report.Status != 1 || report.Text == "" {
		t.Errorf("diagnosis: %+v, %+v", report, closed)
	}
	server.Close()
	if report, closed, _ := depotRun(t, config); closed.Code != OK || report.Status != 0 {
		t.Errorf("diagnosis: %+v, %+v", report, closed)
	}
}

func TestDepotIsClosedEarly(t *testing.T) {
	_, config := newDepot(t)
	config.BytesPerSecond = 1000 // it would take a quarter of an hour
	g := newGame(t)
	h := g.add(g.library.NewDepot(config))
	g.wait(EventDepotProgress, nil)
	if err := g.library.Close(h); err != nil {
		t.Error(err)
	}
}
