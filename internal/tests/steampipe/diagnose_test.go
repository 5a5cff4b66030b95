package steampipe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/steampipe"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// noCache is a name service that does not know of a LAN cache.
func noCache(_ context.Context, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// lateClock moves the date of answers.
type lateClock struct{ by time.Duration }

func (c lateClock) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		response.Header.Set("Date", time.Now().Add(c.by).UTC().Format(http.TimeFormat))
	}
	return response, err
}

// stepOf finds a step by its name.
func stepOf(t *testing.T, report *steampipe.Diagnosis, name string) diagnosis.Step {
	t.Helper()
	for _, step := range report.Steps {
		if step.Name == name {
			return step
		}
	}
	require.Fail(t, "no step "+name, report.String())
	return diagnosis.Step{}
}

func TestDiagnose(t *testing.T) {
	depot := smallDepot(t)
	target := steampipe.Target{Depot: steampipe.DepotID(depot.ID), Manifest: steampipe.ManifestID(depot.ManifestID), Dir: filepath.Join(t.TempDir(), "not there")}
	dead := steampipe.Server{Host: "127.0.0.1:1"} // a port of the system's choice may be given to another test

	for _, test := range []struct {
		name    string
		server  depottest.Config
		fault   depottest.FaultKind
		status  int
		change  func(*steampipe.Config, *steampipe.Target)
		step    string
		outcome diagnosis.Outcome
		advice  string
		reason  error
		ok      bool
	}{
		{name: "all is well", step: "servers that work", outcome: diagnosis.Passed, ok: true},
		{name: "no manifest asked for", change: func(_ *steampipe.Config, target *steampipe.Target) { *target = steampipe.Target{} }, step: "reach server", outcome: diagnosis.Passed, ok: true},
		{name: "directory is down", change: func(c *steampipe.Config, _ *steampipe.Target) {
			c.Directory = steampipe.ServerList{Addresses: []string{dead.Host}}
		},
			step: "ask the directory", outcome: diagnosis.Failed, advice: "no connection"},
		{name: "directory is empty", change: func(c *steampipe.Config, _ *steampipe.Target) { c.Directory = steampipe.Servers{} }, step: "ask the directory", outcome: diagnosis.Failed, advice: "no server for this app", reason: steampipe.ErrNoServers},
		{name: "server is down", change: func(c *steampipe.Config, _ *steampipe.Target) { c.Directory = steampipe.Servers{dead} }, step: "reach server", outcome: diagnosis.Warned, advice: "no connection"},
		{name: "captive portal", fault: depottest.FaultHTML, step: "get manifest", outcome: diagnosis.Warned, advice: "log in to the network", reason: steampipe.ErrManifestCorrupt},
		{name: "refused", fault: depottest.FaultStatus, status: 403, step: "get manifest", outcome: diagnosis.Warned, advice: "Config.RequestCode", reason: steampipe.ErrForbidden},
		{name: "code refused", server: depottest.Config{RequestCode: 5}, change: func(c *steampipe.Config, _ *steampipe.Target) { c.RequestCode = requestCode(6) },
			step: "get manifest", outcome: diagnosis.Warned, advice: "was refused", reason: steampipe.ErrUnauthorized},
		{name: "not there", change: func(_ *steampipe.Config, target *steampipe.Target) { target.Manifest++ }, step: "get manifest", outcome: diagnosis.Warned, advice: "check the number", reason: steampipe.ErrNotFound},
		{name: "broken", fault: depottest.FaultStatus, status: 500, step: "get manifest", outcome: diagnosis.Warned, advice: "try later", reason: steampipe.ErrServerBroken},
		{name: "loop", fault: depottest.FaultStatus, status: 508, step: "get manifest", outcome: diagnosis.Warned, advice: "asks itself", reason: steampipe.ErrCacheLoop},
		{name: "silent", fault: depottest.FaultStall, change: func(c *steampipe.Config, _ *steampipe.Target) { c.IdleTimeout = 500 * time.Millisecond }, step: "get manifest", outcome: diagnosis.Warned, advice: "nothing answers", reason: steampipe.ErrTimeout},
		{name: "one of two", change: func(c *steampipe.Config, _ *steampipe.Target) {
			c.Directory = append(steampipe.Servers{dead}, mustServers(t, c.Directory)...)
		}, step: "servers that work", outcome: diagnosis.Warned, ok: true},
		{name: "clock", change: func(c *steampipe.Config, _ *steampipe.Target) { c.Transport = lateClock{time.Hour} }, step: "compare the clock", outcome: diagnosis.Warned, advice: "set the clock", ok: true},
		{name: "clock, the other way", change: func(c *steampipe.Config, _ *steampipe.Target) { c.Transport = lateClock{-time.Hour} }, step: "compare the clock", outcome: diagnosis.Warned, advice: "set the clock", ok: true},
		{name: "no room", change: func(_ *steampipe.Config, target *steampipe.Target) { target.Bytes = 1 << 62 }, step: "look at the disk", outcome: diagnosis.Failed, advice: "make room", reason: steampipe.ErrNoSpace},
		{name: "cache that is not used", change: func(c *steampipe.Config, _ *steampipe.Target) {
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.254.254.254")}, nil
			}
		}, step: "look for a LAN cache", outcome: diagnosis.Warned, advice: "set Config.DetectCache", ok: true},
		{name: "cache that is none", change: func(c *steampipe.Config, _ *steampipe.Target) { c.Cache = "http://" + dead.Host }, step: "ask the LAN cache", outcome: diagnosis.Warned, advice: "another kind of cache", ok: true},
		{name: "certificate has expired, or the clock is wrong", change: func(c *steampipe.Config, _ *steampipe.Target) {
			c.Transport = fails{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}}
		}, step: "reach server", outcome: diagnosis.Warned, advice: "check the clock"},
		{name: "program has no code", change: func(c *steampipe.Config, _ *steampipe.Target) {
			c.RequestCode = func(context.Context, steampipe.DepotID, steampipe.ManifestID) (uint64, error) {
				return 0, errors.New("not logged on")
			}
		}, step: "get manifest", outcome: diagnosis.Warned, advice: "see why Config.RequestCode fails"},
		{name: "folder is a file", change: func(_ *steampipe.Config, target *steampipe.Target) {
			name := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(name, nil, 0o644))
			target.Dir = filepath.Join(name, "game")
		}, step: "look at the disk", outcome: diagnosis.Failed, advice: "choose another folder"},
		{name: "name service fails", change: func(c *steampipe.Config, _ *steampipe.Target) {
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no name service") }
		}, step: "look for a LAN cache", outcome: diagnosis.Warned, advice: "check the name service", ok: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, test.server, depot)
			if test.fault != 0 {
				server.Fail(depottest.Fault{Kind: test.fault, Status: test.status, Path: "/manifest/"})
			}
			config, target := steampipe.Config{Directory: list(server), Lookup: noCache}, target
			if test.change != nil {
				test.change(&config, &target)
			}
			report, err := steampipe.Diagnose(t.Context(), config, target)
			require.NoError(t, err)
			step := stepOf(t, report, test.step)
			require.Equal(t, test.outcome, step.Outcome, report.String())
			require.Contains(t, step.Advice, test.advice)
			if test.reason != nil {
				require.ErrorIs(t, step.Err, test.reason)
			}
			require.Equal(t, test.ok, report.OK(), report.String())
			_, err = json.Marshal(report)
			require.NoError(t, err)
		})
	}
	_, err := steampipe.Diagnose(t.Context(), steampipe.Config{}, steampipe.Target{})
	require.ErrorIs(t, err, steampipe.ErrNoServers)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = steampipe.Diagnose(ctx, steampipe.Config{Directory: steampipe.Servers{dead}, Lookup: noCache}, steampipe.Target{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = steampipe.Diagnose(t.Context(), steampipe.Config{Directory: steampipe.Servers{dead}, Lookup: noCache, Cache: "10.0.0.5"}, steampipe.Target{})
	require.ErrorContains(t, err, "not the URL of a cache", "as NewCDN says")
}

// fails is a transport that does not get through.
type fails struct{ err error }

func (f fails) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// ends is a transport with which the program gives up.
type ends struct{ cancel context.CancelFunc }

func (e ends) RoundTrip(r *http.Request) (*http.Response, error) {
	e.cancel()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A diagnosis that is given up says where it was.
func TestDiagnoseGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	report, err := steampipe.Diagnose(ctx, steampipe.Config{Directory: steampipe.Servers{{Host: "x"}}, Lookup: noCache, Transport: ends{cancel}}, steampipe.Target{Depot: 1, Manifest: 2})
	require.ErrorIs(t, err, context.Canceled)
	e, ok := errors.AsType[*steampipe.Error](err)
	require.True(t, ok)
	require.Equal(t, steampipe.StepFetchManifest, e.Step)
	require.Equal(t, diagnosis.Passed, stepOf(t, report, "ask the directory").Outcome)
}

func mustServers(t *testing.T, directory steampipe.Directory) []steampipe.Server {
	t.Helper()
	servers, err := directory.Servers(t.Context())
	require.NoError(t, err)
	return servers
}
