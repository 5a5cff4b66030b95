package main

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// services are the configurations of the story's sessions, all pointed at the same back end.
type services struct {
	gp         gp.Config
	qr2        qr2.Config
	sb         sb.Config
	keys       *cdkey.Config  // nil: CD keys are not checked
	stats      *gstats.Config // nil: no result is saved
	cdKey      string         // the player's
	accounts   []account
	validation *cdkeytest.Server  // nil unless it is in this process
	statistics *gstatstest.Server // nil unless it is in this process
	embedded   bool               // the back end is in this process
	listen     string             // address of the game server's socket

	closers []io.Closer
}

// live points everything at the back end that the flags name.
func live(o options, logger *slog.Logger) *services {
	nat := natneg.Config{Game: o.Game, Domain: o.Domain, Servers: o.NatNeg, Logger: logger}
	v := &services{
		gp:       gp.Config{Game: o.Game, Domain: o.Domain, Addr: o.GPCM, SearchAddr: o.GPSP, Logger: logger},
		qr2:      qr2.Config{Game: o.Game, Secret: o.Secret, Domain: o.Domain, Addr: o.Master, AvailableAddr: o.Available, NatNeg: &nat, Logger: logger},
		sb:       sb.Config{Game: o.Game, Secret: o.Secret, Domain: o.Domain, Addr: o.List, NatNeg: nat, Logger: logger},
		cdKey:    o.cdKey,
		accounts: o.accounts,
		listen:   ":0",
	}
	if o.KeyServer != "" || o.cdKey != "" {
		v.keys = &cdkey.Config{Products: []int{o.product}, Domain: o.Domain, Addr: o.KeyServer, OnTimeout: cdkey.RejectOnTimeout, Logger: logger}
	}
	if o.GameStats != "" || o.Domain != "" {
		v.stats = &gstats.Config{Game: o.Game, Secret: o.Secret, Domain: o.Domain, Addr: o.GameStats, Logger: logger}
	}
	if v.cdKey == "" {
		v.cdKey = madeUpKey
	}
	return v
}

// madeUpKey is for back ends that accept any CD key, as OpenSpy does, and for the one in this process, where it was sold.
const madeUpKey = "RLGT-2112-QUIK-STRT"

// embedded starts a whole back end in this process. Its master does not probe the game server from outside and tells the
// player that it comes from another network, so that joining takes NAT negotiation.
func embedded(o options, logger *slog.Logger) (*services, error) {
	var closers []io.Closer
	fail := func(err error) (*services, error) {
		(&services{closers: closers}).close()
		return nil, err
	}
	games := map[string]string{o.Game: o.Secret}
	master, err := qr2test.New(qr2test.Config{Games: games, NoProbe: true})
	if err != nil {
		return fail(err)
	}
	closers = append(closers, master)
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), ClientIP: netip.MustParseAddr("203.0.113.7")})
	if err != nil {
		return fail(err)
	}
	closers = append(closers, list)
	matchup, err := natnegtest.New(natnegtest.Config{})
	if err != nil {
		return fail(err)
	}
	closers = append(closers, matchup)
	players, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{{UniqueNick: "ann", Password: "correct horse"}}})
	if err != nil {
		return fail(err)
	}
	closers = append(closers, closer(players.Close))
	validation, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{o.product: {madeUpKey}}})
	if err != nil {
		return fail(err)
	}
	closers = append(closers, validation)
	statistics, err := gstatstest.Start(gstatstest.Config{Secrets: games})
	if err != nil {
		return fail(err)
	}
	closers = append(closers, closer(statistics.Close))

	o.Available, o.Master, o.List, o.NatNeg = master.Addr(), master.Addr(), list.Addr(), matchup.Addrs()
	o.GPCM, o.GPSP, o.Domain = players.Addr(), players.SearchAddr(), ""
	o.GameStats, o.KeyServer, o.cdKey = statistics.Addr(), validation.Addr(), madeUpKey
	o.accounts = []account{{"ann", "correct horse"}, {"bob", "battery staple"}}
	v := live(o, logger)
	v.embedded, v.validation, v.statistics, v.listen, v.closers = true, validation, statistics, "127.0.0.1:0", closers
	return v, nil
}

// close ends the servers, the last one first.
func (v *services) close() error {
	var errs []error
	for len(v.closers) > 0 {
		last := len(v.closers) - 1
		errs = append(errs, v.closers[last].Close())
		v.closers = v.closers[:last]
	}
	return errors.Join(errs...)
}

// closer makes an io.Closer of a function that cannot fail.
type closer func()

func (c closer) Close() error { c(); return nil }
