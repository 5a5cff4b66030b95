// Package steamdiscovery_test tests the discovery of Steam clients, from the bytes to programs of others.
package steamdiscovery_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// requireRefused wants an error that says which message and which field.
func requireRefused(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	if errors.Is(err, steamdiscoverywire.ErrNotSteam) {
		return
	}
	refused, ok := errors.AsType[*steamdiscoverywire.Error](err)
	require.True(t, ok, "%T %v", err, err)
	require.NotEmpty(t, refused.Message)
	require.NotEmpty(t, refused.Field)
	require.NotEmpty(t, refused.Reason)
}
