package gstats

import (
	"errors"

	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

// errOlderFirst is why a snapshot is kept although there is a connection.
var errOlderFirst = errors.New("gstats: older snapshots of the game are waiting")

// keep puts a snapshot into the spool, because of an error.
func (g *Game) keep(update *gstatswire.UpdateGame, whole bool, reason error) error {
	s := g.session
	later := *update
	later.Logged = true
	if _, err := frame(&later, s.config.MaxMessage); err != nil { // it would not be sent
		return err
	}
	g.mu.Lock()
	replaced := g.kept
	g.mu.Unlock()
	if !whole {
		replaced = nil
	}
	name, err := s.config.Spool.keep(kept{
		Game: s.config.Game, Key: g.key, Connection: g.connection, Logged: g.logged, Done: update.Done, Data: []byte(update.Data),
	}, replaced)
	if err != nil {
		return err
	}
	if whole {
		g.mu.Lock()
		g.kept = []string{name}
		g.mu.Unlock()
	}
	if errors.Is(reason, errOlderFirst) {
		reason = nil
	}
	s.count(func(c *Counters) { c.SnapshotsKept++ })
	s.events.Push(&SnapshotKept{Err: reason})
	return nil
}

// unspool sends what is in the spool over a connection, and what comes into it, until the connection is over. One sender at a
// time works on a spool.
func (s *Session) unspool(l *link) {
	spool := s.config.Spool
	for {
		var changed <-chan struct{}
		select {
		case spool.turn <- struct{}{}:
			changed = s.drain(l, spool)
			<-spool.turn
		case <-l.drained:
			return
		case <-s.closing:
			return
		}
		select { // a nil channel: nothing more to do on this connection
		case <-changed:
		case <-l.drained:
			return
		case <-s.closing:
			return
		}
	}
}

// drain sends what is in the spool now. It gives what is closed when there is more to send; nil if there is no point.
func (s *Session) drain(l *link, spool *Spool) <-chan struct{} {
	count := 0
	defer func() {
		if count > 0 {
			s.events.Push(&SnapshotsSent{Count: count})
			s.log.Info("gstats snapshots sent that were kept", "count", count)
		}
	}()
	for {
		e, k, changed, err := spool.oldest(s.config.Game)
		if err != nil {
			s.spoolFailed(err)
			if isDamage(err) {
				continue // the file is out of the way
			}
			return changed
		}
		if e == nil {
			return changed
		}
		s.mu.Lock()
		known := l.games[k.Key]
		s.mu.Unlock()
		announcement := &gstatswire.NewGame{Connection: k.Connection, SessionKey: k.Key, Logged: k.Logged}
		update := &gstatswire.UpdateGame{SessionKey: k.Key, Connection: k.Connection, Done: k.Done, Data: string(k.Data), Logged: true}
		failed := s.sendUpdate(s.lifetime, l, announcement, update, known)
		switch {
		case failed == nil:
			count++
			err = spool.sent(e)
		case errors.Is(failed, ErrInvalidText): // of a program with other limits
			spool.unsent(e, true)
			err = failed
		default:
			spool.unsent(e, false)
			return nil
		}
		if err != nil {
			s.spoolFailed(err)
		}
	}
}

func (s *Session) spoolFailed(err error) {
	s.events.Push(&SpoolFailed{Err: err})
	s.log.Warn("gstats spool", "error", err)
}
