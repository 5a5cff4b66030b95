// Dedicated-server is a tiny game server: players join, say something and leave, over UDP, and everybody finds it in a server
// browser. The game, the master, queries and NAT negotiation share one socket.
//
//	go run ./examples/dedicated-server -embedded
//	go run ./examples/dedicated-server -addr :7777 -domain example.net -game mygame -secret KEY
//
// Ctrl-C says goodbye to the masters. If the server does not appear in the list, -diagnose says why.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/relight-sdk/relight/examples/internal/flags"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/qr2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for goodbyes
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags of this example besides those that all examples share.
type options struct {
	flags.Backend
	addr     string
	name     string
	mapName  string
	slots    int
	forward  bool
	diagnose bool

	router portmap.Config // which router opens the port
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	set := flags.New("dedicated-server", "is a tiny game server, which is listed, queried and joined on one UDP socket until Ctrl-C.")
	set.Group("This example")
	set.StringVar(&o.addr, "addr", ":7777", "`address` of the one socket that the game, the masters and browsers use")
	set.StringVar(&o.name, "name", "A Relight server", "`name` of the server in browsers")
	set.StringVar(&o.mapName, "map", "dm_bay", "`map` that is played")
	set.IntVar(&o.slots, "slots", 16, "`number` of players that there is room for")
	set.BoolVar(&o.forward, "forward-port", false, "have the home router open the port while the server runs")
	set.BoolVar(&o.diagnose, "diagnose", false, "say why the server is or is not listed, and end")
	o.Register(set, "available", "master", "natneg")
	if err := set.Parse(args, stdout); err != nil {
		return o, err
	}
	if o.slots < 1 || o.slots > 64 {
		return o, errors.New("-slots must be 1 to 64")
	}
	return o, nil
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	if err != nil {
		return flags.Refuse("dedicated-server", err, stderr)
	}
	try := "another -addr, and -v, which logs what the host does"
	if o.diagnose {
		try = ""
	}
	return flags.End(ctx, "dedicated-server", serve(ctx, o, newPrinter(stdout, o.JSON), stderr), try, stderr)
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, o options, out *printer, stderr io.Writer) error {
	if !o.Live() {
		services, err := embed(&o)
		if err != nil {
			return err
		}
		defer services.Close()
		out.print(line{Event: "test servers", Master: o.Master, List: o.List, NatNeg: o.NatNeg})
	}
	conn, err := net.ListenPacket("udp", o.addr)
	if err != nil {
		return err
	}
	var mapping *portmap.Mapping
	moved := make(chan struct{}, 1) // has one element after a change of the mapping
	if o.forward {
		if mapping = forward(ctx, conn, o.router, moved, out); mapping != nil {
			defer mapping.Close()
		}
	}
	host, err := qr2.NewHost(conn, o.config(stderr))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	// From here on conn belongs to the game: closing its view closes it.
	game := newGame(host, o, out)
	defer game.conn.Close()
	defer host.Close()
	at := uint16(conn.LocalAddr().(*net.UDPAddr).Port)
	if mapping != nil {
		at = mapping.External().Port() // where players are to come
	}
	if err := game.movedTo(at); err != nil {
		return err
	}
	out.print(line{Event: "listening", Addr: conn.LocalAddr().String()})

	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	workers.Go(func() {
		if err := game.play(); !errors.Is(err, net.ErrClosed) {
			cancel(fmt.Errorf("the game has ended: %w", err))
		}
	})
	workers.Go(func() { tell(host, out) })
	workers.Go(func() { follow(ctx, mapping, moved, game) })
	if o.diagnose {
		workers.Go(func() { cancel(diagnose(ctx, host, out)) })
	}

	// Run says goodbye to the masters when ctx ends. Behind it everything is closed, and the workers end.
	err = host.Run(ctx)
	err = errors.Join(err, host.Close(), game.conn.Close())
	workers.Wait()
	if o.diagnose && outer.Err() != nil {
		return errors.Join(err, context.Cause(outer)) // there is no diagnosis
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return err
}

// forward opens the port on the router. Without it, players come in through NAT negotiation: that is no reason to give up.
func forward(ctx context.Context, conn net.PacketConn, config portmap.Config, moved chan<- struct{}, out *printer) *portmap.Mapping {
	config.Name = "dedicated-server"
	config.Progress = func(portmap.State) {
		select {
		case moved <- struct{}{}:
		default: // one is waiting
		}
	}
	mapping, err := portmap.Open(ctx, uint16(conn.LocalAddr().(*net.UDPAddr).Port), config)
	if err != nil {
		out.print(line{Event: "port not forwarded", Error: err.Error()})
		return nil
	}
	out.print(line{Event: "port forwarded", Addr: mapping.External().String(), Text: "by " + mapping.State().Protocol.String()})
	return mapping
}

// follow tells players the port that the router gives later, as after its restart.
func follow(ctx context.Context, mapping *portmap.Mapping, moved <-chan struct{}, game *game) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-moved:
		}
		if mapping == nil {
			continue
		}
		if err := game.movedTo(mapping.External().Port()); err != nil {
			game.out.print(line{Event: "port not told", Error: err.Error()})
		}
	}
}

func (o *options) config(stderr io.Writer) qr2.Config {
	return qr2.Config{
		Game: o.Game, Secret: o.Secret, Domain: o.Domain, Addr: o.Master, AvailableAddr: o.Available,
		NatNeg: &natneg.Config{Servers: o.NatNeg}, Logger: o.Logger(stderr),
	}
}

// errNotListed ends the program behind a diagnosis that found something.
var errNotListed = errors.New("the server is not listed")

func diagnose(ctx context.Context, host *qr2.Host, out *printer) error {
	report, err := host.Diagnose(ctx)
	switch {
	case err != nil:
		return err
	case out.json:
		out.print(line{Event: "diagnosis", Diagnosis: report})
	default:
		out.print(line{Event: "diagnosis", Text: "\n" + report.String()})
	}
	if !report.OK() {
		return errNotListed
	}
	return nil
}
