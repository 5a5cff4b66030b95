package gstats_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// A player's wins are stored and read back, and a game server reports a game.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server, err := gstatstest.Start(gstatstest.Config{
		Secrets:  map[string]string{"gmtest": "HA6zkS"},
		Accounts: []gstatstest.Account{{ProfileID: 20001, Nick: "ann", Password: "apple"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	session, err := gstats.Connect(ctx, gstats.Config{Game: "gmtest", Secret: "HA6zkS", Addr: server.Addr()})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	ann, err := session.Authenticate(ctx, gstats.Password{ProfileID: 20001, Password: "apple"})
	if err != nil {
		log.Fatal(err)
	}
	slot := gstats.Slot{Profile: ann, Type: gstats.Public}
	if _, err := session.SetValues(ctx, slot, map[string]string{"wins": "8", "clan": "A-Team"}); err != nil {
		log.Fatal(err)
	}
	data, err := session.Get(ctx, slot, "wins")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("wins:", data.Values()["wins"])

	game, err := session.NewGame(ctx)
	if err != nil {
		log.Fatal(err)
	}
	game.Text("mapname").Set("dm_bay")
	player := game.NewPlayer("ann")
	player.Int("kills").Add(3)
	player.Int("kills").Add(1)
	player.Float("accuracy").Average(0.5)
	player.Float("accuracy").Average(0.25)
	if err := game.Finish(ctx); err != nil {
		log.Fatal(err)
	}
	if seen, err := server.WaitGame(ctx, gstatstest.Game.Done); err == nil {
		fmt.Println(seen.Snapshots[0].Data)
	}
	// Output:
	// wins: 8
	// \mapname\dm_bay\ctime_0\0\player_0\ann\kills_0\4\accuracy_0\0.375000
}

// A game server does not know its players' passwords: they answer its challenge.
func ExamplePlayerResponse() {
	challenge := "ABCDEFGH" // of the server's Session.Challenge, over the game's own network
	response := gstats.PlayerResponse("apple", challenge)
	fmt.Println(gstats.PasswordResponse{ProfileID: 20001, Response: response})
	fmt.Println(len(response))
	// Output:
	// profile 20001
	// 32
}
