package natneg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// netlab is two homes with routers, three matchup servers and two machines with public addresses, each a network namespace
// of this kernel, whose own NAT is under test:
//
//	a1, a2 192.168.1.11, .12 -- ra 198.51.100.11 --+--- oa 198.51.100.21, ob .22
//	b1     192.168.2.11      -- rb 198.51.100.12 --+--- nn 198.51.100.101 to .104
//
// Nothing outside of the namespaces is changed, and they go with the test.
type netlab struct {
	t      testing.TB
	prefix string
	server *natnegtest.Server
	link   atomic.Pointer[link]
	nats   map[string]string // kind by router
	first  int               // of the ports that a sequential NAT counts; the kernel remembers those of the one before

	mu    sync.Mutex
	wires map[string]*wire

	patience time.Duration // Config.ConnectTimeout and PingTimeout
}

// link is how bad the way of each socket to the others is. The kernel may have no netem, so that the sockets do it.
type link struct {
	delay time.Duration
	loss  float64
}

const (
	labLAN    = "192.168.%d"
	labPublic = "198.51.100"
)

// needLab skips where a lab cannot be built.
func needLab(t testing.TB) {
	t.Helper()
	var why string
	switch _, err := exec.LookPath("nft"); {
	case os.Geteuid() != 0:
		why = "network namespaces need root"
	case err != nil:
		why = "nft is not installed (Debian: nftables)"
	default:
		name := fmt.Sprintf("rl%d-try", os.Getpid())
		out, err := exec.Command("ip", "netns", "add", name).CombinedOutput()
		if err != nil {
			why = fmt.Sprintf("no network namespaces here: %v: %s", err, out)
			break
		}
		out, err = exec.Command("ip", "netns", "exec", name, "nft", "add table ip try; add chain ip try post { type nat hook postrouting priority 100; }; add rule ip try post masquerade").CombinedOutput()
		_ = exec.Command("ip", "netns", "del", name).Run()
		if err != nil {
			why = fmt.Sprintf("this kernel does no NAT in a namespace: %v: %s", err, out)
		}
	}
	switch {
	case why == "":
	case os.Getenv("CI") != "" && os.Geteuid() == 0:
		t.Fatal(why)
	default:
		t.Skip(why)
	}
}

// newNetlab builds one. Several may exist at a time.
func newNetlab(t testing.TB, number int) *netlab {
	t.Helper()
	l := &netlab{t: t, nats: make(map[string]string), wires: make(map[string]*wire), prefix: fmt.Sprintf("rl%d-%d-", os.Getpid(), number)}
	l.link.Store(new(link))
	names := []string{"pub", "nn", "oa", "ob", "ra", "rb", "a1", "a2", "b1"}
	t.Cleanup(func() {
		for _, name := range names {
			_ = exec.Command("ip", "netns", "del", l.prefix+name).Run()
		}
	})
	for _, name := range names {
		run(t, "ip", "netns", "add", l.prefix+name)
		l.in(name, "ip link set lo up")
	}
	l.in("pub", "ip link add br0 type bridge")
	l.in("pub", "ip link set br0 up")
	for name, addresses := range map[string][]string{"nn": {"101", "102", "103", "104"}, "oa": {"21"}, "ob": {"22"}, "ra": {"11"}, "rb": {"12"}} {
		l.cable(name, "wan", "pub", "p-"+name)
		l.in("pub", "ip link set p-"+name+" master br0")
		for _, address := range addresses {
			l.in(name, "ip addr add "+labPublic+"."+address+"/24 dev wan")
		}
	}
	for router, hosts := range map[string][]string{"ra": {"a1", "a2"}, "rb": {"b1"}} {
		lan := l.lan(router)
		for _, setting := range []string{"net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0"} {
			l.in(router, "sysctl -qw "+setting)
		}
		// With bridge-nf, a packet that turns around in the router would be switched and not translated.
		_ = exec.Command("ip", "netns", "exec", l.prefix+router, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0").Run()
		l.in(router, "ip link add lan type bridge")
		l.in(router, "ip link set lan up")
		l.in(router, "ip addr add "+lan+".1/24 dev lan")
		for i, host := range hosts {
			port := fmt.Sprintf("l%d", i)
			l.cable(host, "eth0", router, port)
			l.in(router, "ip link set "+port+" master lan")
			l.in(host, fmt.Sprintf("ip addr add %s.%d/24 dev eth0", lan, 11+i))
			l.in(host, "ip route add default via "+lan+".1")
		}
	}
	config := natnegtest.Config{}
	for i, address := range []string{"101", "102", "103", "104", "101"} {
		port := 27901
		if i >= natnegtest.Probe1 {
			port = 30695
		}
		config.Conns = append(config.Conns, l.listen("nn", labPublic+"."+address, port))
	}
	server, err := natnegtest.New(config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	l.server = server
	return l
}

func (l *netlab) lan(router string) string {
	return fmt.Sprintf(labLAN, map[string]int{"ra": 1, "rb": 2}[router])
}

func (l *netlab) cable(a, deviceA, b, deviceB string) {
	l.t.Helper()
	run(l.t, "ip", "link", "add", deviceA, "netns", l.prefix+a, "type", "veth", "peer", "name", deviceB, "netns", l.prefix+b)
	l.in(a, "ip link set "+deviceA+" up")
	l.in(b, "ip link set "+deviceB+" up")
}

// in runs a command in a namespace.
func (l *netlab) in(name, command string) {
	l.t.Helper()
	run(l.t, "ip", append([]string{"netns", "exec", l.prefix + name}, strings.Fields(command)...)...)
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
}

// nat makes a router behave.
func (l *netlab) nat(router string, kind natKind) {
	l.t.Helper()
	if l.nats[router] == kind.name {
		return
	}
	l.nats[router] = kind.name
	l.first = (l.first + sequentialPorts) % 50000
	public := labPublic + map[string]string{"ra": ".11", "rb": ".12"}[router]
	command := exec.Command("ip", "netns", "exec", l.prefix+router, "nft", "-f", "-")
	command.Stdin = strings.NewReader(ruleset(kind, public, l.lan(router)+".0/24", 10000+l.first))
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	require.NoError(l.t, command.Run(), "%s: %s", kind.name, out.String())
}

const sequentialPorts = 2000

// ruleset is a kind of NAT for nftables. The kernel itself has the port-restricted and the symmetric ones; the others let in,
// by a map from outside ports to inside addresses that outgoing packets fill, who would be kept out.
func ruleset(kind natKind, public, lan string, first int) string {
	c := kind.config
	var b strings.Builder
	b.WriteString("table ip relight\ndelete table ip relight\ntable ip relight {\n")
	b.WriteString("map inside { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; }\n")
	b.WriteString("set seen { type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s; }\n")
	snat := "snat to " + public
	switch c.Ports {
	case natnegtest.PortsSequential:
		ports := make([]string, sequentialPorts)
		for i := range ports {
			ports[i] = fmt.Sprintf("%d : %d", i+1, first+i)
		}
		// A number used as a port directly comes out in the wrong byte order.
		fmt.Fprintf(&b, "map ports { type mark : inet_service; elements = { %s }; }\n", strings.Join(ports, ", "))
		snat = fmt.Sprintf("meta mark set numgen inc mod %d offset 1 snat to %s : meta mark map @ports", len(ports), public)
	case natnegtest.PortsRandom:
		snat = "masquerade fully-random"
	}
	b.WriteString("chain pre { type nat hook prerouting priority dstnat; policy accept;\n")
	in := map[natnegtest.Dependency]string{
		natnegtest.EndpointIndependent: "iifname %q ip daddr " + public + " meta l4proto udp dnat ip to udp dport map @inside\n",
		natnegtest.AddressDependent:    "iifname %q ip daddr " + public + " udp dport . ip saddr @seen dnat ip to udp dport map @inside\n",
	}[c.Filtering]
	if in != "" {
		fmt.Fprintf(&b, in, "wan")
	}
	if c.Hairpin {
		fmt.Fprintf(&b, "iifname %q ip daddr "+public+" meta l4proto udp dnat ip to udp dport map @inside\n", "lan")
	}
	b.WriteString("}\nchain post { type nat hook postrouting priority srcnat; policy accept;\n")
	fmt.Fprintf(&b, "oifname \"wan\" ip saddr %s meta l4proto udp %s\n", lan, snat)
	if c.Hairpin {
		fmt.Fprintf(&b, "iifname \"lan\" oifname \"lan\" ct status dnat snat to %s\n", public)
	}
	b.WriteString("}\nchain learn { type filter hook postrouting priority 300; policy accept;\n")
	// Behind the translation: the source port is the outside one.
	b.WriteString("iifname \"lan\" oifname \"wan\" meta l4proto udp ct direction original update @inside { udp sport : ct original ip saddr . ct original proto-src }\n")
	b.WriteString("iifname \"lan\" oifname \"wan\" meta l4proto udp ct direction reply update @inside { udp sport : ct reply ip saddr . ct reply proto-src }\n")
	b.WriteString("iifname \"lan\" oifname \"wan\" meta l4proto udp update @seen { udp sport . ip daddr }\n")
	b.WriteString("}\nchain input { type filter hook input priority 0; policy accept;\n")
	if !kind.accepts {
		b.WriteString("iifname \"wan\" ct state established,related accept\niifname \"wan\" meta l4proto udp drop\n")
	}
	fmt.Fprintf(&b, "iifname \"lan\" ip daddr %s meta l4proto udp drop\n", public)
	b.WriteString("}\nchain forw { type filter hook forward priority 0; policy accept;\n")
	b.WriteString("iifname \"wan\" ct state established,related accept\niifname \"wan\" ct status dnat accept\niifname \"wan\" drop\n")
	if c.Blocked {
		b.WriteString("oifname \"wan\" meta l4proto udp " + map[bool]string{false: "drop", true: "reject"}[kind.rejects] + "\n")
	}
	b.WriteString("}\n}\n")
	return b.String()
}

// setns is the number of the system call, which package syscall does not know.
var setns = map[string]uintptr{"amd64": 308, "arm64": 268, "386": 346}

// listen opens a socket in a namespace; it stays there.
func (l *netlab) listen(name, ip string, port int) net.PacketConn {
	l.t.Helper()
	conn, err := listenIn(l.prefix+name, netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port)))
	// A socket that was closed lives on in a program that another test is just starting, until that runs.
	for tries := 0; errors.Is(err, syscall.EADDRINUSE) && tries < 500; tries++ {
		<-time.After(10 * time.Millisecond)
		conn, err = listenIn(l.prefix+name, netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port)))
	}
	require.NoError(l.t, err)
	return &linkConn{UDPConn: conn, lab: l, wire: l.wire(name)}
}

// wire is the way out of a machine.
func (l *netlab) wire(name string) *wire {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wires[name] == nil {
		l.wires[name] = new(wire)
	}
	return l.wires[name]
}

func listenIn(namespace string, addr netip.AddrPort) (conn *net.UDPConn, err error) {
	var wait sync.WaitGroup
	wait.Go(func() {
		// Without an unlock, the thread ends with the goroutine, and with it what it was moved to.
		runtime.LockOSThread()
		var file *os.File
		if file, err = os.Open("/run/netns/" + namespace); err != nil {
			return
		}
		defer file.Close()
		if _, _, number := syscall.Syscall(setns[runtime.GOARCH], file.Fd(), syscall.CLONE_NEWNET, 0); number != 0 {
			err = os.NewSyscallError("setns", number)
			return
		}
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	})
	wait.Wait()
	return conn, err
}

// linkConn delays what is sent, and loses what comes, as if on the way between the routers.
type linkConn struct {
	*net.UDPConn
	lab  *netlab
	wire *wire
}

// wire keeps what the sockets of a machine send in order: a NAT that counts gives the first packet the first port.
type wire struct {
	mu   sync.Mutex
	held []heldPacket
}

type heldPacket struct {
	conn *net.UDPConn
	b    []byte
	to   netip.AddrPort
}

// WriteTo implements net.PacketConn.
func (c *linkConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.WriteToUDPAddrPort(b, to.(*net.UDPAddr).AddrPort())
}

// WriteToUDPAddrPort is what udpmux prefers.
func (c *linkConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if c.lab.link.Load().delay == 0 {
		return c.UDPConn.WriteToUDPAddrPort(b, to)
	}
	w := c.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, heldPacket{c.UDPConn, slices.Clone(b), to})
	time.AfterFunc(c.lab.link.Load().delay, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		_, _ = w.held[0].conn.WriteToUDPAddrPort(w.held[0].b, w.held[0].to)
		w.held = w.held[1:]
	})
	return len(b), nil
}

// ReadFrom implements net.PacketConn.
func (c *linkConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort is what udpmux prefers.
func (c *linkConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := c.UDPConn.ReadFromUDPAddrPort(b)
		if err != nil || rand.Float64() >= c.lab.link.Load().loss {
			return n, from, err
		}
	}
}

// player is one side: on which machine, with a game's own socket or without.
func (l *netlab) player(name string, game bool) player {
	ip := map[string]string{"oa": labPublic + ".21", "ob": labPublic + ".22", "a1": "192.168.1.11", "a2": "192.168.1.12", "b1": "192.168.2.11"}[name]
	p := player{config: natneg.Config{
		Game: "gmtest", Servers: l.server.Addrs(), LocalIP: netip.MustParseAddr(ip),
		ConnectTimeout: l.patience,
		PingTimeout:    l.patience,
		ListenPacket: func(context.Context, string, string) (net.PacketConn, error) {
			conn, err := listenIn(l.prefix+name, netip.AddrPortFrom(netip.MustParseAddr(ip), 0))
			if err != nil {
				return nil, err
			}
			return &linkConn{UDPConn: conn, lab: l, wire: l.wire(name)}, nil
		},
	}}
	if game {
		p.conn = l.listen(name, ip, 0)
	}
	return p
}

// trial runs a pair of NATs once.
func (l *netlab) trial(guest, host natKind, game bool) attempt {
	names := [2]string{"a1", "b1"}
	for i, kind := range []natKind{guest, host} {
		if kind.open {
			names[i] = []string{"oa", "ob"}[i]
		} else {
			l.nat([]string{"ra", "rb"}[i], kind)
		}
	}
	return l.attempt(l.player(names[0], game), l.player(names[1], true))
}

func (l *netlab) attempt(guest, host player) attempt {
	defer func() {
		for _, p := range []player{guest, host} {
			if p.conn != nil {
				_ = p.conn.Close()
			}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return try(ctx, natneg.CookieFromUint32(rand.Uint32()), guest, host)
}
