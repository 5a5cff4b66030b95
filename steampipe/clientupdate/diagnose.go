package clientupdate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis tells step by step what works and what does not. Its fields: Subject, and Steps with Name, Peer, Outcome, Took,
// Found, Advice and Err; OK, Err and String sum it up; it can be written as JSON.
type Diagnosis = diagnosis.Report

// Diagnose asks every host of config, not only until one answers, and says in words which work, what is wrong with the others,
// and what to try. The error is not nil only if ctx ended or config is not usable.
func Diagnose(ctx context.Context, config Config) (*Diagnosis, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	report := &Diagnosis{Subject: "update of " + config.Product}
	works := 0
	for _, host := range config.Hosts {
		if diagnoseHost(ctx, config, host, report) {
			works++
		}
		if ctx.Err() != nil {
			return report, &Error{Step: StepCheck, Host: host, Err: backend.Ended(ctx, nil)}
		}
	}
	verdict := diagnosis.Step{Name: "hosts that work", Found: fmt.Sprintf("%d of %d", works, len(config.Hosts))}
	switch works {
	case len(config.Hosts):
		verdict.Outcome = diagnosis.Passed
	case 0:
		verdict.Outcome = diagnosis.Failed
		verdict.Err = ErrOffline
		verdict.Advice = "go on with the installed version; look at the network if other sites fail too"
	default:
		verdict.Outcome = diagnosis.Warned
		verdict.Advice = "updates work, slower where the failing hosts are asked first"
	}
	report.Add(verdict)
	return report, nil
}

// diagnoseHost reports whether a host gave a manifest.
func diagnoseHost(ctx context.Context, config Config, host string, report *Diagnosis) bool {
	address, err := url.Parse(host)
	if err != nil || address.Hostname() == "" {
		report.Add(diagnosis.Step{Name: "read address", Peer: host, Outcome: diagnosis.Warned, Err: errors.Join(errors.New("no host in it"), err), Advice: "give hosts as https://name/"})
		return false
	}
	if needsLookup(config, address) {
		started := time.Now()
		addresses, err := net.DefaultResolver.LookupHost(ctx, address.Hostname())
		step := diagnosis.Step{Name: "resolve", Peer: address.Hostname(), Outcome: diagnosis.Passed, Took: time.Since(started), Found: fmt.Sprint(addresses)}
		if err != nil {
			step.Outcome, step.Err, step.Found = diagnosis.Warned, err, ""
			step.Advice = "the name service does not know the host: check the DNS settings, or a filter that blocks Steam"
		}
		report.Add(step)
		if err != nil {
			return false
		}
	}
	config.Hosts, config.AlwaysFetch = []string{host}, true
	result, err := Check(ctx, config)
	attempt := result.Attempts[0]
	step := diagnosis.Step{Name: "get manifest", Peer: host, Outcome: diagnosis.Passed, Took: attempt.Took, Err: attempt.Err}
	if err == nil {
		step.Found = fmt.Sprintf("version %d, %d packages; installed %d: %s", result.Version, len(result.Manifest.Packages), result.Installed, result.Status)
		if attempt.Note != "" {
			step.Outcome, step.Advice = diagnosis.Warned, attempt.Note+"; a cache on the way may be out of date"
		}
		report.Add(step)
		return true
	}
	step.Outcome = diagnosis.Warned
	step.Advice = advice(attempt)
	report.Add(step)
	return false
}

// needsLookup says whether it is our name service that finds the host: not for an address, nor where the program or a proxy
// makes the connection.
func needsLookup(config Config, address *url.URL) bool {
	if config.Transport != nil || config.DialContext != nil {
		return false
	}
	if _, err := netip.ParseAddr(address.Hostname()); err == nil {
		return false
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: address})
	return proxy == nil && err == nil
}

// advice says what to try after a host failed.
func advice(attempt Attempt) string {
	_, dns := errors.AsType[*net.DNSError](attempt.Err)
	_, operation := errors.AsType[*net.OpError](attempt.Err)
	switch {
	case errors.Is(attempt.Err, ErrNotManifest):
		return "something on the way answers in the host's place: open any web page and log in to the network, or look for a filter"
	case errors.Is(attempt.Err, ErrDowngrade):
		return "something on the way wants plain http: do not trust what it sends"
	case attempt.Status == 404:
		return "the host does not have this product: check its name, and the path of the host"
	case errors.Is(attempt.Err, ErrStatus) || errors.Is(attempt.Err, ErrTooManyRedirects):
		return "the host is broken or overloaded: try later, or another host"
	case dns:
		return "the name service does not know the host: check the DNS settings"
	case errors.Is(attempt.Err, ErrTimeout):
		return "nothing answers: a firewall that drops, a dead host or a slow network"
	case operation:
		return "no connection: check that the network is up and that a firewall lets https out"
	}
	return "try another host"
}
