package gstats_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

func openSpool(t *testing.T, folder string, config gstats.SpoolConfig) *gstats.Spool {
	t.Helper()
	spool, err := gstats.OpenSpool(folder, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = spool.Close() })
	return spool
}

// offline makes a configuration whose server is only there when it says so.
func offline(config *gstats.Config) *atomic.Bool {
	there, dial := new(atomic.Bool), config.DialContext
	config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !there.Load() {
			return nil, errors.New("nobody there")
		}
		return dial(ctx, network, address)
	}
	config.Reconnect = &steady
	return there
}

func snapshots(game gstatstest.Game) (list []string) {
	for _, snapshot := range game.Snapshots {
		list = append(list, snapshot.Data)
	}
	return list
}

// A game that begins and ends without the service is sent when the service is there, by another run of the program, in the form
// of the original's disk log.
func TestSpoolSurvives(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		there := offline(&config)
		spool := openSpool(t, folder, gstats.SpoolConfig{})
		config.Spool = spool
		session, err := gstats.Open(config)
		require.NoError(t, err)
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		challenge := game.Challenge()
		require.Len(t, challenge, 8)
		game.Int("score").Set(1)
		require.NoError(t, game.Snapshot(t.Context()))
		game.Int("score").Set(2)
		require.NoError(t, game.Snapshot(t.Context()))
		require.Equal(t, 1, spool.Len(), "the newer one tells everything")
		require.NoError(t, game.SendSnapshot(t.Context(), `\own\x`, false))
		game.Int("score").Set(3)
		require.NoError(t, game.Finish(t.Context()))
		require.ErrorIs(t, game.Snapshot(t.Context()), gstats.ErrGameOver)
		require.Equal(t, 2, spool.Len())
		require.Equal(t, 2, session.State().Kept)
		require.EqualValues(t, 4, session.State().Counters.SnapshotsKept)
		require.NoError(t, session.Close())

		_, err = gstats.OpenSpool(folder, gstats.SpoolConfig{})
		require.ErrorIs(t, err, gstats.ErrSpoolInUse)
		require.NoError(t, spool.Close())
		require.NoError(t, spool.Close())

		there.Store(true)
		spool = openSpool(t, folder, gstats.SpoolConfig{})
		require.Equal(t, 2, spool.Len())
		require.Zero(t, spool.Damaged())
		config.Spool = spool
		session = open(t, config)
		require.Equal(t, 2, next[*gstats.SnapshotsSent](t, session).Count)
		require.Zero(t, spool.Len())
		seen, err := server.WaitGame(t.Context(), gstatstest.Game.Done)
		require.NoError(t, err)
		require.True(t, seen.Logged)
		require.True(t, seen.Begun)
		require.Equal(t, []string{`\own\x`, `\score\3`}, snapshots(seen))
		require.True(t, seen.Snapshots[0].Logged)
		require.EqualValues(t, 2, session.State().Counters.SnapshotsSent)
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, files, 1, "the lock alone")
	})
}

// The order of a game's snapshots stays what it was when the connection breaks in between: nothing overtakes what waits.
func TestSpoolKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		there := offline(&config)
		there.Store(true)
		config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{})
		session := open(t, config)
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		require.NoError(t, game.SendSnapshot(t.Context(), `\n\0`, false))
		there.Store(false)
		synctest.Wait()
		server.Drop()
		synctest.Wait()
		for _, data := range []string{`\n\1`, `\n\2`, `\n\3`} {
			require.NoError(t, game.SendSnapshot(t.Context(), data, false))
			require.Error(t, next[*gstats.SnapshotKept](t, session).Err)
		}
		there.Store(true)
		until(t, session, gstats.StepConnected)
		require.NoError(t, game.SendSnapshot(t.Context(), `\n\4`, true))
		seen, err := server.WaitGame(t.Context(), gstatstest.Game.Done)
		require.NoError(t, err)
		require.False(t, seen.Logged)
		var all []string
		for _, game := range server.Games() { // one for each time that it was said to begin
			all = append(all, snapshots(game)...)
		}
		require.Equal(t, []string{`\n\0`, `\n\1`, `\n\2`, `\n\3`, `\n\4`}, all)
		synctest.Wait()
		require.Zero(t, config.Spool.Len())
	})
}

// A snapshot whose call is cancelled while it is being written is kept, too: it may not have arrived.
func TestSpoolKeepsWhatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		config := scripted(t, func(p *peer) {
			if p.greet() && strings.HasPrefix(p.hear(), `\newgame\`) {
				<-release
			}
		})
		config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{})
		session := open(t, config)
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, game.SendSnapshot(ctx, `\n\1`, false))
		require.Equal(t, 1, config.Spool.Len())
		why, ok := errors.AsType[*gstats.Error](next[*gstats.SnapshotKept](t, session).Err)
		require.True(t, ok)
		require.True(t, why.Uncertain)
		close(release)
		require.NoError(t, session.Close())
	})
}

// A spool has limits, and says so; what cannot be kept is the caller's again.
func TestSpoolIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := serve(t, gstatstest.Config{})
		offline(&config)
		config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{MaxSnapshots: 3, MaxBytes: 4000})
		session, err := gstats.Open(config)
		require.NoError(t, err)
		defer session.Close()
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, game.SendSnapshot(t.Context(), `\n\`+strings.Repeat("x", 4000), false), gstats.ErrSpoolFull)
		for range 3 {
			require.NoError(t, game.SendSnapshot(t.Context(), `\n\1`, false))
		}
		err = game.SendSnapshot(t.Context(), `\n\1`, true)
		require.ErrorIs(t, err, gstats.ErrSpoolFull)
		require.ErrorIs(t, err, gstats.ErrNotConnected)
		require.ErrorIs(t, next[*gstats.SpoolFailed](t, session).Err, gstats.ErrSpoolFull)
		require.NotErrorIs(t, game.SendSnapshot(t.Context(), `\n\1`, true), gstats.ErrGameOver, "it was not taken")
		require.NoError(t, config.Spool.Close())
		require.ErrorIs(t, game.Snapshot(t.Context()), gstats.ErrSpoolClosed)
	})
}

// What a crash cuts off, and what anybody else puts into the folder, is not sent and does no harm.
func TestSpoolIsChecked(t *testing.T) {
	folder := t.TempDir()
	keep := func(t *testing.T, data string) {
		_, config := serve(t, gstatstest.Config{})
		offline(&config)
		config.Spool = openSpool(t, folder, gstats.SpoolConfig{})
		session, err := gstats.Open(config)
		require.NoError(t, err)
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		require.NoError(t, game.SendSnapshot(t.Context(), data, true))
		require.NoError(t, session.Close())
		require.NoError(t, config.Spool.Close())
	}
	synctest.Test(t, func(t *testing.T) { keep(t, `\n\1`) })
	names, err := filepath.Glob(filepath.Join(folder, "*.snapshot"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	whole, err := os.ReadFile(names[0])
	require.NoError(t, err)
	for at := range len(whole) {
		other := filepath.Join(t.TempDir(), "spool")
		require.NoError(t, os.MkdirAll(other, 0o700))
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1
		name := filepath.Base(names[0])
		require.NoError(t, os.WriteFile(filepath.Join(other, name), flipped, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(other, "0000000000000000009.snapshot"), whole[:at], 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(other, "0000000000000000010.snapshot.partial"), whole[:at], 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(other, "readme.txt"), nil, 0o600))
		require.NoError(t, os.MkdirAll(filepath.Join(other, "0000000000000000011.snapshot"), 0o700))
		spool, err := gstats.OpenSpool(other, gstats.SpoolConfig{})
		require.NoError(t, err)
		require.Zero(t, spool.Len(), "byte %d", at)
		require.Equal(t, 2, spool.Damaged())
		require.NoError(t, spool.Close())
		require.NoFileExists(t, filepath.Join(other, "0000000000000000010.snapshot.partial"))
		require.FileExists(t, filepath.Join(other, name+".damaged"))
	}
	// A file that is damaged after the folder was opened is put aside, and the next is sent.
	synctest.Test(t, func(t *testing.T) {
		keep(t, `\n\2`)
		server, config := serve(t, gstatstest.Config{})
		config.Spool = openSpool(t, folder, gstats.SpoolConfig{})
		require.Equal(t, 2, config.Spool.Len())
		require.NoError(t, os.WriteFile(names[0], []byte("nonsense"), 0o600))
		session := open(t, config)
		require.ErrorContains(t, next[*gstats.SpoolFailed](t, session).Err, "damaged")
		require.Equal(t, 1, next[*gstats.SnapshotsSent](t, session).Count)
		seen, err := server.WaitGame(t.Context(), gstatstest.Game.Done)
		require.NoError(t, err)
		require.Equal(t, []string{`\n\2`}, snapshots(seen))
		require.Zero(t, config.Spool.Len())
		require.Equal(t, 1, config.Spool.Damaged())
	})
}

// Several sessions with one spool: every snapshot is sent once, and those of another game by its own session.
func TestSpoolOfSeveralSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		there := offline(&config)
		config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{})
		other := config
		other.Game = "other"
		var sessions []*gstats.Session
		for _, config := range []gstats.Config{config, config, config, other} {
			session, err := gstats.Open(config)
			require.NoError(t, err)
			defer session.Close()
			sessions = append(sessions, session)
		}
		var all sync.WaitGroup
		for _, session := range sessions {
			all.Go(func() {
				for range 10 {
					game, err := session.NewGame(t.Context())
					if assert.NoError(t, err) {
						assert.NoError(t, game.SendSnapshot(t.Context(), `\n\1`, true))
					}
				}
			})
		}
		all.Wait()
		require.Equal(t, 40, config.Spool.Len())
		require.Equal(t, 30, sessions[0].State().Kept)
		there.Store(true)
		until(t, sessions[0], gstats.StepConnected)
		time.Sleep(10 * time.Second)
		require.Equal(t, 10, config.Spool.Len(), "the other game is refused: its secret is not known")
		sent := 0
		for _, game := range server.Games() {
			sent += len(game.Snapshots)
		}
		require.Equal(t, 30, sent)
	})
}

func TestSpoolFolderCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := gstats.OpenSpool(file, gstats.SpoolConfig{})
	require.Error(t, err)
	_, err = gstats.OpenSpool(filepath.Join(file, "below"), gstats.SpoolConfig{})
	require.Error(t, err)
}
