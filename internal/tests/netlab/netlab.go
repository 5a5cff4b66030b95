// Package netlab makes small networks of Linux network namespaces for tests: hosts, cables, a router with NAT rules, and
// programs inside. Nothing leaves the machine, and everything goes with the test. Only tests import it.
package netlab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/peers"
)

// Lab is a set of namespaces.
type Lab struct {
	t      testing.TB
	prefix string
}

// labs numbers the labs of a process: names of namespaces are the machine's.
var labs atomic.Int32

// New starts an empty lab. Without root, or where the kernel has no namespaces, the test is skipped, saying so.
func New(t testing.TB) *Lab {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("network namespaces are Linux's")
	}
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	peers.Program(t, "ip")
	return &Lab{t: t, prefix: "rl" + strconv.Itoa(os.Getpid()%100000) + "n" + strconv.Itoa(int(labs.Add(1))) + "-"}
}

// Name is the machine-wide name of a host.
func (l *Lab) Name(host string) string { return l.prefix + host }

// Host adds hosts: namespaces with their loopback interface up and no IPv6, which would only send packets of its own.
func (l *Lab) Host(hosts ...string) {
	l.t.Helper()
	for _, host := range hosts {
		if output, err := exec.CommandContext(l.t.Context(), "ip", "netns", "add", l.Name(host)).CombinedOutput(); err != nil {
			l.t.Skipf("no network namespaces here: %v: %s", err, output)
		}
		l.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", l.Name(host)).Run() })
		l.Run(host, "ip", "link", "set", "lo", "up")
		l.Set(host, "net/ipv6/conf/all/disable_ipv6", "1")
		l.Set(host, "net/ipv4/conf/all/rp_filter", "0")
		l.Set(host, "net/ipv4/conf/default/rp_filter", "0")
	}
}

// Cable connects two hosts by an interface each, with an address and its network; "" is none.
func (l *Lab) Cable(a, aInterface, aAddr, b, bInterface, bAddr string) {
	l.t.Helper()
	l.ip("link", "add", aInterface, "netns", l.Name(a), "type", "veth", "peer", "name", bInterface, "netns", l.Name(b))
	for _, end := range [][3]string{{a, aInterface, aAddr}, {b, bInterface, bAddr}} {
		if end[2] != "" {
			l.Run(end[0], "ip", "addr", "add", end[2], "brd", "+", "dev", end[1])
		}
		l.Run(end[0], "ip", "link", "set", end[1], "up")
	}
}

// Set sets a kernel parameter of a host; one that this kernel does not have is left alone.
func (l *Lab) Set(host, parameter, value string) {
	l.t.Helper()
	path := "/proc/sys/" + parameter
	l.Run(host, "sh", "-c", "[ ! -e "+path+" ] || echo "+value+" >"+path)
}

// Rules loads a ruleset into a router's nft.
func (l *Lab) Rules(host, rules string) {
	l.t.Helper()
	nft := peers.Program(l.t, "nft")
	command := l.Command(l.t.Context(), host, nft, "-f", "-")
	command.Stdin = strings.NewReader(rules)
	output, err := command.CombinedOutput()
	require.NoError(l.t, err, "nft: %s", output)
}

// Run runs a program on a host to its end, and gives what it printed.
func (l *Lab) Run(host string, arguments ...string) string {
	l.t.Helper()
	output, err := l.Command(l.t.Context(), host, arguments...).CombinedOutput()
	require.NoError(l.t, err, "%v: %s", arguments, output)
	return string(output)
}

// Command is a program on a host, not yet started.
func (l *Lab) Command(ctx context.Context, host string, arguments ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.Name(host)}, arguments...)...)
}

// Daemon starts a program on a host and waits until it has logged a text. It ends with the test, or by stop, and is killed
// if it does not hear.
func (l *Lab) Daemon(host, ready string, arguments ...string) (stop func()) {
	l.t.Helper()
	log, err := os.Create(filepath.Join(l.t.TempDir(), filepath.Base(arguments[0])+".log"))
	require.NoError(l.t, err)
	// Not with the test's context, which would kill it before it can clean up.
	command := l.Command(context.Background(), host, arguments...)
	command.Stdout, command.Stderr = log, log
	require.NoError(l.t, command.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	stop = func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
		_ = log.Close()
	}
	l.t.Cleanup(stop)
	var said []byte
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(string(said), ready); {
		require.True(l.t, time.Now().Before(deadline), "%s did not start: %s", arguments[0], said)
		select {
		case <-ended:
			require.Fail(l.t, "it has ended", "%s: %s", arguments[0], said)
		case <-time.After(10 * time.Millisecond):
		}
		said, err = os.ReadFile(log.Name())
		require.NoError(l.t, err)
	}
	return stop
}

func (l *Lab) ip(arguments ...string) {
	l.t.Helper()
	output, err := exec.CommandContext(l.t.Context(), "ip", arguments...).CombinedOutput()
	require.NoError(l.t, err, "ip %v: %s", arguments, output)
}
