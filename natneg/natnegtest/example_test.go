package natnegtest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// How a game behaves when the other player does not come, as OpenSpy's servers tell it.
func Example() {
	server, err := natnegtest.New(natnegtest.Config{Family: "openspy", DeadbeatAfter: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	config := natneg.Config{Game: "mygame", Servers: server.Addrs()}
	_, err = natneg.Negotiate(context.Background(), nil, config, natneg.CookieFromUint32(1), natneg.Guest)
	fmt.Println(errors.Is(err, natneg.ErrPeerAbsent))
	// Output: true
}
