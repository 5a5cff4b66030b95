package natneg_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// pair negotiates as both sides on a network in memory without delay.
func pair(b *testing.B, keepAlive bool) (close func(), results [2]*natneg.Result) {
	b.Helper()
	internet := natnegtest.NewNetwork(natnegtest.NetworkConfig{})
	server, err := internet.Servers(natnegtest.Config{})
	if err != nil {
		b.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range results {
		home := internet.NAT(netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}), natnegtest.PortRestricted()).Host(netip.AddrFrom4([4]byte{192, 168, byte(i), 2}))
		config := natneg.Config{Game: "gmtest", Servers: server.Addrs(), ListenPacket: home.ListenPacket, LocalIP: home.Addr()}
		if keepAlive {
			config.KeepAlive = 15e9
		}
		wait.Go(func() {
			results[i], err = natneg.Negotiate(b.Context(), nil, config, natneg.CookieFromUint32(7), natneg.Role(i))
		})
	}
	wait.Wait()
	if results[0] == nil || results[1] == nil {
		b.Fatal("no path")
	}
	return func() {
		for _, r := range results {
			_ = r.Close()
			_ = r.Conn.Close()
		}
		_ = server.Close()
	}, results
}

// Both sides of a negotiation, with the matchup servers.
func BenchmarkNegotiation(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		done, _ := pair(b, false)
		done()
	}
}

// A game packet each way on an open path.
func BenchmarkGamePacket(b *testing.B) {
	done, results := pair(b, true)
	defer done()
	type conn interface {
		net.PacketConn
		ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
		WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	}
	guest, host := results[0].Conn.(conn), results[1].Conn.(conn)
	packet, buf := make([]byte, 100), make([]byte, 1500)
	b.ReportAllocs()
	for b.Loop() {
		for _, way := range []struct {
			from, to conn
			peer     netip.AddrPort
		}{{guest, host, results[0].Remote}, {host, guest, results[1].Remote}} {
			if _, err := way.from.WriteToUDPAddrPort(packet, way.peer); err != nil {
				b.Fatal(err)
			}
			for n := 0; n != len(packet); { // late pings of the negotiation may come between
				var err error
				if n, _, err = way.to.ReadFromUDPAddrPort(buf); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
