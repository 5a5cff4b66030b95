package sbtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// What a player meets on a service like OpenSpy with a game that it does not know, and on one like wfc-server.
func Example() {
	for _, family := range []sbtest.Family{"openspy", "wfc"} {
		master, err := sbtest.New(sbtest.Config{Family: family})
		if err != nil {
			log.Fatal(err)
		}
		browser, err := sb.New(sb.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr(), ReplyTimeout: 50 * time.Millisecond})
		if err != nil {
			log.Fatal(err)
		}
		for _, err := range browser.List(context.Background(), sb.Query{}) {
			fmt.Println(family, errors.Is(err, sb.ErrRefused), errors.Is(err, sb.ErrSilence))
		}
		master.Close()
	}
	// Output:
	// openspy true false
	// wfc false true
}
