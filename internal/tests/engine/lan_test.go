package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// A C program finds a Steam client, sees it change and go, and is found itself.
func TestLANInC(t *testing.T) {
	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{
		Hostname: "living-room", ClientID: 42, InstanceID: 1, OS: int32(steamdiscovery.OSLinux6), Services: uint32(steamdiscovery.ServiceGameStreaming),
	})
	require.NoError(t, err)
	defer peer.Close()
	game := start(t, compiled(t, "lan", sanitized...), peer.Addr().String())
	require.Equal(t, "living-room", game.expect("appeared"))
	peer.Change(func(c *steamdiscoverytest.Config) { c.Hostname = "kitchen" })
	game.expect("changed")
	peer.Change(func(c *steamdiscoverytest.Config) { c.Silent = true })
	game.expect("gone")
	game.end()
}
