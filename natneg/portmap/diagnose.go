package portmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis is what Diagnose found: steps with outcomes, in words.
type Diagnosis = diagnosis.Report

// Diagnose says step by step what the router can do: it looks for the gateway, asks in each protocol, opens a port and closes
// it again. The port is one that is free on this machine, and it is open for a moment only. The error is not nil only if ctx
// ended or config is wrong; what does not work is in the report.
func Diagnose(ctx context.Context, config Config) (*Diagnosis, error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, &Error{Step: StepSetup, Err: err}
	}
	defer conn.Close() // it holds the port
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	config.StateFile = "" // that is about the program's own port
	config.ExternalPort, config.Exact = 0, false
	checked, err := config.withDefaults(port)
	if err != nil {
		return nil, &Error{Step: StepSetup, Reason: err.Error()}
	}
	report := &Diagnosis{Subject: "port mapping"}
	report.Add(gatewayStep(&checked))
	anybody := checked.addProbes(ctx, report)
	if ctx.Err() != nil {
		return nil, networkError(ctx, StepSearch, 0, netip.Addr{}, ctx.Err())
	}
	if !anybody {
		report.Add(diagnosis.Step{Name: "open a port", Outcome: diagnosis.Failed, Err: ErrNoGateway, Advice: advice(ErrNoGateway)})
		report.Add(diagnosis.Step{Name: "close it", Outcome: diagnosis.Skipped})
		return report, nil
	}
	addOpening(ctx, port, config, report)
	if ctx.Err() != nil {
		return nil, networkError(ctx, StepMap, 0, netip.Addr{}, ctx.Err())
	}
	return report, nil
}

func gatewayStep(config *Config) diagnosis.Step {
	step := diagnosis.Step{Name: "find the gateway", Outcome: diagnosis.Passed}
	router, err := gateway(config)
	if err != nil {
		// UPnP finds routers by itself.
		step.Outcome, step.Err, step.Advice = diagnosis.Warned, err, "set Config.Gateway, or see whether this machine is online"
		return step
	}
	step.Found = router.String()
	return step
}

// addProbes asks in each protocol at the same time, and reports whether anybody answers.
func (c *Config) addProbes(ctx context.Context, report *Diagnosis) (anybody bool) {
	ctx, cancel := context.WithTimeout(ctx, c.SearchTimeout)
	defer cancel()
	began := time.Now()
	m := newMapping(1, *c, cancel)
	defer m.working.Wait()
	results, asked := m.search(ctx)
	var steps [UPnP + 1]diagnosis.Step
	for range asked {
		result := <-results
		step := diagnosis.Step{Name: "ask by " + result.protocol.String(), Outcome: diagnosis.Passed, Took: time.Since(began)}
		if result.err != nil {
			step.Outcome, step.Err = diagnosis.Warned, result.err
		} else {
			step.Peer, step.Found = result.client.router().String(), "it answers"
			anybody = true
		}
		steps[result.protocol] = step
	}
	for _, protocol := range asked {
		step := steps[protocol]
		if e, ok := errors.AsType[*Error](step.Err); anybody && step.Err != nil && !(ok && e.tells()) {
			// Few routers speak all protocols.
			step.Outcome, step.Found, step.Err = diagnosis.Skipped, "not spoken here, and not needed: another protocol is", nil
		}
		report.Add(step)
	}
	return anybody
}

func addOpening(ctx context.Context, port uint16, config Config, report *Diagnosis) {
	step := diagnosis.Step{Name: "open a port", Outcome: diagnosis.Passed}
	began := time.Now()
	mapping, err := Open(ctx, port, config)
	step.Took = time.Since(began)
	if err != nil {
		step.Outcome, step.Err, step.Advice = diagnosis.Failed, err, advice(err)
		report.Add(step)
		report.Add(diagnosis.Step{Name: "close it", Outcome: diagnosis.Skipped})
		return
	}
	state := mapping.State()
	step.Peer = state.Router.String()
	step.Found = fmt.Sprintf("%s leads to %s, by %s", state.External, state.Internal, state.Protocol)
	if state.DoubleNAT {
		step.Outcome, step.Advice = diagnosis.Warned, advice(ErrDoubleNAT)
	}
	report.Add(step)
	step = diagnosis.Step{Name: "close it", Peer: step.Peer, Outcome: diagnosis.Passed}
	if err := mapping.Close(); err != nil {
		step.Outcome, step.Err, step.Advice = diagnosis.Failed, err, "the router closes it by itself when the lease ends"
	}
	report.Add(step)
}
