package sb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/relight-sdk/relight/sb"
)

// roleVariable tells this test's binary to be one side of a network instead, in a network namespace.
const roleVariable = "RELIGHT_SB_ROLE"

// seen is a server that was found, and how.
type seen struct {
	Addr, Name, Protocol, Error string
	Players                     int
	Ping                        time.Duration
}

// play is one side.
func play(role string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if role == "serve" { // until the test closes our standard input
		for address, server := range map[string]*gameServer{":6501": {name: "New", challenge: 7}, ":6502": oldServer("Old", 3, nil)} {
			conn, err := net.ListenPacket("udp4", address)
			if err != nil {
				return err
			}
			defer conn.Close()
			go server.serve(conn)
		}
		fmt.Println("ready")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	browser, err := sb.New(sb.Config{})
	if err != nil {
		return err
	}
	servers := browser.LAN(ctx, sb.LANSearch{Wait: 3 * time.Second})
	if role == "ping" {
		var list []sb.Server
		for _, addr := range []string{"192.0.2.2:1", "192.0.2.2:2", "198.51.100.130:1", "192.0.2.77:1"} {
			list = append(list, sb.Server{Addr: netip.MustParseAddrPort(addr)})
		}
		servers = browser.QueryAll(ctx, slices.Values(list), sb.DirectQuery{Protocol: sb.ICMP})
	}
	report := json.NewEncoder(os.Stdout)
	for server, err := range servers {
		if err != nil {
			return err
		}
		s := seen{Addr: server.Addr.String(), Name: server.Name(), Protocol: server.Protocol.String(), Players: len(server.Players), Ping: server.Ping}
		if server.QueryErr != nil {
			s.Error = server.QueryErr.Error()
		}
		if err := report.Encode(s); err != nil {
			return err
		}
	}
	return nil
}
