// Server-browser lists the servers of a game in a terminal, and keeps the list alive: sorted, filtered as you type, with round
// trips, the players of the selected server, and a test of whether it can be joined.
//
//	go run ./examples/server-browser -embedded
//	go run ./examples/server-browser -domain example.net -game mygame -secret KEY
//	go run ./examples/server-browser -domain example.net -game mygame -secret KEY -json -once | jq .fields.hostname
//
// If the list stays empty, -diagnose says why.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"

	"github.com/relight-sdk/relight/examples/internal/clean"
	"github.com/relight-sdk/relight/examples/internal/flags"
	"github.com/relight-sdk/relight/examples/internal/fleet"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/sb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait for anything
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// options are the flags of this example besides those that all examples share.
type options struct {
	flags.Backend
	filter   string
	where    string
	sort     sorting
	once     bool
	old      bool
	lan      bool
	diagnose bool
	servers  int
	every    time.Duration

	search sb.LANSearch // where -lan looks; the test servers are on this machine only
}

func parse(args []string, stdout io.Writer) (options, error) {
	o := options{sort: sorting{key: sb.KeyPing}}
	set := flags.New("server-browser", "keeps a list of the servers of a game on the terminal, or prints it with -json.")
	set.Group("This example")
	set.StringVar(&o.filter, "filter", "", "show these servers only: `text` of the name, or an expression, as \"numplayers > 0 and mapname like 'dm%'\"")
	set.StringVar(&o.where, "where", "", "an `expression` that the master filters by; what masters understand differs")
	set.Func("sort", "sort by this `key`: ping (the default), name, map, type, players, or any other; with - in front, downwards", func(text string) (err error) {
		o.sort, err = parseSorting(text)
		return err
	})
	set.BoolVar(&o.once, "once", false, "with -json: end after the list, every server asked once")
	set.BoolVar(&o.old, "old", false, "the older protocols, of games up to about 2004")
	set.BoolVar(&o.lan, "lan", false, "look on the local network and ask no master")
	set.BoolVar(&o.diagnose, "diagnose", false, "say why there are servers or none, and end")
	set.IntVar(&o.servers, "servers", 300, "`number` of test servers with -embedded")
	set.DurationVar(&o.every, "every", 10*time.Second, "`time` after which each server is asked again")
	o.Register(set, "list", "natneg")
	if err := set.Parse(args, stdout); err != nil {
		return o, err
	}
	switch {
	case o.once && !o.JSON:
		return o, errors.New("-once goes with -json")
	case o.lan && o.diagnose:
		return o, errors.New("-diagnose is about masters: it does not go with -lan")
	case o.servers < 1 || o.servers > fleet.Max:
		return o, fmt.Errorf("-servers must be 1 to %d", fleet.Max)
	case o.every < time.Second:
		return o, errors.New("-every must be a second or more")
	}
	if _, err := parseFilter(o.filter); err != nil {
		return o, fmt.Errorf("-filter: %w", err)
	}
	return o, nil
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	if err == nil && !o.JSON && !o.diagnose {
		err = needTerminal(o, stdin, stdout, stderr)
	}
	if err != nil {
		return flags.Refuse("server-browser", err, stderr)
	}
	try := "the same with -diagnose, which goes through the steps one by one"
	if o.diagnose || o.lan {
		try = ""
	}
	return flags.End(ctx, "server-browser", browse(ctx, o, stdin, stdout, stderr), try, stderr)
}

func needTerminal(o options, stdin io.Reader, stdout, stderr io.Writer) error {
	if !isTerminal(stdin) || !isTerminal(stdout) {
		return errors.New("input and output are no terminal: try -json, or -json -once, which print one server per line")
	}
	if o.Verbose && isTerminal(stderr) {
		return errors.New("-v would write across the screen: redirect standard error to a file")
	}
	return nil
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(file.Fd())
}

// browse does what the flags say.
func browse(ctx context.Context, o options, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	if !o.Live() && (!o.lan || o.Embedded) {
		services, err := embed(ctx, &o)
		if err != nil {
			return err
		}
		defer services.Close()
	}
	browser, err := sb.New(o.config(stderr))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, browser.Close()) }()
	switch {
	case o.diagnose:
		return diagnose(ctx, browser, o, stdout)
	case o.once:
		return printOnce(ctx, newFeed(browser, o), stdout)
	case o.JSON:
		return printLive(ctx, newFeed(browser, o), stdout)
	}
	return show(ctx, newFeed(browser, o), stdin, stdout)
}

func (o options) config(stderr io.Writer) sb.Config {
	config := sb.Config{
		Game: o.Game, Secret: o.Secret, Domain: o.Domain, Addr: o.List,
		NatNeg: natneg.Config{Servers: o.NatNeg}, ReconnectFor: -1, Logger: o.Logger(stderr),
	}
	if o.old {
		config.Protocol = sb.QR1
	}
	return config
}

// errDiagnosed ends the program behind a diagnosis that found something.
var errDiagnosed = errors.New("the list does not work as it should")

func diagnose(ctx context.Context, browser *sb.Browser, o options, stdout io.Writer) error {
	report, err := browser.Diagnose(ctx, sb.Query{Filter: o.where})
	if err != nil {
		return err
	}
	text := []byte(clean.Lines(strings.TrimRight(report.String(), "\n")))
	if o.JSON {
		if text, err = json.Marshal(report); err != nil {
			return err
		}
		text = harmless(text)
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", text); err != nil {
		return err
	}
	if !report.OK() {
		return errDiagnosed
	}
	return nil
}
