package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/relight-sdk/relight/examples/internal/fleet"
	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// The game that the back end knows, and the two accounts: the player's, and that of a bot who is on the player's list.
const (
	game, secret           = "gmtest", "HA6zkS"
	player, playerPassword = "ann", "correct horse"
	buddy, buddyPassword   = "bob", "battery staple"

	playerProfile, buddyProfile gp.ProfileID = 20001, 20002
)

// services is where everything is. The names of the fields are those of the flags of all examples.
type services struct {
	Game     string `json:"game"`
	Secret   string `json:"secret"`
	Master   string `json:"master"`
	List     string `json:"list"`
	NatNeg   string `json:"natneg"` // comma separated
	GPCM     string `json:"gpcm"`
	GPSP     string `json:"gpsp"`
	Nick     string `json:"nick"`
	Password string `json:"password"`
	Buddy    string `json:"buddy"`

	// The availability service is the master's socket.
	Available string `json:"available"`
	// The buddy can be logged in as by a second program, which ends the bot's session.
	BuddyPassword string `json:"buddy_password"`
	PlayerProfile string `json:"player_profile"`
	BuddyProfile  string `json:"buddy_profile"`
	depot

	closers []io.Closer
}

// start starts everything, and returns when all game servers are listed.
func start(ctx context.Context, o options) (_ *services, err error) {
	s := &services{Game: game, Secret: secret, Nick: player, Password: playerPassword, Buddy: buddy, BuddyPassword: buddyPassword}
	s.PlayerProfile, s.BuddyProfile = fmt.Sprint(playerProfile), fmt.Sprint(buddyProfile)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	games := map[string]string{game: secret}
	master, err := qr2test.New(qr2test.Config{Games: games})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, master)
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), ClientIP: netip.MustParseAddr("203.0.113.7")})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, list)
	matchup, err := natnegtest.New(natnegtest.Config{})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, matchup)
	presence, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{
		{ProfileID: playerProfile, UniqueNick: player, Password: playerPassword, Email: "ann@example.net", Buddies: []gptest.ProfileID{buddyProfile}},
		{ProfileID: buddyProfile, UniqueNick: buddy, Password: buddyPassword, Email: "bob@example.net", Buddies: []gptest.ProfileID{playerProfile}},
	}})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, closer(presence.Close))
	s.Master, s.List, s.NatNeg = master.Addr(), list.Addr(), strings.Join(matchup.Addrs(), ",")
	s.Available = s.Master
	s.GPCM, s.GPSP = presence.Addr(), presence.SearchAddr()

	if err := s.startDepot(); err != nil {
		return nil, err
	}
	bot, err := startBot(ctx, gp.Config{Game: game, Addr: s.GPCM, SearchAddr: s.GPSP, Reconnect: &gp.Reconnect{}})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, bot)
	if o.listed > 0 {
		s.closers = append(s.closers, startEntries(o.listed, o.changes, master.Registry()))
	}
	if o.servers == 0 {
		return s, nil
	}
	servers, err := fleet.Start(o.servers, fleet.Plain, qr2.Config{
		Game: game, Secret: secret, Addr: s.Master, SkipAvailability: true, NatNeg: &natneg.Config{Servers: matchup.Addrs()},
		LocalIPs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})},
	}, master)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, servers)
	return s, servers.Wait(ctx)
}

// Close ends everything, the last one first.
func (s *services) Close() error {
	var errs []error
	for _, one := range slices.Backward(s.closers) {
		errs = append(errs, one.Close())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// closer makes an io.Closer of a function that cannot fail.
type closer func()

func (c closer) Close() error { c(); return nil }
