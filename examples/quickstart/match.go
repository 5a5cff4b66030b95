package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// match is played: the game server saves its result and the winner's data, and the winner reads that back.
func match(ctx context.Context, s *story, v *services, players []player) error {
	s.begin("A match is played")
	if len(players) == 0 {
		s.tell("quickstart", "", "skipped: no -account was given", 0, facts{"skipped": true})
		return nil
	}
	if v.stats == nil {
		s.tell("quickstart", "", "skipped: neither -gamestats nor -domain was given", 0, facts{"skipped": true})
		return nil
	}
	began := time.Now()
	session, err := gstats.Connect(ctx, *v.stats)
	if failure, ok := errors.AsType[*gstats.Error](err); ok && ctx.Err() == nil && v.stats.Addr == "" && failure.Step <= gstats.StepConnecting {
		s.tell("server", "statistics", fmt.Sprintf("skipped, a domain need not have this service: %v", err), time.Since(began), facts{"skipped": true})
		return nil
	}
	if err != nil {
		return err
	}
	defer session.Close()
	if err := report(ctx, s, v, session); err != nil {
		return err
	}
	winner := players[len(players)-1]
	if v.statistics != nil { // a real back end knows the players of presence
		v.statistics.Add(gstatstest.Account{ProfileID: gstatstest.ProfileID(winner.profile), Nick: winner.nick, Password: winner.password})
	}
	wins, err := reward(ctx, s, session, winner)
	if err != nil {
		return fmt.Errorf("%s's data: %w", winner.nick, err)
	}
	return remember(ctx, s, v, winner, wins)
}

// report tells how the match goes, and how it ended.
func report(ctx context.Context, s *story, v *services, session *gstats.Session) error {
	began := time.Now()
	game, err := session.NewGame(ctx)
	if err != nil {
		return err
	}
	game.Text("mapname").Set("dm_bay")
	ann, bob := game.NewPlayer("ann"), game.NewPlayer("bob")
	ann.Int("kills").Add(9)
	bob.Int("kills").Add(11)
	bob.Float("accuracy").Average(0.25)
	if err := game.Snapshot(ctx); err != nil {
		return err
	}
	bob.Int("kills").Add(1)
	bob.Float("accuracy").Average(0.75)
	game.Text("winner").Set("bob")
	if err := game.Finish(ctx); err != nil {
		return err
	}
	if err := game.Err(); err != nil {
		return err
	}
	known := facts{"map": "dm_bay", "winner": "bob", "kills": bob.Int("kills").Value(), "accuracy": bob.Float("accuracy").Value()}
	if v.statistics == nil { // the protocol has no answer to a snapshot
		s.tell("server", "statistics", "the match on dm_bay: sent while it was played, and as it ended, bob 12, ann 9", time.Since(began), known)
		return nil
	}
	saved, err := v.statistics.WaitGame(ctx, gstatstest.Game.Done)
	if err != nil {
		return fmt.Errorf("the result of the match: %w", err)
	}
	results := saved.Snapshots[len(saved.Snapshots)-1].Results()
	if len(saved.Snapshots) != 2 || results.Server["winner"] != "bob" || results.Players[1]["kills"] != "12" || results.Players[1]["accuracy"] != "0.500000" {
		return fmt.Errorf("the match was saved as %v", results)
	}
	known["snapshots"] = len(saved.Snapshots)
	s.tell("server", "statistics", fmt.Sprintf("the match on %s: saved while it was played, and as it ended: %s %s, %s %s", results.Server["mapname"],
		results.Players[1]["player"], results.Players[1]["kills"], results.Players[0]["player"], results.Players[0]["kills"]), time.Since(began), known)
	return nil
}

// reward adds a win to what is stored for a player. The game server does not know the password: the player's game proves it
// against the challenge, and the two travel as those of the CD key do.
func reward(ctx context.Context, s *story, session *gstats.Session, winner player) (wins int, err error) {
	began := time.Now()
	response := gstats.PlayerResponse(winner.password, session.Challenge()) // on the player's machine
	profile, err := session.Authenticate(ctx, gstats.PasswordResponse{ProfileID: gstats.ProfileID(winner.profile), Response: response})
	if err != nil {
		return 0, err
	}
	slot := gstats.Slot{Profile: profile, Type: gstats.Public}
	before, err := session.Get(ctx, slot, "wins")
	if err != nil && !errors.Is(err, gstats.ErrNoData) {
		return 0, err
	}
	if had := before.Values()["wins"]; had != "" {
		if wins, err = strconv.Atoi(had); err != nil {
			return 0, err
		}
	}
	wins++
	if _, err := session.SetValues(ctx, slot, map[string]string{"wins": strconv.Itoa(wins), "lastmap": "dm_bay"}); err != nil {
		return 0, err
	}
	s.tell("server", "statistics", fmt.Sprintf("%s proves the password to the statistics alone; wins: %d → %d", winner.nick, wins-1, wins), time.Since(began),
		facts{"profile": winner.profile, "wins": wins})
	return wins, nil
}

// remember has the player's own game read what is stored, as it would the next day.
func remember(ctx context.Context, s *story, v *services, winner player, wins int) error {
	began := time.Now()
	session, err := gstats.Connect(ctx, *v.stats)
	if err != nil {
		return err
	}
	defer session.Close()
	data, err := session.Get(ctx, gstats.Slot{Profile: gstats.ProfileID(winner.profile), Type: gstats.Public}, "wins", "lastmap")
	if err != nil {
		return fmt.Errorf("%s's data: %w", winner.nick, err)
	}
	values := data.Values()
	if values["wins"] != strconv.Itoa(wins) || values["lastmap"] != "dm_bay" {
		return fmt.Errorf("%s's data: %d wins were stored, and %q were read", winner.nick, wins, values["wins"])
	}
	s.tell(winner.nick, "statistics", fmt.Sprintf("what is stored for me? → wins %s, last map %s", values["wins"], values["lastmap"]), time.Since(began),
		facts{"wins": values["wins"], "lastmap": values["lastmap"]})
	return nil
}
