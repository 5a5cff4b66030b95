package main

import (
	"bytes"
	"encoding/hex"
	"strconv"

	"github.com/relight-sdk/relight/steampipe/depottest"
)

// depot is where a made-up depot is, and what a program has to find in it after the download.
type depot struct {
	CDN        string `json:"cdn"` // URL of the content server
	Depot      string `json:"depot"`
	Manifest   string `json:"manifest"`
	DepotKey   string `json:"depot_key"` // hexadecimal
	DepotFiles string `json:"depot_files"`
	DepotBytes string `json:"depot_bytes"`
}

// startDepot starts a content server with one depot of some 16 MB.
func (s *services) startDepot() error {
	made, err := depottest.NewDepot(depottest.DepotConfig{Seed: 1, Generate: 12 << 20, Files: []depottest.File{
		{Name: `bin\game`, Data: bytes.Repeat([]byte("a game "), 50_000), Flags: depottest.Executable},
		{Name: `maps\empty.bsp`, Data: make([]byte, 3<<20)},
	}})
	if err != nil {
		return err
	}
	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{made}, AnyHost: true})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, closer(server.Close))
	size := 0
	for _, file := range made.Files {
		size += len(file.Data)
	}
	s.depot = depot{
		CDN: server.URL(), Depot: strconv.FormatUint(uint64(made.ID), 10), Manifest: strconv.FormatUint(made.ManifestID, 10),
		DepotKey: hex.EncodeToString(made.Key[:]), DepotFiles: strconv.Itoa(len(made.Files)), DepotBytes: strconv.Itoa(size),
	}
	return nil
}
