package gstats_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// wfc calls what it has not stored a success.
func TestARefusalThatIsCalledASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := serve(t, gstatstest.Config{Family: gstatstest.WFC})
		session := open(t, config)
		id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
		require.NoError(t, err)
		mine := gstats.Slot{Profile: id, Type: gstats.Public}
		when, err := session.Set(t.Context(), mine, []byte("text"))
		require.NoError(t, err)
		require.False(t, when.IsZero())
		_, err = session.Set(t.Context(), mine, []byte("a\x00b"))
		require.ErrorIs(t, err, gstats.ErrRefused, "it cannot store a NUL")
		_, err = session.Set(t.Context(), gstats.Slot{Profile: id + 1, Type: gstats.Public}, []byte("text"))
		require.ErrorIs(t, err, gstats.ErrRefused, "it is somebody else's")
		data, err := session.Get(t.Context(), mine)
		require.NoError(t, err)
		require.Equal(t, "text", string(data.Bytes))
	})
}

// The NUL behind values, which dwc stores, hides from a read what comes behind it. No family needs it.
func TestTheNULBehindValues(t *testing.T) {
	for _, family := range families {
		for _, omit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, omitted: %v", cmp.Or(string(family), "original"), omit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, config := serve(t, gstatstest.Config{Family: family})
					config.OmitNUL = omit
					session := open(t, config)
					id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
					if family == gstatstest.OpenSpy || family == gstatstest.Original {
						id, err = session.Authenticate(t.Context(), bob)
					}
					require.NoError(t, err)
					slot := gstats.Slot{Profile: id, Type: gstats.Public, Index: 9}
					for _, values := range []map[string]string{{"clan": "A"}, {"wins": "8"}} {
						_, err := session.SetValues(t.Context(), slot, values)
						require.NoError(t, err)
					}
					data, err := session.Get(t.Context(), slot, "clan", "wins")
					require.NoError(t, err)
					want := map[string]string{"clan": "A", "wins": "8"}
					switch {
					case family == gstatstest.DWC && !omit:
						delete(want, "wins")
					case family == gstatstest.WFC: // the second write replaces all
						delete(want, "clan")
					}
					require.Equal(t, want, data.Values())
				})
			})
		}
	}
}

// What a server does not know, it does not answer, and the session can live with that: nothing else could be taken for its answer.
func TestWhatAServerDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, config := serve(t, gstatstest.Config{Family: gstatstest.WFC})
		session := open(t, config)
		id, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
		require.NoError(t, err)
		server.SetFaults(gstatstest.Faults{Mute: []string{"getpid", "authp"}})
		for range 3 {
			_, err = session.ProfileID(t.Context(), "ann", gstats.KeyHash("1234-5678"))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			_, err = session.Authenticate(t.Context(), gstats.CDKey{Nick: "ann", Key: "1234-5678"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		slot := gstats.Slot{Profile: id, Type: gstats.Public}
		_, err = session.Set(t.Context(), slot, []byte("still here"))
		require.NoError(t, err)
		data, err := session.Get(t.Context(), slot)
		require.NoError(t, err)
		require.Equal(t, "still here", string(data.Bytes))
	})
}

// Whoever sends something while a connection is given up learns why.
func TestTheReasonWhyAConnectionIsGivenUp(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			_, config := serve(t, gstatstest.Config{Family: gstatstest.KR4uzi})
			session := open(t, config)
			id, err := session.Authenticate(t.Context(), ann)
			require.NoError(t, err)
			slot := gstats.Slot{Profile: id, Type: gstats.Public}
			for range 2 {
				_, err = session.Get(t.Context(), slot)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			_, err = session.Set(t.Context(), slot, []byte("x"))
			require.ErrorIs(t, err, gstats.ErrProtocol)
			<-session.Done()
			require.ErrorIs(t, session.Err(), gstats.ErrProtocol)
		})
	}
}

// openspy closes the connection on whoever touches what is not theirs: the request says so itself, if it was the only one.
func TestARefusalThatEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := serve(t, gstatstest.Config{Family: gstatstest.OpenSpy})
		session := open(t, config)
		_, err := session.Authenticate(t.Context(), ann)
		require.NoError(t, err)
		_, err = session.Set(t.Context(), gstats.Slot{Profile: 20002, Type: gstats.Public}, []byte("x"))
		require.ErrorIs(t, err, gstats.ErrRefused)
		require.NotErrorIs(t, err, net.ErrClosed)
		failed, ok := errors.AsType[*gstats.Error](err)
		require.True(t, ok)
		require.True(t, failed.Refused)
		require.False(t, failed.Uncertain)
		require.NotZero(t, failed.Code)
		require.Contains(t, failed.Text, "not logged in")
		<-session.Done()
		require.ErrorIs(t, session.Err(), gstats.ErrRefused)
	})
}
