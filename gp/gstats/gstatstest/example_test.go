package gstatstest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// A server that imitates wfc, which knows players by their tokens alone, in memory; and then one that lies.
func Example() {
	server := gstatstest.New(gstatstest.Config{
		Family:   "wfc",
		Accounts: []gstatstest.Account{{ProfileID: 20001, Nick: "ann", AuthToken: "token"}},
	})
	defer server.Close()
	ctx := context.Background()
	session, err := gstats.Connect(ctx, gstats.Config{Game: "gmtest", Secret: "HA6zkS", Addr: "192.0.2.1", DialContext: server.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	_, err = session.Authenticate(ctx, gstats.Password{ProfileID: 20001, Password: "apple"})
	fmt.Println("password refused:", errors.Is(err, gstats.ErrRefused))
	ann, err := session.Authenticate(ctx, gstats.Token{Token: "token", Challenge: "not checked"})
	if err != nil {
		log.Fatal(err)
	}

	slot := gstats.Slot{Profile: ann, Type: gstats.Public}
	if _, err := session.SetValues(ctx, slot, map[string]string{"wins": "8"}); err != nil {
		log.Fatal(err)
	}
	stored, _ := server.Stored(gstatstest.Slot{Profile: gstatstest.ProfileID(ann), Type: gstatstest.Public})
	fmt.Println("stored:", stored.Values())

	server.SetFaults(gstatstest.Faults{Length: 1})
	_, err = session.Get(ctx, slot)
	fmt.Println("a length that lies:", errors.Is(err, gstats.ErrProtocol))
	// Output:
	// password refused: true
	// stored: map[wins:8]
	// a length that lies: true
}
