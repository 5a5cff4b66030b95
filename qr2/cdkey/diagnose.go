package cdkey

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis is what [Diagnose] found.
type Diagnosis = diagnosis.Report

// Diagnose finds the validation server and asks it about a key that does not exist, from a socket of its own or conn. A refusal
// is good news: somebody answers. An error means that ctx ended or that the configuration is not possible.
func Diagnose(ctx context.Context, conn net.PacketConn, config Config) (*Diagnosis, error) {
	config.OnTimeout = RejectOnTimeout
	report := &Diagnosis{Subject: "CD key service"}
	begin := time.Now()
	checker, err := Start(ctx, conn, config)
	switch {
	case ctx.Err() != nil:
		return report, ctx.Err()
	case errors.Is(err, ErrInvalid):
		return nil, err
	case err != nil:
		report.Add(diagnosis.Step{
			Name: "find the validation server", Outcome: diagnosis.Failed, Took: time.Since(begin), Err: err,
			Advice: "set Domain, Host or Addr to a back end that has one",
		})
		return report, nil
	}
	defer checker.Close()
	peer := checker.Addr().String()
	report.Add(diagnosis.Step{Name: "find the validation server", Peer: peer, Outcome: diagnosis.Passed, Took: time.Since(begin)})

	challenge := NewChallenge()
	response, err := Respond(NewChallenge(), challenge) // a key that nobody has
	if err != nil {
		return nil, err
	}
	begin = time.Now()
	player, err := checker.Authenticate(ctx, Request{Challenge: challenge, Response: response})
	step := diagnosis.Step{Name: "ask about a key that does not exist", Peer: peer, Outcome: diagnosis.Passed, Took: time.Since(begin)}
	switch {
	case ctx.Err() != nil:
		return report, ctx.Err()
	case err == nil:
		player.Disconnect()
		step.Outcome = diagnosis.Warned
		step.Found = "it accepts any key"
		step.Advice = "nothing, if the back end is known for it, as OpenSpy is; keys are no protection there"
	case errors.Is(err, ErrRefused):
		step.Found = fmt.Sprintf("it refuses it, as it should: %v", err)
	default:
		step.Outcome, step.Err = diagnosis.Failed, err
		step.Advice = "many back ends have no such service: keep AcceptOnTimeout; or else look whether UDP port 29910 is blocked"
	}
	report.Add(step)
	return report, nil
}
