package udpmux

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A protocol that panics does so in the game's read, if the game reads the socket itself. A game that recovers can go on.
func TestPanicInTheGamesRead(t *testing.T) {
	raw, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	m, release := Attach(raw)
	defer release()
	game := m.Conn()
	defer game.Close()
	m.Handle(func(b []byte, _ netip.AddrPort) bool {
		game.mu.Lock()
		byGame := game.lead == leadGame
		game.mu.Unlock()
		if byGame && string(b) == "bad" {
			panic("bad")
		}
		return false
	})
	if err := game.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	read := func() (text string, recovered any) {
		defer func() { recovered = recover() }()
		b := make([]byte, 10)
		n, _, err := game.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n]), nil
	}
	send := func(text string) {
		if _, err := raw.WriteTo([]byte(text), raw.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	// The goroutine of the Mux may read the first ones.
	for recovered := any(nil); recovered == nil; {
		send("bad")
		_, recovered = read()
	}
	send("good")
	if text, recovered := read(); text != "good" || recovered != nil {
		t.Fatal(text, recovered)
	}
}
