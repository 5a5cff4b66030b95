package main

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/relight-sdk/relight/gp"
)

// converse fills the screen with the messenger until the player leaves, or ctx ends. The model decides; here is what it has done.
func converse(ctx context.Context, session *gp.Session, nick string, std streams, options ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	outside := outside{
		perform: func(c command) tea.Cmd {
			return func() tea.Msg {
				began := time.Now()
				who, err := perform(ctx, session, c)
				return performed{command: c, who: who, err: err, at: began}
			}
		},
		lookUp: func(who gp.ProfileID) tea.Cmd {
			return func() tea.Msg {
				profile, err := session.Profile(ctx, who)
				if err != nil {
					return nil // the number will do
				}
				return named{who, nickOf(profile)}
			}
		},
		tick: func(attempt int) tea.Cmd {
			return func() tea.Msg {
				timer := time.NewTimer(time.Second)
				defer timer.Stop()
				select {
				case now := <-timer.C:
					return ticked{now, attempt}
				case <-ctx.Done():
					return nil
				}
			}
		},
	}
	me := newModel(nick, session.State().Peer, gp.Presence{Status: gp.Online}, session.Roster(), outside)
	options = append([]tea.ProgramOption{tea.WithInput(std.in), tea.WithOutput(std.out), tea.WithoutSignalHandler()}, options...)
	screen := tea.NewProgram(me, options...)
	running.Go(func() {
		for event := range session.Events(ctx) {
			screen.Send(see(session, event))
		}
	})
	running.Go(func() {
		<-ctx.Done()
		screen.Quit()
	})
	if _, err := screen.Run(); err != nil {
		return err
	}
	return session.Err()
}

// see makes an event what the model takes.
func see(session *gp.Session, event gp.Event) happened {
	h := happened{event: event, at: time.Now()}
	switch event.(type) {
	case *gp.RosterChanged, *gp.StepChanged: // without a connection it is stale
		h.roster = session.Roster()
	}
	return h
}
