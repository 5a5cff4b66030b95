package steamdiscovery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// twoNamespaces are two machines, as far as the network is concerned, that nothing connects yet.
type twoNamespaces struct{ here, there string }

func newNamespaces(t *testing.T) twoNamespaces {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed (Debian: apt-get install iproute2)")
	}
	id := strconv.Itoa(os.Getpid()%100000) + "-" + strconv.FormatInt(time.Now().UnixNano()%1e6, 10)
	n := twoNamespaces{here: "rsd-a" + id, there: "rsd-b" + id}
	for _, namespace := range []string{n.here, n.there} {
		if output, err := exec.CommandContext(t.Context(), "ip", "netns", "add", namespace).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces here: %v: %s", err, output)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", namespace).Run() })
	}
	return n
}

func ip(t *testing.T, arguments ...string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "ip", arguments...).CombinedOutput()
	require.NoError(t, err, "ip %v: %s", arguments, output)
}

// plug lays a cable between the two; unplug takes it away, and the interfaces at its ends.
func (n twoNamespaces) plug(t *testing.T, cable int, here, there string) {
	t.Helper()
	a, b := fmt.Sprintf("rsa%d", cable), fmt.Sprintf("rsb%d", cable)
	ip(t, "link", "add", a, "netns", n.here, "type", "veth", "peer", "name", b, "netns", n.there)
	ip(t, "-n", n.here, "addr", "add", here, "brd", "+", "dev", a)
	ip(t, "-n", n.there, "addr", "add", there, "brd", "+", "dev", b)
	ip(t, "-n", n.here, "link", "set", a, "up")
	ip(t, "-n", n.there, "link", "set", b, "up")
}

func (n twoNamespaces) unplug(t *testing.T, cable int) {
	t.Helper()
	ip(t, "-n", n.here, "link", "del", fmt.Sprintf("rsa%d", cable))
}

// side is this test's binary in another role, in a namespace.
func side(t *testing.T, namespace, role string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), "ip", "netns", "exec", namespace, self)
	command.Env = append(os.Environ(), roleVariable+"="+role)
	command.Stderr = os.Stderr
	return command
}

// Real broadcasts on two real networks without a default route: a machine with two interfaces finds another one through
// both, and hears its goodbye. In network namespaces, so that nothing leaves this machine.
func TestNetworkNamespaces(t *testing.T) {
	t.Parallel() // it mostly waits
	n := newNamespaces(t)
	n.plug(t, 0, "192.0.2.1/24", "192.0.2.2/24")
	n.plug(t, 1, "198.51.100.129/26", "198.51.100.130/26")
	for _, role := range []string{"ask", "listen"} {
		t.Run(role, func(t *testing.T) {
			announcer := side(t, n.there, "announce")
			require.NoError(t, announcer.Start())
			output, err := side(t, n.here, role).Output()
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

// Cables are pulled and plugged while both sides run: the host is followed to the other network, is gone when there is none,
// and is found again; its goodbye goes to a network that was not there when it began.
func TestNetworksComeAndGo(t *testing.T) {
	t.Parallel()
	n := newNamespaces(t)
	n.plug(t, 0, "192.0.2.1/24", "192.0.2.2/24")
	announcer, discoverer := side(t, n.there, "stay"), side(t, n.here, "follow")
	leave, err := announcer.StdinPipe()
	require.NoError(t, err)
	output, err := discoverer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, announcer.Start())
	require.NoError(t, discoverer.Start())
	sightings := json.NewDecoder(output)
	next := func() (s sighting) {
		t.Helper()
		require.NoError(t, sightings.Decode(&s))
		return s
	}

	first := next()
	require.Equal(t, "appeared", first.Kind)
	require.Equal(t, []string{"192.0.2.2:27036"}, first.Addrs)

	n.plug(t, 1, "198.51.100.129/26", "198.51.100.130/26")
	n.unplug(t, 0)
	moved := next()
	require.Equal(t, "changed", moved.Kind)
	require.Contains(t, moved.Addrs, "198.51.100.130:27036")

	n.unplug(t, 1)
	lost := next()
	require.Equal(t, "silence", lost.Reason)
	require.Equal(t, steamdiscovery.DiscovererNoNetwork, lost.State.Step)

	n.plug(t, 2, "203.0.113.1/24", "203.0.113.2/24")
	back := next()
	require.Equal(t, "appeared", back.Kind)
	require.Equal(t, []string{"203.0.113.2:27036"}, back.Addrs)

	require.NoError(t, leave.Close())
	require.Equal(t, "offline", next().Reason)
	require.NoError(t, discoverer.Wait())
	require.NoError(t, announcer.Wait())
}
