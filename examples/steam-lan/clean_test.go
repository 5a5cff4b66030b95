package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// A stranger's name must not clear the screen or turn the line round.
func TestNamesPlayNoTricks(t *testing.T) {
	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{Hostname: "de\x1b[2Jn\u202e"})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for _, args := range [][]string{{"-for", "500ms"}, {"-diagnose", "-for", "500ms"}} {
		var stdout bytes.Buffer
		if status := run(t.Context(), append([]string{"discover", "-targets", peer.Addr().String()}, args...), &stdout, io.Discard); status != 0 {
			t.Errorf("status %d\n%q", status, &stdout)
		}
		if !strings.Contains(stdout.String(), "de\ufffd[2Jn") {
			t.Errorf("not found: %q", &stdout)
		}
		if strings.ContainsAny(stdout.String(), "\x1b\u202e") {
			t.Errorf("%q", &stdout)
		}
	}
}
