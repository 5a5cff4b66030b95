package sb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
	"github.com/relight-sdk/relight/natneg"
)

// Diagnosis tells step by step what keeps the servers of a game from being found: what was tried, what was seen, and what to
// try. Its String is for people.
type Diagnosis = diagnosis.Report

const (
	diagnoseServers = 1000            // of a list that are taken
	diagnoseQueries = 5               // servers that are asked
	diagnoseDetect  = 5 * time.Second // for the matchup servers
	// unknownGame is one that no master lists, to see what a master says to such names.
	unknownGame = "nosuchgame4711"
)

// Diagnose makes a Browser and has it diagnose itself. The error is that the Config contradicts itself or ctx ended.
func Diagnose(ctx context.Context, config Config, query Query) (*Diagnosis, error) {
	b, err := New(config)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Diagnose(ctx, query)
}

// Diagnose tells why a query brings what it brings: it looks the master up, connects, waits for the answer, decrypts it, and
// if the list is empty, asks again to find out whether that is because of the filter, or of the name of the game; then it asks
// some servers directly, and the matchup servers of NAT negotiation, if there are any. The error is that ctx ended; then the
// report tells how far it came.
func (b *Browser) Diagnose(ctx context.Context, query Query) (*Diagnosis, error) {
	d := &diagnoser{browser: b, report: &Diagnosis{Subject: "list of " + b.config.Game}}
	servers, ok := d.list(ctx, query)
	if ok && ctx.Err() == nil {
		d.servers(ctx, servers)
	} else {
		d.report.Add(diagnosis.Step{Name: stepQuery, Outcome: diagnosis.Skipped, Found: "no list"})
	}
	if ctx.Err() == nil {
		d.negotiation(ctx)
	}
	return d.report, ctx.Err()
}

// The names of the steps.
const (
	stepResolve = "look the list master up"
	stepConnect = "connect to the list master"
	stepAnswer  = "be answered"
	stepDecrypt = "decrypt the answer"
	stepList    = "list servers"
	stepQuery   = "ask servers directly"
	stepNatNeg  = "reach the matchup servers"
)

type diagnoser struct {
	browser *Browser
	report  *Diagnosis
}

// attempt is one list and how far it came.
type attempt struct {
	servers []Server
	states  []State // of the connection, one for each step
	ended   time.Time
	err     error
}

// try asks for a list.
func (d *diagnoser) try(ctx context.Context, query Query, options sbwire.Options) (a attempt) {
	track := d.browser.newTracker("diagnose")
	track.notify = func(state State) { a.states = append(a.states, state) }
	take := func(server Server, _ error) bool {
		a.servers = append(a.servers, server)
		return len(a.servers) < diagnoseServers
	}
	if d.browser.config.Protocol == QR1 {
		a.err = d.browser.askOld(ctx, track, query, take)
	} else {
		a.err = d.browser.list(ctx, track, query, options, take)
	}
	if errors.Is(a.err, errStop) {
		a.err = nil
	}
	a.ended = time.Now()
	return a
}

// at is the step of the connection and how long it took; ok is false if it did not come that far.
func (a attempt) at(step Step) (state State, took time.Duration, ok bool) {
	i := slices.IndexFunc(a.states, func(s State) bool { return s.Step == step })
	if i < 0 {
		return State{}, 0, false
	}
	for _, next := range a.states[i+1:] {
		if next.Step != step {
			return a.states[i], next.Since.Sub(a.states[i].Since), true
		}
	}
	return a.states[i], a.ended.Sub(a.states[i].Since), true
}

// list goes from the master's name to the servers.
func (d *diagnoser) list(ctx context.Context, query Query) ([]Server, bool) {
	full, plain := query.options(0)
	a := d.try(ctx, query, full)
	mute := full != plain && d.browser.config.Protocol != QR1 && errors.Is(a.err, errMute) && ctx.Err() == nil
	if mute {
		a = d.try(ctx, query, plain)
	}
	failed, _ := errors.AsType[*Error](a.err)
	if errors.Is(a.err, ErrNotConfigured) || failed != nil && failed.Step == StepIdle {
		d.report.Add(diagnosis.Step{Name: stepResolve, Outcome: diagnosis.Failed, Err: a.err,
			Advice: "set Game, Secret and one of Domain, Host and Addr; a filter has at most 511 bytes, the fields 255"})
		return nil, false
	}
	if !d.reached(a, failed) || !d.answered(a, failed, mute) {
		return nil, false
	}
	if len(a.servers) > 0 {
		found := fmt.Sprintf("%d servers", len(a.servers))
		if len(a.servers) == diagnoseServers {
			found += ", and there may be more"
		}
		step := diagnosis.Step{Name: stepList, Outcome: diagnosis.Passed, Found: found}
		if a.err != nil {
			step.Outcome, step.Err, step.Advice = diagnosis.Warned, a.err, "what came is good; ask again for the rest"
		}
		d.report.Add(step)
		return a.servers, true
	}
	d.empty(ctx, query, plain)
	return nil, false
}

// reached tells of the name and the connection.
func (d *diagnoser) reached(a attempt, failed *Error) bool {
	step, took, _ := a.at(StepResolving)
	hostPort, err := d.browser.config.locator().HostPort(d.browser.config.service(), d.browser.config.Game, d.browser.config.Addr)
	if err != nil {
		hostPort = step.Peer
	}
	if failed != nil && failed.Step == StepResolving {
		d.report.Add(diagnosis.Step{Name: stepResolve, Peer: hostPort, Outcome: diagnosis.Failed, Took: took, Err: a.err,
			Advice: "is the Domain right, and does this machine have a name server? Small back ends have no names: set Host or Addr"})
		return false
	}
	state, dialTook, _ := a.at(StepConnecting)
	d.report.Add(diagnosis.Step{Name: stepResolve, Peer: hostPort, Outcome: diagnosis.Passed, Took: took, Found: state.Peer})
	dial := diagnosis.Step{Name: stepConnect, Peer: state.Peer, Outcome: diagnosis.Passed, Took: dialTook}
	if failed != nil && failed.Step == StepConnecting {
		dial.Outcome, dial.Err = diagnosis.Failed, a.err
		dial.Advice = "is the master up, and TCP port 28910 open on the way? Another port belongs into Addr"
	}
	d.report.Add(dial)
	return dial.Outcome == diagnosis.Passed
}

// answered tells of the answer and of the cipher.
func (d *diagnoser) answered(a attempt, failed *Error, mute bool) bool {
	state, took, _ := a.at(StepRequested)
	step := diagnosis.Step{Name: stepAnswer, Peer: state.Peer, Outcome: diagnosis.Passed, Took: took}
	_, _, begun := a.at(StepReceiving)
	switch {
	case begun && mute:
		step.Outcome, step.Found = diagnosis.Warned, "the master is silent to the options of this query and answers a plain one"
		step.Advice = "nothing: lists are asked for again without them; Plain in the Query saves the wait"
	case begun:
	case errors.Is(a.err, ErrSilence) && !errors.Is(a.err, ErrRefused):
		step.Outcome, step.Err = diagnosis.Failed, a.err
		step.Advice = "is the name of the game right? Then try another filter: wfc-server and AltWFC say nothing to what they do not know"
	case errors.Is(a.err, ErrRefused):
		step.Outcome, step.Err = diagnosis.Failed, a.err
		step.Advice = "is the name of the game right, and known to this back end?"
	default:
		step.Outcome, step.Err, step.Advice = diagnosis.Failed, a.err, "is this a list master? Something else may listen on that port"
	}
	d.report.Add(step)
	if !begun {
		return false
	}
	_, took, _ = a.at(StepReceiving)
	step = diagnosis.Step{Name: stepDecrypt, Peer: state.Peer, Outcome: diagnosis.Passed, Took: took}
	if failed != nil && len(a.servers) == 0 {
		step.Outcome, step.Err = diagnosis.Failed, a.err
		switch {
		case errors.Is(a.err, ErrRefused):
			step.Advice = "the master says why: the name of the game, or the filter"
		case errors.Is(a.err, ErrIncomplete), errors.Is(a.err, ErrMalformed), errors.Is(a.err, ErrSilence):
			step.Advice = "is the Secret that of the game (or of From)? A wrong one makes nonsense of the answer; if it is right, the connection broke"
		}
	}
	d.report.Add(step)
	return step.Outcome == diagnosis.Passed
}

// empty finds out why a list has no servers.
func (d *diagnoser) empty(ctx context.Context, query Query, options sbwire.Options) {
	step := diagnosis.Step{Name: stepList, Outcome: diagnosis.Failed, Found: "the list is empty"}
	filter, _ := query.filter()
	other := query
	other.Where, other.Filter = Expr{}, ""
	if filter == "" {
		// wfc-server lists nothing without a filter; every server has this field there.
		other.Where = Where("gamename").Is(d.browser.config.Game)
	}
	a := d.try(ctx, other, options)
	switch {
	case len(a.servers) > 0 && filter == "":
		step.Found += fmt.Sprintf("; with the filter %s there are %d servers", other.Where, len(a.servers))
		step.Advice = "this master wants a filter: name a condition that all servers meet"
	case len(a.servers) > 0:
		step.Found += fmt.Sprintf("; without the filter there are %d servers", len(a.servers))
		step.Advice = "the filter selects none of them, or the master cannot read it: see sb.Expr for what each takes"
	case d.sameToUnknownGames(ctx, query, options):
		step.Found += ", and so it is for a game that does not exist"
		step.Advice = "is the name of the game right? This master does not tell; if it is, no server is listed now"
	default:
		step.Outcome = diagnosis.Warned
		step.Found += "; the master knows the game"
		step.Advice = "no server is listed now: see qr2.Diagnose for why one of yours is not"
	}
	d.report.Add(step)
}

// sameToUnknownGames reports whether the master has an empty list for a game that nobody has heard of, too.
func (d *diagnoser) sameToUnknownGames(ctx context.Context, query Query, options sbwire.Options) bool {
	config := d.browser.config
	hostPort, err := config.locator().HostPort(d.browser.config.service(), config.Game, config.Addr)
	if err != nil {
		return false
	}
	config.Game, config.Addr = unknownGame, hostPort
	stranger := &diagnoser{browser: &Browser{config: config}}
	a := stranger.try(ctx, query, options)
	return a.err == nil
}

// servers asks some servers directly.
func (d *diagnoser) servers(ctx context.Context, servers []Server) {
	step := diagnosis.Step{Name: stepQuery, Outcome: diagnosis.Passed}
	direct := func(s Server) bool { return s.Flags&FlagDirect != 0 }
	chosen := slices.SortedStableFunc(slices.Values(servers), func(a, b Server) int {
		switch {
		case direct(a) == direct(b):
			return 0
		case direct(a):
			return -1
		}
		return 1
	})
	chosen = slices.DeleteFunc(chosen, func(s Server) bool { return s.Hidden() })
	if chosen = chosen[:min(len(chosen), diagnoseQueries)]; len(chosen) == 0 {
		step.Outcome, step.Found = diagnosis.Skipped, "the master hides the addresses: Connect goes through NAT negotiation"
		d.report.Add(step)
		return
	}
	start := time.Now()
	var lines []string
	answers := 0
	for server, err := range d.browser.QueryAll(ctx, slices.Values(chosen), DirectQuery{}) {
		switch {
		case err != nil:
			step.Err = err
		case server.QueryErr != nil:
			lines = append(lines, server.Addr.String()+" does not answer")
			step.Err = server.QueryErr
		default:
			answers++
			lines = append(lines, fmt.Sprintf("%s answers after %s", server.Addr, server.Ping.Round(time.Millisecond)))
		}
	}
	step.Took, step.Found = time.Since(start), strings.Join(lines, ", ")
	switch {
	case answers > 0:
		step.Err = nil
	case slices.ContainsFunc(chosen, direct):
		step.Outcome = diagnosis.Failed
		step.Advice = "the master could ask them: does a firewall here let UDP out, and the answers in?"
	default:
		step.Outcome = diagnosis.Warned
		step.Advice = "the master could not ask them either: they are joined through NAT negotiation"
	}
	d.report.Add(step)
}

// negotiation asks the matchup servers what they see of us.
func (d *diagnoser) negotiation(ctx context.Context) {
	step := diagnosis.Step{Name: stepNatNeg, Outcome: diagnosis.Passed}
	if !d.browser.config.negotiates() {
		step.Outcome, step.Found = diagnosis.Skipped, "none are configured: servers behind a NAT cannot be joined"
		d.report.Add(step)
		return
	}
	config := d.browser.config.natNeg()
	if config.DetectTimeout <= 0 {
		config.DetectTimeout = diagnoseDetect
	}
	start := time.Now()
	found, err := natneg.Detect(ctx, config)
	step.Took = time.Since(start)
	switch {
	case err == nil:
		step.Found = fmt.Sprintf("our NAT: %s, seen as %s", found.NAT, found.Public)
		if own := d.browser.PublicAddr(); own.IsValid() && found.Public.Addr().IsValid() && own != found.Public.Addr() && own != (netip.Addr{}) {
			step.Outcome = diagnosis.Warned
			step.Found += ", by the list master as " + own.String()
			step.Advice = "TCP and UDP leave by different addresses: servers may take us for somebody else"
		}
	case errors.Is(err, natneg.ErrNoServers) && !unresolved(err):
		step.Outcome, step.Err = diagnosis.Warned, err
		step.Advice = "does a firewall let UDP port 27901 out? Some services negotiate, but do not answer this question: then it is no fault"
	default:
		step.Outcome, step.Err = diagnosis.Failed, err
		step.Advice = "look the names of the matchup servers up, or set NatNeg.Servers"
	}
	d.report.Add(step)
}

// unresolved reports whether not even the names of the matchup servers could be looked up.
func unresolved(err error) bool {
	failed, ok := errors.AsType[*natneg.Error](err)
	return ok && failed.Step <= natneg.StepResolve
}
