// Package flags gives every example the same flags, so that each can be pointed at the same back end in the same way.
package flags

import (
	"flag"
	"fmt"
	"strings"
)

// Backend is what the flags say about the services to talk to.
type Backend struct {
	Game   string // name of the game at the back end
	Secret string // its secret key
	Domain string // names of services are made from it

	Available, Master, List, GPCM, GPSP, GameStats, Key string // addresses that override the names
	NatNeg                                              []string

	JSON     bool // one JSON object per line instead of text for people
	Embedded bool // test servers in this process
}

// Register adds the flags to a set.
func (b *Backend) Register(set *flag.FlagSet) {
	set.StringVar(&b.Game, "game", "gmtest", "`name` of the game")
	set.StringVar(&b.Secret, "secret", "HA6zkS", "secret `key` of the game")
	set.StringVar(&b.Domain, "domain", "", "`domain` of a community back end, as openspy.net: names of services are made from it")
	set.StringVar(&b.Available, "available", "", "`address` of the availability service, host or host:port")
	set.StringVar(&b.Master, "master", "", "`address` of the QR2 master")
	set.StringVar(&b.List, "list", "", "`address` of the list master")
	set.Func("natneg", "two or three `addresses` of NatNeg servers, comma separated", func(text string) error {
		b.NatNeg = strings.Split(text, ",")
		if len(b.NatNeg) < 2 || len(b.NatNeg) > 3 {
			return fmt.Errorf("want two or three addresses, have %d", len(b.NatNeg))
		}
		return nil
	})
	set.StringVar(&b.GPCM, "gpcm", "", "`address` of the presence server")
	set.StringVar(&b.GPSP, "gpsp", "", "`address` of the player search server")
	set.StringVar(&b.GameStats, "gamestats", "", "`address` of the statistics server")
	set.StringVar(&b.Key, "key", "", "`address` of the CD key server")
	set.BoolVar(&b.JSON, "json", false, "print one JSON object per line")
	set.BoolVar(&b.Embedded, "embedded", false, "use test servers in this process (the default unless a domain or an address is given)")
}

// Live reports whether the flags point at a back end outside this process.
func (b *Backend) Live() bool {
	if b.Embedded {
		return false
	}
	return b.Domain != "" || b.Available != "" || b.Master != "" || b.List != "" || len(b.NatNeg) > 0 ||
		b.GPCM != "" || b.GPSP != "" || b.GameStats != ""
}
