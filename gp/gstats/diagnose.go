package gstats

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
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Diagnosis is what [Diagnose] found, step by step.
type Diagnosis = diagnosis.Report

// The steps of [Diagnose], by name.
const (
	diagnoseResolve = "find the statistics service"
	diagnoseConnect = "connect to the statistics service"
	diagnoseGreet   = "be greeted"
	diagnoseGame    = "authenticate the game"
	diagnosePlayer  = "authenticate the player"
	diagnoseRead    = "read what is stored for the player"
)

// Diagnose tries, one by one, what a session needs, and says in words what works, what does not, and what to try: every address
// of the service, its greeting, the game's secret, the player, and a read of the player's public data. A nil player leaves the
// last two out. Nothing is written.
//
// What does not work is in the report. An error says that the context has ended, or that the configuration names no server or
// no game.
func Diagnose(ctx context.Context, config Config, player Player) (*Diagnosis, error) {
	d := &diagnosing{config: config.withDefaults(), report: &Diagnosis{Subject: "gstats session of " + config.Game}}
	d.config.Reconnect, d.config.Spool = nil, nil
	if err := d.config.check(); err != nil {
		return nil, &Error{Op: "diagnose", Err: err}
	}
	var greeted []netip.AddrPort
	for _, addr := range d.resolve(ctx) {
		if ctx.Err() == nil && d.greet(ctx, addr) {
			greeted = append(greeted, addr)
		}
	}
	for i := range d.report.Steps {
		if step := &d.report.Steps[i]; len(greeted) > 0 && step.Outcome == diagnosis.Failed {
			step.Outcome = diagnosis.Warned // another address works
		}
	}
	d.authenticate(ctx, greeted, player)
	if ctx.Err() != nil {
		return d.report, &Error{Op: "diagnose", Err: backend.Ended(ctx, nil)}
	}
	return d.report, nil
}

// diagnosing is a diagnosis under way.
type diagnosing struct {
	config Config
	report *Diagnosis
}

// resolve finds the addresses.
func (d *diagnosing) resolve(ctx context.Context) []netip.AddrPort {
	start := time.Now()
	addrs, name, err := d.config.resolve(ctx)
	step := diagnosis.Step{Name: diagnoseResolve, Peer: name, Outcome: diagnosis.Passed, Took: time.Since(start)}
	if err != nil {
		step.Outcome, step.Err = diagnosis.Failed, backend.Ended(ctx, err)
		step.Advice = "check the name and this machine's DNS; a community back end has a domain of its own, the original's are gone. " +
			"Where all games have one name, set Addr"
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
		step.Outcome, step.Err = diagnosis.Failed, err
		step.Advice = diagnosis.Unreachable(err, addr.Port(), backend.GameStats.Port())
		d.report.Add(step)
		return false
	}
	d.report.Add(step)
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	start = time.Now()
	_ = conn.SetReadDeadline(start.Add(min(d.config.ConnectTimeout, 10*time.Second)))
	step = diagnosis.Step{Name: diagnoseGreet, Peer: addr.String(), Outcome: diagnosis.Passed}
	body, said, err := firstWords(conn)
	step.Took = time.Since(start)
	var greeting gstatswire.Message
	if err == nil {
		greeting, err = gstatswire.FromServer(body)
	}
	switch m := greeting.(type) {
	case *gstatswire.Greeting:
		step.Found = fmt.Sprintf("a challenge of %d characters", len(m.Challenge))
		if said < gstatswire.MinGreeting {
			step.Outcome = diagnosis.Warned
			step.Found += fmt.Sprintf(" in %d bytes", said)
			step.Advice = fmt.Sprintf("this program does not mind, but the original waits for %d bytes before it answers: its games never get in here", gstatswire.MinGreeting)
		}
	case *gstatswire.ErrorReply:
		step.Outcome, step.Err = diagnosis.Failed, &Error{Op: "greeting", Step: StepGreeting, Peer: addr.String(), Refused: true, Code: m.Code, Text: cut(m.Text), Err: ErrRefused}
		step.Advice = "the server refuses everybody at the moment: ask who runs it"
	default:
		step.Outcome, step.Err = diagnosis.Failed, protocolError(errors.New("it does not greet"))
		if err != nil {
			step.Err = backend.Ended(ctx, err)
		}
		step.Found, step.Advice = stranger(body, err)
	}
	d.report.Add(step)
	return step.Outcome != diagnosis.Failed
}

// authenticate tries what a program does.
func (d *diagnosing) authenticate(ctx context.Context, greeted []netip.AddrPort, player Player) {
	game := diagnosis.Step{Name: diagnoseGame, Outcome: diagnosis.Skipped}
	who := diagnosis.Step{Name: diagnosePlayer, Outcome: diagnosis.Skipped}
	read := diagnosis.Step{Name: diagnoseRead, Outcome: diagnosis.Skipped}
	defer func() {
		d.report.Add(game)
		d.report.Add(who)
		d.report.Add(read)
	}()
	if len(greeted) == 0 || ctx.Err() != nil {
		game.Found = "there is no server"
		return
	}
	config := d.config
	config.Addr = greeted[0].String()
	start := time.Now()
	session, err := Connect(ctx, config)
	game.Peer, game.Took = config.Addr, time.Since(start)
	if err != nil {
		game.Outcome, game.Err, game.Advice = diagnosis.Failed, err, gameAdvice(err, config)
		return
	}
	defer func() { _ = session.Close() }()
	game.Outcome, game.Found = diagnosis.Passed, fmt.Sprintf("connection %d; not every server checks the secret", session.State().Connection)
	if player == nil {
		who.Found = "no player was given"
		return
	}
	start = time.Now()
	profile, err := session.Authenticate(ctx, player)
	who.Peer, who.Took = config.Addr, time.Since(start)
	if err != nil {
		who.Outcome, who.Err, who.Advice = diagnosis.Failed, err, playerAdvice(err, player)
		return
	}
	who.Outcome, who.Found = diagnosis.Passed, fmt.Sprintf("%v is profile %d", player, profile)
	start = time.Now()
	data, err := session.Get(ctx, Slot{Profile: profile, Type: Public})
	read.Peer, read.Took, read.Outcome = config.Addr, time.Since(start), diagnosis.Passed
	switch {
	case err == nil:
		read.Found = fmt.Sprintf("%d bytes are public", len(data.Bytes))
	case errors.Is(err, ErrNoData), errors.Is(err, ErrRefused):
		read.Found = "nothing is public"
	default:
		read.Outcome, read.Err = diagnosis.Failed, err
		read.Advice = "the server lets players in and does not answer reads: ask who runs it"
	}
}

// gameAdvice says what to try when a game is not let in.
func gameAdvice(err error, config Config) string {
	failed, _ := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, ErrRefused):
		return fmt.Sprintf("check the name of the game (%q), and its secret: the server says no", config.Game)
	case errors.Is(err, ErrServerClosed) && failed != nil && failed.Step == StepAuthenticating:
		return fmt.Sprintf("some servers close without a word: check the name of the game (%q), and its secret", config.Game)
	case failed != nil && failed.Timeout() && failed.Step == StepAuthenticating:
		return fmt.Sprintf("some servers do not answer a game that they do not know: check its name (%q)", config.Game)
	}
	return "try again; the network or the server failed on the way"
}

// playerAdvice says what to try when a player is not let in.
func playerAdvice(err error, player Player) string {
	failed, _ := errors.AsType[*Error](err)
	_, token := player.(Token)
	_, response := player.(TokenResponse)
	switch {
	case errors.Is(err, ErrInvalidText):
		return "the secret is empty or too long, or the nick holds a backslash"
	case errors.Is(err, ErrRefused) && !token && !response:
		return "the password or key is wrong, the profile is another's, or the server takes tokens only, as those of Nintendo titles do"
	case errors.Is(err, ErrRefused):
		return "tokens last minutes to hours: get a new one"
	case failed != nil && failed.Timeout():
		return "the server does not answer this kind of player: Nintendo titles take tokens only"
	}
	return "try again; the network or the server failed on the way"
}

// stranger says what something is that does not greet as a statistics service does, and what to try.
func stranger(said []byte, err error) (found, advice string) {
	const port = "check the port: the statistics service's is 29920"
	text := string(said[:min(len(said), 60)])
	switch {
	case strings.HasPrefix(text, "HTTP/") || strings.HasPrefix(text, "<"):
		return fmt.Sprintf("a web server answers: %q", text), "a login page of the network may stand in between: open a web page first, and " + port
	case len(text) > 0:
		return fmt.Sprintf("something else answers: %q", text), port + "; presence greets alike, and in clear"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "it takes the connection and says nothing", port
	case errors.Is(err, ErrServerClosed):
		return "it closes the connection without a word", "the server may be full or starting, or refuse this address: try later, then ask who runs it"
	}
	return "", port
}

// firstWords reads the first message, or what there is of it, and says how many bytes it took.
func firstWords(conn net.Conn) (body []byte, said int, err error) {
	splitter := gstatswire.Splitter(4096)
	for {
		message, ok, err := splitter.Next()
		if ok {
			return gstatswire.Uncover(message), len(message) + len(kv.Terminator), nil
		}
		if err != nil {
			return splitter.Pending(), 0, protocolError(err)
		}
		if n, err := splitter.Fill(conn, 1024); err != nil && n == 0 {
			return splitter.Pending(), 0, serverClosed(err)
		}
		if pending := string(splitter.Pending()); strings.HasPrefix(pending, "HTTP/") || strings.HasPrefix(pending, "SSH-") {
			return splitter.Pending(), 0, protocolError(errors.New("another protocol answers"))
		}
	}
}
