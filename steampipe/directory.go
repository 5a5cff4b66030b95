package steampipe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/wire/keyvalues"
)

// maxDirectory bounds the body of a server list. Real ones are a few kilobytes.
const maxDirectory = 1 << 20

// maxServers bounds the entries of a server list. Real ones have twenty.
const maxServers = 1024

// userAgent is what the Steam client calls itself; LAN caches recognise it (spec steampipe.md §2.3).
const userAgent = "Valve/Steam HTTP Client 1.0"

// A Directory says which content servers there are. [Servers], [ServerList] and [WebAPI] are directories.
type Directory interface {
	Servers(ctx context.Context) ([]Server, error)
}

// Servers is a fixed list of servers, for private caches and tests.
type Servers []Server

// Servers returns the list.
func (s Servers) Servers(context.Context) ([]Server, error) { return s, nil }

// Server types that lists name.
const (
	TypeCS         = "CS"         // content server of the first years, Valve's or a provider's
	TypeCDN        = "CDN"        // third-party delivery network
	TypeSteamCache = "SteamCache" // Valve's own today
	TypeOpenCache  = "OpenCache"  // a forward proxy, never content
)

// Server is an entry of a server list.
type Server struct {
	Type                string  // one of the Type constants; others exist and are skipped
	SourceID            int64   // the list's number for it
	Cell                int64   // download region, 0 if not given
	Load                float64 // figure of the list
	WeightedLoad        float64 // figure of the list; lower is better
	Entries             int     // how many slots it is worth in the client's rotation; 0 counts as 1
	Host                string  // where to connect, may carry ":port"
	VHost               string  // what to send as Host; empty means Host
	HTTPS               string  // "mandatory", "optional", "none", "unavailable" or empty
	UseTokenAuth        bool    // wants a token, see Config.Token
	Preferred           bool    // older lists
	SteamChinaOnly      bool
	UseAsProxy          bool     // stands in front of others, see ProxyPathTemplate
	ProxyPathTemplate   string   // such as "/%host%%path%"
	AllowedApps         []uint32 // if not empty, usable for these apps only
	PriorityClass       uint32
	BypassProxiesOfType []string
}

// vhost is what goes into the Host header.
func (s Server) vhost() string {
	if s.VHost != "" {
		return s.VHost
	}
	return s.Host
}

// name names the server in errors, logs and counters: where we connect and, if it differs, for whom we ask.
func (s Server) name() string {
	if s.vhost() != s.Host {
		return s.Host + " (" + s.VHost + ")"
	}
	return s.Host
}

// usable says whether content may be asked from the server (spec steampipe.md §2.2).
func (s Server) usable(app uint32) bool {
	switch s.Type {
	case "", TypeCS, TypeCDN, TypeSteamCache:
	default:
		return false
	}
	if s.Host == "" || s.SteamChinaOnly || s.UseAsProxy {
		return false
	}
	if len(s.AllowedApps) == 0 || app == 0 {
		return true
	}
	return slices.Contains(s.AllowedApps, app)
}

// proxies says whether the entry is a proxy that we know how to ask.
func (s Server) proxies() bool {
	return s.UseAsProxy && s.Host != "" && !s.SteamChinaOnly && strings.HasPrefix(s.ProxyPathTemplate, "/") && strings.Contains(s.ProxyPathTemplate, "%path%")
}

// scheme is how the server is asked.
func (s Server) scheme() string {
	if s.HTTPS == "mandatory" {
		return "https://"
	}
	return "http://"
}

// through is the path under which the proxy has a path of another server (spec steampipe.md §2.2).
func (s Server) through(target, path string) string {
	return strings.NewReplacer("%host%", target, "%path%", path).Replace(s.ProxyPathTemplate)
}

// ServerList is the directory of the first years and of private caches: it asks the given content servers for
// /serverlist/<cell>/<max>/ until one answers (spec steampipe.md §1.2).
type ServerList struct {
	Addresses []string          // host:port of the servers to ask, as [InstallConfig] has them; at least one
	Cell      int               // download region; 0 lets the server decide
	Max       int               // entries wanted; 0 means 20
	Transport http.RoundTripper // nil means a transport of its own
	Timeout   time.Duration     // limit for each server's answer; 0 means 10 s
}

// Servers asks for the list.
func (l ServerList) Servers(ctx context.Context) ([]Server, error) {
	if len(l.Addresses) == 0 {
		return nil, &Error{Step: StepDirectory, Err: ErrNoServers}
	}
	limit := l.Max
	if limit <= 0 {
		limit = 20
	}
	var failures []error
	for _, address := range l.Addresses {
		target := fmt.Sprintf("http://%s/serverlist/%d/%d/", address, l.Cell, limit)
		servers, err := fetchDirectory(ctx, l.Transport, l.Timeout, target, address, ParseServerList)
		if err == nil {
			return servers, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

// WebAPI is today's directory, IContentServerDirectoryService/GetServersForSteamPipe (spec steampipe.md §2.1).
type WebAPI struct {
	BaseURL   string            // empty means https://api.steampowered.com
	Cell      int               // download region; 0 decides by the caller's address
	Max       int               // entries wanted; 0 means 20
	Transport http.RoundTripper // nil means a transport of its own
	Timeout   time.Duration     // limit for the answer, since the service is seen to hang; 0 means 15 s
}

// Servers asks for the list.
func (w WebAPI) Servers(ctx context.Context) ([]Server, error) {
	base := w.BaseURL
	if base == "" {
		base = "https://api.steampowered.com"
	}
	limit := w.Max
	if limit <= 0 {
		limit = 20
	}
	timeout := w.Timeout
	if timeout <= 0 {
		timeout = 15 * time.Second
	}
	query := url.Values{"cell_id": {strconv.Itoa(w.Cell)}, "max_servers": {strconv.Itoa(limit)}}
	target := strings.TrimSuffix(base, "/") + "/IContentServerDirectoryService/GetServersForSteamPipe/v1/?" + query.Encode()
	return fetchDirectory(ctx, w.Transport, timeout, target, base, ParseWebAPI)
}

// fetchDirectory gets and reads one list.
func fetchDirectory(ctx context.Context, transport http.RoundTripper, timeout time.Duration, target, server string, parse func([]byte) ([]Server, error)) ([]Server, error) {
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	if transport == nil {
		own := newTransport(nil, 1)
		defer own.CloseIdleConnections()
		transport = own
	}
	getter := getter{transport: transport, headers: timeout, body: timeout}
	body, err := getter.get(ctx, request{url: target, limit: maxDirectory}, nil)
	if err == nil {
		servers, parseErr := parse(body)
		if parseErr == nil {
			return servers, nil
		}
		err = &Error{Err: parseErr}
	}
	return nil, err.at(StepDirectory, server)
}

// ParseServerList reads the answer to /serverlist/: text KeyValues with children "0", "1", ... in any order and with gaps.
// A list that says "deferred" gives [ErrDeferred].
func ParseServerList(b []byte) ([]Server, error) {
	root, err := keyvalues.Parse(b, keyvalues.Limits{MaxBytes: maxDirectory, MaxDepth: 8})
	if err != nil {
		return nil, fmt.Errorf("server list: %w", err)
	}
	list, found := root.Find("serverlist")
	if !found || !list.IsBlock() {
		return nil, errors.New("server list: no serverlist block")
	}
	// SteamKit reads "deferred" inside the block, ValvePython beside it.
	for _, node := range []keyvalues.Node{list, root} {
		if value, ok := node.Text("deferred"); ok && value != "0" {
			return nil, ErrDeferred
		}
	}
	type numbered struct {
		index  int
		server Server
	}
	var entries []numbered
	for i := range list.Children {
		entry := list.Children[i]
		index, err := strconv.Atoi(entry.Key)
		if err != nil || index < 0 || len(entry.Children) == 0 {
			continue
		}
		if len(entries) == maxServers {
			return nil, fmt.Errorf("server list: more than %d entries", maxServers)
		}
		server := Server{
			Load:         number(entry, "load"),
			WeightedLoad: number(entry, "weightedload"),
			SourceID:     int64(number(entry, "sourceid")),
			Cell:         int64(number(entry, "cell")),
			Entries:      int(min(max(number(entry, "numentriesinclientlist"), 0), 1000)),
		}
		server.Type, _ = entry.Text("type")
		server.Host, _ = entry.Text("host")
		server.VHost, _ = entry.Text("vhost")
		server.HTTPS, _ = entry.Text("https_support")
		server.UseTokenAuth = number(entry, "usetokenauth") != 0
		server.Preferred = number(entry, "preferred_server") != 0
		if server.Host == "" {
			server.Host = server.VHost
		}
		if err := checkHost(server.Host, server.VHost); err != nil {
			return nil, fmt.Errorf("server list: entry %d: %w", index, err)
		}
		entries = append(entries, numbered{index, server})
	}
	servers := make([]Server, 0, len(entries))
	slices.SortStableFunc(entries, func(a, b numbered) int { return cmp.Compare(a.index, b.index) })
	for _, e := range entries {
		servers = append(servers, e.server)
	}
	return servers, nil
}

// ParseWebAPI reads the JSON answer of GetServersForSteamPipe. Unknown fields are ignored.
func ParseWebAPI(b []byte) ([]Server, error) {
	if len(b) > maxDirectory {
		return nil, fmt.Errorf("server directory: longer than %d bytes", maxDirectory)
	}
	var answer struct {
		Response *struct {
			Servers []struct {
				Type                string   `json:"type"`
				SourceID            int64    `json:"source_id"`
				CellID              int64    `json:"cell_id"`
				Load                float64  `json:"load"`
				WeightedLoad        float64  `json:"weighted_load"`
				Entries             float64  `json:"num_entries_in_client_list"`
				SteamChinaOnly      bool     `json:"steam_china_only"`
				Host                string   `json:"host"`
				VHost               string   `json:"vhost"`
				UseAsProxy          bool     `json:"use_as_proxy"`
				ProxyPathTemplate   string   `json:"proxy_request_path_template"`
				HTTPS               string   `json:"https_support"`
				AllowedApps         []uint32 `json:"allowed_app_ids"`
				Preferred           bool     `json:"preferred_server"`
				PriorityClass       uint32   `json:"priority_class"`
				BypassProxiesOfType []string `json:"bypass_proxies_of_type"`
			} `json:"servers"`
		} `json:"response"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, fmt.Errorf("server directory: %w", err)
	}
	if answer.Response == nil {
		return nil, errors.New("server directory: no response object")
	}
	if len(answer.Response.Servers) > maxServers {
		return nil, fmt.Errorf("server directory: more than %d servers", maxServers)
	}
	servers := make([]Server, 0, len(answer.Response.Servers))
	for i, entry := range answer.Response.Servers {
		if entry.Host == "" {
			entry.Host = entry.VHost
		}
		if err := checkHost(entry.Host, entry.VHost); err != nil {
			return nil, fmt.Errorf("server directory: server %d: %w", i, err)
		}
		servers = append(servers, Server{
			Type: entry.Type, SourceID: entry.SourceID, Cell: entry.CellID, Load: entry.Load, WeightedLoad: entry.WeightedLoad,
			Entries: int(min(max(entry.Entries, 0), 1000)), Host: entry.Host, VHost: entry.VHost, HTTPS: entry.HTTPS,
			Preferred: entry.Preferred, SteamChinaOnly: entry.SteamChinaOnly, UseAsProxy: entry.UseAsProxy,
			ProxyPathTemplate: entry.ProxyPathTemplate, AllowedApps: entry.AllowedApps, PriorityClass: entry.PriorityClass,
			BypassProxiesOfType: entry.BypassProxiesOfType,
		})
	}
	return servers, nil
}

// number reads a number, whole in old lists and with a fraction in later ones; 0 if it is missing or none.
func number(entry keyvalues.Node, key string) float64 {
	value, _ := entry.Text(key)
	parsed, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(parsed) || math.Abs(parsed) > 1<<53 {
		return 0
	}
	return parsed
}

// checkHost refuses what is no host: a list comes from the network, and its names end up in URLs and headers.
func checkHost(names ...string) error {
	for _, name := range names {
		if len(name) > 300 || strings.ContainsFunc(name, func(r rune) bool {
			return r <= ' ' || r >= 0x7F || strings.ContainsRune(`/\@?#%"'<>`, r)
		}) {
			return fmt.Errorf("%.60q is not a host", name)
		}
	}
	return nil
}
