package main

import (
	"context"
	"errors"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

// The two accounts of the embedded back end: the player, and a bot who is on the player's list already.
const (
	player, playerPassword = "ann", "correct horse"
	buddy, buddyPassword   = "bob", "battery staple"

	playerProfile, buddyProfile gp.ProfileID = 20001, 20002
)

// embedded is a back end in this process, with somebody to talk to.
type embedded struct {
	server *gptest.Server
	bot    *bot
}

// embed starts it, and points the options at it.
func embed(ctx context.Context, o *options) (*embedded, error) {
	server, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{
		{ProfileID: playerProfile, UniqueNick: player, Password: playerPassword, Email: "ann@example.net", Buddies: []gptest.ProfileID{buddyProfile}},
		{ProfileID: buddyProfile, UniqueNick: buddy, Password: buddyPassword, Email: "bob@example.net"},
	}})
	if err != nil {
		return nil, err
	}
	o.GPCM, o.GPSP, o.Domain = server.Addr(), server.SearchAddr(), ""
	bot, err := startBot(ctx, gp.Config{Game: o.Game, Addr: o.GPCM, SearchAddr: o.GPSP, Reconnect: &gp.Reconnect{}})
	if err != nil {
		server.Close()
		return nil, errors.Join(errors.New("the bot cannot log in"), err)
	}
	return &embedded{server: server, bot: bot}, nil
}

// close ends both.
func (e *embedded) close() {
	e.bot.close()
	e.server.Close()
}
