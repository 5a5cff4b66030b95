package natneg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis is what [Diagnose] found, step by step.
type Diagnosis = diagnosis.Report

// Diagnose finds out why players do not reach each other from here: it looks the matchup servers up, asks each of them,
// finds out what the NAT does, and says with whom that works. The error is for a ctx that ended and for a wrong config only;
// what else fails is in the Diagnosis. It takes no longer than [Detect].
func Diagnose(ctx context.Context, config Config) (*Diagnosis, error) {
	checked, err := config.withDefaults()
	if err != nil {
		return nil, &Error{Step: StepSetup, Reason: err.Error()}
	}
	d := &Diagnosis{Subject: "NAT negotiation"}
	if config.Game != "" {
		d.Subject += " of " + config.Game
	}
	began := time.Now()
	found, err := findServers(ctx, checked)
	if ctx.Err() != nil {
		return nil, &Error{Step: StepResolve, Err: ctx.Err()}
	}
	for i, server := range found.state {
		d.Add(resolveStep(i, server, time.Since(began)))
	}
	if err != nil {
		for i := range found.state {
			d.Add(diagnosis.Step{Name: answerName(i), Outcome: diagnosis.Skipped})
		}
		d.Add(diagnosis.Step{Name: natName, Outcome: diagnosis.Skipped})
		return d, nil
	}
	report, err := detect(ctx, checked, found, began)
	var failure *Error
	switch {
	case ctx.Err() != nil:
		return nil, &Error{Step: StepDetect, Err: ctx.Err()}
	case errors.As(err, &failure) && failure.Step == StepSetup:
		d.Add(diagnosis.Step{Name: "open sockets", Outcome: diagnosis.Failed, Err: failure, Advice: "allow this program to use UDP"})
		return d, nil
	}
	for i, server := range found.state {
		d.Add(answerStep(i, server))
	}
	if err != nil {
		d.Add(diagnosis.Step{Name: natName, Outcome: diagnosis.Warned, Took: time.Since(began), Found: "too few servers answered questions about the NAT",
			Advice: "some services do no detection, and negotiation may work nevertheless; if none answers anything, UDP is blocked here, or the service is down"})
		return d, nil
	}
	d.Add(natStep(report))
	d.Add(pairStep(report))
	if report.Hairpin == FactNo {
		d.Add(diagnosis.Step{Name: "reach other players behind the same NAT", Outcome: diagnosis.Warned, Found: "not through the public address (no hairpin)",
			Advice: "have both told their local addresses: Config.LocalIP, or LAN discovery"})
	}
	return d, nil
}

const natName = "find out what the NAT does"

func answerName(server int) string { return fmt.Sprintf("ask matchup server %d", server+1) }

func resolveStep(i int, server ServerState, took time.Duration) diagnosis.Step {
	step := diagnosis.Step{Name: fmt.Sprintf("find matchup server %d", i+1), Outcome: diagnosis.Passed, Took: took}
	switch {
	case server.Err == nil:
		step.Found = server.Addr.String()
	case errors.Is(server.Err, backend.ErrNotConfigured):
		step.Outcome, step.Found = diagnosis.Warned, "not configured; the others stand in for it"
		step.Advice = "set Domain, Host or Servers"
	default:
		step.Outcome, step.Err = diagnosis.Failed, server.Err
		step.Advice = "check the name of the game and the domain, and the name server; the original needs all three, this package does with one"
	}
	return step
}

func answerStep(i int, server ServerState) diagnosis.Step {
	step := diagnosis.Step{Name: answerName(i), Outcome: diagnosis.Passed, Took: server.RoundTrip}
	switch {
	case !server.Addr.IsValid():
		step.Outcome = diagnosis.Skipped
	case !server.Answered:
		step.Outcome, step.Found = diagnosis.Failed, "no answer"
		step.Advice = "allow UDP to port " + fmt.Sprint(server.Addr.Port()) + ", or ask the service whether the server is up"
	case server.Observed.IsValid():
		step.Found = "it sees this machine as " + server.Observed.String()
	}
	if server.Addr.IsValid() {
		step.Peer = server.Addr.String()
	}
	return step
}

func natStep(report *Report) diagnosis.Step {
	step := diagnosis.Step{Name: natName, Outcome: diagnosis.Passed, Took: report.Duration, Found: report.String()}
	if report.NAT == NATSymmetric {
		step.Outcome = diagnosis.Warned
		step.Advice = "map a port (natneg/portmap): then everybody can be reached; or turn off what the router calls strict or symmetric NAT"
	}
	return step
}

// pairStep says with which NATs on the other side it works.
func pairStep(report *Report) diagnosis.Step {
	cone := func(filtering Dependency) *Report { return &Report{Mapping: EndpointIndependent, Filtering: filtering} }
	var works, not []string
	for _, peer := range []struct {
		name   string
		report *Report
	}{
		{"no NAT", cone(EndpointIndependent)},
		{"full cone", cone(EndpointIndependent)},
		{"restricted cone", cone(AddressDependent)},
		{"port restricted cone", cone(AddressAndPortDependent)},
		{"symmetric with counted ports", &Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent, Step: 1}},
		{"symmetric with random ports", &Report{Mapping: AddressAndPortDependent, Filtering: AddressAndPortDependent}},
	} {
		switch outlook := report.Outlook(peer.report); outlook {
		case OutlookGood:
			works = append(works, peer.name)
		case OutlookPrediction:
			works = append(works, peer.name+" (by port prediction)")
		case OutlookBirthday:
			not = append(not, peer.name+" (but for Config.Birthday)")
		default:
			not = append(not, peer.name)
		}
	}
	step := diagnosis.Step{Name: "reach players behind other NATs", Outcome: diagnosis.Passed, Found: "works with " + strings.Join(works, ", ")}
	if len(not) > 0 {
		step.Outcome = diagnosis.Warned
		step.Found += "; not with " + strings.Join(not, ", ")
		step.Advice = "a port mapping on either side (natneg/portmap), or a relay"
	}
	return step
}
