package gstats_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// Many requests of the same player at once, at servers of every family: each gets its own answer, also where the server does
// not say what it answers.
func TestManyAtOnce(t *testing.T) {
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, config := serve(t, gstatstest.Config{Family: family, Faults: gstatstest.Faults{Delay: time.Millisecond}})
				session := open(t, config)
				id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
				require.NoError(t, err)
				const slots = 20
				for i := range slots {
					server.Put(gstatstest.Slot{Profile: gstatstest.ProfileID(id), Type: gstatstest.Public, Index: int32(i)}, fmt.Appendf(nil, `\n\%d`, i), time.Time{})
				}
				var all sync.WaitGroup
				for i := range slots {
					all.Go(func() {
						data, err := session.Get(t.Context(), gstats.Slot{Profile: id, Type: gstats.Public, Index: int32(i)}, "n")
						if assert.NoError(t, err) {
							assert.Equal(t, fmt.Sprint(i), data.Values()["n"])
						}
					})
				}
				all.Wait()
				assert.Zero(t, session.State().Counters.Unmatched)
				assert.Zero(t, session.State().Pending)
			})
		})
	}
}

// What is written is read back, from every family that stores what it is told.
func TestWriteAndRead(t *testing.T) {
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := serve(t, gstatstest.Config{Family: family})
				session := open(t, config)
				id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
				require.NoError(t, err)
				slot := gstats.Slot{Profile: id, Type: gstats.Public}
				_, err = session.SetValues(t.Context(), slot, map[string]string{"wins": "8", "clan": "A"})
				require.NoError(t, err)
				data, err := session.Get(t.Context(), slot, "clan", "wins")
				require.NoError(t, err)
				require.Equal(t, map[string]string{"wins": "8", "clan": "A"}, data.Values())
				if family == gstatstest.OpenSpy {
					_, err = session.Set(t.Context(), slot, []byte{1, 0, 2})
					require.NoError(t, err)
					data, err = session.GetBlob(t.Context(), slot)
					require.NoError(t, err)
					require.Equal(t, []byte{1, 0, 2}, data.Bytes)
				}
				game, err := session.NewGame(t.Context())
				require.NoError(t, err)
				game.Int("score").Set(1)
				require.NoError(t, game.Finish(t.Context()))
			})
		})
	}
}

// Every family lets a game in, and takes what it tells.
func TestGamesOfAllFamilies(t *testing.T) {
	for _, family := range append(families, gstatstest.UniSpy, gstatstest.KR4uzi) {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, config := serve(t, gstatstest.Config{Family: family})
				session := open(t, config)
				if family == gstatstest.WFC { // which lets nobody do anything before a player is known
					_, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
					require.NoError(t, err)
				}
				game, err := session.NewGame(t.Context())
				require.NoError(t, err)
				game.NewPlayer("ann").Float("accuracy").Set(0.5)
				require.NoError(t, game.Finish(t.Context()))
				synctest.Wait()
				received := server.Received()
				require.Contains(t, received[len(received)-1], "\x01accuracy_0\x010.500000")
				require.Equal(t, gstats.StepConnected, session.State().Step)
			})
		})
	}
}
