package sb_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// twoNamespaces makes two machines, as far as the network is concerned, with two networks between them and no default
// route. Nothing leaves this machine.
func twoNamespaces(t *testing.T) (here, there string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed (Debian: apt-get install iproute2)")
	}
	id := strconv.Itoa(os.Getpid()%100000) + "-" + strconv.FormatInt(time.Now().UnixNano()%1e6, 10)
	here, there = "rsb-a"+id, "rsb-b"+id
	ip := func(arguments ...string) ([]byte, error) {
		return exec.CommandContext(t.Context(), "ip", arguments...).CombinedOutput()
	}
	for _, namespace := range []string{here, there} {
		if output, err := ip("netns", "add", namespace); err != nil {
			t.Skipf("no network namespaces here: %v: %s", err, output)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", namespace).Run() })
	}
	for i, addrs := range [][2]string{{"192.0.2.1/24", "192.0.2.2/24"}, {"198.51.100.129/26", "198.51.100.130/26"}} {
		a, b := fmt.Sprintf("rba%d", i), fmt.Sprintf("rbb%d", i)
		for _, arguments := range [][]string{
			{"link", "add", a, "netns", here, "type", "veth", "peer", "name", b, "netns", there},
			{"-n", here, "addr", "add", addrs[0], "brd", "+", "dev", a}, {"-n", there, "addr", "add", addrs[1], "brd", "+", "dev", b},
			{"-n", here, "link", "set", a, "up"}, {"-n", there, "link", "set", b, "up"},
		} {
			output, err := ip(arguments...)
			require.NoError(t, err, "ip %v: %s", arguments, output)
		}
	}
	return here, there
}

// in runs this test's binary in another role, in a namespace.
func in(t *testing.T, namespace, role string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), "ip", "netns", "exec", namespace, self)
	command.Env = append(os.Environ(), roleVariable+"="+role)
	return command
}

func sights(t *testing.T, output []byte) map[string]seen {
	t.Helper()
	found := make(map[string]seen)
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
		var s seen
		require.NoError(t, decoder.Decode(&s))
		require.NotContains(t, found, s.Addr, "each address once")
		found[s.Addr] = s
	}
	return found
}

// Real broadcasts on two real networks: servers of both protocols are found through both.
func TestLANInNamespaces(t *testing.T) {
	t.Parallel()
	here, there := twoNamespaces(t)
	host := in(t, there, "serve")
	stdin, err := host.StdinPipe()
	require.NoError(t, err)
	stdout, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	search := in(t, here, "search")
	search.Stderr = os.Stderr
	output, err := search.Output()
	require.NoError(t, err)
	found := sights(t, output)
	require.Len(t, found, 4)
	for _, ip := range []string{"192.0.2.2", "198.51.100.130"} {
		recent, old := found[ip+":6501"], found[ip+":6502"]
		require.Equal(t, seen{Addr: ip + ":6501", Name: "New", Protocol: "QR2", Players: 2, Ping: recent.Ping}, recent)
		require.Equal(t, seen{Addr: ip + ":6502", Name: "Old", Protocol: "QR1", Players: 3, Ping: old.Ping}, old)
		require.NotZero(t, recent.Ping)
		require.NotZero(t, old.Ping)
	}
	require.NoError(t, stdin.Close())
	require.NoError(t, host.Wait())
}

// ICMP echoes, where the system allows them and where it does not.
func TestICMPInNamespaces(t *testing.T) {
	t.Parallel()
	here, _ := twoNamespaces(t)
	allow := func(groups string) {
		command := exec.CommandContext(t.Context(), "ip", "netns", "exec", here, "sh", "-c", "echo '"+groups+"' >/proc/sys/net/ipv4/ping_group_range")
		if output, err := command.CombinedOutput(); err != nil {
			t.Skipf("net.ipv4.ping_group_range cannot be set: %v: %s", err, output)
		}
	}
	allow("0 2147483647")
	output, err := in(t, here, "ping").Output()
	require.NoError(t, err)
	found := sights(t, output)
	require.Len(t, found, 4)
	for addr, s := range found {
		if addr == "192.0.2.77:1" {
			require.Contains(t, s.Error, "does not answer")
			continue
		}
		require.Empty(t, s.Error, addr)
		require.NotZero(t, s.Ping, addr)
	}
	allow("1 0")
	_, err = in(t, here, "ping").Output()
	failure, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, string(failure.Stderr), "not available")
	require.Contains(t, string(failure.Stderr), "ping_group_range")
}
