package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// Two players in a C program meet, one on a socket of its own and one on the library's.
func TestNatNegInC(t *testing.T) {
	matchup, err := natnegtest.New(natnegtest.Config{
		Listen: []string{"127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0", "127.0.0.1:0"},
	})
	require.NoError(t, err)
	defer matchup.Close()
	game := start(t, compiled(t, "natneg", sanitized...), matchup.Addrs()...)
	game.expect("connected")
	require.NotEmpty(t, game.expect("nat"))
	game.end()
}
