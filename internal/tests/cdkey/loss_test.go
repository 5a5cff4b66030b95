package cdkey_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

// A hundred players at once on a network that loses, doubles, delays and reorders: no bad key is ever validated, no good one ever
// refused, everybody is decided within six seconds, and the few about whom no answer came through are let in and say so.
func TestLossyNetwork(t *testing.T) {
	const players = 100
	keys := make([]string, players)
	for i := range keys {
		keys[i] = fmt.Sprint("good ", i)
	}
	for seed := range uint64(3) {
		options := simnet.Options{Loss: 0.3, Duplicate: 0.2, Delay: 40 * time.Millisecond, Jitter: 100 * time.Millisecond, Seed: seed}
		bubbleOn(t, options, cdkeytest.Config{Keys: map[int][]string{product: keys}}, func(t *testing.T, w *world) {
			c := w.start(0, cdkey.Config{})
			var mu sync.Mutex
			var wait sync.WaitGroup
			count := map[string]int{}
			for i := range 2 * players {
				wait.Go(func() {
					key, good := fmt.Sprint("bad ", i), i < players
					if good {
						key = keys[i]
					}
					player, err := c.Authenticate(t.Context(), request(t, key))
					result := "unanswered"
					switch {
					case errors.Is(err, cdkey.ErrRefused):
						result = "refused"
					case err != nil:
						result = err.Error()
					case player.Verdict() == cdkey.Validated:
						result = "validated"
					}
					mu.Lock()
					defer mu.Unlock()
					count[fmt.Sprintf("good %v: %s", good, result)]++
				})
			}
			wait.Wait()
			require.LessOrEqual(t, time.Since(w.begin), 6*time.Second)
			validated, refused := count["good true: validated"], count["good false: refused"]
			require.Equal(t, players, validated+count["good true: unanswered"], "%v", count)
			require.Equal(t, players, refused+count["good false: unanswered"], "%v", count)
			require.Greater(t, validated+refused, 150, "%v", count)
			state := c.State()
			require.Equal(t, 2*players-refused, state.Players)
			require.Equal(t, validated, state.Counters.Validated)
			require.Positive(t, state.Counters.Repeated)
			require.Zero(t, state.Waiting)
		})
	}
}
