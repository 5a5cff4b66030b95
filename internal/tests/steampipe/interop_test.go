package steampipe

import (
	"bytes"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

//go:embed testdata/steam-user.js
var steamUserScript string

// TestSteamUser lets the npm package steam-user 5.3.0, a client of Steam in JavaScript, download a depot from depottest over
// HTTP with its own manifest parser, decryption, decompression and checks: what depottest writes is what it reads, and the
// same as we read.
func TestSteamUser(t *testing.T) {
	t.Parallel()
	for _, container := range peerContainers() {
		for _, clear := range []bool{false, true} {
			if clear && (container != depottest.Mixed || raceEnabled) {
				continue // names and chunks do not know of each other
			}
			name := container.String() + " with encrypted names"
			if clear {
				name = container.String() + " with clear names"
			}
			t.Run(name, func(t *testing.T) {
				depot, err := depottest.NewDepot(depottest.DepotConfig{Seed: 21, Container: container, ClearNames: clear, ChunkSize: 64 << 10, Generate: 512 << 10, Files: []depottest.File{
					{Name: `bin`, Flags: depottest.Directory},
					{Name: `bin\tool.sh`, Data: []byte("#!/bin/sh\necho hello\n"), Flags: depottest.Executable},
					{Name: `data\ünïcode ☃.txt`, Data: []byte("snow")},
					{Name: `data\one.bin`, Data: []byte{0}},
				}})
				require.NoError(t, err)
				server := serve(t, depottest.Config{Hosts: []string{"cache7.example.net"}, RequestCode: 4711}, depot)
				command := peers.Node(t, "steam-user", steamUserScript, server.Addr(), "cache7.example.net", strconv.Itoa(int(depot.ID)),
					strconv.FormatUint(depot.ManifestID, 10), hex.EncodeToString(depot.Key[:]), "4711")
				var said bytes.Buffer
				command.Stderr = &said
				output, err := command.Output()
				require.NoError(t, err, said.String())
				var theirs struct {
					DepotID    uint32 `json:"depot"`
					ManifestID string `json:"manifest"`
					Size       string `json:"size"`
					Chunks     int    `json:"chunks"`
					Files      []struct {
						Name   string `json:"name"`
						Size   string `json:"size"`
						Flags  uint32 `json:"flags"`
						SHA    string `json:"sha"`
						Chunks []struct {
							ID     string `json:"id"`
							CRC    uint32 `json:"crc"`
							Offset string `json:"offset"`
						} `json:"chunks"`
					} `json:"files"`
				}
				require.NoError(t, json.Unmarshal(output, &theirs), string(output))
				fetched := server.Count("/chunk/")
				require.Positive(t, fetched)

				cdn := newCDN(t, steampipe.Config{Directory: list(server), RequestCode: requestCode(4711)})
				ours := manifestOf(t, cdn, depot)
				require.Equal(t, ours.DepotID, theirs.DepotID)
				require.Equal(t, strconv.FormatUint(ours.ManifestID, 10), theirs.ManifestID)
				require.Equal(t, strconv.FormatUint(ours.Size, 10), theirs.Size)
				require.Equal(t, int(ours.UniqueChunks), theirs.Chunks)
				require.Len(t, theirs.Files, len(ours.Files))
				for i, file := range ours.Files {
					their := theirs.Files[i]
					require.Equal(t, file.Name, their.Name)
					require.Equal(t, strconv.FormatUint(file.Size, 10), their.Size)
					require.Equal(t, uint32(file.Flags), their.Flags)
					require.Len(t, their.Chunks, len(file.Chunks))
					for k, chunk := range file.Chunks {
						require.Equal(t, chunk.ID.String(), their.Chunks[k].ID)
						require.Equal(t, chunk.Adler, their.Chunks[k].CRC)
						require.Equal(t, strconv.FormatUint(chunk.Offset, 10), their.Chunks[k].Offset)
					}
					if file.Flags.Has(steampipe.FlagDirectory) {
						continue
					}
					sum := sha1.Sum(depot.Files[i].Data)
					require.Equal(t, hex.EncodeToString(sum[:]), their.SHA, file.Name)
				}
				dir := t.TempDir()
				_, err = steampipe.Download(t.Context(), cdn, ours, dir, steampipe.Options{Key: depot.Key})
				require.NoError(t, err)
				requireTree(t, depot, dir)
			})
		}
	}
}
