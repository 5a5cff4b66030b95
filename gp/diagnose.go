package gp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Diagnosis is what [Diagnose] found, step by step.
type Diagnosis = diagnosis.Report

// The steps of [Diagnose], by name.
const (
	diagnoseResolve = "find the connection manager"
	diagnoseConnect = "connect to the connection manager"
	diagnoseGreet   = "be greeted"
	diagnoseLogin   = "log in"
	diagnoseProof   = "check that the server knows the password"
	diagnoseSearch  = "reach the search service"
)

// Diagnose tries, one by one, what a login needs, and says in words what works, what does not, and what to try: every address
// of the connection manager, its greeting, the login, the server's proof, and the search service. It ends the session that it
// opens, which at some servers ends another session of the same profile. A nil identity leaves the login out.
//
// What does not work is in the report. An error says that the context has ended, or that the configuration names no server.
func Diagnose(ctx context.Context, config Config, identity Identity) (*Diagnosis, error) {
	d := &diagnosing{config: config.withDefaults(), report: &Diagnosis{Subject: "gp presence of " + config.Game}}
	d.config.Progress, d.config.Reconnect = nil, nil
	if _, err := d.config.locator().HostPort(backend.GPCM, d.config.Game, d.config.Addr); err != nil {
		return nil, &Error{Op: "diagnose", Err: err}
	}
	greeted := false
	for _, addr := range d.resolve(ctx) {
		if ctx.Err() == nil && d.greet(ctx, addr) {
			greeted = true
		}
	}
	for i := range d.report.Steps {
		if step := &d.report.Steps[i]; greeted && step.Outcome == diagnosis.Failed {
			step.Outcome = diagnosis.Warned // another address works
		}
	}
	d.logIn(ctx, identity, greeted)
	d.search(ctx)
	if err := ctx.Err(); err != nil {
		return d.report, &Error{Op: "diagnose", Err: backend.Ended(ctx, err)}
	}
	return d.report, nil
}

// diagnosing is a diagnosis under way.
type diagnosing struct {
	config Config
	report *Diagnosis
	dead   int // addresses that do not answer
	alive  int
}

// resolve finds the addresses.
func (d *diagnosing) resolve(ctx context.Context) []netip.AddrPort {
	name, _ := d.config.locator().HostPort(backend.GPCM, d.config.Game, d.config.Addr)
	start := time.Now()
	addrs, err := d.config.locator().Resolve(ctx, backend.GPCM, d.config.Game, d.config.Addr)
	step := diagnosis.Step{Name: diagnoseResolve, Peer: name, Outcome: diagnosis.Passed, Took: time.Since(start)}
	if err != nil {
		step.Outcome, step.Err = diagnosis.Failed, err
		step.Advice = "check the name and this machine's DNS; a community back end has a domain of its own, the original's are gone"
	} else {
		texts := make([]string, len(addrs))
		for i, addr := range addrs {
			texts[i] = addr.String()
		}
		step.Found = strings.Join(texts, ", ")
	}
	d.report.Add(step)
	return addrs
}

// greet connects to one address and reads its greeting.
func (d *diagnosing) greet(ctx context.Context, addr netip.AddrPort) bool {
	start := time.Now()
	conn, _, err := backend.Dial(ctx, d.config.DialContext, d.config.DialTimeout, []netip.AddrPort{addr})
	step := diagnosis.Step{Name: diagnoseConnect, Peer: addr.String(), Outcome: diagnosis.Passed, Took: time.Since(start)}
	if err != nil {
		d.dead++
		step.Outcome, step.Err, step.Advice = diagnosis.Failed, err, diagnosis.Unreachable(err, addr.Port(), backend.GPCM.Port())
		d.report.Add(step)
		return false
	}
	d.report.Add(step)
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	start = time.Now()
	_ = conn.SetReadDeadline(start.Add(min(d.config.LoginTimeout, 10*time.Second)))
	step = diagnosis.Step{Name: diagnoseGreet, Peer: addr.String(), Outcome: diagnosis.Passed}
	said, err := firstWords(conn)
	step.Took = time.Since(start)
	greeting, parseErr := new(gpwire.Decoder).FromServer(said)
	switch m := greeting.(type) {
	case *gpwire.Greeting:
		d.alive++
		step.Found = fmt.Sprintf("a challenge of %d characters", len(m.Challenge))
	case *gpwire.ErrorReply:
		step.Outcome, step.Err = diagnosis.Failed, refused("greeting", StepGreeting, addr.String(), m)
		step.Advice = "the server refuses everybody at the moment: ask who runs it"
	default:
		step.Outcome, step.Err = diagnosis.Failed, err
		if err == nil {
			step.Err = protocolError(parseErr)
		}
		step.Found, step.Advice = stranger(said, err)
	}
	d.report.Add(step)
	return step.Outcome == diagnosis.Passed
}

// firstWords reads the first message, or what there is of it.
func firstWords(conn net.Conn) ([]byte, error) {
	splitter := kv.Splitter{Limit: 4096}
	for {
		body, ok, err := splitter.Next()
		if ok || err != nil {
			return body, err
		}
		if n, err := splitter.Fill(conn, 1024); err != nil && n == 0 {
			return splitter.Pending(), serverClosed(err)
		}
		if pending := string(splitter.Pending()); strings.HasPrefix(pending, "HTTP/") || strings.HasPrefix(pending, "SSH-") {
			return splitter.Pending(), protocolError(errors.New("another protocol answers"))
		}
	}
}

// stranger says what something is that does not greet as a connection manager does, and what to try.
func stranger(said []byte, err error) (found, advice string) {
	text := string(said[:min(len(said), 60)])
	switch {
	case strings.HasPrefix(text, "HTTP/") || strings.HasPrefix(text, "<"):
		return fmt.Sprintf("a web server answers: %q", text),
			"the port is that of a web server, or a login page of the network stands in between: open a web page first, and check the port (29900)"
	case len(text) > 0:
		return fmt.Sprintf("something else answers: %q", text), "check the port: the connection manager's is 29900"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "it takes the connection and says nothing",
			"check the port: the search service (29901), the list master (28910) and web servers wait for the client to begin; the connection manager's is 29900"
	case errors.Is(err, ErrServerClosed):
		return "it closes the connection without a word", "the server may be full or starting, or refuse this address: try later, then ask who runs it"
	}
	return "", "check the port: the connection manager's is 29900"
}

// logIn tries the login as a program does.
func (d *diagnosing) logIn(ctx context.Context, identity Identity, greeted bool) {
	login := diagnosis.Step{Name: diagnoseLogin, Outcome: diagnosis.Skipped}
	proof := diagnosis.Step{Name: diagnoseProof, Outcome: diagnosis.Skipped}
	defer func() {
		d.report.Add(login)
		d.report.Add(proof)
	}()
	switch {
	case ctx.Err() != nil:
		return
	case identity == nil:
		login.Found = "no identity was given"
		return
	case !greeted:
		login.Found = "there is no server to log in at"
		return
	}
	start := time.Now()
	session, err := Login(ctx, d.config, identity)
	login.Took = time.Since(start)
	if err == nil {
		state := session.State()
		_ = session.Close()
		login.Peer, login.Outcome = state.Peer, diagnosis.Passed
		login.Found = fmt.Sprintf("%v is profile %d", identity, state.ProfileID)
		if d.dead > 0 {
			login.Outcome = diagnosis.Warned
			login.Found += fmt.Sprintf("; but %d of %d addresses of the name are dead", d.dead, d.dead+d.alive)
			login.Advice = "every login waits for the dead addresses that come first: take them out of the DNS, or set Addr"
		}
		proof.Outcome, proof.Peer, proof.Found = diagnosis.Passed, state.Peer, "it does"
		if d.config.AcceptUnverifiedProof {
			proof.Outcome, proof.Found = diagnosis.Warned, "not looked at: Config.AcceptUnverifiedProof is set"
			proof.Advice = "leave it off unless the server is known to send a wrong proof (UniSpy, dumbspy)"
		}
		return
	}
	failed, ok := errors.AsType[*Error](err)
	if !ok {
		failed = &Error{Op: opLogin, Err: err}
	}
	login.Peer, proof.Peer = failed.Peer, failed.Peer
	if errors.Is(err, ErrProofMismatch) {
		login.Outcome, login.Found = diagnosis.Passed, "the server accepts the login"
		proof.Outcome, proof.Err = diagnosis.Failed, err
		proof.Advice = "the password may be wrong at a server that accepts any (DWC, section8), or the server computes the proof wrongly " +
			"(UniSpy, dumbspy: set AcceptUnverifiedProof), or it is not the server that it says it is: do not send it anything"
		return
	}
	login.Outcome, login.Err, login.Advice = diagnosis.Failed, err, loginAdvice(failed, d.config)
}

// loginAdvice says what to try when a login fails.
func loginAdvice(err *Error, config Config) string {
	switch {
	case errors.Is(err, ErrBadPassword):
		return "the name is right and the password is wrong"
	case errors.Is(err, ErrBadNick):
		return fmt.Sprintf("check the nick, and that it belongs to namespace %d and partner %d", config.NamespaceID, config.PartnerID)
	case errors.Is(err, ErrBadEmail):
		return "check the e-mail address"
	case errors.Is(err, ErrBadTicket):
		return "tokens and tickets last minutes to hours: get a new one"
	case err.Refused && err.Code == gpwire.ErrorLogin:
		return fmt.Sprintf("the server does not say more: check the name of the game (%q), the kind of login (Nintendo titles take authtokens only), and the password", config.Game)
	case err.Refused && err.Code == gpwire.ErrorLoginProfileDeleted:
		return "the profile was deleted: log in with another"
	case err.Refused && (err.Code == gpwire.ErrorParse || err.Code == gpwire.ErrorGeneral):
		return fmt.Sprintf("the server does not understand the login: check the name of the game (%q)", config.Game)
	case err.Refused:
		return "the server says why"
	case errors.Is(err, ErrInvalidText):
		return "the name or password is empty, too long, or holds a backslash"
	case err.Timeout() && err.Step == StepLoggingIn:
		return fmt.Sprintf("some servers do not answer a login that they do not take: check the nick, the kind of login, and the name of the game (%q)", config.Game)
	case errors.Is(err, ErrServerClosed) && err.Step == StepLoggingIn:
		return fmt.Sprintf("some servers close without a word: check the name of the game (%q)", config.Game)
	}
	return "try again; the network or the server failed on the way"
}

// search asks the search service something that every server has an answer for.
func (d *diagnosing) search(ctx context.Context) {
	step := diagnosis.Step{Name: diagnoseSearch, Outcome: diagnosis.Skipped}
	defer func() { d.report.Add(step) }()
	name, err := d.config.locator().HostPort(backend.GPSP, d.config.Game, d.config.SearchAddr)
	if err != nil {
		step.Found = "no address was given"
		return
	}
	if step.Peer = name; ctx.Err() != nil {
		return
	}
	start := time.Now()
	for _, err = range NewSearcher(d.config).UniqueNicksOf(ctx, 1) { // which even WFC answers
	}
	step.Took = time.Since(start)
	failed, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		step.Outcome, step.Found = diagnosis.Passed, "it answers"
	case ok && failed.Refused:
		step.Outcome, step.Found = diagnosis.Passed, "it answers with a refusal"
	case ok && failed.Peer == "":
		step.Outcome, step.Err, step.Advice = diagnosis.Warned, err, "without it nothing but searches is missing. "+searchAdvice(err, name)
	default:
		step.Outcome, step.Err, step.Advice = diagnosis.Warned, err, "it can be reached and does not answer as a search service does: check the port (29901)"
	}
}

func searchAdvice(err error, name string) string {
	if addr, parseErr := netip.ParseAddrPort(name); parseErr == nil {
		return diagnosis.Unreachable(err, addr.Port(), backend.GPSP.Port())
	}
	return diagnosis.Unreachable(err, backend.GPSP.Port(), backend.GPSP.Port())
}
