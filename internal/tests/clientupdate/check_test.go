package clientupdate_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/internal/tests/shared"
	"github.com/relight-sdk/relight/steampipe/clientupdate"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const version = 1_785_787_271

func serve(t *testing.T, config depottest.UpdateConfig) *depottest.UpdateServer {
	t.Helper()
	server, err := depottest.NewUpdates(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// deadHost is an address where nobody listens. A port of the system's choice might be given to another test.
const deadHost = "http://127.0.0.1:1"

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		redirect  bool
		fault     depottest.UpdateFault
		installed uint64
		always    bool
		status    clientupdate.Status
		evidence  clientupdate.Evidence
		version   uint64
		requests  int
		note      string
	}{
		"nothing installed":                         {installed: 0, status: clientupdate.Available, evidence: clientupdate.FromManifest, version: version, requests: 1},
		"older installed":                           {installed: version - 1, status: clientupdate.Available, evidence: clientupdate.FromManifest, version: version, requests: 1},
		"newer installed":                           {installed: version + 1, status: clientupdate.Older, evidence: clientupdate.FromManifest, version: version, requests: 1},
		"current":                                   {installed: version, status: clientupdate.Current, evidence: clientupdate.NotModified, version: version, requests: 1},
		"current, manifest wanted":                  {installed: version, always: true, status: clientupdate.Current, evidence: clientupdate.FromManifest, version: version, requests: 1},
		"the founding capture: current":             {redirect: true, installed: version, status: clientupdate.Current, evidence: clientupdate.FromRedirect, version: version, requests: 1},
		"the founding capture: older":               {redirect: true, installed: version - 1, status: clientupdate.Available, evidence: clientupdate.FromManifest, version: version, requests: 2},
		"the tag of another version":                {fault: depottest.StaleTag, installed: version - 1, status: clientupdate.Available, evidence: clientupdate.FromManifest, version: version, requests: 1, note: "ETag 1"},
		"the tag says that a stale one is current":  {fault: depottest.StaleTag, installed: 1, status: clientupdate.Current, evidence: clientupdate.NotModified, version: 1, requests: 1},
		"the tag does not count if all is wanted":   {fault: depottest.StaleTag, installed: 1, always: true, status: clientupdate.Available, evidence: clientupdate.FromManifest, version: version, requests: 1, note: "ETag 1"},
		"redirected although the manifest is asked": {redirect: true, installed: version, always: true, status: clientupdate.Current, evidence: clientupdate.FromManifest, version: version, requests: 2},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, depottest.UpdateConfig{Version: version, Redirect: test.redirect})
			server.Fail(test.fault)
			result, err := clientupdate.Check(t.Context(), clientupdate.Config{
				Product: "steam_cmd_linux", Hosts: []string{server.URL()}, Installed: test.installed, AlwaysFetch: test.always,
			})
			require.NoError(t, err)
			require.Equal(t, test.status, result.Status)
			require.Equal(t, test.evidence, result.Evidence)
			require.Equal(t, test.version, result.Version)
			require.Len(t, server.Requests(), test.requests)
			require.Equal(t, test.evidence == clientupdate.FromManifest, result.Manifest != nil)
			require.Contains(t, result.Attempts[0].Note, test.note)
			require.Len(t, result.Attempts[0].Redirects, map[bool]int{true: 1}[test.redirect])
			if result.Manifest != nil {
				require.Equal(t, server.Manifest(), result.Text)
			}
		})
	}
}

// TestUserAgent: the name under which the founding capture shows SteamCMD.
func TestUserAgent(t *testing.T) {
	server := serve(t, depottest.UpdateConfig{Product: "steam_cmd_win32"})
	_, err := clientupdate.Check(t.Context(), clientupdate.Config{Product: "steam_cmd_win32", Hosts: []string{server.URL()}, Installed: 1428529675})
	require.NoError(t, err)
	require.Equal(t, "Valve/Steam HTTP Client 1.0 (client;windows;10;1428529675)", server.Requests()[0].UserAgent)
	require.Equal(t, "/steam_cmd_win32", server.Requests()[0].Path)
}

func TestHostsFail(t *testing.T) {
	good := serve(t, depottest.UpdateConfig{Version: version})
	for name, test := range map[string]struct {
		fault  depottest.UpdateFault
		want   error
		advice string
	}{
		"captive portal":         {depottest.CaptivePortal, clientupdate.ErrNotManifest, "log in to the network"},
		"not there":              {depottest.UpdateMissing, clientupdate.ErrStatus, "does not have this product"},
		"broken":                 {depottest.UpdateBroken, clientupdate.ErrStatus, "broken or overloaded"},
		"redirects for ever":     {depottest.RedirectLoop, clientupdate.ErrTooManyRedirects, "broken or overloaded"},
		"redirect without where": {depottest.RedirectNowhere, clientupdate.ErrStatus, "broken or overloaded"},
		"manifest cut":           {depottest.ManifestCut, clientupdate.ErrNotManifest, "answers in the host's place"},
		"manifest of two MiB":    {depottest.ManifestHuge, clientupdate.ErrNotManifest, "answers in the host's place"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := serve(t, depottest.UpdateConfig{Version: version})
			bad.Fail(test.fault)
			config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{bad.URL(), good.URL()}, Installed: 1}
			result, err := clientupdate.Check(t.Context(), config)
			require.NoError(t, err, "the next host answers")
			require.Equal(t, good.URL(), result.Host)
			require.Len(t, result.Attempts, 2)
			require.ErrorIs(t, result.Attempts[0].Err, test.want)
			require.ErrorContains(t, result.Attempts[0].Err, bad.URL())

			config.Hosts = []string{bad.URL(), deadHost}
			result, err = clientupdate.Check(t.Context(), config)
			require.ErrorIs(t, err, clientupdate.ErrOffline)
			require.ErrorIs(t, err, test.want)
			require.Equal(t, clientupdate.Unknown, result.Status)
			require.Equal(t, uint64(1), result.Installed)

			config.Hosts = []string{bad.URL(), good.URL()}
			report, err := clientupdate.Diagnose(t.Context(), config)
			require.NoError(t, err)
			require.True(t, report.OK(), "one host is enough")
			require.Contains(t, report.String(), test.advice)
			require.Contains(t, report.String(), "1 of 2")
			require.Equal(t, diagnosis.Warned, report.Steps[len(report.Steps)-1].Outcome)
		})
	}
}

// answers is a transport of the program's own.
type answers struct{}

func (answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

// Names are not looked up where the program has its own way to the host, and no look-up outlives the context.
func TestDiagnoseLooksUpNothing(t *testing.T) {
	usual, lookups := net.DefaultResolver, 0
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		lookups++
		return nil, errors.New("no name service in this test")
	}}
	defer func() { net.DefaultResolver = usual }()
	report, err := clientupdate.Diagnose(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{"https://update.example.net/"}, Transport: answers{}})
	require.NoError(t, err)
	require.Zero(t, lookups, report.String())
	require.Len(t, report.Steps, 2)
}

func TestDiagnoseOffline(t *testing.T) {
	report, err := clientupdate.Diagnose(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{deadHost, "nonsense"}})
	require.NoError(t, err)
	require.ErrorIs(t, report.Err(), clientupdate.ErrOffline)
	require.Contains(t, report.String(), "go on with the installed version")
	require.Contains(t, report.String(), "firewall lets https out")
	require.Contains(t, report.String(), "give hosts as https://name/")
}

func TestBadConfig(t *testing.T) {
	for _, product := range []string{"", "../x", "a/b", "a?b"} {
		_, err := clientupdate.Check(t.Context(), clientupdate.Config{Product: product})
		require.ErrorContains(t, err, "not the name of a manifest")
	}
	_, err := clientupdate.Check(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{}})
	require.ErrorIs(t, err, clientupdate.ErrOffline)
}

// roundTrip is a transport in memory.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDowngrade(t *testing.T) {
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"http://evil.example/x?5"}}, Body: http.NoBody, Request: r}, nil
	})
	_, err := clientupdate.Check(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Transport: transport, Installed: 5})
	require.ErrorIs(t, err, clientupdate.ErrDowngrade, "not even its version is believed")
}

// TestTimeLimits: a host that is silent, and one that stops within the manifest, fail after exactly the time that was set.
func TestTimeLimits(t *testing.T) {
	silent := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	stalls := roundTrip(func(r *http.Request) (*http.Response, error) {
		reader, writer := io.Pipe()
		context.AfterFunc(r.Context(), func() { writer.CloseWithError(r.Context().Err()) })
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: reader, ContentLength: -1, Request: r}, nil
	})
	drips := roundTrip(func(r *http.Request) (*http.Response, error) {
		reader, writer := io.Pipe()
		context.AfterFunc(r.Context(), func() { writer.CloseWithError(r.Context().Err()) })
		go func() {
			second := time.NewTicker(time.Second)
			defer second.Stop()
			for {
				select {
				case <-second.C:
					_, _ = io.WriteString(writer, "\n")
				case <-r.Context().Done():
					return
				}
			}
		}()
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: reader, ContentLength: -1, Request: r}, nil
	})
	for name, test := range map[string]struct {
		transport http.RoundTripper
		want      time.Duration
	}{"silent": {silent, 10 * time.Second}, "stalls": {stalls, 15 * time.Second}, "drips": {drips, 30 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				_, err := clientupdate.Check(t.Context(), clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{"https://one.example/"}, Transport: test.transport})
				require.ErrorIs(t, err, clientupdate.ErrTimeout)
				require.Equal(t, test.want, time.Since(started))
				limited, ok := errors.AsType[net.Error](err)
				require.True(t, ok && limited.Timeout())

				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				started = time.Now()
				result, err := clientupdate.Check(ctx, clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{"https://one.example/", "https://two.example/"}, Transport: test.transport})
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(started))
				require.Len(t, result.Attempts, 1, "the second host is not asked any more")
				synctest.Wait()
			})
		})
	}
}

// TestRealManifests: manifests of 2013 to 2026, served as the founding capture shows.
func TestRealManifests(t *testing.T) {
	for name, version := range map[string]uint64{
		"steam_client_win32_1377723241.vdf": 1377723241,
		"steam_cmd_linux_1785787271.vdf":    1785787271,
		"steam_cmd_win32_1718904263.vdf":    1718904263,
	} {
		t.Run(name, func(t *testing.T) {
			body := string(shared.Read(t, "vectors", "steampipe", "bootstrap", name))
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
			})
			result, err := clientupdate.Check(t.Context(), clientupdate.Config{Product: name[:len(name)-len("_1377723241.vdf")], Transport: transport})
			require.NoError(t, err)
			require.Equal(t, version, result.Version)
			require.GreaterOrEqual(t, len(result.Manifest.Packages), 4)
		})
	}
}

// Whatever the program's reason for ending a context, the error says that the context ended, and whether it was its time.
func TestEndedWithCause(t *testing.T) {
	config := clientupdate.Config{Product: "steam_cmd_linux", Hosts: []string{deadHost}}
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, enough)
	defer cancel()
	_, checkErr := clientupdate.Check(ctx, config)
	_, diagnoseErr := clientupdate.Diagnose(ctx, config)
	_, installErr := clientupdate.Install(ctx, config, []byte(`"linux" { "version" "1" "p" { "file" "p.zip.0123456789012345678901234567890123456789" "size" "1" "sha2" "`+strings.Repeat("0", 64)+`" } }`), t.TempDir(), clientupdate.Options{})
	for _, err := range []error{checkErr, diagnoseErr, installErr} {
		require.ErrorIs(t, err, enough)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		e, ok := errors.AsType[*clientupdate.Error](err)
		require.True(t, ok)
		require.True(t, e.Timeout())
	}
}
