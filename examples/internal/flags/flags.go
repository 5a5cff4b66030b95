// Package flags gives every example the same flags, the same help and the same exit status, so that whoever knows one of them
// knows them all, and each can be pointed at the same back end in the same way.
package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// Common is what all examples take.
type Common struct {
	JSON     bool // one JSON object per line instead of text for people
	Embedded bool // test servers in this process
	Verbose  bool // log to standard error
}

// Register adds the flags to a set.
func (c *Common) Register(set *Set) {
	set.Group("All examples")
	set.BoolVar(&c.JSON, "json", false, "print one JSON object per line")
	set.BoolVar(&c.Embedded, "embedded", false, "use test servers in this process: nothing leaves the machine")
	set.BoolVar(&c.Verbose, "v", false, "log what happens to standard error")
}

// Logger is what sessions log to.
func (c *Common) Logger(stderr io.Writer) *slog.Logger {
	if !c.Verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Backend is what the flags say about the services to talk to.
type Backend struct {
	Common
	Game   string // name of the game at the back end
	Secret string // its secret key
	Domain string // names of services are made from it

	Available, Master, List, GPCM, GPSP, GameStats, KeyServer string // addresses that override the names
	NatNeg                                                    []string

	uses []string // flags of the services that the program talks to; all if there are none
}

// service is one that has an address of its own.
type service struct {
	address     *string
	name, about string
}

func (b *Backend) services() []service {
	return []service{
		{&b.Available, "available", "`address` of the availability service, host or host:port"},
		{&b.Master, "master", "`address` of the QR2 master"},
		{&b.List, "list", "`address` of the list master"},
		{&b.GPCM, "gpcm", "`address` of the presence server"},
		{&b.GPSP, "gpsp", "`address` of the player search server"},
		{&b.GameStats, "gamestats", "`address` of the statistics server"},
		{&b.KeyServer, "keyserver", "`address` of the CD key server"},
	}
}

func (b *Backend) talksTo(name string) bool { return len(b.uses) == 0 || slices.Contains(b.uses, name) }

// Register adds the flags to a set. Uses names those of the services that the program talks to, all if there are none; the others
// are taken too, so that one command line fits all examples.
func (b *Backend) Register(set *Set, uses ...string) {
	b.Common.Register(set)
	set.Group("Back end (test servers unless a domain or an address is given)")
	set.StringVar(&b.Game, "game", "gmtest", "`name` of the game")
	set.StringVar(&b.Secret, "secret", "HA6zkS", "secret `key` of the game")
	set.StringVar(&b.Domain, "domain", "", "`domain` of a community back end, as openspy.net: names of services are made from it")
	b.uses = uses
	for _, s := range b.services() {
		set.StringVar(s.address, s.name, "", s.about)
		if !b.talksTo(s.name) {
			set.idle = append(set.idle, s.name)
		}
	}
	set.Func("natneg", "two or three `addresses` of NatNeg servers, comma separated", func(text string) error {
		b.NatNeg = strings.Split(text, ",")
		if len(b.NatNeg) < 2 || len(b.NatNeg) > 3 {
			return fmt.Errorf("want two or three addresses, have %d", len(b.NatNeg))
		}
		return nil
	})
	if !b.talksTo("natneg") {
		set.idle = append(set.idle, "natneg")
	}
	set.Check(func() error { return b.check(set) })
}

// Live reports whether the flags point at a back end outside this process.
func (b *Backend) Live() bool {
	given := func(s service) bool { return *s.address != "" && b.talksTo(s.name) }
	return !b.Embedded && (b.Domain != "" || len(b.NatNeg) > 0 && b.talksTo("natneg") || slices.ContainsFunc(b.services(), given))
}

// check refuses to fall back to test servers when somebody has named a back end, if only with addresses that are of no use here.
func (b *Backend) check(set *Set) (err error) {
	if b.Live() || b.Embedded {
		return nil
	}
	set.Visit(func(f *flag.Flag) {
		if slices.Contains(set.idle, f.Name) {
			err = fmt.Errorf("-%s names a service that %s does not talk to: name the back end with -domain, or with the addresses that -h lists", f.Name, set.Name())
		}
	})
	return err
}

// Refuse tells what is wrong with the arguments, and gives the exit status: that of a program that was asked for help is 0.
func Refuse(program string, err error, stderr io.Writer) int {
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n  try: %s -h, which lists the flags\n", program, err, program)
	return 2
}
