package steamdiscovery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Real broadcasts on two real networks without a default route: a machine with two interfaces finds another one through
// both, and hears its goodbye. In network namespaces, so that nothing leaves this machine.
func TestNetworkNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed (Debian: apt-get install iproute2)")
	}
	id := strconv.Itoa(os.Getpid() % 100000)
	here, there := "rsd-a"+id, "rsd-b"+id
	for _, namespace := range []string{here, there} {
		if output, err := exec.CommandContext(t.Context(), "ip", "netns", "add", namespace).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces here: %v: %s", err, output)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", namespace).Run() })
	}
	ip := func(arguments ...string) {
		t.Helper()
		output, err := exec.CommandContext(t.Context(), "ip", arguments...).CombinedOutput()
		require.NoError(t, err, "ip %v: %s", arguments, output)
	}
	for i, network := range []struct{ here, there string }{{"192.0.2.1/24", "192.0.2.2/24"}, {"198.51.100.129/26", "198.51.100.130/26"}} {
		a, b := fmt.Sprintf("rsa%d", i), fmt.Sprintf("rsb%d", i)
		ip("link", "add", a, "netns", here, "type", "veth", "peer", "name", b, "netns", there)
		ip("-n", here, "addr", "add", network.here, "brd", "+", "dev", a)
		ip("-n", there, "addr", "add", network.there, "brd", "+", "dev", b)
		ip("-n", here, "link", "set", a, "up")
		ip("-n", there, "link", "set", b, "up")
	}

	for _, role := range []string{"ask", "listen"} {
		t.Run(role, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			side := func(namespace, role string) *exec.Cmd {
				command := exec.CommandContext(t.Context(), "ip", "netns", "exec", namespace, self)
				command.Env = append(os.Environ(), roleVariable+"="+role)
				command.Stderr = os.Stderr
				return command
			}
			announcer := side(there, "announce")
			require.NoError(t, announcer.Start())
			output, err := side(here, role).Output()
			require.NoError(t, err)
			require.NoError(t, announcer.Wait())

			var first, last sighting
			decoder := json.NewDecoder(bytes.NewReader(output))
			require.NoError(t, decoder.Decode(&first))
			for last = first; decoder.More(); {
				last = sighting{}
				require.NoError(t, decoder.Decode(&last))
			}
			require.Equal(t, "appeared", first.Kind)
			require.Equal(t, "other side", first.Name)
			require.Equal(t, "gone", last.Kind)
			require.Equal(t, "offline", last.Reason)
			require.ElementsMatch(t, []string{"192.0.2.2:27036", "198.51.100.130:27036"}, last.Addrs)
			require.Len(t, last.State.Sockets, 2)
			require.Len(t, last.State.Targets, 4)
			require.Zero(t, last.State.Counters.SendFailed)
		})
	}
}
