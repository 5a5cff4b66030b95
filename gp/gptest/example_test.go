package gptest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// A server that imitates UniSpy, which cannot prove that it knows the password, in memory.
func Example() {
	server := gptest.New(gptest.Config{
		Family:   "unispy",
		Accounts: []gptest.Account{{UniqueNick: "ann", Password: "apple"}},
	})
	defer server.Close()
	config := gp.Config{Game: "gmtest", Host: "127.0.0.1", DialContext: server.Dial}
	ann := gp.UniqueNick{Nick: "ann", Password: "apple"}

	_, err := gp.Login(context.Background(), config, ann)
	fmt.Println("proof refused:", errors.Is(err, gp.ErrProofMismatch))

	config.AcceptUnverifiedProof = true
	session, err := gp.Login(context.Background(), config, ann)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("logged in as", session.ProfileID())
	if err := session.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// proof refused: true
	// logged in as 20001
}
