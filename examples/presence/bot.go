package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/relight-sdk/relight/gp"
)

// bot is a player who is always there and has an answer to everything.
type bot struct {
	session *gp.Session
	done    sync.WaitGroup
}

// startBot logs the bot in. It wants to see the player, and so sends a buddy request, which waits for the player's login.
func startBot(ctx context.Context, config gp.Config) (*bot, error) {
	session, err := gp.Login(ctx, config, gp.UniqueNick{Nick: buddy, Password: buddyPassword})
	if err != nil {
		return nil, err
	}
	b := &bot{session: session}
	b.done.Go(b.live)
	return b, nil
}

func (b *bot) close() {
	_ = b.session.Close()
	b.done.Wait()
}

// live does what the bot does until its session ends. What it cannot do, it leaves: it is a bot.
func (b *bot) live() {
	ctx := context.Background() // the session's end ends everything here
	_ = b.session.SetPresence(ctx, gp.Presence{Status: gp.Online, Text: "Anyone there?"})
	_ = b.session.RequestBuddy(ctx, playerProfile, "Let me see when you are online")
	for event := range b.session.Events(ctx) {
		switch e := event.(type) {
		case *gp.Message:
			b.answer(ctx, e)
		case *gp.BuddyAuthorized:
			_ = b.session.SendMessage(ctx, e.From, "Thanks! Now I see you too.")
		case *gp.BuddyRequest:
			_ = b.session.Authorize(ctx, e.From)
			_ = b.session.RequestBuddy(ctx, e.From, "You see me, let me see you")
		case *gp.BuddyStatus:
			if e.Status == gp.Away {
				_ = b.session.SendMessage(ctx, e.ProfileID, "Hurry back!")
			}
		}
	}
}

// answer says something to what was said, and does something else from then on.
func (b *bot) answer(ctx context.Context, said *gp.Message) {
	const game = "gmtest://192.0.2.1:6500"
	words := strings.ToLower(said.Text)
	reply, now := fmt.Sprintf("You say “%s”? Say play, or bye.", shorten(said.Text)), gp.Presence{Status: gp.Chatting, Text: "Chatting"}
	switch {
	case strings.Contains(words, "play"):
		reply, now = "I have a place for you, come in!", gp.Presence{Status: gp.Playing, Text: "Friday night", Location: game}
	case strings.Contains(words, "bye"):
		reply, now = "See you!", gp.Presence{Status: gp.Away, Text: "Gone for tea"}
	}
	_ = b.session.SetPresence(ctx, now)
	_ = b.session.SendMessage(ctx, said.From, reply)
	if now.Status == gp.Playing {
		_ = b.session.Invite(ctx, said.From, 0, game)
	}
}

// shorten keeps the beginning of a text, so that what is made of it fits into a message, and in words that can be sent.
func shorten(text string) string {
	const limit = 60
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit]) + "..."
	}
	return shown(text)
}
