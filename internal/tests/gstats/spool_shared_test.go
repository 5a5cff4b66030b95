package gstats_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// Games of sessions that share a spool have numbers of their own, even if the sessions begin in the same millisecond: one may
// send what the other could not, and the server must not take it for a snapshot of its own game.
func TestGamesThatShareASpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{})
		away := config
		there := offline(&away)
		session := open(t, config)
		lonely, err := gstats.Open(away)
		require.NoError(t, err)
		defer lonely.Close()
		require.False(t, there.Load())
		mine, err := session.NewGame(t.Context())
		require.NoError(t, err)
		other, err := lonely.NewGame(t.Context())
		require.NoError(t, err)
		require.NoError(t, mine.SendSnapshot(t.Context(), `\who\mine`, false))
		require.NoError(t, other.SendSnapshot(t.Context(), `\who\other`, true))
		require.Equal(t, 1, next[*gstats.SnapshotsSent](t, session).Count)
		synctest.Wait()
		require.NoError(t, mine.SendSnapshot(t.Context(), `\who\mine`, true))
		synctest.Wait()
		games := server.Games()
		require.Len(t, games, 2)
		require.Equal(t, []string{`\who\mine`, `\who\mine`}, snapshots(games[0]))
		require.Equal(t, []string{`\who\other`}, snapshots(games[1]))
	})
}

// What is kept can be sent: a snapshot from the spool takes a few bytes more than one that was sent at once.
func TestSpoolKeepsOnlyWhatCanBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := serve(t, gstatstest.Config{})
		config.MaxMessage = 1000
		there := offline(&config)
		config.Spool = openSpool(t, t.TempDir(), gstats.SpoolConfig{})
		session, err := gstats.Open(config)
		require.NoError(t, err)
		defer session.Close()
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		kept := 0
		for length := config.MaxMessage - 100; ; length++ {
			data := `\n\` + strings.Repeat("x", length)
			err := game.SendSnapshot(t.Context(), data, false)
			if err == nil {
				kept++
				continue
			}
			require.ErrorIs(t, err, gstats.ErrInvalidText)
			break
		}
		require.Equal(t, kept, config.Spool.Len())
		there.Store(true)
		require.Equal(t, kept, next[*gstats.SnapshotsSent](t, session).Count)
	})
}

// What another program has kept and this one cannot send, because its limit is lower, stays for that program.
func TestSpoolOfAProgramWithOtherLimits(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{})
		there := offline(&config)
		config.Spool = openSpool(t, folder, gstats.SpoolConfig{})
		session, err := gstats.Open(config)
		require.NoError(t, err)
		game, err := session.NewGame(t.Context())
		require.NoError(t, err)
		require.NoError(t, game.SendSnapshot(t.Context(), `\n\`+strings.Repeat("x", 1000), false))
		require.NoError(t, game.SendSnapshot(t.Context(), `\n\1`, true))
		game, err = session.NewGame(t.Context())
		require.NoError(t, err)
		require.NoError(t, game.SendSnapshot(t.Context(), `\n\2`, true))
		require.NoError(t, session.Close())

		there.Store(true)
		small := config
		small.MaxMessage = 1000
		session = open(t, small)
		require.ErrorIs(t, next[*gstats.SpoolFailed](t, session).Err, gstats.ErrInvalidText)
		require.Equal(t, 1, next[*gstats.SnapshotsSent](t, session).Count)
		require.Equal(t, 2, session.State().Kept, "nothing overtakes it")
		require.NoError(t, session.Close())
		require.NoError(t, config.Spool.Close())

		config.Spool = openSpool(t, folder, gstats.SpoolConfig{})
		session = open(t, config)
		require.Equal(t, 2, next[*gstats.SnapshotsSent](t, session).Count)
		synctest.Wait()
		require.Len(t, server.Games(), 2)
	})
}
