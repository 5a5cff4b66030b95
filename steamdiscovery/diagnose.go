package steamdiscovery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis is what [Diagnose] found: the steps one by one, each with what was seen and what to try.
type Diagnosis = diagnosis.Report

// Advice for those who find nobody.
const (
	adviceNetwork = "connect the machine to a network, or name the addresses to ask in DiscoverConfig.Targets; 127.0.0.1 is this machine alone"
	advicePort    = "close the program that has the port for itself: an Announcer cannot start, and broadcasts that nobody asked for are not heard"
	adviceInbound = "allow this program to receive UDP on the port in the firewall of this machine"
	adviceNobody  = "start Steam on the other machine, allow Remote Play in its settings and UDP 27036 in its firewall; guest networks and " +
		"access points with client isolation keep machines apart; machines behind a router must be named in DiscoverConfig.Targets"
)

// Diagnose asks as [Discover] does, and tells step by step what it saw: which networks there are, whether the sockets open,
// whether our own broadcasts come back, and who answers. It takes DiscoverConfig.SearchTime, and for that long listens on
// the port of Steam too, if it broadcasts, with what the package's documentation says about a Steam client on this machine.
//
// The error is nil unless ctx ended first; what does not work is in the Diagnosis.
func Diagnose(ctx context.Context, config DiscoverConfig) (*Diagnosis, error) {
	report := &Diagnosis{Subject: "discovery of Steam clients"}
	err := diagnose(ctx, report, config)
	return report, err
}

func diagnose(ctx context.Context, report *Diagnosis, config DiscoverConfig) error {
	probe := newDiscoverer(config)
	if !diagnoseNetworks(report, probe) || !diagnoseTargets(ctx, report, probe) {
		report.Add(diagnosis.Step{Name: "ask who is there", Outcome: diagnosis.Skipped})
		return ended(ctx, "diagnose")
	}
	discoverer, step := openForDiagnosis(ctx, probe, config)
	report.Add(step)
	if discoverer == nil {
		report.Add(diagnosis.Step{Name: "ask who is there", Outcome: diagnosis.Skipped})
		return ended(ctx, "diagnose")
	}
	defer discoverer.Close()

	began := time.Now()
	var running sync.WaitGroup
	running.Go(func() { _ = discoverer.Run(ctx) })
	select {
	case <-ctx.Done():
	case <-time.After(discoverer.config.SearchTime):
	}
	state, hosts := discoverer.State(), discoverer.Hosts() // before it closes its sockets
	_ = discoverer.Close()
	running.Wait()
	if err := ended(ctx, "diagnose"); err != nil {
		return err
	}
	heard := diagnoseEcho(report, state)
	report.Add(diagnoseAnswers(state, hosts, heard, time.Since(began)))
	return nil
}

// diagnoseNetworks tells which networks can be asked; false is none, and no target either.
func diagnoseNetworks(report *Diagnosis, d *Discoverer) bool {
	step := diagnosis.Step{Name: "find networks to ask on", Outcome: diagnosis.Passed}
	defer func() { report.Add(step) }()
	if len(d.config.Targets) > 0 && len(d.config.Interfaces) == 0 {
		step.Outcome, step.Found = diagnosis.Skipped, "only the targets of the configuration are asked"
		return true
	}
	links, err := d.links()
	if err == nil {
		err = checkNames(d.config.Interfaces)
	}
	if err == nil && len(links) == 0 {
		err = &Error{Op: "interfaces", Err: ErrNoInterface}
	}
	var found []string
	for _, l := range links {
		found = append(found, fmt.Sprintf("%s %s (broadcast %s)", l.name, l.address, l.broadcast))
	}
	step.Found = strings.Join(found, ", ")
	if err != nil {
		step.Err, step.Advice = err, adviceNetwork
		step.Outcome = diagnosis.Failed
		if errors.Is(err, ErrNoInterface) && len(d.config.Targets) > 0 {
			step.Outcome = diagnosis.Warned
		}
	}
	return step.Outcome != diagnosis.Failed
}

// diagnoseTargets resolves the targets; false if that fails.
func diagnoseTargets(ctx context.Context, report *Diagnosis, d *Discoverer) bool {
	if len(d.config.Targets) == 0 {
		return true
	}
	began := time.Now()
	opening, cancel := context.WithTimeout(ctx, d.config.OpenTimeout)
	defer cancel()
	targets, err := resolveTargets(opening, d.config.Resolver, d.config.Targets, d.config.Port)
	step := diagnosis.Step{Name: "resolve the targets", Outcome: diagnosis.Passed, Took: time.Since(began), Found: joined(targets)}
	if err != nil {
		step.Outcome, step.Err = diagnosis.Failed, err
		step.Advice = "check the names in DiscoverConfig.Targets, or give IPv4 addresses"
	}
	report.Add(step)
	d.targets = targets
	return err == nil
}

// openForDiagnosis opens the sockets, that on Steam's port among them if it can be had.
func openForDiagnosis(ctx context.Context, probe *Discoverer, config DiscoverConfig) (*Discoverer, diagnosis.Step) {
	began := time.Now()
	// Bound last, our socket on the port would get what is sent to this machine alone, in place of the Steam client that
	// it is for: so there is one only where questions are broadcast, which reach everybody.
	config.Passive = len(config.Targets) == 0 || len(config.Interfaces) > 0 || slices.ContainsFunc(probe.targets, isBroadcast)
	discoverer, err := NewDiscoverer(ctx, config)
	step := diagnosis.Step{Name: "open sockets", Outcome: diagnosis.Passed}
	failure, _ := errors.AsType[*Error](err)
	if failure != nil && failure.Op == "listen" && config.Passive && failure.Addr == probe.config.PassiveAddr {
		step.Outcome, step.Peer, step.Err = diagnosis.Warned, failure.Addr, failure.Err
		if errors.Is(err, syscall.EADDRINUSE) {
			step.Found, step.Advice = "another program has the port for itself", advicePort
		}
		config.Passive = false
		discoverer, err = NewDiscoverer(ctx, config)
	}
	step.Took = time.Since(began)
	if err != nil {
		step.Outcome, step.Err = diagnosis.Failed, err
		return nil, step
	}
	if step.Outcome == diagnosis.Passed {
		var locals []netip.AddrPort
		for _, o := range discoverer.sockets {
			locals = append(locals, o.local)
		}
		step.Found = "ask from " + joined(locals)
		if config.Passive {
			step.Found += fmt.Sprintf(", listen on %s", discoverer.State().Passive)
		}
	}
	return discoverer, step
}

// echo is whether our own broadcasts came back.
type echo int

const (
	echoUnknown echo = iota // nothing was broadcast, or nobody listened
	echoHeard
	echoMissing
)

// diagnoseEcho tells whether what we broadcast came back to this machine: then it went out, and its firewall lets such
// packets in.
func diagnoseEcho(report *Diagnosis, state DiscovererState) echo {
	step := diagnosis.Step{Name: "hear our own broadcasts", Outcome: diagnosis.Skipped}
	defer func() { report.Add(step) }()
	switch {
	case !slices.ContainsFunc(state.Targets, isBroadcast):
		step.Found = "nothing was broadcast"
		return echoUnknown
	case !state.Passive.IsValid():
		step.Found = "nobody listens on the port"
		return echoUnknown
	case state.Counters.Ignored.Own > 0:
		step.Outcome, step.Found = diagnosis.Passed, fmt.Sprintf("%d of them", state.Counters.Ignored.Own)
		return echoHeard
	}
	step.Outcome, step.Found, step.Advice = diagnosis.Warned, "none came back to "+state.Passive.String(), adviceInbound
	return echoMissing
}

// diagnoseAnswers tells who answered, and if nobody did, why that may be.
func diagnoseAnswers(state DiscovererState, hosts []Host, heard echo, took time.Duration) diagnosis.Step {
	step := diagnosis.Step{Name: "ask who is there", Took: took}
	counters := state.Counters
	if len(hosts) > 0 {
		var names []string
		for _, host := range hosts {
			names = append(names, fmt.Sprintf("%s at %s", host.Name(), host.Addr))
		}
		step.Outcome, step.Found = diagnosis.Passed, strings.Join(names, ", ")
		if counters.Ignored.TableFull > 0 {
			step.Outcome, step.Advice = diagnosis.Warned, "raise DiscoverConfig.MaxHosts: there are more hosts than that"
		}
		return step
	}
	step.Outcome = diagnosis.Failed
	if counters.Sent == 0 {
		step.Err, step.Found = state.LastError, "no question could be sent"
		step.Advice = "look at the routes and the firewall of this machine"
		return step
	}
	step.Err = ErrNobody
	step.Found = fmt.Sprintf("%d questions sent to %s", counters.Sent, joined(state.Targets))
	switch strangers := counters.Received - counters.Ignored.Own; {
	case strangers > 0:
		step.Found += fmt.Sprintf("; %d packets heard, none of them the status of a client", strangers)
		step.Advice = "whoever speaks there does not speak this protocol, or asks as we do; " + adviceNobody
	case heard == echoMissing:
		step.Advice = adviceInbound + "; " + adviceNobody
	default:
		step.Advice = adviceNobody
	}
	if counters.SendFailed > 0 {
		step.Found += fmt.Sprintf("; %d could not be sent", counters.SendFailed)
	}
	return step
}

// isBroadcast tells whether everybody hears what is sent there. Each network gets one packet of this kind, besides the one
// to its own broadcast address.
func isBroadcast(target netip.AddrPort) bool {
	return target.Addr() == limitedBroadcast || target.Addr() == loopbackBroadcast
}

func joined(addresses []netip.AddrPort) string {
	texts := make([]string, 0, len(addresses))
	for _, address := range addresses {
		texts = append(texts, address.String())
	}
	return strings.Join(texts, ", ")
}
