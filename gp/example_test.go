package gp_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// Two players log in; one sends the other a message.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{
		{ProfileID: 1, UniqueNick: "ann", Password: "apple", Buddies: []gptest.ProfileID{2}},
		{ProfileID: 2, UniqueNick: "bob", Password: "birch", Buddies: []gptest.ProfileID{1}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	config := gp.Config{Game: "gmtest", Addr: server.Addr()}
	ann, err := gp.Login(ctx, config, gp.UniqueNick{Nick: "ann", Password: "apple"})
	if err != nil {
		log.Fatal(err)
	}
	defer ann.Close()
	bob, err := gp.Login(ctx, config, gp.UniqueNick{Nick: "bob", Password: "birch"})
	if err != nil {
		log.Fatal(err)
	}
	defer bob.Close()

	if err := ann.SendMessage(ctx, bob.ProfileID(), "Shall we play?"); err != nil {
		log.Fatal(err)
	}
	for event := range bob.Events(ctx) {
		if message, ok := event.(*gp.Message); ok {
			fmt.Printf("%d says: %s\n", message.From, message.Text)
			break
		}
	}
	// Output: 1 says: Shall we play?
}
