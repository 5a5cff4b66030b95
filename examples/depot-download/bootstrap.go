package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/relight-sdk/relight/steampipe/clientupdate"
)

// bootstrap does what SteamCMD does when it starts.
func bootstrap(ctx context.Context, o *options, p *printer) error {
	config := clientupdate.Config{Product: o.product, Hosts: o.hosts, Installed: o.installed, Logger: o.logger}
	if o.Embedded {
		server, err := updates()
		if err != nil {
			return err
		}
		defer server.Close()
		config.Hosts = []string{server.URL()}
		if o.dir == "" {
			dir, err := os.MkdirTemp("", "relight-steamcmd-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			o.dir = dir
		}
	}
	if o.diagnose {
		report, err := clientupdate.Diagnose(ctx, config)
		return tellDiagnosis(p, report, err)
	}
	if err := lookAtFolder(ctx, o, p, &config); err != nil {
		return err
	}
	result, err := clientupdate.Check(ctx, config)
	for _, attempt := range result.Attempts {
		if attempt.Err != nil {
			p.line("host", facts{"host": attempt.Host, "error": attempt.Err.Error()}, "%v", attempt.Err)
		}
	}
	if errors.Is(err, clientupdate.ErrOffline) && config.Installed != 0 && !config.AlwaysFetch {
		p.line("report", facts{"status": result.Status.String(), "installed": config.Installed}, "no host answers: going on with the installed version %d", config.Installed)
		return nil
	}
	if err != nil {
		return err
	}
	p.line("check", facts{"status": result.Status.String(), "version": result.Version, "installed": config.Installed, "evidence": result.Evidence.String(), "host": result.Host},
		"%s: version %d at %s (by the %s), installed %d", result.Status, result.Version, result.Host, result.Evidence, config.Installed)
	if result.Manifest == nil || o.dir == "" || result.Status == clientupdate.Older {
		p.line("report", facts{"status": result.Status.String(), "version": result.Version}, "nothing to do")
		return nil
	}
	return install(ctx, o, p, config, result)
}

// lookAtFolder finds out what is installed, and whether it must be repaired.
func lookAtFolder(ctx context.Context, o *options, p *printer, config *clientupdate.Config) error {
	if o.dir == "" {
		return nil
	}
	installed, err := clientupdate.ReadInstalled(o.dir, o.product)
	if errors.Is(err, clientupdate.ErrNotInstalled) {
		return nil
	}
	if err != nil {
		return err
	}
	if config.Installed == 0 {
		config.Installed = installed.Version
	}
	verdict, err := clientupdate.Verify(ctx, o.dir, o.product, o.full)
	if err != nil {
		return err
	}
	for _, bad := range verdict.Bad {
		p.line("file", facts{"path": bad.Path, "reason": bad.Reason}, "%s %s", bad.Path, bad.Reason)
	}
	config.AlwaysFetch = !verdict.OK() // to be repaired, whatever the version
	return nil
}

func install(ctx context.Context, o *options, p *printer, config clientupdate.Config, result *clientupdate.Result) error {
	bar := p.bar("fetch packages")
	report, err := clientupdate.Install(ctx, config, result.Text, o.dir, clientupdate.Options{Progress: func(progress clientupdate.Progress) {
		if bar == nil || progress.Total == 0 {
			return
		}
		if bar.GetMax64() != progress.Total {
			bar.ChangeMax64(progress.Total)
		}
		_ = bar.Set64(progress.Bytes)
	}})
	if bar != nil {
		_ = bar.Clear()
	}
	for _, problem := range report.Problems {
		p.line("problem", facts{"error": problem.Error()}, "%v", problem)
	}
	p.line("report", facts{"status": result.Status.String(), "version": report.Version, "packages_fetched": report.Fetched, "packages_kept": report.Kept, "bytes_fetched": report.Bytes,
		"files": report.Files, "removed": len(report.Removed), "seconds": report.Took.Seconds()},
		"version %d: %d packages fetched (%s), %d were there, %d files laid down, %d removed, in %v", report.Version, report.Fetched, size(report.Bytes), report.Kept, report.Files,
		len(report.Removed), report.Took.Round(time.Millisecond))
	return err
}
