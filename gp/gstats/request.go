package gstats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

// kind is what an answer must answer.
type kind int

const (
	kindPlayer kind = iota
	kindProfileID
	kindGet
	kindSet
)

// request waits for its answer. Session.mu guards it.
type request struct {
	op        string
	kind      kind
	localID   int32
	profile   int32 // that is asked about; 0: the answer says which
	reply     chan answer
	abandoned bool // nobody waits any more, but the answer may still come
	behind    bool // an abandoned one was in front of it that differs in nothing but the local id
}

// changes says whether the server changes something for a request.
func (r *request) changes() bool { return r.kind == kindPlayer || r.kind == kindSet }

// mistakable says whether servers answer with a local id that is not the request's. What authenticates a player, or looks for a
// profile, has its own at all of them.
func (r *request) mistakable() bool { return r.kind == kindGet || r.kind == kindSet }

// like says whether two requests differ in nothing that every answer says.
func (r *request) like(other *request) bool {
	return r.kind == other.kind && r.profile == other.profile
}

type answer struct {
	message gstatswire.Message
	err     *Error
}

// ask sends a request and waits for its answer.
func (s *Session) ask(ctx context.Context, op string, k kind, profile ProfileID, build func(localID int32) gstatswire.Message) (gstatswire.Message, error) {
	message, _, failed := s.askOn(ctx, op, k, profile, func(_ *link, localID int32) (gstatswire.Message, error) {
		return build(localID), nil
	})
	if failed != nil {
		return nil, failed
	}
	return message, nil
}

// askOn is ask for a request that depends on the connection that it goes over.
func (s *Session) askOn(ctx context.Context, op string, k kind, profile ProfileID, build func(l *link, localID int32) (gstatswire.Message, error)) (gstatswire.Message, *link, *Error) {
	limit := fmt.Errorf("no answer within %v", s.config.OperationTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.OperationTimeout, limit)
	defer cancel()

	r := &request{op: op, kind: k, profile: int32(profile), reply: make(chan answer, 1)}
	l, failed := s.enlist(ctx, r)
	if failed != nil {
		return nil, nil, failed
	}
	request, err := build(l, r.localID)
	var frames []byte
	if err == nil {
		frames, err = frame(request, s.config.MaxMessage)
	}
	if err != nil {
		s.forget(l, r)
		return nil, nil, s.fail(op, err)
	}
	if sent, failed := s.send(ctx, l, op, frames); failed != nil {
		if failed.Uncertain = sent && r.changes(); sent {
			s.abandon(ctx, l, r)
		} else {
			s.forget(l, r)
		}
		return nil, nil, failed
	}
	select {
	case a := <-r.reply:
		return a.message, l, a.err
	case <-ctx.Done():
		s.abandon(ctx, l, r)
		failed := s.fail(op, backend.Ended(ctx, nil))
		failed.Uncertain = r.changes()
		return nil, nil, failed
	}
}

// enlist adds a request to those that wait, when it is its turn.
func (s *Session) enlist(ctx context.Context, r *request) (*link, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.link
	if l == nil {
		return nil, s.disconnected(r.op)
	}
	if l.load() >= s.config.MaxPending && !l.makeRoom() {
		return nil, s.failLocked(r.op, ErrTooMany)
	}
	if !l.free(r) {
		l.queue = append(l.queue, r)
		if failed := s.awaitTurn(ctx, l, r); failed != nil {
			return nil, failed
		}
	}
	if s.localID == math.MaxInt32 {
		s.localID = 0
	}
	s.localID++
	r.localID = s.localID
	if r.kind == kindPlayer {
		if len(l.logins) == maxLogins {
			l.logins = slices.Delete(l.logins, 0, 1)
		}
		l.logins = append(l.logins, r.localID)
	}
	r.behind = r.mistakable() && slices.ContainsFunc(l.waiting, func(other *request) bool {
		return other.abandoned && other.like(r)
	})
	l.waiting = append(l.waiting, r)
	return l, nil
}

// awaitTurn waits in the queue. The caller holds Session.mu, which is let go meanwhile.
func (s *Session) awaitTurn(ctx context.Context, l *link, r *request) *Error {
	defer func() {
		l.queue = slices.DeleteFunc(l.queue, func(other *request) bool { return other == r })
		l.moved()
	}()
	for !l.free(r) {
		turn := l.turn
		s.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
		}
		s.mu.Lock()
		switch {
		case s.link != l:
			return s.interrupted(r.op, false)
		case ctx.Err() != nil:
			return s.failLocked(r.op, backend.Ended(ctx, nil))
		}
	}
	return nil
}

// maxLogins is how many authentications of players a server may be behind in what it returns as their local id. The servers
// that do so know one player of a connection.
const maxLogins = 16

// free reports whether the answer to a request could be told from the answers to those that wait. wfc and dwc put the local
// id of a player's authentication into every later answer (spec servers.md §8). They also lose requests that come in one piece
// of the stream: dwc reads one of each piece, and is late by one for ever, and wfc none that comes behind a write. So until a
// server has shown that it returns the id of the request, one is under way at a time, in the order in which they came.
func (l *link) free(r *request) bool {
	return l.echoes || (len(l.queue) == 0 || l.queue[0] == r) &&
		!slices.ContainsFunc(l.waiting, func(other *request) bool { return !other.abandoned })
}

// makeRoom drops the oldest request that nobody waits for any more, where its answer could not be taken for another's.
func (l *link) makeRoom() bool {
	at := slices.IndexFunc(l.waiting, func(r *request) bool { return r.abandoned && (l.echoes || !r.mistakable()) })
	if at < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	return true
}

// pending is how many requests somebody waits for.
func (l *link) pending() (count int) {
	for _, r := range l.waiting {
		if !r.abandoned {
			count++
		}
	}
	return count + len(l.queue)
}

// load is how many requests there is something to be remembered of.
func (l *link) load() int { return len(l.waiting) + len(l.queue) }

// moved lets those look again who wait for their turn.
func (l *link) moved() {
	close(l.turn)
	l.turn = make(chan struct{})
}

// deliver gives an answer to whom it belongs: of the same kind, local id and profile (spec gstats.md §4).
func (s *Session) deliver(l *link, k kind, localID, profile int32, message gstatswire.Message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l {
		return // the session is over
	}
	at := slices.IndexFunc(l.waiting, func(r *request) bool {
		return r.kind == k && r.localID == localID && (r.profile == profile || k == kindPlayer || k == kindProfileID)
	})
	switch {
	case at >= 0 && (k == kindGet || k == kindSet):
		l.echoes = true
	case at < 0 && !l.echoes && (k == kindGet || k == kindSet) && (localID == 0 || slices.Contains(l.logins, localID)):
		// wfc and dwc, which answer one after the other: the oldest is meant.
		at = slices.IndexFunc(l.waiting, func(r *request) bool { return r.kind == k && r.profile == profile })
	}
	if at < 0 {
		s.state.Counters.Unmatched++
		s.state.Reason = fmt.Sprintf("an answer to request %d about profile %d, for which nobody waits", localID, profile)
		count := s.state.Counters.Unmatched
		s.mu.Unlock()
		s.warn("gstats answer that nobody waits for", count, "local_id", localID, "profile", profile)
		s.mu.Lock()
		return
	}
	a := answer{message: message}
	if err != nil {
		a = answer{err: s.failLocked(l.waiting[at].op, err)}
	}
	s.answer(l, at, a)
}

// answer ends a request. The caller holds Session.mu.
func (s *Session) answer(l *link, at int, a answer) {
	l.waiting[at].reply <- a
	l.waiting = slices.Delete(l.waiting, at, at+1)
	l.moved()
}

// refuseWaiting gives an error that does not say what it answers to the only request that it can belong to.
func (s *Session) refuseWaiting(l *link, m *gstatswire.ErrorReply) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != l || len(l.waiting) != 1 {
		return false
	}
	failed := s.failLocked(l.waiting[0].op, ErrRefused)
	failed.Refused, failed.Code, failed.Text = true, m.Code, cut(m.Text)
	s.answer(l, 0, answer{err: failed})
	return true
}

// forget drops a request that was not sent.
func (s *Session) forget(l *link, r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(other *request) bool { return other == r })
	l.moved()
}

// abandon notes that nobody waits for an answer any more that may still come. Where the server does not say what it answers, a
// second one in a row that does not come means that the next could be anybody's: the connection is of no use any more.
func (s *Session) abandon(ctx context.Context, l *link, r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(l.waiting, r) {
		r.abandoned = true
		l.moved()
	}
	if r.behind && !l.echoes && s.link == l && l.reason == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		l.reason = s.failLocked("receive", fmt.Errorf("%w: it leaves out answers and does not say which", ErrProtocol))
		_ = l.conn.Close()
	}
}

// failWaiting ends all requests of a connection that is over. The caller holds Session.mu.
func (s *Session) failWaiting(l *link) {
	for _, r := range l.waiting {
		r.reply <- answer{err: s.interrupted(r.op, r.changes())}
	}
	l.waiting = nil
	l.moved()
}
