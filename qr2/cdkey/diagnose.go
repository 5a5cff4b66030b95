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

const (
	diagnosisSubject = "CD key service"
	stepFind         = "find the validation server"
	stepAsk          = "ask about a key that does not exist"
)

// Diagnose finds the validation server and asks it about a key that does not exist, from a socket of its own or conn. A refusal
// is good news: somebody answers. An error means that ctx ended, that the configuration is not possible, or that a [Checker]
// works on conn: ask that one.
func Diagnose(ctx context.Context, conn net.PacketConn, config Config) (*Diagnosis, error) {
	report := &Diagnosis{Subject: diagnosisSubject}
	begin := time.Now()
	checker, err := Start(ctx, conn, config)
	switch {
	case ctx.Err() != nil:
		return report, ctx.Err()
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrInUse):
		return nil, err
	case err != nil:
		report.Add(diagnosis.Step{
			Name: stepFind, Outcome: diagnosis.Failed, Took: time.Since(begin), Err: err,
			Advice: "set Domain, Host or Addr to a back end that has one",
		})
		report.Add(diagnosis.Step{Name: stepAsk, Outcome: diagnosis.Skipped})
		return report, nil
	}
	defer checker.Close()
	return checker.diagnose(ctx, report, time.Since(begin))
}

// Diagnose asks the validation server about a key that does not exist. Players who come meanwhile are checked as ever; the
// question counts in [Checker.State] like theirs. An error means that ctx ended.
func (c *Checker) Diagnose(ctx context.Context) (*Diagnosis, error) {
	return c.diagnose(ctx, &Diagnosis{Subject: diagnosisSubject}, 0)
}

func (c *Checker) diagnose(ctx context.Context, report *Diagnosis, found time.Duration) (*Diagnosis, error) {
	peer := c.Addr().String()
	report.Add(diagnosis.Step{Name: stepFind, Peer: peer, Outcome: diagnosis.Passed, Took: found})

	challenge := NewChallenge()
	response, err := Respond(NewChallenge(), challenge) // a key that nobody has
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	player, err := c.Authenticate(ctx, Request{Challenge: challenge, Response: response})
	if player != nil {
		player.Disconnect()
	}
	step := diagnosis.Step{Name: stepAsk, Peer: peer, Outcome: diagnosis.Passed, Took: time.Since(begin)}
	switch {
	case ctx.Err() != nil:
		return report, ctx.Err()
	case errors.Is(err, ErrRefused):
		step.Found = fmt.Sprintf("it refuses it, as it should: %v", err)
	case err == nil && player.Verdict() == Validated:
		step.Outcome = diagnosis.Warned
		step.Found = "it accepts any key"
		step.Advice = "nothing, if the back end is known for it, as OpenSpy is; keys are no protection there"
	case err == nil, errors.Is(err, ErrNoAnswer):
		if step.Err = err; err == nil {
			step.Err = &Error{Op: "authenticate", Peer: peer, Err: ErrNoAnswer, Reason: "players are let in all the same"}
		}
		step.Outcome = diagnosis.Failed
		step.Advice = "many back ends have no such service: keep AcceptOnTimeout; or else look whether UDP port 29910 is blocked"
	default: // closed, or full
		step.Outcome, step.Err = diagnosis.Failed, err
	}
	if sendErr := c.State().SendErr; step.Outcome == diagnosis.Failed && sendErr != nil {
		step.Found = fmt.Sprintf("the system does not send: %v", sendErr)
	}
	report.Add(step)
	return report, nil
}
