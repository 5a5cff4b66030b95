package gstats_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/relight-sdk/relight/gp/gstats"
)

// tellLostStory is about a session whose server is stopped and started again in the middle. It was recorded with a real server, and
// is replayed: see testdata/README.md.
func tellLostStory(ctx context.Context, config gstats.Config, p player, stop, start func(), tell func(line string)) {
	session, err := gstats.Connect(ctx, config)
	if err != nil {
		tell("connect: " + err.Error())
		return
	}
	defer session.Close()
	until := func(found func(event gstats.Event) bool) {
		for event := range session.Events(ctx) {
			if changed, ok := event.(*gstats.StepChanged); ok {
				tell("step: " + changed.To.String())
			} else {
				tell(fmt.Sprintf("event: %T", event))
			}
			if found(event) {
				return
			}
		}
		tell("no more events")
	}
	to := func(step gstats.Step) func(event gstats.Event) bool {
		return func(event gstats.Event) bool {
			changed, ok := event.(*gstats.StepChanged)
			return ok && changed.To == step
		}
	}
	until(to(gstats.StepConnected))
	id, err := session.Authenticate(ctx, gstats.Password{ProfileID: p.profile, Password: p.password})
	tell(fmt.Sprintf("player: %d, %v", id, err))
	slot := gstats.Slot{Profile: p.profile, Type: gstats.Private, Index: 70}
	_, err = session.SetValues(ctx, slot, map[string]string{"round": "1"})
	tell(fmt.Sprintf("set: %v", err))
	game, err := session.NewGame(ctx)
	tell(fmt.Sprintf("game: %v", err))
	game.Int("round").Set(1)
	tell(fmt.Sprintf("snapshot: %v", game.Snapshot(ctx)))

	stop()
	until(to(gstats.StepReconnecting))
	game.Int("round").Set(2)
	tell(fmt.Sprintf("snapshot: %v, kept %d", game.Snapshot(ctx), session.State().Kept))
	_, err = session.Get(ctx, slot, "round")
	tell(fmt.Sprintf("get: not connected %t", errors.Is(err, gstats.ErrNotConnected)))
	start()
	until(func(event gstats.Event) bool {
		_, ok := event.(*gstats.SnapshotsSent)
		return ok
	})
	data, err := session.Get(ctx, slot, "round")
	tell(fmt.Sprintf("get: %q, %v", data.Values(), err))
	_, err = session.SetValues(ctx, slot, map[string]string{"round": "2"})
	tell(fmt.Sprintf("set: %v", err))
	tell(fmt.Sprintf("finish: %v, kept %d", game.Finish(ctx), session.State().Kept))
	tell(fmt.Sprintf("reconnects: %d", session.State().Counters.Reconnects))
	tell(fmt.Sprintf("close: %v", session.Close()))
}
