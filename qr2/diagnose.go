package qr2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/diagnosis"
)

// Diagnosis tells step by step why a server is or is not listed: what was tried, what was seen, and what to try. Its String is
// for people.
type Diagnosis = diagnosis.Report

// How long a diagnosis waits: for Run to begin, for a master's last word, for one that does not challenge, and for its reachability test after
// it has listed us. OpenSpy's comes at once, and again after five seconds.
const (
	diagnoseBegin  = time.Second
	diagnoseLimit  = 45 * time.Second
	diagnoseQuiet  = 5 * time.Second
	diagnoseProbe  = 6 * time.Second
	diagnosePolled = 100 * time.Millisecond
)

// diagnoseSilence is longer than a master that answers keep-alives is ever silent while it is [StepListed].
const diagnoseSilence = keepAliveLimit * (keepAliveTries + 1)

// Diagnose lists a server for as long as it takes to tell why that does or does not work, up to 45 seconds, and takes it off the
// list again. conn is the server's socket: a firewall may be open for one port and closed for another; nil means one of
// its own. The error is that the configuration is invalid or ctx ended; everything else is in the report.
func Diagnose(ctx context.Context, config Config, conn net.PacketConn, snapshot Snapshot) (_ *Diagnosis, err error) {
	if conn == nil {
		if conn, err = net.ListenPacket("udp", ":0"); err != nil {
			return nil, &Error{Op: "listen", Err: err}
		}
		defer conn.Close()
	}
	h, err := NewHost(conn, config)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := h.Update(snapshot); err != nil {
		return &Diagnosis{Subject: h.subject(), Steps: []diagnosis.Step{{Name: "read the snapshot", Outcome: diagnosis.Failed, Err: err,
			Advice: "give Update less, or without what the error names"}}}, nil
	}
	// It runs until the report is there: a host whose run has ended tells less.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ran := make(chan error, 1)
	go func() { ran <- h.Run(running) }()
	report, err := h.Diagnose(ctx)
	stop()
	<-ran
	return report, err
}

// Diagnose tells why this host is or is not listed. It waits until every master has listed it, refused it or been silent for
// long enough, up to 45 seconds after the beginning of Run. The error is that ctx ended; then the report tells how far it came.
func (h *Host) Diagnose(ctx context.Context) (*Diagnosis, error) {
	start := time.Now()
	state := h.State()
	for now := start; !state.settled(now) && now.Sub(start) < diagnoseLimit; now = time.Now() {
		if !state.Running && now.Sub(start) >= diagnoseBegin || !wait(ctx, diagnosePolled) {
			break
		}
		state = h.State()
	}
	r := &Diagnosis{Subject: h.subject()}
	r.Add(h.diagnoseSnapshot())
	switch {
	case h.config.NotPublic:
		r.Add(diagnosis.Step{Name: "be public", Outcome: diagnosis.Failed,
			Found:  "NotPublic is set: not one packet goes to a master, and only the LAN finds this server",
			Advice: "leave NotPublic unset"})
	case !state.Running:
		r.Add(diagnosis.Step{Name: "report to the masters", Outcome: diagnosis.Failed,
			Found: "nothing is sent to a master unless Run runs", Advice: "call Run, and look at the error that it returns"})
	default:
		for _, m := range state.Masters {
			h.diagnoseMaster(r, m)
		}
	}
	return r, ctx.Err()
}

func (h *Host) subject() string {
	return fmt.Sprintf("qr2 host of %s at %s", h.config.Game, h.mux.LocalAddr())
}

// settled reports whether there is nothing to wait for.
func (s State) settled(now time.Time) bool {
	for _, m := range s.Masters {
		age := now.Sub(m.Since)
		switch m.Step {
		case StepIdle, StepResolving, StepHeartbeat, StepForgotten:
			return false
		case StepAnswered:
			if m.Err == nil && (m.Challenges > 0 || age < diagnoseQuiet) {
				return false
			}
		case StepListed:
			if m.Probed.IsZero() && age < diagnoseProbe {
				return false
			}
		}
	}
	return true
}

// browserKeys are what server browsers show or filter by; without them the server is in the list and nobody sees it.
var browserKeys = [...]string{"hostname", "hostport", "gamever", "mapname", "gametype", "gamemode", "numplayers", "maxplayers"}

func (h *Host) diagnoseSnapshot() diagnosis.Step {
	step := diagnosis.Step{Name: "read the snapshot", Outcome: diagnosis.Passed}
	snapshot := h.published.Load()
	if snapshot == nil {
		step.Outcome, step.Found = diagnosis.Failed, "there is none"
		step.Advice = "call Update: without it no query is answered, and the masters get no keys"
		return step
	}
	var missing []string
	for _, key := range browserKeys {
		if snapshot.data.Value(key) == "" {
			missing = append(missing, key)
		}
	}
	step.Found = fmt.Sprintf("%d server keys, %d players, %d teams", len(snapshot.data.Server), len(snapshot.data.Players.Rows), len(snapshot.data.Teams.Rows))
	if len(missing) > 0 {
		step.Outcome = diagnosis.Warned
		step.Found += "; without " + strings.Join(missing, ", ")
		step.Advice = "give these keys to Update: browsers show and filter by them, and join at hostport"
	}
	return step
}

func (h *Host) diagnoseMaster(r *Diagnosis, m MasterState) {
	for _, look := range []func(MasterState) diagnosis.Step{
		diagnoseName, diagnoseAvailability, diagnoseHeartbeat, diagnoseChallenge, diagnoseListed, h.diagnoseReachable,
	} {
		step := look(m)
		if step.Peer == "" {
			step.Peer = m.Name
		}
		r.Add(step)
		if step.Outcome == diagnosis.Failed {
			return // what follows could only fail, too
		}
	}
}

func diagnoseName(m MasterState) diagnosis.Step {
	step := diagnosis.Step{Name: "find the master", Outcome: diagnosis.Passed, Found: m.Addr.String()}
	switch {
	case errors.Is(m.Err, ErrSameMaster):
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		step.Found, step.Advice = "", "leave one of the two names out of the configuration"
	case !m.Addr.IsValid():
		step.Outcome, step.Err, step.Found = diagnosis.Failed, m.Err, ""
		step.Advice = "check Domain, Host or Addr for a misspelling, and this machine's name server"
	}
	return step
}

func diagnoseAvailability(m MasterState) diagnosis.Step {
	step := diagnosis.Step{Name: "ask whether the game is available", Outcome: diagnosis.Passed, Found: m.Availability.String()}
	switch m.Availability {
	case AvailabilityUnasked:
		step.Outcome = diagnosis.Skipped
	case AvailabilityNo:
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		step.Advice = "the back end does not serve this game any more: check Game, or use another back end"
	case AvailabilityNotNow:
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		step.Advice = "wait: the host asks again every minute"
	case AvailabilitySilent, AvailabilityAsked:
		if m.LastHeard.IsZero() {
			step.Outcome = diagnosis.Warned
		}
	}
	return step
}

func diagnoseHeartbeat(m MasterState) diagnosis.Step {
	step := diagnosis.Step{Name: "hear from the master", Peer: m.Addr.String(), Outcome: diagnosis.Passed,
		Found: fmt.Sprintf("heartbeats: %d, keep-alives: %d, packets from it: %d", m.Heartbeats, m.KeepAlives, m.Answered)}
	if m.WithoutPlayers {
		step.Found += "; it took no notice of heartbeats with players"
	}
	switch {
	case m.SendErr != nil:
		step.Outcome, step.Err = diagnosis.Failed, m.SendErr
		step.Advice = "this machine does not send there: is it on the network, and is the socket bound to an address that leads there, of the same family?"
	case errors.Is(m.Err, ErrNoAnswer) && m.Availability == AvailabilityYes:
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		step.Advice = "the availability service beside the master answers, so UDP gets there and back: the master takes no notice of this game; check Game"
	case errors.Is(m.Err, ErrNoAnswer), m.LastHeard.IsZero() && m.Heartbeats >= initialHeartbeats:
		// Of several silent addresses, the present one may not have had its three heartbeats.
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		if step.Err == nil {
			step.Err = &Error{Op: "heartbeat", Peer: m.Name, Err: ErrNoAnswer}
		}
		step.Advice = "check the address, and that UDP to its port 27900 gets out of the firewall and back; else the master is down"
	case m.LastHeard.IsZero():
		step.Outcome, step.Err = diagnosis.Warned, m.Err
	}
	return step
}

func diagnoseChallenge(m MasterState) diagnosis.Step {
	step := diagnosis.Step{Name: "answer its challenge", Peer: m.Addr.String(), Outcome: diagnosis.Passed,
		Found: fmt.Sprintf("%d answered", m.Challenges)}
	const (
		secret   = "check Secret: it belongs to this very game"
		accepted = "be accepted"
	)
	switch {
	case errors.Is(m.Err, ErrNotConfirmed):
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		step.Advice = secret + "; wfc-server also wants the key dwc_pid to name a profile that is logged in from this address"
	case errors.Is(m.Err, ErrRefused) && strings.Contains(m.Err.Error(), "hallenge"):
		step.Outcome, step.Err, step.Advice = diagnosis.Failed, m.Err, secret
	case errors.Is(m.Err, ErrRefused) && strings.Contains(m.Err.Error(), "gamename"):
		step.Name, step.Found, step.Outcome, step.Err = accepted, "", diagnosis.Failed, m.Err
		step.Advice = "check Game: the master does not know it"
	case errors.Is(m.Err, ErrRefused):
		step.Name, step.Found, step.Outcome, step.Err = accepted, "", diagnosis.Failed, m.Err
		step.Advice = "these are the master's own words; ask who runs it"
	case m.Challenges == 0:
		step.Outcome, step.Found = diagnosis.Skipped, "it did not challenge; UniSpy never does"
	}
	return step
}

func diagnoseListed(m MasterState) diagnosis.Step {
	step := diagnosis.Step{Name: "be on its list", Peer: m.Addr.String(), Outcome: diagnosis.Passed, Found: m.Step.String()}
	switch {
	case m.Step == StepListed:
		step.Found += " since " + m.Since.Format(time.DateTime)
		if time.Since(m.LastHeard) > diagnoseSilence {
			step.Outcome = diagnosis.Warned
			step.Found += "; the master has said nothing since " + m.LastHeard.Format(time.DateTime) + ", and of some that is normal"
			step.Advice = "look for the server in a browser: nobody can tell from here whether that master still runs"
		}
	case m.Step == StepAnswered:
		step.Outcome = diagnosis.Warned
		step.Found = "it has not said so; UniSpy never does"
		step.Advice = "look for the server in a browser"
	default:
		step.Outcome, step.Err = diagnosis.Failed, m.Err
		step.Advice = "wait: the host goes on trying"
	}
	return step
}

func (h *Host) diagnoseReachable(m MasterState) diagnosis.Step {
	step := diagnosis.Step{Name: "be reached by players", Outcome: diagnosis.Passed}
	local := localAddr(h.mux)
	public := m.Public
	if h.config.PublicAddr.IsValid() {
		public = h.config.PublicAddr
	}
	forward := fmt.Sprintf("forward UDP port %d of the router to this machine and open it in its firewall", local.Port())
	if h.config.NatNeg == nil {
		forward += ", or set NatNeg"
	}
	switch {
	case !m.Probed.IsZero():
		step.Peer = m.ProbedBy.String()
		step.Found = "a query came from an address that this server had not written to"
	case public.IsValid() && private(public.Addr()):
		step.Outcome = diagnosis.Warned
		step.Found = fmt.Sprintf("the master sees this server at %v, which is no address of the internet", public)
		step.Advice = "players elsewhere cannot come there: the master has to be reached over the internet, too"
	case public.IsValid() && public.Port() != local.Port() && public.Port() != h.config.LocalPort:
		step.Outcome = diagnosis.Warned
		step.Found = fmt.Sprintf("a NAT has made port %d of this server's port %d, and no query came from a stranger", public.Port(), local.Port())
		step.Advice = forward
	default:
		step.Outcome = diagnosis.Warned
		step.Found = "no query came from a stranger yet; of the living masters OpenSpy sends one"
		step.Advice = "if players cannot query this server, " + forward
	}
	return step
}

// private reports whether an address means nothing on the internet.
func private(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(ip)
}
