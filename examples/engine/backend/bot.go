package main

import (
	"context"
	"strings"
	"sync"

	"github.com/relight-sdk/relight/gp"
)

// bot is a player who is always there and has an answer to everything.
type bot struct {
	session *gp.Session
	done    sync.WaitGroup
}

func startBot(ctx context.Context, config gp.Config) (*bot, error) {
	session, err := gp.Login(ctx, config, gp.UniqueNick{Nick: buddy, Password: buddyPassword})
	if err != nil {
		return nil, err
	}
	b := &bot{session: session}
	b.done.Go(b.live)
	return b, nil
}

// Close logs the bot out.
func (b *bot) Close() error {
	err := b.session.Close()
	b.done.Wait()
	return err
}

// live does what the bot does until its session ends. What it cannot do, it leaves: it is a bot.
func (b *bot) live() {
	ctx := context.Background() // the session's end ends everything here
	_ = b.session.SetPresence(ctx, gp.Presence{Status: gp.Online, Text: "Anyone there?"})
	for event := range b.session.Events(ctx) {
		said, ok := event.(*gp.Message)
		if !ok {
			continue
		}
		if !strings.Contains(strings.ToLower(said.Text), "room") {
			_ = b.session.SendMessage(ctx, said.From, "I am but a bot: ask me whether there is room.")
			continue
		}
		_ = b.session.SetPresence(ctx, gp.Presence{Status: gp.Playing, Text: "Friday night", Location: game + "://192.0.2.1:6500"})
		_ = b.session.SendMessage(ctx, said.From, "Always. We play dm_bay, come in!")
	}
}
