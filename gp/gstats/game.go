package gstats

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

// Game is one game, such as a round, whose results go to the server as snapshots. It is safe for concurrent use. The server
// answers none of it: no error means that a snapshot was sent, or, if Config.Spool is set, that it is kept there to be sent
// later.
//
// A game outlives the connection that it began on: its next snapshot says on the new one that it began, with the number of the
// old. openspy, which forgets a connection's games with it, takes it for another game then, and waits for a beginning otherwise;
// that is another reason for snapshots to tell everything.
type Game struct {
	*Results

	session    *Session
	key        int32
	connection int32 // on which it began
	logged     bool  // it began without one
	turn       chan struct{}

	mu    sync.Mutex
	ended bool
	kept  []string // its snapshots in the spool that tell everything, so that a newer one replaces them
}

const (
	opNewGame  = "begin game"
	opSnapshot = "send snapshot"
)

// NewGame begins a game. Without a connection, it needs a spool.
func (s *Session) NewGame(ctx context.Context) (*Game, error) {
	s.mu.Lock()
	g := &Game{Results: NewResults(), session: s, key: s.newGameKey(), turn: make(chan struct{}, 1)}
	l := s.link
	if l == nil {
		defer s.mu.Unlock()
		if s.config.Spool == nil || s.state.Step == StepClosed {
			return nil, s.disconnected(opNewGame)
		}
		g.logged = true
		return g, nil
	}
	g.connection = l.connection
	s.mu.Unlock()
	frames, err := frame(g.announcement(), s.config.MaxMessage)
	if err != nil {
		return nil, s.fail(opNewGame, err)
	}
	sent, failed := s.send(ctx, l, opNewGame, frames)
	switch {
	case failed == nil:
		s.announced(l, g.key)
	case ctx.Err() != nil || s.config.Spool == nil || s.State().Step == StepClosed:
		failed.Uncertain = sent
		return nil, failed
	}
	return g, nil
}

// maxGameKey is the largest number of a game; the first one is the clock's (spec gstats.md §2).
const maxGameKey = 0x7fffffff

func firstGameKey() int32 { return int32(time.Now().UnixMilli() & maxGameKey) }

// newGameKey numbers a game. The caller holds Session.mu.
func (s *Session) newGameKey() int32 {
	if s.config.Spool != nil {
		return s.config.Spool.gameKey()
	}
	key := s.gameKey
	s.gameKey = (s.gameKey + 1) & maxGameKey
	return key
}

func (g *Game) announcement() *gstatswire.NewGame {
	return &gstatswire.NewGame{Connection: g.connection, SessionKey: g.key, Logged: g.logged}
}

// announced notes that the server knows a game on a connection.
func (s *Session) announced(l *link, key int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.games) >= maxGames { // saying it again is better than to remember all games that ever were
		clear(l.games)
	}
	l.games[key] = true
}

const maxGames = 4096

// Challenge is what the players of this game prove their passwords and CD keys with for its results, as the original's
// GetChallenge: it stays the same for the whole game. For [Session.Authenticate], use [Session.Challenge].
func (g *Game) Challenge() string {
	if g.logged {
		return gscrypt.GStatsChallenge(g.key)
	}
	return gscrypt.GStatsChallenge(g.connection)
}

// Snapshot sends the results as they are now. Each snapshot tells everything again.
func (g *Game) Snapshot(ctx context.Context) error {
	return g.send(ctx, g.Results.String(), false, true)
}

// Finish sends the results for the last time: the game is over.
func (g *Game) Finish(ctx context.Context) error { return g.send(ctx, g.Results.String(), true, true) }

// SendSnapshot sends a snapshot that the program has written itself, as \name\value\name\value; done says that the game is
// over. What other snapshots told stays.
func (g *Game) SendSnapshot(ctx context.Context, data string, done bool) error {
	return g.send(ctx, data, done, false)
}

// send sends a snapshot, or keeps it. whole says that it tells everything.
func (g *Game) send(ctx context.Context, data string, done, whole bool) error {
	s := g.session
	if strings.IndexByte(data, 0) >= 0 {
		return s.fail(opSnapshot, ErrInvalidText)
	}
	select {
	case g.turn <- struct{}{}: // one after the other
	default:
		select {
		case g.turn <- struct{}{}:
		case <-ctx.Done():
			return s.fail(opSnapshot, backend.Ended(ctx, nil))
		}
	}
	defer func() { <-g.turn }()
	if g.over() {
		return s.fail(opSnapshot, ErrGameOver)
	}
	update := &gstatswire.UpdateGame{SessionKey: g.key, Connection: g.connection, Done: done, Data: data}
	if _, err := frame(update, s.config.MaxMessage); err != nil {
		return s.fail(opSnapshot, err)
	}
	failed := g.sendNow(ctx, update)
	if failed != nil {
		if s.config.Spool == nil {
			return failed
		}
		if err := g.keep(update, whole, failed); err != nil {
			s.events.Push(&SpoolFailed{Err: err})
			failed.Err = fmt.Errorf("%w, and not kept: %w", failed.Err, err)
			return failed
		}
	}
	if done {
		g.mu.Lock()
		g.ended = true
		g.mu.Unlock()
	}
	return nil
}

func (g *Game) over() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

// sendNow sends a snapshot over the connection, if there is one and nothing older waits in the spool.
func (g *Game) sendNow(ctx context.Context, update *gstatswire.UpdateGame) *Error {
	s := g.session
	s.mu.Lock()
	l := s.link
	if l == nil {
		defer s.mu.Unlock()
		return s.disconnected(opSnapshot)
	}
	known := l.games[g.key]
	s.mu.Unlock()
	if s.config.Spool != nil && s.config.Spool.holds(s.config.Game, g.key) {
		return s.fail(opSnapshot, errOlderFirst)
	}
	return s.sendUpdate(ctx, l, g.announcement(), update, known)
}

// sendUpdate sends a snapshot, and before it, if the server does not know the game on this connection, that it began.
func (s *Session) sendUpdate(ctx context.Context, l *link, announcement *gstatswire.NewGame, update *gstatswire.UpdateGame, known bool) *Error {
	var frames []byte
	if !known {
		b, err := frame(announcement, s.config.MaxMessage)
		if err != nil {
			return s.fail(opSnapshot, err)
		}
		frames = b
	}
	b, err := frame(update, s.config.MaxMessage)
	if err != nil {
		return s.fail(opSnapshot, err)
	}
	sent, failed := s.send(ctx, l, opSnapshot, append(frames, b...))
	if failed != nil {
		failed.Uncertain = sent
		return failed
	}
	if !known {
		s.announced(l, announcement.SessionKey)
	}
	s.count(func(c *Counters) { c.SnapshotsSent++ })
	return nil
}
