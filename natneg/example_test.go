package natneg_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// Two players find each other, and one says hello on the very socket that the other's game listens on.
func Example() {
	server, err := natnegtest.New(natnegtest.Config{}) // in a game: the servers of Config.Domain
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	config := natneg.Config{Game: "mygame", Servers: server.Addrs()}
	cookie := natneg.CookieFromUint32(0x00C0FFEE) // agreed beforehand
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	hosted := make(chan string, 1)
	go func() {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0") // the game's own socket
		if err != nil {
			hosted <- err.Error()
			return
		}
		path, err := natneg.Negotiate(ctx, conn, config, cookie, natneg.Host)
		if err != nil {
			conn.Close()
			hosted <- err.Error()
			return
		}
		defer path.Close()
		defer path.Conn.Close()
		buf := make([]byte, 1500)
		n, _, err := path.Conn.ReadFrom(buf)
		hosted <- fmt.Sprint("the host hears: ", string(buf[:n]), " ", err)
	}()

	path, err := natneg.Negotiate(ctx, nil, config, cookie, natneg.Guest) // nil: a socket of its own
	if err != nil {
		fmt.Println(err)
		return
	}
	defer path.Close()
	defer path.Conn.Close()
	path.Conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(path.Remote))
	fmt.Println(<-hosted)
	// Output: the host hears: hello <nil>
}
