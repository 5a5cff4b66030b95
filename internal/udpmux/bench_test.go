package udpmux

import (
	"net"
	"testing"
)

// The cost of the shared socket for the game's own packets, beside a bare socket.
func BenchmarkGamePacket(b *testing.B) {
	open := func(b *testing.B) *net.UDPConn {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		return conn
	}
	packet := make([]byte, 200)
	b.Run("bare socket", func(b *testing.B) {
		conn, peer := open(b), open(b)
		to := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		buf := make([]byte, 1500)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := peer.WriteToUDPAddrPort(packet, to); err != nil {
				b.Fatal(err)
			}
			if _, _, err := conn.ReadFromUDPAddrPort(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("shared socket", func(b *testing.B) {
		conn, peer := open(b), open(b)
		to := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		mux, release := Attach(conn)
		defer release()
		game := mux.Conn()
		defer game.Close()
		buf := make([]byte, 1500)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := peer.WriteToUDPAddrPort(packet, to); err != nil {
				b.Fatal(err)
			}
			if _, _, err := game.ReadFromUDPAddrPort(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}
