package main

import (
	"bytes"

	"github.com/relight-sdk/relight/steampipe/depottest"
)

// madeUp is a depot that does not exist, and its server.
type madeUp struct {
	depot  *depottest.Depot
	server *depottest.Server
}

func makeUp() (*madeUp, error) {
	depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, Generate: 12 << 20, Files: []depottest.File{
		{Name: `bin\server`, Data: bytes.Repeat([]byte("game server "), 50_000), Flags: depottest.Executable},
		{Name: `cfg\server.cfg`, Data: []byte("hostname Friday night\n"), Flags: depottest.UserConfig},
		{Name: `maps\empty.bsp`, Data: make([]byte, 3<<20)},
	}})
	if err != nil {
		return nil, err
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}})
	if err != nil {
		return nil, err
	}
	return &madeUp{depot, server}, nil
}

func (m *madeUp) close() { m.server.Close() }

// updates is a made-up SteamCMD, and its update host.
func updates() (*depottest.UpdateServer, error) {
	return depottest.NewUpdates(depottest.UpdateConfig{Redirect: true, Packages: []depottest.UpdatePackage{
		{Name: "steamcmd_public_all", Files: []depottest.UpdateFile{{Name: `public\strings.txt`, Data: bytes.Repeat([]byte("a string\n"), 1000)}}},
		{Name: "steamcmd_linux", Compressed: true, Bootstrapper: true, Files: []depottest.UpdateFile{{Name: `linux32\steamcmd`, Data: bytes.Repeat([]byte("program "), 10_000), Executable: true}}},
	}})
}
