package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/examples/internal/flags"
	"github.com/relight-sdk/relight/steampipe"
)

// options are the flags of all commands.
type options struct {
	flags.Common
	logger *slog.Logger

	// What to get.
	depot        uint64
	manifest     uint64
	manifestFile string
	old          string
	key          string
	config       string // config.vdf

	// From where.
	servers     list
	lists       list
	web         bool
	cell        int
	folder      string
	cache       string
	detectCache bool

	// How.
	dir              string
	include, exclude list
	expression       list
	connections      int
	limit            rate
	force, dryRun    bool
	extra            bool

	// Of bootstrap.
	product   string
	installed uint64
	hosts     list
	full      bool

	diagnose bool

	lookup func(ctx context.Context, host string) ([]netip.Addr, error) // steampipe.Config.Lookup
}

// errNoSource and errNoManifest are wrong use: nobody can guess.
var (
	errNoSource   = errors.New("from where? give -server, -serverlist, -web, -config or -folder, or try -embedded")
	errNoManifest = errors.New("which manifest? give -depot and -manifest, or -manifest-file, or try -embedded")
)

// checkWhat says what is missing to get a manifest.
func (o *options) checkWhat() error {
	switch {
	case o.Embedded || o.manifestFile != "":
	case !o.hasSource():
		return errNoSource
	case (o.depot == 0 || o.manifest == 0) && !o.diagnose:
		return errNoManifest
	}
	return nil
}

func (o *options) hasSource() bool {
	return o.Embedded || o.folder != "" || len(o.servers) > 0 || len(o.lists) > 0 || o.web || o.config != ""
}

// try is what to do about an error.
func (o *options) try(err error) string {
	switch {
	case o.diagnose, errors.Is(err, errDiffers):
		return ""
	case o.product != "":
		return "the same with -diagnose, which asks every host"
	}
	return "download with the same flags and -diagnose, which asks every server"
}

// list is a flag that may be given several times, or once with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(text string) error {
	*l = append(*l, strings.Split(text, ",")...)
	return nil
}

// rate is a number of bytes per second, as 500k or 2M.
type rate int64

func (r *rate) String() string { return strconv.FormatInt(int64(*r), 10) }

func (r *rate) Set(text string) error {
	factor := 1.0
	for suffix, of := range map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			text, factor = number, of
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number <= 0 || number*factor > 1e15 {
		return errors.New("want bytes per second, such as 500k or 2M")
	}
	*r = rate(number * factor)
	return nil
}

func whatFlags(set *flags.Set, o *options) {
	set.Group("What")
	set.Check(o.checkWhat)
	set.Uint64Var(&o.depot, "depot", 0, "`number` of the depot")
	set.Uint64Var(&o.manifest, "manifest", 0, "`number` of the manifest, that is of the version")
	set.StringVar(&o.manifestFile, "manifest-file", "", "read the manifest from a `file` instead")
	set.StringVar(&o.key, "key", "", "the depot's key, 64 `hex` digits")
	set.StringVar(&o.config, "config", "", "take the key, and content servers, from a Steam installation's config.vdf (`file`)")
}

func sourceFlags(set *flags.Set, o *options) {
	set.Group("From where")
	set.Var(&o.servers, "server", "content `server`, host or host:port, or https://host; several with commas")
	set.Var(&o.lists, "serverlist", "content `server` to ask for /serverlist/, host:port; several with commas")
	set.BoolVar(&o.web, "web", false, "ask Steam's web API for content servers")
	set.IntVar(&o.cell, "cell", 0, "download `region`, for -serverlist and -web")
	set.StringVar(&o.folder, "folder", "", "take everything from a `folder` that is laid out like a content server")
	set.StringVar(&o.cache, "cache", "", "`URL` of a LAN cache")
	set.BoolVar(&o.detectCache, "detect-cache", false, "look for a LAN cache as Steam's clients do")
	set.Var(&o.limit, "limit", "`bytes` per second, as 500k or 2M")
}

func filterFlags(set *flags.Set, o *options) {
	set.Group("Which files, and how")
	set.StringVar(&o.dir, "dir", "", "`folder` of the files")
	set.Var(&o.include, "include", "only files that fit one of these `patterns`, as maps/*.bsp or cfg")
	set.Var(&o.exclude, "exclude", "no files that fit one of these `patterns`")
	set.Var(&o.expression, "regexp", "only files whose path a regular `expression` finds")
}

func downloadFlags(set *flags.Set, o *options) {
	whatFlags(set, o)
	sourceFlags(set, o)
	filterFlags(set, o)
	set.IntVar(&o.connections, "connections", 16, "`number` of chunks to fetch at once")
	set.StringVar(&o.old, "old", "", "`file` or number of the manifest that is in the folder; without, the folder knows what was downloaded before")
	set.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
	set.BoolVar(&o.force, "skip-space-check", false, "begin even if the disk looks too small")
	set.BoolVar(&o.diagnose, "diagnose", false, "ask every server and say what is wrong, and end")
	set.Check(func() error {
		switch {
		case !o.hasSource():
			return errNoSource
		case o.dir == "" && !o.Embedded && !o.diagnose:
			return errors.New("where to? give -dir")
		}
		return nil
	})
}

func verifyFlags(set *flags.Set, o *options) {
	whatFlags(set, o)
	sourceFlags(set, o)
	filterFlags(set, o)
	set.BoolVar(&o.extra, "extra", false, "list files that are not in the manifest too")
	set.Check(func() error {
		if o.dir == "" {
			return errors.New("which folder? give -dir")
		}
		return nil
	})
}

func compareFlags(set *flags.Set, o *options) {
	whatFlags(set, o)
	sourceFlags(set, o)
	set.StringVar(&o.old, "old", "", "`file` or number of the manifest to come from; without, everything is new")
}

func bootstrapFlags(set *flags.Set, o *options) {
	set.Group("What")
	set.StringVar(&o.product, "product", "steam_cmd_linux", "`name` of the update manifest")
	set.Uint64Var(&o.installed, "installed", 0, "`version` that is installed; without, the folder's own")
	set.StringVar(&o.dir, "dir", "", "`folder` to install into; without, the version is only looked at")
	set.Var(&o.hosts, "host", "base `address` of an update host; several with commas")
	set.BoolVar(&o.diagnose, "diagnose", false, "ask every host and say what is wrong, and end")
	set.BoolVar(&o.full, "full", false, "compare every installed byte first")
}

// depotKey is the key that was given, or that config.vdf has.
func (o *options) depotKey() (steampipe.Key, error) {
	if o.key != "" {
		return steampipe.ParseKey(o.key)
	}
	if o.config == "" {
		return steampipe.Key{}, nil
	}
	config, err := o.installConfig()
	if err != nil {
		return steampipe.Key{}, err
	}
	keys, err := config.DepotKeys()
	if err != nil {
		return steampipe.Key{}, err
	}
	key, ok := keys[steampipe.DepotID(o.depot)]
	if !ok {
		return key, fmt.Errorf("%s has no key of depot %d", o.config, o.depot)
	}
	return key, nil
}

func (o *options) installConfig() (*steampipe.InstallConfig, error) {
	b, err := os.ReadFile(o.config)
	if err != nil {
		return nil, err
	}
	return steampipe.ParseInstallConfig(b)
}

// source is where chunks and manifests come from. Close it when done.
func (o *options) source() (steampipe.Source, func() error, error) {
	if o.folder != "" {
		return steampipe.NewFolder(o.folder), func() error { return nil }, nil
	}
	config, err := o.cdnConfig()
	if err != nil {
		return nil, nil, err
	}
	cdn, err := steampipe.NewCDN(config)
	if err != nil {
		return nil, nil, err
	}
	return cdn, cdn.Close, nil
}

// cdnConfig says which servers there are.
func (o *options) cdnConfig() (steampipe.Config, error) {
	config := steampipe.Config{Cache: o.cache, DetectCache: o.detectCache, Lookup: o.lookup, BytesPerSecond: int64(o.limit), Logger: o.logger}
	switch {
	case len(o.servers) > 0:
		var servers steampipe.Servers
		for _, host := range o.servers {
			server := steampipe.Server{Type: steampipe.TypeCDN, Host: strings.TrimPrefix(strings.TrimPrefix(host, "http://"), "https://")}
			if strings.HasPrefix(host, "https://") {
				server.HTTPS = "mandatory"
			}
			servers = append(servers, server)
		}
		config.Directory = servers
	case len(o.lists) > 0:
		config.Directory = steampipe.ServerList{Addresses: o.lists, Cell: o.cell}
	case o.web:
		config.Directory = steampipe.WebAPI{Cell: o.cell}
	case o.config != "":
		installed, err := o.installConfig()
		if err != nil {
			return config, err
		}
		config.Directory = steampipe.ServerList{Addresses: installed.ContentServers, Cell: o.cell}
	default:
		return config, errNoSource
	}
	return config, nil
}

// readManifest reads the manifest from its file, or fetches it.
func (o *options) readManifest(ctx context.Context, source func() (steampipe.Source, error), key steampipe.Key) (*steampipe.Manifest, error) {
	if o.manifestFile != "" {
		return manifestFile(o.manifestFile, key)
	}
	if o.depot == 0 || o.manifest == 0 {
		return nil, errNoManifest
	}
	from, err := source()
	if err != nil {
		return nil, err
	}
	return steampipe.FetchManifest(ctx, from, steampipe.DepotID(o.depot), steampipe.ManifestID(o.manifest), key)
}

func manifestFile(name string, key steampipe.Key) (*steampipe.Manifest, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return steampipe.ReadManifest(b, key)
}

// filter puts the three kinds of patterns together; nil picks everything.
func (o *options) filter() (steampipe.Filter, error) {
	var filter steampipe.Filter
	if len(o.include) > 0 {
		globs, err := steampipe.FilterGlobs(o.include...)
		if err != nil {
			return nil, err
		}
		filter = globs.Or(steampipe.FilterPaths(o.include...))
	}
	if len(o.expression) > 0 {
		found, err := steampipe.FilterRegexp(o.expression...)
		if err != nil {
			return nil, err
		}
		filter = filter.And(found)
	}
	if len(o.exclude) > 0 {
		globs, err := steampipe.FilterGlobs(o.exclude...)
		if err != nil {
			return nil, err
		}
		filter = filter.And(globs.Or(steampipe.FilterPaths(o.exclude...)).Not())
	}
	return filter, nil
}
