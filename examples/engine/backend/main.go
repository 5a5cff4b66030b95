// Backend runs a whole back end on this machine for the demos of the engine library: the test servers of presence, masters,
// NAT negotiation, with game servers in the list and a player who answers. Nothing leaves the machine.
//
//	go run ./examples/engine/backend                      # prints where it is, one JSON object; ends with its input or Ctrl-C
//	go run ./examples/engine/backend love demo/love       # runs a program, which finds it in RELIGHT_... variables
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

type options struct {
	servers int // game servers that register and answer queries
	listed  int // further entries of the list, without a socket, which change all the time
	changes int // changes of these in a second
	command []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, arguments []string, in io.Reader, out, errs io.Writer) int {
	var o options
	set := flag.NewFlagSet("backend", flag.ContinueOnError)
	set.SetOutput(errs)
	set.IntVar(&o.servers, "servers", 24, "`number` of game servers")
	set.IntVar(&o.listed, "listed", 0, "`number` of further entries of the list, behind which is no server")
	set.IntVar(&o.changes, "changes", 200, "`number` of changes of these in a second")
	if err := set.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	o.command = set.Args()
	services, err := start(ctx, o)
	if err != nil {
		fmt.Fprintln(errs, "backend:", err)
		return 1
	}
	defer services.Close()
	if len(o.command) > 0 {
		status, err := services.command(ctx, o.command, in, out, errs)
		if err != nil {
			fmt.Fprintln(errs, "backend:", err)
		}
		return status
	}
	if err := json.NewEncoder(out).Encode(services); err != nil {
		fmt.Fprintln(errs, "backend:", err)
		return 1
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in) // an input that cannot be read has ended, too
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return 0
}
