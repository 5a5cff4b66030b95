//go:build !nosteampipe

package engine

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/relight-sdk/relight/steampipe"
)

// Depot is one thing that is done with a folder and a version of a depot: the handle is over when it is done.
type Depot struct {
	*Object
	config  DepotConfig
	key     steampipe.Key
	filter  steampipe.Filter
	content steampipe.Config // of a CDN
	source  steampipe.Source // nil until it is needed
}

// NewDepot begins to download, verify, plan or diagnose.
func (l *Library) NewDepot(config DepotConfig) (Handle, error) {
	return start(l, config.Options, depotCode, func(o *Object) (*Depot, error) {
		d := &Depot{Object: o, config: config}
		if err := d.check(); err != nil {
			return nil, err
		}
		o.run(func(ctx context.Context) {
			err := d.do(ctx)
			if err != nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			d.end(err)
		})
		return d, nil
	})
}

// check refuses what makes no sense, before anything begins.
func (d *Depot) check() error {
	c := &d.config
	if c.Action < DepotDownload || c.Action > DepotDiagnose {
		return errorf(ErrInvalid, "relight: there is no action %d", c.Action)
	}
	if c.Dir == "" && c.Action != DepotDiagnose {
		return errorf(ErrInvalid, "relight: no folder is named")
	}
	sources := 0
	for _, given := range []bool{c.Servers != "", c.ServerLists != "", c.Flags&DepotWebAPI != 0, c.Folder != ""} {
		if given {
			sources++
		}
	}
	local := c.ManifestFile != "" && (c.Action == DepotVerify || c.Action == DepotPlan)
	if sources > 1 || sources == 0 && !local {
		return errorf(ErrInvalid, "relight: one of servers, server_lists, folder and RELIGHT_DEPOT_WEB_API says where the depot comes from")
	}
	if c.ManifestFile == "" && (c.Depot == 0 || c.Manifest == 0) && c.Action != DepotDiagnose {
		return errorf(ErrInvalid, "relight: depot and manifest, or manifest_file, say what to download")
	}
	var err error
	if c.Key != "" {
		if d.key, err = steampipe.ParseKey(c.Key); err != nil {
			return errorf(ErrInvalid, "relight: %v", err)
		}
	}
	if patterns := list(c.Files); len(patterns) > 0 {
		if d.filter, err = steampipe.FilterGlobs(patterns...); err != nil {
			return errorf(ErrInvalid, "relight: %v", err)
		}
	}
	d.content = d.cdn()
	return nil
}

// cdn says which servers there are.
func (d *Depot) cdn() steampipe.Config {
	c := &d.config
	config := steampipe.Config{
		Cache: c.Cache, DetectCache: c.Flags&DepotDetectCache != 0, BytesPerSecond: c.BytesPerSecond, Logger: d.logger(c.LogLevel),
	}
	switch {
	case c.Flags&DepotWebAPI != 0:
		config.Directory = steampipe.WebAPI{}
	case c.ServerLists != "":
		config.Directory = steampipe.ServerList{Addresses: list(c.ServerLists)}
	default:
		config.Directory = fixedServers(list(c.Servers))
	}
	if c.RequestCode != 0 {
		config.RequestCode = func(context.Context, steampipe.DepotID, steampipe.ManifestID) (uint64, error) {
			return c.RequestCode, nil
		}
	}
	return config
}

// fixedServers are servers by name, with http:// or https:// in front or neither.
func fixedServers(hosts []string) (servers steampipe.Servers) {
	for _, host := range hosts {
		server := steampipe.Server{Type: steampipe.TypeCDN}
		plain, secure := strings.CutPrefix(host, "https://")
		if secure {
			server.HTTPS = "mandatory"
		}
		server.Host = strings.TrimSuffix(strings.TrimPrefix(plain, "http://"), "/")
		servers = append(servers, server)
	}
	return servers
}

// do does what was asked for.
func (d *Depot) do(ctx context.Context) error {
	if d.config.Action == DepotDiagnose {
		found, err := steampipe.Diagnose(ctx, d.content, steampipe.Target{
			Depot: steampipe.DepotID(d.config.Depot), Manifest: steampipe.ManifestID(d.config.Manifest), Dir: d.config.Dir,
		})
		if err == nil {
			d.put(ctx, report(EventDepotReport, found))
		}
		return err
	}
	if d.config.Folder != "" {
		d.source = steampipe.NewFolder(d.config.Folder)
	} else {
		cdn, err := steampipe.NewCDN(d.content)
		if err != nil {
			return err
		}
		defer cdn.Close()
		d.source = cdn
	}
	manifest, err := d.manifest(ctx)
	if err != nil {
		return err
	}
	if d.config.Action == DepotVerify {
		return d.verify(ctx, manifest)
	}
	job, err := steampipe.NewJob(d.source, manifest, d.config.Dir, d.options())
	if err != nil {
		return err
	}
	if d.config.Action == DepotPlan {
		return d.plan(ctx, job)
	}
	result, err := job.Run(ctx)
	if result != nil {
		d.put(ctx, downloaded(result))
	}
	return err
}

func (d *Depot) manifest(ctx context.Context) (*steampipe.Manifest, error) {
	c := &d.config
	if c.ManifestFile == "" {
		return steampipe.FetchManifest(ctx, d.source, steampipe.DepotID(c.Depot), steampipe.ManifestID(c.Manifest), d.key)
	}
	b, err := os.ReadFile(c.ManifestFile)
	if err != nil {
		return nil, errorf(ErrNotFound, "relight: %v", err)
	}
	return steampipe.ReadManifest(b, d.key)
}

func (d *Depot) options() steampipe.Options {
	c := &d.config
	return steampipe.Options{
		Key: d.key, Connections: c.Connections, Decoders: c.Decoders, Filter: d.filter,
		HashFiles: c.Flags&DepotHashFiles != 0, Stateless: c.Flags&DepotStateless != 0,
		SkipSpaceCheck: c.Flags&DepotSkipSpace != 0, Preallocate: c.Flags&DepotPreallocate != 0,
		Progress: func(now steampipe.Progress) { d.emit(progress(now)) }, ProgressInterval: c.ProgressInterval,
		Event: d.tell,
	}
}

// depotCode knows the errors of package steampipe; the native number is the status of HTTP.
func depotCode(err error) (Code, int32) {
	status := int32(0)
	if failure, ok := errors.AsType[*steampipe.Error](err); ok {
		status = int32(failure.Status)
	}
	for _, known := range []struct {
		err  error
		code Code
	}{
		{steampipe.ErrNoSpace, ErrNoSpace},
		{steampipe.ErrLocked, ErrLocked},
		{steampipe.ErrIncomplete, ErrFilesFailed},
		{steampipe.ErrChunkCorrupt, ErrCorrupt},
		{steampipe.ErrManifestCorrupt, ErrManifest},
		{steampipe.ErrManifestUnsafe, ErrManifest},
		{steampipe.ErrNamesEncrypted, ErrManifest},
		{steampipe.ErrNoServers, ErrNoContent},
		{steampipe.ErrNotFound, ErrNotFound},
		{steampipe.ErrForbidden, ErrForbidden},
		{steampipe.ErrUnauthorized, ErrForbidden},
		{steampipe.ErrTimeout, ErrTimeout},
		{steampipe.ErrTooManyRequests, ErrRefused},
		{steampipe.ErrServerBroken, ErrRefused},
		{steampipe.ErrBadLength, ErrProtocol},
		{steampipe.ErrBodyCorrupt, ErrProtocol},
	} {
		if errors.Is(err, known.err) {
			return known.code, status
		}
	}
	return OK, 0
}
