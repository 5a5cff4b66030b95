package qr2_test

import (
	"context"
	"fmt"
	"net"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// A game server is listed by a master and answers queries, on its own socket.
func Example() {
	// In place of a master on the internet, which Domain would name.
	master, err := qr2test.New(qr2test.Config{Games: map[string]string{"gmtest": "HA6zkS"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer master.Close()

	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	host, err := qr2.NewHost(conn, qr2.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	err = host.Update(qr2.Snapshot{
		Server:  qr2.Fields{{Key: "hostname", Value: "Friday night"}, {Key: "mapname", Value: "dm_bay"}, {Key: "maxplayers", Value: "16"}},
		Players: []qr2.Fields{{{Key: "player_", Value: "ann"}, {Key: "score_", Value: "12"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- host.Run(ctx) }() // the game reads from host.GameConn() meanwhile
	for event := range host.Events(ctx) {
		if e, ok := event.(*qr2.MasterChanged); ok {
			fmt.Println(e.Step)
			if e.Step == qr2.StepListed {
				break
			}
		}
	}
	cancel() // says goodbye
	fmt.Println("run:", <-done)

	// Output:
	// looking for the master
	// heartbeat sent
	// challenge answered
	// listed
	// run: <nil>
}

// A server on the LAN answers queries and tells no master.
func ExampleConfig_lan() {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	host, err := qr2.NewHost(conn, qr2.Config{Game: "gmtest", NotPublic: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	if err := host.Update(qr2.Snapshot{Server: qr2.Fields{{Key: "hostname", Value: "LAN party"}}}); err != nil {
		fmt.Println(err)
		return
	}
	answer, err := qr2test.Query(context.Background(), nil, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	fmt.Println(answer.Value("hostname"), err)
	// Output: LAN party <nil>
}

// Why is my server not listed?
func ExampleDiagnose() {
	master, err := qr2test.New(qr2test.Config{Games: map[string]string{"gmtest": "HA6zkS"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer master.Close()
	snapshot := qr2.Snapshot{Server: qr2.Fields{{Key: "hostname", Value: "Friday night"}}}
	report, err := qr2.Diagnose(context.Background(), qr2.Config{Game: "gmtest", Secret: "HA6zkSS", Addr: master.Addr()}, nil, snapshot)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range report.Steps {
		fmt.Printf("%s: %s\n", step.Name, step.Outcome)
	}
	fmt.Println("try:", report.Steps[len(report.Steps)-1].Advice)
	// Output:
	// read the snapshot: warning
	// find the master: ok
	// ask whether the game is available: ok
	// hear from the master: ok
	// answer its challenge: failed
	// try: check Secret: it belongs to this very game
}
