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
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/relight-sdk/relight/examples/internal/flags"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait
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
	{flags.Command{Name: "download", About: "put a depot on a disk, or repair it"}, downloadFlags, download},
	{flags.Command{Name: "verify", About: "compare a folder with a manifest, and write nothing"}, verifyFlags, verify},
	{flags.Command{Name: "compare", About: "say what it takes to go from one manifest to another"}, compareFlags, compare},
	{flags.Command{Name: "bootstrap", About: "look for an update of the Steam client or SteamCMD, and with -dir install it"}, bootstrapFlags, bootstrap},
}

// parse reads the subcommand and its flags.
func parse(args []string, stdout io.Writer) (command, *options, error) {
	chosen, set, rest, err := flags.Choose("depot-download", commands, args)
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
		return flags.Refuse("depot-download", err, stderr)
	}
	o.logger = o.Logger(stderr)
	p := newPrinter(stdout, stderr, o.JSON)
	err = errors.Join(c.run(ctx, o, p), p.err)
	return flags.End(ctx, "depot-download", err, o.try(err), stderr)
}
