package main

import (
	"context"
	"errors"

	"github.com/relight-sdk/relight/examples/internal/clean"
	"github.com/relight-sdk/relight/steampipe"
)

// errDiagnosis ends the program behind a diagnosis that found something.
var errDiagnosis = errors.New("something does not work")

// diagnoseServers asks every server for what is to be downloaded.
func diagnoseServers(ctx context.Context, o *options, p *printer) error {
	if o.folder != "" {
		return errors.New("-diagnose is about servers: it does not go with -folder")
	}
	config, err := o.cdnConfig()
	if err != nil {
		return err
	}
	report, err := steampipe.Diagnose(ctx, config, steampipe.Target{Depot: steampipe.DepotID(o.depot), Manifest: steampipe.ManifestID(o.manifest), Dir: o.dir})
	return tellDiagnosis(p, report, err)
}

// tellDiagnosis prints a diagnosis, if there is one.
func tellDiagnosis(p *printer, report *steampipe.Diagnosis, err error) error {
	switch {
	case err != nil:
		return err
	case p.json:
		p.line("report", facts{"diagnosis": report}, "")
	default:
		p.text(clean.Lines(report.String()))
	}
	if !report.OK() {
		return errDiagnosis
	}
	return nil
}
