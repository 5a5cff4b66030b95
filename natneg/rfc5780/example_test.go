package rfc5780_test

import (
	"context"
	"fmt"
	"net"

	"github.com/pion/stun/v3"

	"github.com/relight-sdk/relight/natneg/rfc5780"
)

// serveSTUN is a STUN server without RFC 5780, as most public ones are.
func serveSTUN(conn net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		request := stun.New()
		if stun.Decode(buf[:n], request) != nil {
			continue
		}
		client := from.(*net.UDPAddr)
		answer, err := stun.Build(stun.NewTransactionIDSetter(request.TransactionID), stun.BindingSuccess, &stun.XORMappedAddress{IP: client.IP, Port: client.Port})
		if err == nil {
			_, _ = conn.WriteTo(answer.Raw, from)
		}
	}
}

// The address under which the game's own socket is seen; without a NAT, as here, its own.
func ExamplePublicAddress() {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go serveSTUN(server)

	game, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer game.Close()
	addr, err := rfc5780.PublicAddress(context.Background(), game, server.LocalAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("no NAT:", addr.String() == game.LocalAddr().String())
	// Output: no NAT: true
}

// A plain server leaves some questions open, and the report says which.
func ExampleDetect() {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go serveSTUN(server)

	report, err := rfc5780.Detect(context.Background(), rfc5780.Config{Servers: []string{server.LocalAddr().String()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ports are kept:", report.PortPreservation)
	for _, what := range report.Missing {
		fmt.Println("not known:", what)
	}
	// Output:
	// ports are kept: yes
	// not known: mapping: only one server answered, and it does not speak RFC 5780 (it names no OTHER-ADDRESS); name two or more
	// not known: filtering: no server speaks RFC 5780
}
