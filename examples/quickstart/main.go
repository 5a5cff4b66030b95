// Quickstart tells the whole story of Relight in one command, on this machine alone: a dedicated server is listed, found
// and joined through NAT negotiation once the player's CD key was checked, two players talk, the result of their match is
// saved and read back, a Steam machine is discovered on the LAN, and a depot is downloaded and verified. Each line is printed after
// it was checked; if anything fails, so does the program.
//
//	go run ./examples/quickstart
//
// Pointed at a community back end, it runs the GameSpy part against that instead:
//
//	go run ./examples/quickstart -domain example.net -game mygame -secret KEY -account ann:PASSWORD -account bob:PASSWORD
//
// And it tells what is in a real manifest:
//
//	go run ./examples/quickstart -manifest FILE -key HEX -chunk FILE
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/relight-sdk/relight/examples/internal/flags"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for goodbyes
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags of this example besides those that all examples share.
type options struct {
	flags.Backend
	accounts []account
	cdKey    string
	product  int
	manifest string
	key      string // of the manifest's depot
	chunk    string
}

// account is a unique nick and its password.
type account struct{ nick, password string }

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	set := flags.New("quickstart", "tells the whole story of Relight, on this machine alone or at a community back end.")
	set.Group("This example")
	set.Func("account", "`nick:password` of a player at a live back end; give it twice to see two of them talk", func(text string) error {
		nick, password, _ := strings.Cut(text, ":")
		o.accounts = append(o.accounts, account{nick, password})
		return nil // checked below: an error from here would be printed with the password
	})
	set.StringVar(&o.cdKey, "cdkey", "", "the player's CD `key` at a live back end, checked by the server of -keyserver or of the domain")
	set.IntVar(&o.product, "product", 11057, "`number` of the product whose CD keys are checked")
	set.StringVar(&o.manifest, "manifest", "", "tell what is in this Steam manifest `file` instead")
	set.StringVar(&o.key, "key", "", "the key of the manifest's depot, 64 `hex` digits")
	set.StringVar(&o.chunk, "chunk", "", "chunk `file` of the manifest to decode")
	o.Register(set)
	if err := set.Parse(args, stdout); err != nil {
		return o, err
	}
	incomplete := func(a account) bool { return a.nick == "" || a.password == "" }
	switch {
	case (o.chunk != "" || o.key != "") && o.manifest == "":
		return o, errors.New("-chunk and -key need the -manifest that they belong to")
	case len(o.accounts) > 2:
		return o, errors.New("at most two accounts")
	case slices.ContainsFunc(o.accounts, incomplete):
		return o, errors.New("-account wants nick:password")
	case (len(o.accounts) > 0 || o.cdKey != "") && !o.Live():
		return o, errors.New("-account and -cdkey are for a live back end: name one with -domain or with addresses")
	case o.cdKey != "" && o.Domain == "" && o.KeyServer == "":
		return o, errors.New("-cdkey needs a server that checks it: -keyserver or -domain")
	}
	return o, nil
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	if err != nil {
		return flags.Refuse("quickstart", err, stderr)
	}
	s := newStory(stdout, o.JSON)
	err = play(ctx, s, o, o.Logger(stderr))
	if err == nil {
		s.end()
		err = s.failure() // a story that could not be written down was not told
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		s.fail(err)
	}
	return flags.End(ctx, "quickstart", err, "the same with -v, which logs what was sent and what came back", stderr)
}

// play tells the chapters that the flags ask for.
func play(ctx context.Context, s *story, o options, logger *slog.Logger) error {
	if o.manifest != "" {
		return inspect(s, o.manifest, o.key, o.chunk)
	}
	limit := time.Minute
	if o.Live() {
		limit = 3 * time.Minute // some masters take their time
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if o.Live() {
		return gamespy(ctx, s, live(o, logger))
	}
	services, err := embedded(o, logger)
	if err != nil {
		return err
	}
	defer services.close()
	for _, chapter := range []func() error{
		func() error { return gamespy(ctx, s, services) },
		func() error { return lan(ctx, s) },
		func() error { return depot(ctx, s) },
	} {
		if err := chapter(); err != nil {
			return err
		}
	}
	return nil
}
