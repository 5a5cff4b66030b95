package gptest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// welcome is a piece of a launcher: it logs a player in and says what to show.
func welcome(ctx context.Context, config gp.Config, nick, password string) string {
	session, err := gp.Login(ctx, config, gp.UniqueNick{Nick: nick, Password: password})
	if errors.Is(err, gp.ErrBadPassword) {
		return "Wrong password, try again"
	}
	if err != nil {
		return "The server cannot be reached"
	}
	defer session.Close()
	return fmt.Sprintf("Welcome, %s", session.UniqueNick())
}

// A test of a launcher in ten lines: what players see when all is well, with a wrong password, and with a server that hangs up.
func Example_launcher() {
	test := func(_ *testing.T) {
		server := gptest.New(gptest.Config{Accounts: []gptest.Account{{UniqueNick: "ann", Password: "apple"}}})
		defer server.Close()
		config := gp.Config{Game: "gmtest", Host: "127.0.0.1", DialContext: server.Dial}
		fmt.Println(welcome(context.Background(), config, "ann", "apple"))
		fmt.Println(welcome(context.Background(), config, "ann", "walnut"))
		server.SetFaults(gptest.Faults{CloseAt: 10})
		fmt.Println(welcome(context.Background(), config, "ann", "apple"))
	}
	test(nil) // in your own tests: func TestWelcome(t *testing.T)
	// Output:
	// Welcome, ann
	// Wrong password, try again
	// The server cannot be reached
}
