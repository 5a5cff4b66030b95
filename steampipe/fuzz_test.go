package steampipe

import (
	"path"
	"strings"
	"testing"
)

func FuzzParseServerList(f *testing.F) {
	f.Add([]byte(`"serverlist" { "0" { "type" "CDN" "host" "10.0.0.1:8080" "vhost" "cdn.example.net" "weightedload" "42.5" } }`))
	f.Add([]byte(`"serverlist" { "deferred" "1" }`))
	f.Add([]byte(`"serverlist" { "99999999999999999999" { "host" "a" } "-1" { } }`))
	f.Fuzz(func(t *testing.T, b []byte) {
		servers, err := ParseServerList(b)
		checkServers(t, servers, err)
	})
}

func FuzzParseWebAPI(f *testing.F) {
	f.Add([]byte(`{"response":{"servers":[{"type":"SteamCache","host":"a.example.net","weighted_load":1e300,"num_entries_in_client_list":-5}]}}`))
	f.Add([]byte(`{"response":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		servers, err := ParseWebAPI(b)
		checkServers(t, servers, err)
	})
}

func checkServers(t *testing.T, servers []Server, err error) {
	if err != nil {
		return
	}
	for _, s := range servers {
		if strings.ContainsAny(s.Host+s.VHost, "/\\@\r\n ") || s.Entries < 0 {
			t.Fatalf("%+v", s)
		}
	}
}

func FuzzParseInstallConfig(f *testing.F) {
	f.Add([]byte(`"InstallConfigStore" { "Software" { "Valve" { "Steam" { "CS" "a:80;b" "depots" { "1" { "DecryptionKey" "00" } } } } } }`))
	f.Fuzz(func(t *testing.T, b []byte) {
		config, err := ParseInstallConfig(b)
		if err != nil {
			return
		}
		_, _ = config.DepotKeys()
	})
}

// Whatever link is let through stays below the root, wherever its named parts lead.
func FuzzLink(f *testing.F) {
	f.Add(`a\b`, "../c")
	f.Add("a", "..")
	f.Add("a/b/c", "../../x/../y")
	f.Fuzz(func(t *testing.T, name, target string) {
		p, err := newPlan(&Manifest{Files: []File{{Name: name, Flags: FlagSymlink, LinkTarget: target}}}, Limits{}, nil)
		if err != nil {
			return
		}
		for _, l := range p.links {
			resolved := path.Join(path.Dir(l.path), l.target)
			if path.IsAbs(l.path) || path.IsAbs(l.target) || resolved == ".." || strings.HasPrefix(resolved, "../") {
				t.Fatalf("%q -> %q", l.path, l.target)
			}
		}
	})
}
