package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/relight-sdk/relight/steampipe/depottest"
)

// The versions of the made-up depot.
const oldVersion, newVersion = 1001, 1002

// embed serves two versions of a depot that does not exist, and points the options at the newer one.
func embed(o *options) (*depottest.Server, error) {
	versions, err := madeUp()
	if err != nil {
		return nil, err
	}
	server, err := depottest.New(depottest.Config{Depots: versions})
	if err != nil {
		return nil, err
	}
	newer := versions[1]
	o.folder, o.servers, o.web, o.config, o.manifestFile = "", nil, false, "", "" // it wins, as in all examples
	o.lists, o.depot, o.key = list{server.Addr()}, uint64(newer.ID), hex.EncodeToString(newer.Key[:])
	if o.manifest == 0 {
		o.manifest = newVersion
	}
	o.lookup = noNames
	return server, nil
}

// noNames finds no LAN cache: to ask the system for its name would be the only packet that leaves the machine.
func noNames(_ context.Context, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "not asked for with -embedded", Name: host, IsNotFound: true}
}

// madeUp are the two versions, the older one first. To compress them takes a while.
var madeUp = sync.OnceValues(makeUp)

func makeUp() (versions []*depottest.Depot, err error) {
	files := []depottest.File{
		{Name: `bin\server`, Data: bytes.Repeat([]byte("game server "), 50_000), Flags: depottest.Executable},
		{Name: `cfg\server.cfg`, Data: []byte("hostname Friday night\n"), Flags: depottest.UserConfig},
		{Name: `maps\empty.bsp`, Data: make([]byte, 3<<20)},
	}
	for _, version := range []struct {
		manifest uint64
		more     []depottest.File
	}{
		{oldVersion, []depottest.File{{Name: `maps\lost.bsp`, Data: bytes.Repeat([]byte("a map that nobody liked "), 2000)}}},
		{newVersion, []depottest.File{{Name: `maps\new.bsp`, Data: bytes.Repeat([]byte("a map that everybody wanted "), 4000)}}},
	} {
		depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, ManifestID: version.manifest, Generate: 12 << 20, Files: append(slices.Clone(files), version.more...)})
		if err != nil {
			return nil, err
		}
		versions = append(versions, depot)
	}
	return versions, nil
}

// updates is a made-up SteamCMD, and its update host.
func updates() (*depottest.UpdateServer, error) {
	return depottest.NewUpdates(depottest.UpdateConfig{Redirect: true, Packages: []depottest.UpdatePackage{
		{Name: "steamcmd_public_all", Files: []depottest.UpdateFile{{Name: `public\strings.txt`, Data: bytes.Repeat([]byte("a string\n"), 1000)}}},
		{Name: "steamcmd_linux", Compressed: true, Bootstrapper: true, Files: []depottest.UpdateFile{{Name: `linux32\steamcmd`, Data: bytes.Repeat([]byte("program "), 10_000), Executable: true}}},
	}})
}
