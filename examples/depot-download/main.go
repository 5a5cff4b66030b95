// Depot-download puts a Steam depot on a disk, from content servers, a LAN cache or a folder, and looks for updates of the Steam
// client.
//
//	go run ./examples/depot-download -embedded                      # a made-up depot, so that it can be tried offline
//	go run ./examples/depot-download -depot 440 -manifest 111 -key HEX -server cache1.example.net -dir tf2
//	go run ./examples/depot-download verify -manifest-file 440_111.manifest -key HEX -dir tf2
//	go run ./examples/depot-download compare -manifest-file new.manifest -old old.manifest -key HEX
//	go run ./examples/depot-download bootstrap -product steam_cmd_linux -dir steamcmd
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
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command is a subcommand: flags adds what only it has, run does it.
type command struct {
	name, about string
	flags       func(*flag.FlagSet, *options)
	run         func(context.Context, *options, *printer) error
}

// The first is what is done without a command.
var commands = []command{
	{"download", "put a depot on a disk, or repair it", downloadFlags, download},
	{"verify", "compare a folder with a manifest, and write nothing", verifyFlags, verify},
	{"compare", "say what it takes to go from one manifest to another", compareFlags, compare},
	{"bootstrap", "look for an update of the Steam client or SteamCMD, and with -dir install it", bootstrapFlags, bootstrap},
}

// errUsage is an error that package flag has printed already.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

// parse reads the subcommand and its flags.
func parse(args []string, stderr io.Writer) (command, *options, error) {
	chosen := commands[0]
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		found := false
		for _, c := range commands {
			if c.name == args[0] {
				chosen, found = c, true
			}
		}
		if !found {
			return chosen, nil, fmt.Errorf("no command %q: want download, verify, compare or bootstrap", args[0])
		}
		args = args[1:]
	}
	o := new(options)
	set := flag.NewFlagSet("depot-download "+chosen.name, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.BoolVar(&o.json, "json", false, "print one JSON object per line; the last one is the report")
	set.BoolVar(&o.embedded, "embedded", false, "use a made-up depot of a server in this process")
	set.BoolVar(&o.verbose, "v", false, "log requests to standard error")
	chosen.flags(set, o)
	set.Usage = func() {
		fmt.Fprintln(stderr, "Commands:")
		for _, c := range commands {
			fmt.Fprintf(stderr, "  %-10s %s\n", c.name, c.about)
		}
		fmt.Fprintf(stderr, "Flags of %s:\n", chosen.name)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return chosen, o, errUsage{err}
	}
	if set.NArg() > 0 {
		return chosen, o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return chosen, o, nil
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		if _, printed := errors.AsType[errUsage](err); !printed {
			fmt.Fprintln(stderr, "depot-download:", err)
		}
		return 2
	}
	o.logger = slog.New(slog.DiscardHandler)
	if o.verbose {
		o.logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	p := newPrinter(stdout, stderr, o.json)
	if err := errors.Join(c.run(ctx, o, p), p.err); err != nil {
		fmt.Fprintln(stderr, "depot-download:", err)
		return 1
	}
	return 0
}
