package portmap_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/netlab"
	"github.com/relight-sdk/relight/internal/tests/peers"
	"github.com/relight-sdk/relight/natneg/portmap"
)

// home is a home network with a real router: Linux' masquerading and miniupnpd, in network namespaces.
//
//	inside 192.168.1.11 --- 192.168.1.1 router 20.20.20.11 --- 20.20.20.50 outside
type home struct {
	t      *testing.T
	lab    *netlab.Lab
	leases string
	stop   func() // the daemon
}

// The rules that miniupnpd's nftables backend fills are its own table; the home's NAT is another. The public network is
// none of the documentation's, for which miniupnpd opens no ports (spec portmap.md §3).
const upnpTable = `
table inet miniupnpd {
	chain forward { type filter hook forward priority -10; policy accept; jump miniupnpd; }
	chain miniupnpd { }
	chain prerouting { type nat hook prerouting priority -110; policy accept; jump prerouting_miniupnpd; }
	chain prerouting_miniupnpd { }
	chain postrouting { type nat hook postrouting priority 90; policy accept; jump postrouting_miniupnpd; }
	chain postrouting_miniupnpd { }
}
`

const homeNAT = `
table ip home {
	chain post { type nat hook postrouting priority srcnat; policy accept; oifname "wan" masquerade; }
	chain forw {
		type filter hook forward priority 0; policy accept;
		iifname "wan" ct state established,related accept
		iifname "wan" ct status dnat accept
		iifname "wan" drop
	}
}
`

func newHome(t *testing.T, wan string) *home {
	lab := netlab.New(t)
	peers.Program(t, "nft")
	peers.Program(t, "miniupnpd")
	lab.Host("inside", "router", "outside")
	lab.Cable("inside", "eth0", "192.168.1.11/24", "router", "lan", "192.168.1.1/24")
	lab.Cable("router", "wan", wan+"/24", "outside", "eth0", "20.20.20.50/24")
	lab.Run("inside", "ip", "route", "add", "default", "via", "192.168.1.1")
	lab.Set("router", "net/ipv4/ip_forward", "1")
	lab.Rules("router", homeNAT)
	h := &home{t: t, lab: lab, leases: filepath.Join(t.TempDir(), "leases")}
	h.boot(5000, "")
	return h
}

// boot starts the router's daemon, as after switching it on: it knows of no mappings.
func (h *home) boot(port int, more string) {
	h.t.Helper()
	h.lab.Rules("router", "table inet miniupnpd\ndelete table inet miniupnpd\n"+upnpTable)
	require.NoError(h.t, os.WriteFile(h.leases, nil, 0o600))
	program := peers.Program(h.t, "miniupnpd")
	binary, err := os.ReadFile(program)
	require.NoError(h.t, err)
	switchName := "enable_natpmp"
	if bytes.Contains(binary, []byte("enable_pcp_pmp")) {
		switchName = "enable_pcp_pmp" // newer versions
	}
	config := filepath.Join(h.t.TempDir(), "miniupnpd.conf")
	require.NoError(h.t, os.WriteFile(config, fmt.Appendf(nil, `ext_ifname=wan
listening_ip=lan
port=%d
enable_upnp=yes
%s=yes
min_lifetime=1
secure_mode=yes
system_uptime=no
notify_interval=60
clean_ruleset_interval=1
uuid=00000000-0000-4000-8000-00000000000a
lease_file=%s
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
%sallow 1-65535 192.168.1.0/24 1-65535
deny 0-65535 0.0.0.0/0 0-65535
`, port, switchName, h.leases, more), 0o600))
	h.stop = h.lab.Daemon("router", "Listening for NAT-PMP/PCP traffic", program, "-d", "-f", config, "-P", filepath.Join(h.t.TempDir(), "pid"))
}

// open reports whether the router's firewall leads a port inside.
func (h *home) open(port int) bool {
	return strings.Contains(h.lab.Run("router", "nft", "list", "chain", "inet", "miniupnpd", "prerouting_miniupnpd"), "dport "+strconv.Itoa(port)+" ")
}

// noRaceWait spares the second that a program with the race detector waits before it exits.
const noRaceWait = "GORACE=atexit_sleep_ms=0"

// server is a game server inside.
type server struct {
	t       *testing.T
	port    int
	command *exec.Cmd
	input   io.Closer
	lines   chan report
}

func (h *home) serve(protocol portmap.Protocol, lease time.Duration) *server {
	h.t.Helper()
	self, err := os.Executable()
	require.NoError(h.t, err)
	command := h.lab.Command(h.t.Context(), "inside", self)
	port := gamePort + int(protocol)
	command.Env = append(os.Environ(), noRaceWait, roleVariable+"=server", portVariable+"="+strconv.Itoa(port), protocolVariable+"="+strconv.Itoa(int(protocol)), leaseVariable+"="+strconv.Itoa(int(lease.Seconds())))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	require.NoError(h.t, err)
	output, err := command.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, command.Start())
	s := &server{t: h.t, port: port, command: command, input: input, lines: make(chan report, 1000)}
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			var line report
			if json.Unmarshal(lines.Bytes(), &line) == nil {
				s.lines <- line
			}
		}
	}()
	h.t.Cleanup(s.kill)
	return s
}

// until waits for a line.
func (s *server) until(what string, want func(report) bool) report {
	s.t.Helper()
	last := report{}
	for {
		select {
		case line, ok := <-s.lines:
			require.True(s.t, ok, "the server ended without: %s (last: %+v)", what, last)
			if want(line) {
				return line
			}
			last = line
		case <-time.After(30 * time.Second):
			require.Fail(s.t, "missing", "%s (last: %+v)", what, last)
		}
	}
}

// kill ends the server as kill -9 does: it can say nothing any more.
func (s *server) kill() {
	_ = s.command.Process.Kill()
	for range s.lines {
	}
	_ = s.command.Wait()
}

// exit ends it as its user would.
func (s *server) exit() {
	s.t.Helper()
	require.NoError(s.t, s.input.Close())
	s.until("closed", func(r report) bool { return r.Step == portmap.StepClosed && r.Err == "" })
	for range s.lines {
	}
	require.NoError(s.t, s.command.Wait())
}

// knock sends a datagram from outside to the public address, and sees it come inside.
func (h *home) knock(s *server, external string) {
	h.t.Helper()
	self, err := os.Executable()
	require.NoError(h.t, err)
	command := h.lab.Command(h.t.Context(), "outside", self)
	command.Env = append(os.Environ(), noRaceWait, roleVariable+"=send", targetVariable+"="+external)
	output, err := command.CombinedOutput()
	require.NoError(h.t, err, "%s", output)
	s.until("a datagram from outside", func(r report) bool { return r.Got == "knock from 20.20.20.50" })
}

func isOpen(r report) bool { return r.Step == portmap.StepOpen && r.External != "" && r.Got == "" }

// gamePort is the port of the server that tries all protocols; those of one protocol have the next ones.
const gamePort = 6500

// of is the home in a test below the one that made it.
func (h *home) of(t *testing.T) *home { return &home{t: t, lab: h.lab} }

// each runs a test for every protocol, at the same time.
func (h *home) each(test func(t *testing.T, protocol portmap.Protocol)) {
	h.t.Run("each", func(t *testing.T) {
		for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
			t.Run(protocol.String(), func(t *testing.T) {
				t.Parallel()
				test(t, protocol)
			})
		}
	})
}

// A real router opens the port in each protocol, a datagram from outside arrives, and Close shuts it.
func TestMiniupnpd(t *testing.T) {
	t.Parallel() // it mostly waits
	h := newHome(t, "20.20.20.11")
	run := func(t *testing.T, protocol portmap.Protocol) {
		s := h.of(t).serve(protocol, time.Hour)
		line := s.until("open", isOpen)
		require.Equal(t, "20.20.20.11:"+strconv.Itoa(s.port), line.External)
		require.Equal(t, "192.168.1.1", line.Router)
		if protocol != 0 { // else the first to answer, for PCP, which is preferred, may be late on a busy machine
			require.Equal(t, protocol, line.Protocol)
		}
		t.Logf("open by %v after %d ms", line.Protocol, line.Millis)
		require.True(t, h.open(s.port))
		h.of(t).knock(s, line.External)
		s.exit()
		require.False(t, h.open(s.port))
	}
	t.Run("all", func(t *testing.T) { run(t, 0) })
	h.each(run)
}

// After kill -9 the port closes when the lease ends; before, while the server lived, it was renewed for longer than that.
func TestMiniupnpdKilled(t *testing.T) {
	t.Parallel() // it mostly waits
	h := newHome(t, "20.20.20.11")
	var servers []*server
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		servers = append(servers, h.serve(protocol, 4*time.Second))
	}
	for _, s := range servers {
		s.until("renewed", func(r report) bool { return isOpen(r) && r.Renewed >= 1 })
	}
	for _, s := range servers {
		s.kill()
	}
	killed := time.Now()
	for _, s := range servers {
		require.True(t, h.open(s.port), "nobody has closed it")
	}
	for _, s := range servers {
		require.Eventually(t, func() bool { return !h.open(s.port) }, 20*time.Second, 50*time.Millisecond)
	}
	t.Logf("closed %v after the kill, with a lease of 4 s", time.Since(killed).Round(time.Millisecond))
}

// The router loses its power, and comes back without its mappings, and with its UPnP on another port.
func TestMiniupnpdRestart(t *testing.T) {
	t.Parallel() // it mostly waits
	h := newHome(t, "20.20.20.11")
	var servers []*server
	for _, protocol := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		s := h.serve(protocol, time.Hour)
		s.until("open", isOpen)
		servers = append(servers, s)
	}
	h.stop()
	h.boot(5001, "")
	for _, s := range servers {
		line := s.until("restored", func(r report) bool { return isOpen(r) && r.Restored >= 1 })
		t.Logf("%v: restored after %d ms", line.Protocol, line.Millis)
		require.Equal(t, "20.20.20.11:"+strconv.Itoa(s.port), line.External)
		require.True(t, h.open(s.port))
		h.knock(s, line.External)
		s.exit()
		require.False(t, h.open(s.port))
	}
}

// Behind another NAT miniupnpd opens no port, and says so in other words in each protocol. PCP alone says "no resources",
// which may mean anything.
func TestMiniupnpdDoubleNAT(t *testing.T) {
	t.Parallel() // it mostly waits
	h := newHome(t, "100.64.1.2")
	for protocol, want := range map[portmap.Protocol]string{portmap.PCP: "refused", portmap.NATPMP: "not connected", portmap.UPnP: "not connected", 0: "not connected"} {
		t.Run(protocol.String(), func(t *testing.T) {
			s := h.of(t).serve(protocol, time.Hour)
			line := s.until("refused", func(r report) bool { return r.Kind != "" })
			require.Contains(t, line.Kind, want)
			t.Log(line.Err)
			s.kill()
		})
	}
}
