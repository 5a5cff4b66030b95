package gstats_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// A player whom the server does not answer after a reconnect, or for whom it closes the connection, does not keep the session
// from getting one for ever.
func TestPlayerWhoIsNotAnsweredAfterAReconnect(t *testing.T) {
	for name, faults := range map[string]gstatstest.Faults{
		"silent": {Mute: []string{"authp"}}, "closes": {CloseOn: []string{"authp"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, config := serve(t, gstatstest.Config{})
				config.Reconnect = &steady
				session := authenticated(t, config)
				synctest.Wait()
				server.SetFaults(faults)
				server.Drop()
				lost := next[*gstats.PlayerLost](t, session)
				require.EqualValues(t, 20001, lost.ProfileID)
				require.Error(t, lost.Err)
				require.NotErrorIs(t, lost.Err, gstats.ErrStale)
				until(t, session, gstats.StepConnected)
				require.Zero(t, session.State().Players)
			})
		})
	}
}
