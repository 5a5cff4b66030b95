package udpmux

import (
	"net"
	"testing"
)

func open(b *testing.B) *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// The cost of the shared socket for the game's own packets, beside a bare socket.
func BenchmarkGamePacket(b *testing.B) {
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

// A round trip with a game that waits for it, as games do: unlike above, the bare socket has to wake somebody, too.
func BenchmarkEcho(b *testing.B) {
	for _, shared := range []bool{false, true} {
		name := "bare socket"
		if shared {
			name = "shared socket"
		}
		b.Run(name, func(b *testing.B) {
			var game addrPortConn
			conn, peer := open(b), open(b)
			game = conn
			if shared {
				mux, release := Attach(conn)
				defer release()
				view := mux.Conn()
				defer view.Close()
				game = view
			}
			go func() {
				buf := make([]byte, 1500)
				for {
					n, from, err := game.ReadFromUDPAddrPort(buf)
					if err != nil {
						return
					}
					_, _ = game.WriteToUDPAddrPort(buf[:n], from)
				}
			}()
			packet, buf, to := make([]byte, 200), make([]byte, 1500), conn.LocalAddr().(*net.UDPAddr).AddrPort()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := peer.WriteToUDPAddrPort(packet, to); err != nil {
					b.Fatal(err)
				}
				if _, _, err := peer.ReadFromUDPAddrPort(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
