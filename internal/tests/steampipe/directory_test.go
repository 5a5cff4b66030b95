package steampipe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

func TestParseServerList(t *testing.T) {
	t.Run("seed", func(t *testing.T) {
		servers, err := steampipe.ParseServerList(shared.Read(t, "vectors", "steampipe", "directory", "serverlist_seed.vdf"))
		require.NoError(t, err)
		require.Equal(t, []steampipe.Server{
			{Type: "CS", SourceID: 119, Cell: 52, Load: 72, WeightedLoad: 80, Entries: 1, Host: "10.0.0.194", VHost: "valve5.steamcontent.com"},
			{Type: "CDN", SourceID: 32, WeightedLoad: 130, Entries: 2, Host: "10.0.0.194", VHost: "cdn.edgecast.cs.steampowered.com"},
		}, servers)
	})
	t.Run("later", func(t *testing.T) {
		servers, err := steampipe.ParseServerList(shared.Read(t, "vectors", "steampipe", "directory", "serverlist_later.vdf"))
		require.NoError(t, err)
		require.Equal(t, []steampipe.Server{
			{Type: "SteamCache", SourceID: 170, Cell: 52, Load: 31, WeightedLoad: 42.5, Entries: 1, Host: "valve2004.steamcontent.com", VHost: "valve2004.steamcontent.com", HTTPS: "optional"},
			{Type: "CDN", SourceID: 32, WeightedLoad: 130, Entries: 2, Host: "cache.example.net:8080", VHost: "steampipe.akamaized.net", HTTPS: "mandatory", UseTokenAuth: true},
		}, servers)
	})
	t.Run("deferred", func(t *testing.T) {
		_, err := steampipe.ParseServerList(shared.Read(t, "vectors", "steampipe", "directory", "serverlist_deferred.vdf"))
		require.ErrorIs(t, err, steampipe.ErrDeferred)
	})
	for text, want := range map[string]string{
		`"serverlist" { "10" { "host" "b" } "x" { "host" "no" } "2" { "vhost" "a" } "3" "text" }`: "[a b]",
		`"SERVERLIST" { "0" { "HOST" "a" "Load" "not a number" } }`:                               "[a]",
		`"serverlist" { }`:                           "[]",
		`"deferred" "1" "serverlist" { }`:            "deferred",
		`"serverlist" { "0" { "host" "a/b" } }`:      "not a host",
		`"serverlist" { "0" { "host" "a\r\nX: " } }`: "not a host",
		`"serverlist" { "0" { "host" "u@h" } }`:      "not a host",
		`"something" { }`:                            "no serverlist",
		`"serverlist" "text"`:                        "no serverlist",
		`<html>`:                                     "server list",
		`"serverlist" { "0" {`:                       "server list",
		``:                                           "no serverlist",
	} {
		servers, err := steampipe.ParseServerList([]byte(text))
		if err != nil {
			require.ErrorContains(t, err, want, text)
			continue
		}
		hosts := []string{}
		for _, s := range servers {
			hosts = append(hosts, s.Host)
		}
		require.Equal(t, want, fmt.Sprint(hosts), text)
	}
	var long strings.Builder
	long.WriteString(`"serverlist" {`)
	for i := range 2000 {
		fmt.Fprintf(&long, `"%d" { "host" "h" }`, i)
	}
	_, err := steampipe.ParseServerList([]byte(long.String() + "}"))
	require.ErrorContains(t, err, "more than 1024")
}

func TestParseWebAPI(t *testing.T) {
	servers, err := steampipe.ParseWebAPI(shared.Read(t, "vectors", "steampipe", "directory", "webapi_servers_2020.json"))
	require.NoError(t, err)
	require.Len(t, servers, 4)
	require.Equal(t, steampipe.TypeOpenCache, servers[0].Type)
	require.True(t, servers[0].UseAsProxy)
	require.Equal(t, "/%host%%path%", servers[0].ProxyPathTemplate)
	require.Equal(t, steampipe.Server{Type: "SteamCache", SourceID: 172, Cell: 63, Load: 71, WeightedLoad: 64.74583435058594, Entries: 1,
		Host: "cache24-iad1.steamcontent.com", VHost: "cache24-iad1.steamcontent.com", HTTPS: "optional"}, servers[1])
	for _, bad := range []string{``, `{`, `[]`, `{}`, `<html>`, `{"response":{"servers":[{"host":"a b"}]}}`} {
		_, err := steampipe.ParseWebAPI([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestParseInstallConfig(t *testing.T) {
	const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	text := `"InstallConfigStore" { "Software" { "valve" { "Steam" {
		"CS" "103.10.125.136:80;cs2.example.net:27030; ;"
		"depots" { "441" { "DecryptionKey" "` + key + `" } "x" { } "442" { } }
	} } } }`
	config, err := steampipe.ParseInstallConfig([]byte(text))
	require.NoError(t, err)
	require.Equal(t, []string{"103.10.125.136:80", "cs2.example.net:27030"}, config.ContentServers)
	keys, err := config.DepotKeys()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Equal(t, byte(0x1f), keys[441][31])
	require.NotContains(t, fmt.Sprintf("%v %+v %s", config, keys, config), "000102")

	config, err = steampipe.ParseInstallConfig([]byte(`"InstallConfigStore" { }`))
	require.NoError(t, err)
	require.Empty(t, config.ContentServers)
	keys, err = config.DepotKeys()
	require.NoError(t, err)
	require.Empty(t, keys)
	_, err = steampipe.ParseInstallConfig([]byte(`"InstallConfigStore" { "Software" { "Valve" { "Steam" { "CS" "http://x/" } } } }`))
	require.ErrorContains(t, err, "not a host")
	config, err = steampipe.ParseInstallConfig([]byte(`"InstallConfigStore" { "Software" { "Valve" { "Steam" { "depots" { "1" { "DecryptionKey" "abcd" } } } } } }`))
	require.NoError(t, err)
	_, err = config.DepotKeys()
	require.ErrorContains(t, err, "64 hex digits")
	require.NotContains(t, err.Error(), "abcd")
}

// The whole way of the seed: config.vdf names a content server, that names the servers, these are connected to by host and
// asked for vhost. And the way of today, through the web API.
func TestDiscovery(t *testing.T) {
	depot := smallDepot(t)
	server := serve(t, depottest.Config{Hosts: []string{"valve5.example.net", "edge.example.net"}}, depot)
	config, err := steampipe.ParseInstallConfig([]byte(`"InstallConfigStore" { "Software" { "Valve" { "Steam" { "CS" "127.0.0.1:1;` + server.Addr() + `" } } } }`))
	require.NoError(t, err)
	for name, directory := range map[string]steampipe.Directory{
		"server list": steampipe.ServerList{Addresses: config.ContentServers, Cell: 53, Max: 2},
		"web API":     steampipe.WebAPI{BaseURL: server.URL()},
	} {
		t.Run(name, func(t *testing.T) {
			server.Forget()
			cdn := newCDN(t, steampipe.Config{Directory: directory})
			_, err := steampipe.Download(t.Context(), cdn, manifestOf(t, cdn, depot), t.TempDir(), steampipe.Options{Key: depot.Key})
			require.NoError(t, err)
			hosts := map[string]int{}
			for i, r := range server.Requests() {
				if i == 0 && name == "server list" {
					require.Equal(t, "/serverlist/53/2/", r.Path)
				}
				hosts[r.Host]++
			}
			require.Positive(t, hosts["valve5.example.net"], "the server knows its names only; its address is where we connected to")
			require.Positive(t, hosts["edge.example.net"])
			require.Len(t, cdn.State().Servers, 2)
			require.Equal(t, server.Addr()+" (valve5.example.net)", cdn.State().Servers[0].Name)
		})
	}
	t.Run("a server that expects other names refuses", func(t *testing.T) {
		cdn := newCDN(t, steampipe.Config{Directory: steampipe.Servers{{Host: server.Addr(), VHost: "other.example.net"}}})
		_, err := cdn.Manifest(t.Context(), steampipe.DepotID(depot.ID), steampipe.ManifestID(depot.ManifestID))
		require.ErrorContains(t, err, "421")
	})
	t.Run("nobody answers", func(t *testing.T) {
		cdn := newCDN(t, steampipe.Config{Directory: steampipe.ServerList{Addresses: []string{"127.0.0.1:1", "127.0.0.1:2"}}})
		_, err := cdn.Manifest(t.Context(), 1, 2)
		require.ErrorContains(t, err, "127.0.0.1:1")
		require.ErrorContains(t, err, "127.0.0.1:2")
		require.ErrorContains(t, err, "ask for servers")
	})
	t.Run("no usable server", func(t *testing.T) {
		cdn := newCDN(t, steampipe.Config{Directory: steampipe.Servers{{Type: "OpenCache", Host: "x"}, {Type: "CDN", Host: "y", AllowedApps: []uint32{4}}}, App: 5})
		_, err := cdn.Manifest(t.Context(), 1, 2)
		require.ErrorIs(t, err, steampipe.ErrNoServers)
		_, err = steampipe.NewCDN(steampipe.Config{})
		require.ErrorIs(t, err, steampipe.ErrNoServers)
	})
}
