package gstatstest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Game is a game that a client has told of.
type Game struct {
	Name       string // of what is played, as in the client's authentication
	Connection int32  // the number that the client's connection had when the first of it came
	SessionKey int32  // the client's number for it
	Begun      bool   // it was begun, not only told of by a snapshot
	Logged     bool   // it was begun without a connection
	Snapshots  []Snapshot
}

// Done reports whether the last snapshot was the end of the game.
func (g Game) Done() bool { return len(g.Snapshots) > 0 && g.Snapshots[len(g.Snapshots)-1].Done }

// Snapshot is how a game stands.
type Snapshot struct {
	Data   string // keys and values, separated by backslashes
	Done   bool   // the game is over
	Logged bool   // it could not be sent when it was made
}

// Results are the values of a snapshot, sorted by whom they are about.
type Results struct {
	Server  map[string]string
	Players map[int]map[string]string // by the number in their keys
	Teams   map[int]map[string]string
}

// Results reads the keys and values of a snapshot: name_1 is about player 1, name_t1 about team 1, everything else about the
// server (spec gstats.md §3).
func (s Snapshot) Results() Results {
	r := Results{Server: make(map[string]string), Players: make(map[int]map[string]string), Teams: make(map[int]map[string]string)}
	for key, value := range kv.All([]byte(s.Data)) {
		name, suffix, found := cutLast(string(key), "_")
		of := r.Players
		if number, team := strings.CutPrefix(suffix, "t"); team {
			of, suffix = r.Teams, number
		}
		number, err := strconv.Atoi(suffix)
		if !found || err != nil {
			r.Server[string(key)] = string(value)
			continue
		}
		if of[number] == nil {
			of[number] = make(map[string]string)
		}
		of[number][name] = string(value)
	}
	return r
}

func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}

// begin keeps a game.
func (s *Server) begin(c *conn, m *gstatswire.NewGame) {
	if g := s.addGame(c, m.SessionKey); g != nil {
		g.Begun, g.Logged = true, m.Logged
		s.notify()
	}
}

// update keeps a snapshot.
func (s *Server) update(c *conn, m *gstatswire.UpdateGame) {
	g := c.games[m.SessionKey]
	if g == nil || g.Done() {
		g = s.addGame(c, m.SessionKey)
	}
	if g == nil || !s.spend(snapshotCost+len(m.Data)) {
		s.log.Warn("gstatstest has no room for a snapshot")
		return
	}
	g.Snapshots = append(g.Snapshots, Snapshot{Data: m.Data, Done: m.Done, Logged: m.Logged})
	s.notify()
}

func (s *Server) addGame(c *conn, key int32) *Game {
	if !s.spend(gameCost) {
		s.log.Warn("gstatstest has no room for a game")
		return nil
	}
	g := &Game{Name: c.game, Connection: c.connection, SessionKey: key}
	c.games[key] = g
	s.games = append(s.games, g)
	return g
}

func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Games lists the games that clients have told of, in order.
func (s *Server) Games() []Game {
	s.mu.Lock()
	defer s.mu.Unlock()
	games := make([]Game, 0, len(s.games))
	for _, g := range s.games {
		games = append(games, g.copy())
	}
	return games
}

func (g *Game) copy() Game {
	c := *g
	c.Snapshots = slices.Clone(c.Snapshots)
	return c
}

// WaitGame waits until a game is as the test wants it, such as Game.Done, and returns the first that is: games and snapshots
// are not answered, so a client cannot know when they have come.
func (s *Server) WaitGame(ctx context.Context, wanted func(Game) bool) (Game, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		for _, g := range s.games {
			if c := g.copy(); wanted(c) {
				s.mu.Unlock()
				return c, nil
			}
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Game{}, fmt.Errorf("gstatstest: wait for a game: %w", context.Cause(ctx))
		}
	}
}
