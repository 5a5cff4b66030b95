// Package depottest serves made-up Steam depots on loopback, as a content server does: what net/http/httptest is to
// net/http. A program that downloads with package steampipe is tested against it without a network:
//
//	depot, err := depottest.NewDepot(depottest.DepotConfig{Files: []depottest.File{{Name: `bin\game`, Data: program}}})
//	server, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{depot}})
//	defer server.Close()
//	// server.URL() is the base of /serverlist/, /depot/<id>/manifest/... and /depot/<id>/chunk/...
//
// Depots are built in memory from files that are given, generated from a seed, or both; chunks are compressed as zip, VZ
// (LZMA) or VSZ (zstd) and encrypted. Names are taken as they are, hostile ones too, so that a downloader can be shown to
// refuse them. The server checks the Host header, counts requests, and misbehaves on order: see [Fault].
package depottest
