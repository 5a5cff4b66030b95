package sb_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// A list that fills while it arrives, from a master in process.
func Example() {
	master, err := sbtest.New(sbtest.Config{Games: map[string]string{"gmtest": "HA6zkS"}})
	if err != nil {
		log.Fatal(err)
	}
	defer master.Close()
	for i, name := range []string{"Friday night", "Empty", "Clan war"} {
		master.Registry().Put(sbtest.GameServer{
			Game: "gmtest",
			Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 6500),
			Fields: []sbtest.Field{{Key: "hostname", Value: name}, {Key: "mapname", Value: "dm_bay"},
				{Key: "numplayers", Value: fmt.Sprint(2 * i)}, {Key: "maxplayers", Value: "16"}},
		})
	}

	browser, err := sb.New(sb.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr()})
	if err != nil {
		log.Fatal(err)
	}
	defer browser.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for server, err := range browser.List(ctx, sb.Query{Filter: "hostname like '%n%'"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s on %s, %d of %d players\n", server.Addr, server.Name(), server.Map(), server.NumPlayers(), server.MaxPlayers())
	}
	// Output:
	// 192.0.2.1:6500: Friday night on dm_bay, 0 of 16 players
	// 192.0.2.3:6500: Clan war on dm_bay, 4 of 16 players
}

// A game of before 2004: the older list protocol, with the encryption that the game uses.
func ExampleProtocol() {
	master, err := sbtest.New(sbtest.Config{Games: map[string]string{"oldgame": "secret"}, Old: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer master.Close()
	master.Registry().Put(sbtest.GameServer{Game: "oldgame", Addr: netip.MustParseAddrPort("192.0.2.1:7778")})

	browser, err := sb.New(sb.Config{Game: "oldgame", Secret: "secret", Addr: master.Addr(), Protocol: sb.QR1, Enctype: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for server, err := range browser.List(context.Background(), sb.Query{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(server.Addr, server.Protocol)
	}
	// Output: 192.0.2.1:7778 QR1
}
