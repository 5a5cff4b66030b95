package sb

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestDirected(t *testing.T) {
	for _, test := range []struct{ network, want string }{
		{"192.0.2.1/24", "192.0.2.255"},
		{"198.51.100.129/26", "198.51.100.191"},
		{"10.1.2.3/8", "10.255.255.255"},
		{"192.0.2.1/30", "192.0.2.3"},
		{"192.0.2.1/31", ""},
		{"192.0.2.1/32", ""},
		{"2001:db8::1/64", ""},
	} {
		ip, network, err := net.ParseCIDR(test.network)
		if err != nil {
			t.Fatal(err)
		}
		network.IP = ip
		got, ok := directed(network)
		if ok != (test.want != "") || ok && got.String() != test.want {
			t.Errorf("%s: %v, %v, want %s", test.network, got, ok, test.want)
		}
	}
	if list := broadcastAddrs(func() ([]net.Interface, error) { return nil, errors.New("no") }); len(list) != 1 || list[0] != netip.MustParseAddr("255.255.255.255") {
		t.Error(list)
	}
}
