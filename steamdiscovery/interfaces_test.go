package steamdiscovery

import (
	"net"
	"net/netip"
	"testing"
)

func TestDirectedBroadcast(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.168.1.12/24": "192.168.1.255",
		"10.77.0.2/16":    "10.77.255.255",
		"10.1.2.3/8":      "10.255.255.255",
		"172.16.5.9/20":   "172.16.15.255",
		"192.0.2.5/30":    "192.0.2.7",
		"192.0.2.5/31":    "", // two addresses: a line between two machines
		"192.0.2.5/32":    "",
		"1.2.3.4/0":       "255.255.255.255",
		"2001:db8::1/64":  "",
	} {
		got, ok := directedBroadcast(netip.MustParsePrefix(prefix))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v %v, want %q", prefix, got, ok, want)
		}
	}
}

func TestLinkOf(t *testing.T) {
	short, long := net.CIDRMask(24, 32), net.CIDRMask(120, 128)
	for _, c := range []struct {
		ip   net.IP
		mask net.IPMask
		ok   bool
	}{
		{net.IPv4(192, 0, 2, 1), short, true},
		{net.IPv4(192, 0, 2, 1).To4(), short, true},
		{net.IPv4(192, 0, 2, 1), long, true},
		{net.ParseIP("2001:db8::1"), long, false},
		{net.IPv4(192, 0, 2, 1), net.IPMask{255, 0, 255, 0}, false},
		{nil, short, false},
	} {
		l, ok := linkOf("eth0", &net.IPNet{IP: c.ip, Mask: c.mask})
		if ok != c.ok || ok && (l.address.String() != "192.0.2.1" || l.broadcast.String() != "192.0.2.255") {
			t.Errorf("%v/%v: %+v %v", c.ip, c.mask, l, ok)
		}
	}
	if _, ok := linkOf("eth0", &net.UnixAddr{}); ok {
		t.Error("an address of another kind was taken")
	}
}

func TestWhichInterfacesAreUsable(t *testing.T) {
	const usable = net.FlagUp | net.FlagBroadcast | net.FlagMulticast | net.FlagRunning
	for flags, want := range map[net.Flags]bool{
		usable:                        true,
		usable &^ net.FlagUp:          false,
		usable &^ net.FlagBroadcast:   false,
		usable | net.FlagPointToPoint: false,
		usable | net.FlagLoopback:     false,
	} {
		if broadcasts(flags) != want {
			t.Errorf("%v: %v", flags, !want)
		}
	}
}
