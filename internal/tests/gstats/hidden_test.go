package gstats_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// requireHidden requires that no way to print a value shows a secret.
func requireHidden(t *testing.T, value any, secrets []string) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
	printed := log.String() + fmt.Sprintf("%v %+v %#v %s %q %d %x", value, value, value, value, value, value, value)
	b, err := json.Marshal(value)
	require.NoError(t, err)
	printed += string(b)
	for _, secret := range secrets {
		require.NotContains(t, printed, secret)
		require.NotContains(t, printed, fmt.Sprintf("%x", secret))
	}
}

// The log of everything that goes over the wire shows no secret either.
func TestTheLogHidesSecrets(t *testing.T) {
	var log bytes.Buffer
	_, config := serve(t, gstatstest.Config{})
	config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	session := authenticated(t, config)
	response := gstats.PlayerResponse("apple", session.Challenge())
	_, err := session.Authenticate(t.Context(), gstats.CDKey{Nick: "ann", Key: "1234-5678"})
	require.NoError(t, err)
	_, err = session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
	require.NoError(t, err)
	_, err = session.SetValues(t.Context(), public, map[string]string{"clan": "A-Team"})
	require.NoError(t, err)
	require.NoError(t, session.Close())
	for _, hidden := range []string{"apple", response, gstats.KeyHash("1234-5678"), "NDSbob", secretKey} {
		require.NotContains(t, log.String(), hidden)
	}
	for _, shown := range []string{"authp", "setpd", "A-Team", "gmtest", "connected"} {
		require.Contains(t, log.String(), shown)
	}
}
