package sb_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	game   = "gmtest"
	secret = "HA6zkS"
)

var games = map[string]string{game: secret}

// someServers are three servers: reachable, with a private address and NatNeg, and plain.
func someServers() []sbtest.GameServer {
	field := func(pairs ...string) (list []sbtest.Field) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, sbtest.Field{Key: pairs[i], Value: pairs[i+1]})
		}
		return list
	}
	return []sbtest.GameServer{
		{Game: game, Addr: netip.MustParseAddrPort("10.0.0.1:6500"), Reachable: true,
			Fields: field("hostname", "Friday night", "mapname", "dm_bay", "numplayers", "3", "maxplayers", "16", "hostport", "7777")},
		{Game: game, Addr: netip.MustParseAddrPort("10.0.0.2:6501"), Private: netip.MustParseAddrPort("192.168.0.2:6500"), NatNeg: true,
			Fields: field("hostname", "Behind a NAT", "mapname", "ctf_two", "numplayers", "0", "maxplayers", "300", "hostport", "7777")},
		{Game: game, Addr: netip.MustParseAddrPort("10.0.0.3:6502"),
			Fields:  field("hostname", "Quiet's", "mapname", "dm_bay", "numplayers", "12", "maxplayers", "16", "hostport", "6502"),
			Players: [][]sbtest.Field{field("player_", "ann"), field("player_", "bob")}},
	}
}

// newMaster starts a master with some servers.
func newMaster(t testing.TB, config sbtest.Config) *sbtest.Server {
	t.Helper()
	if config.Games == nil {
		config.Games = games
	}
	master, err := sbtest.New(config)
	require.NoError(t, err)
	for _, server := range someServers() {
		master.Registry().Put(server)
	}
	return master
}

func newBrowser(t testing.TB, config sb.Config) *sb.Browser {
	t.Helper()
	if config.Game == "" {
		config.Game = game
	}
	if config.Secret == "" {
		config.Secret = secret
	}
	browser, err := sb.New(config)
	require.NoError(t, err)
	return browser
}

// piped is a DialContext whose connections a master serves through net.Pipe, for synctest.
func piped(master *sbtest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go master.ServeConn(server)
		return client, nil
	}
}

// collect gathers a list.
func collect(ctx context.Context, browser *sb.Browser, query sb.Query) (servers []sb.Server, err error) {
	for server, failure := range browser.List(ctx, query) {
		if failure != nil {
			return servers, failure
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// names of the servers, in order.
func names(servers []sb.Server) (list []string) {
	for _, server := range servers {
		list = append(list, server.Name())
	}
	return list
}

// dialling is a DialContext that gives one connection.
func dialling(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return conn, nil }
}
