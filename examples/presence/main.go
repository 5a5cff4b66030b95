// Presence is a small buddy messenger: who is there and what they play, messages, buddy requests, invitations to games.
//
//	go run ./examples/presence -embedded
//	go run ./examples/presence -domain example.net -game mygame -account ann
//
// On a terminal it fills the screen. With -json it prints one event a line and takes commands from standard input, for scripts.
// If the login does not work, -diagnose says why.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/relight-sdk/relight/examples/internal/clean"
	"github.com/relight-sdk/relight/examples/internal/flags"
	"github.com/relight-sdk/relight/gp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for goodbyes
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are what the program reads from and writes to.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// passwordVariable is the environment variable that -account takes a password from.
const passwordVariable = "RELIGHT_PASSWORD"

// options are the flags of this example besides those that all examples share.
type options struct {
	flags.Backend
	nick, password string
	email          string
	register       bool
	reconnect      bool
	diagnose       bool
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	set := flags.New("presence", "is a buddy messenger on the terminal, or with -json for scripts.")
	set.Group("This example")
	set.Func("account", "`nick:password` to log in with; without the password it is taken from "+passwordVariable+", or asked for", func(text string) error {
		o.nick, o.password, _ = strings.Cut(text, ":")
		return nil // checked below: an error from here would be printed with the password
	})
	set.BoolVar(&o.register, "register", false, "create the account first")
	set.StringVar(&o.email, "email", "", "`address` of the account that -register creates")
	set.BoolVar(&o.reconnect, "reconnect", true, "get the connection back when it is lost")
	set.BoolVar(&o.diagnose, "diagnose", false, "say why the login works or does not, and end")
	o.Register(set, "gpcm", "gpsp")
	set.After = func(out io.Writer) {
		fmt.Fprint(out, "\nCommands, with a / in front on a terminal, a line each on standard input with -json:\n", help(false),
			"With -json only:\n", help(true))
	}
	if err := set.Parse(args, stdout); err != nil {
		return o, err
	}
	if !o.Live() {
		if o.nick == "" {
			o.nick, o.password = player, playerPassword
		}
		if o.email == "" {
			o.email = o.nick + "@example.net"
		}
	}
	switch {
	case o.nick == "":
		return o, errors.New("who are you? -account wants nick or nick:password")
	case o.register && o.email == "":
		return o, errors.New("-register wants the -email address of the account")
	}
	return o, nil
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, std streams) int {
	o, err := parse(args, std.out)
	if err == nil && !o.JSON && !o.diagnose {
		err = wantTerminal(std, o.Verbose)
	}
	if err != nil {
		return flags.Refuse("presence", err, std.err)
	}
	try := "the same with -diagnose, which goes through the steps one by one"
	if o.diagnose {
		try = ""
	}
	return flags.End(ctx, "presence", play(ctx, o, std), try, std.err)
}

// play starts what there is to start, and ends it in the end.
func play(ctx context.Context, o options, std streams) error {
	if err := o.askPassword(ctx, std); err != nil {
		return err
	}
	out := newPrinter(std.out)
	if !o.Live() {
		backend, err := embed(ctx, &o)
		if err != nil {
			return err
		}
		defer backend.close()
		if o.JSON {
			out.print(line{Event: "test_servers", GPCM: o.GPCM, GPSP: o.GPSP})
		}
	}
	if o.diagnose {
		return diagnose(ctx, o, std, out)
	}
	session, err := logIn(ctx, o, std.err)
	if err != nil {
		return err
	}
	defer session.Close()
	if o.JSON {
		return script(ctx, session, std.in, out)
	}
	return converse(ctx, session, o.nick, std)
}

// config is what a session needs.
func (o *options) config(stderr io.Writer) gp.Config {
	config := gp.Config{
		Game: o.Game, Domain: o.Domain, Addr: o.GPCM, SearchAddr: o.GPSP,
		FetchProfiles: true, // people have names, not numbers
		Logger:        o.Logger(stderr),
	}
	if o.reconnect {
		config.Reconnect = &gp.Reconnect{}
	}
	return config
}

// logIn logs in, and lets everybody know.
func logIn(ctx context.Context, o options, stderr io.Writer) (*gp.Session, error) {
	login := func() (*gp.Session, error) {
		if o.register {
			return gp.Register(ctx, o.config(stderr), gp.Account{Email: o.email, Nick: o.nick, UniqueNick: o.nick, Password: o.password})
		}
		return gp.Login(ctx, o.config(stderr), gp.UniqueNick{Nick: o.nick, Password: o.password})
	}
	session, err := login()
	if err != nil {
		return nil, err
	}
	// OpenSpy takes a player who has published nothing for offline, and refuses messages to them.
	if err := session.SetPresence(ctx, gp.Presence{Status: gp.Online}); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return session, nil
}

// errDiagnosis ends the program behind a diagnosis that found something.
var errDiagnosis = errors.New("the login does not work")

func diagnose(ctx context.Context, o options, std streams, out *printer) error {
	report, err := gp.Diagnose(ctx, o.config(std.err), gp.UniqueNick{Nick: o.nick, Password: o.password})
	switch {
	case err != nil:
		return err
	case o.JSON:
		out.print(line{Event: "diagnosis", Diagnosis: report})
	default:
		fmt.Fprint(std.out, clean.Lines(report.String()))
	}
	if !report.OK() {
		return errDiagnosis
	}
	return nil
}
