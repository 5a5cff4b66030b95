// Steam-lan shows who is on this network as Steam clients do, and announces this machine to them.
//
//	go run ./examples/steam-lan discover            # a live table, until Ctrl-C
//	go run ./examples/steam-lan discover -json      # one JSON object for each change
//	go run ./examples/steam-lan announce -name den  # be seen, until Ctrl-C says goodbye
//	go run ./examples/steam-lan diagnose            # why is nobody there?
//	go run ./examples/steam-lan demo                # both sides on this machine alone
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for goodbyes
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command is a subcommand: flags adds what only it has, run does it.
type command struct {
	name, about string
	flags       func(*flag.FlagSet, *options)
	run         func(context.Context, *options, *printer) error
}

var commands = []command{
	{"discover", "show who is on the network", discoverFlags, discover},
	{"announce", "be seen on the network", announceFlags, announce},
	{"diagnose", "say why nobody is found", discoverFlags, diagnose},
	{"demo", "let both sides meet on this machine", func(*flag.FlagSet, *options) {}, demo},
}

// errUsage is an error that package flag has printed already.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

// parse reads the subcommand and its flags.
func parse(args []string, stderr io.Writer) (command, *options, error) {
	if len(args) == 0 {
		return command{}, nil, errors.New("want a command: " + names())
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		o := new(options)
		set := flag.NewFlagSet("steam-lan "+c.name, flag.ContinueOnError)
		set.SetOutput(stderr)
		set.BoolVar(&o.json, "json", false, "print one JSON object per line")
		set.BoolVar(&o.verbose, "v", false, "log what is sent and received to standard error")
		c.flags(set, o)
		if err := set.Parse(args[1:]); err != nil {
			return c, o, errUsage{err}
		}
		if set.NArg() > 0 {
			return c, o, fmt.Errorf("unexpected argument %q", set.Arg(0))
		}
		return c, o, nil
	}
	return command{}, nil, fmt.Errorf("no command %q: want %s", args[0], names())
}

func names() string {
	var list []string
	for _, c := range commands {
		list = append(list, c.name)
	}
	return strings.Join(list, ", ")
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		for _, c := range commands {
			fmt.Fprintf(stderr, "steam-lan %-9s %s\n", c.name, c.about)
		}
		fmt.Fprintln(stderr, "steam-lan COMMAND -h lists its flags")
		return 0
	}
	c, o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		if _, printed := errors.AsType[errUsage](err); !printed {
			fmt.Fprintln(stderr, "steam-lan:", err)
		}
		return 2
	}
	o.logger = slog.New(slog.DiscardHandler)
	if o.verbose {
		o.logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p := newPrinter(stdout, o.json)
	if err := errors.Join(c.run(ctx, o, p), p.err); err != nil {
		fmt.Fprintln(stderr, "steam-lan:", err)
		return 1
	}
	return 0
}
