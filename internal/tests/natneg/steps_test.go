package natneg_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// NATs that count by more than one, or backwards, against the usual home router.
func TestUnusualSteps(t *testing.T) {
	for _, step := range []int{1, 2, -1, 4, 3, -2, 8} {
		for role := range 2 {
			for _, game := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					counting := natKinds()[4]
					counting.config.Step = step
					pair := [2]natKind{natKinds()[3], natKinds()[3]}
					pair[role] = counting
					l := newMemoryLab(t, natnegtest.NetworkConfig{Delay: 50 * time.Millisecond}, natnegtest.Config{}, pair[0], pair[1])
					defer l.server.Close()
					report, err := natneg.Detect(t.Context(), l.config(role))
					require.NoError(t, err)
					require.Equal(t, step, report.Step)
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					a := try(ctx, cookie, l.player(t, 0, game), l.player(t, 1, game))
					require.True(t, a.ok, "step %d, role %d, game %v: %v", step, role, game, a.err)
				})
			}
		}
	}
}
