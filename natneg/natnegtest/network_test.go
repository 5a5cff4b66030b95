package natnegtest_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// How a game tests that its players find each other: two homes with routers of the usual kind, in no time at all.
func TestTwoHomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		internet := natnegtest.NewNetwork(natnegtest.NetworkConfig{Delay: 30 * time.Millisecond})
		server, err := internet.Servers(natnegtest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		alice := internet.NAT(netip.MustParseAddr("203.0.113.1"), natnegtest.PortRestricted()).Host(netip.MustParseAddr("192.168.1.2"))
		bob := internet.NAT(netip.MustParseAddr("203.0.113.2"), natnegtest.SymmetricSequential()).Host(netip.MustParseAddr("192.168.1.2"))
		config := func(host *natnegtest.Host) natneg.Config {
			return natneg.Config{Game: "mygame", Servers: server.Addrs(), ListenPacket: host.ListenPacket}
		}
		hosted := make(chan *natneg.Result, 1)
		go func() {
			result, err := natneg.Negotiate(t.Context(), nil, config(bob), natneg.Cookie{1}, natneg.Host)
			if err != nil {
				t.Error(err)
			}
			hosted <- result
		}()
		guest, err := natneg.Negotiate(t.Context(), nil, config(alice), natneg.Cookie{1}, natneg.Guest)
		if err != nil {
			t.Fatal(err)
		}
		host := <-hosted
		if _, err := guest.Conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(guest.Remote)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		n, from, err := host.Conn.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "hello" || from.String() != "203.0.113.1:49152" || guest.Path != natneg.PathPrediction {
			t.Errorf("%q from %v, %v; found: %v", buf[:n], from, err, guest.Path)
		}
		for _, result := range []*natneg.Result{guest, host} {
			result.Close()
			result.Conn.Close()
		}
	})
}

// Every NAT is what it says.
func TestNATs(t *testing.T) {
	for _, test := range []struct {
		name      string
		config    natnegtest.NATConfig
		nat       natneg.NATType
		preserved natneg.Fact
		hairpin   natneg.Fact
		step      int
	}{
		{"full cone", natnegtest.FullCone(), natneg.NATFullCone, natneg.FactYes, natneg.FactNo, 0},
		{"address-restricted", natnegtest.AddressRestricted(), natneg.NATRestrictedCone, natneg.FactYes, natneg.FactNo, 0},
		{"port-restricted", natnegtest.PortRestricted(), natneg.NATPortRestricted, natneg.FactYes, natneg.FactNo, 0},
		{"hairpin", natnegtest.NATConfig{Filtering: natnegtest.AddressAndPortDependent, Hairpin: true, Ports: natnegtest.PortsRandom}, natneg.NATPortRestricted, natneg.FactNo, natneg.FactYes, 0},
		{"sequential", natnegtest.SymmetricSequential(), natneg.NATSymmetric, natneg.FactNo, natneg.FactUnknown, 1},
		{"sequential by two", natnegtest.NATConfig{Mapping: natnegtest.AddressAndPortDependent, Ports: natnegtest.PortsSequential, Step: 2}, natneg.NATSymmetric, natneg.FactNo, natneg.FactUnknown, 2},
		{"random", natnegtest.SymmetricRandom(), natneg.NATSymmetric, natneg.FactNo, natneg.FactUnknown, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			internet := natnegtest.NewNetwork(natnegtest.NetworkConfig{Delay: 30 * time.Millisecond})
			server, err := internet.Servers(natnegtest.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			host := internet.NAT(netip.MustParseAddr("203.0.113.1"), test.config).Host(netip.MustParseAddr("10.0.0.2"))
			report, err := natneg.Detect(t.Context(), natneg.Config{Game: "mygame", Servers: server.Addrs(), ListenPacket: host.ListenPacket})
			if err != nil {
				t.Fatal(err)
			}
			if report.NAT != test.nat || report.PortPreservation != test.preserved || report.Hairpin != test.hairpin || report.Step != test.step {
				t.Errorf("%s: %v, ports preserved %v, hairpin %v, step %d", test.name, report.NAT, report.PortPreservation, report.Hairpin, report.Step)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		internet := natnegtest.NewNetwork(natnegtest.NetworkConfig{})
		server, err := internet.Servers(natnegtest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		host := internet.NAT(netip.MustParseAddr("203.0.113.1"), natnegtest.Blocked()).Host(netip.MustParseAddr("10.0.0.2"))
		_, err = natneg.Detect(t.Context(), natneg.Config{Game: "mygame", Servers: server.Addrs(), ListenPacket: host.ListenPacket})
		if !errors.Is(err, natneg.ErrNoServers) {
			t.Errorf("blocked: %v", err)
		}
	})
}

// Mappings are forgotten after a while, and when the router starts anew.
func TestMappingsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		internet := natnegtest.NewNetwork(natnegtest.NetworkConfig{})
		nat := internet.NAT(netip.MustParseAddr("203.0.113.1"), natnegtest.NATConfig{Timeout: 30 * time.Second})
		inside, err := nat.Host(netip.MustParseAddr("10.0.0.2")).Listen(5000)
		if err != nil {
			t.Fatal(err)
		}
		defer inside.Close()
		outside, err := internet.Host(netip.MustParseAddr("198.51.100.9")).Listen(0)
		if err != nil {
			t.Fatal(err)
		}
		defer outside.Close()
		reaches := func(to string) bool {
			if _, err := outside.WriteTo([]byte("knock"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))); err != nil {
				t.Error(err)
			}
			inside.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, _, err := inside.ReadFrom(make([]byte, 10))
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			return err == nil
		}
		open := func() {
			if _, err := inside.WriteTo([]byte("open"), outside.LocalAddr()); err != nil {
				t.Error(err)
			}
		}
		open()
		if !reaches("203.0.113.1:5000") {
			t.Error("it is not open")
		}
		<-time.After(31 * time.Second)
		if reaches("203.0.113.1:5000") {
			t.Error("it is open for ever")
		}
		open()
		nat.Reboot(netip.MustParseAddr("203.0.113.9"))
		if reaches("203.0.113.1:5000") || reaches("203.0.113.9:5000") {
			t.Error("a reboot does not close it")
		}
		open()
		if !reaches("203.0.113.9:5000") {
			t.Error("the new address does not work")
		}
	})
}
