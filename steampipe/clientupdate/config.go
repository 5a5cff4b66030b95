package clientupdate

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// DefaultHosts are the base addresses of today's hosts (spec steampipe.md §8.1), the one that is built into the updater first.
// Until 2022 they were others, with "client/" after the host; an address given in [Config.Hosts] is taken as it is.
func DefaultHosts() []string {
	return []string{
		"https://client-update.steamstatic.com/",
		"https://client-update.akamai.steamstatic.com/",
		"https://client-update.fastly.steamstatic.com/",
	}
}

// Config says what to check, and whom to ask. Only Product is required.
type Config struct {
	// Product is the manifest's name: "steam_cmd_" or "steam_client_", a branch if any, and "win32", "linux", "osx", ...
	Product string
	// Installed is the version that is installed. 0 means none: whatever the host has is newer.
	Installed uint64
	// AlwaysFetch gets the manifest even if the installed version is current, to verify or repair with it.
	AlwaysFetch bool

	// Hosts are base addresses, tried in order; packages come from below them too. Nil means [DefaultHosts].
	Hosts []string

	// Kind, System and OSType go into the User-Agent, as "(client;windows;10;1428529675)". Empty Kind means "client"; empty
	// System is made from the product; 0 for OSType means 10, Windows 7 in Valve's numbering, as in the founding capture.
	Kind   string
	System string
	OSType int

	// Transport sends the requests. It must leave bodies as they are sent. Nil means one of the package's own, which heeds
	// the proxy variables of the environment.
	Transport http.RoundTripper
	// DialContext opens connections for the package's own transport. Nil means net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// HeaderTimeout is the time that a host has to answer, connecting included. 0 means 10 s.
	HeaderTimeout time.Duration
	// IdleTimeout is the longest pause within a body. 0 means 15 s.
	IdleTimeout time.Duration
	// ManifestTimeout is the time that a manifest's body may take. 0 means 30 s. Packages are bounded by IdleTimeout alone.
	ManifestTimeout time.Duration

	// Logger gets each answer at Debug, versions at Info and failures at Warn. Nil is silent.
	Logger *slog.Logger
}

// maxManifest is a hundred times what the real ones have (spec steampipe.md §8.3).
const maxManifest = 1 << 20

func (c Config) withDefaults() (Config, error) {
	if c.Product == "" || strings.ContainsAny(c.Product, "/\\?#% ") || strings.Contains(c.Product, "..") {
		return c, &Error{Step: StepCheck, Err: fmt.Errorf("product %.64q is not the name of a manifest, such as steam_cmd_linux", c.Product)}
	}
	if c.Hosts == nil {
		c.Hosts = DefaultHosts()
	}
	c.Kind = cmp.Or(c.Kind, "client")
	c.System = cmp.Or(c.System, systemOf(c.Product))
	c.OSType = cmp.Or(c.OSType, 10)
	c.HeaderTimeout = cmp.Or(c.HeaderTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 15*time.Second)
	c.ManifestTimeout = cmp.Or(c.ManifestTimeout, 30*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// systemOf is the operating system of a product, in the words of the User-Agent.
func systemOf(product string) string {
	switch platform := product[strings.LastIndexByte(product, '_')+1:]; {
	case strings.HasPrefix(platform, "win"):
		return "windows"
	case platform == "osx":
		return "macos"
	default:
		return "linux"
	}
}

// userAgent is what Valve's updater calls itself (spec steampipe.md §8.2): kind, system, number of the system's type, version.
func (c Config) userAgent() string {
	return fmt.Sprintf("Valve/Steam HTTP Client 1.0 (%s;%s;%d;%d)", c.Kind, c.System, c.OSType, c.Installed)
}
