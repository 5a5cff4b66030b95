// Steam-lan shows who is on this network as Steam clients do, and announces this machine to them.
//
//	go run ./examples/steam-lan discover            # a live table, until Ctrl-C
//	go run ./examples/steam-lan discover -json      # one JSON object for each change
//	go run ./examples/steam-lan announce -name den  # be seen, until Ctrl-C says goodbye
//	go run ./examples/steam-lan discover -diagnose  # why is nobody there?
//	go run ./examples/steam-lan demo                # both sides on this machine alone
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/relight-sdk/relight/examples/internal/flags"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for goodbyes
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command is a subcommand: define adds the flags that only it has, run does it.
type command struct {
	flags.Command
	define func(*flags.Set, *options)
	run    func(context.Context, *options, *printer) error
}

// The first is what is done without a command.
var commands = []command{
	{flags.Command{Name: "discover", About: "show who is on the network, or with -diagnose why nobody is found"}, discoverFlags, discover},
	{flags.Command{Name: "announce", About: "be seen on the network"}, announceFlags, announce},
	{flags.Command{Name: "demo", About: "let both sides meet on this machine, and check what they see"}, func(*flags.Set, *options) {}, demo},
}

// parse reads the subcommand and its flags.
func parse(args []string, stdout io.Writer) (command, *options, error) {
	chosen, set, rest, err := flags.Choose("steam-lan", commands, args)
	if err != nil {
		return chosen, nil, err
	}
	o := new(options)
	chosen.define(set, o)
	o.Register(set)
	return chosen, o, set.Parse(rest, stdout)
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, o, err := parse(args, stdout)
	if err != nil {
		return flags.Refuse("steam-lan", err, stderr)
	}
	try := "steam-lan discover -diagnose, which says step by step what works"
	if o.diagnose {
		try = ""
	}
	o.logger = o.Logger(stderr)
	p := newPrinter(stdout, o.JSON)
	return flags.End(ctx, "steam-lan", errors.Join(c.run(ctx, o, p), p.err), try, stderr)
}
