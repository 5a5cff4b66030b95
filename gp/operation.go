package gp

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
)

// operation is a request that the server answers.
type operation struct {
	id      int
	name    string
	class   ErrorCode // of the errors that belong to it
	profile ProfileID // that was asked for, if any
	done    chan outcome
}

// outcome is how an operation ended.
type outcome struct {
	message gpwire.Message
	err     error
}

// orphan is an error without an id that may belong to several operations.
type orphan struct {
	reply  *gpwire.ErrorReply
	before int // the operation has a lower id
}

// do sends a request and waits for its answer.
func (s *Session) do(ctx context.Context, name string, class ErrorCode, profile ProfileID, request func(key SessionKey, id int) gpwire.Message) (gpwire.Message, error) {
	limit := fmt.Errorf("no answer within %v", s.config.OperationTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.OperationTimeout, limit)
	defer cancel()

	op := &operation{name: name, class: class, profile: profile, done: make(chan outcome, 1)}
	s.mu.Lock()
	l, key, err := s.connection(name)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	op.id = s.nextID
	s.nextID++
	if s.nextID >= math.MaxInt32 {
		s.nextID, s.orphans = 2, nil // spec gp.md §1.1
	}
	s.pending = append(s.pending, op)
	s.mu.Unlock()
	defer s.forget(op)

	if err := s.sendOn(ctx, l, name, request(key, op.id)); err != nil {
		return nil, err
	}
	select {
	case result := <-op.done:
		return result.message, result.err
	case <-ctx.Done():
		failed := s.fail(name, backend.Ended(ctx, nil))
		failed.Uncertain = true
		return nil, failed
	}
}

// forget drops an operation that nobody waits for any more.
func (s *Session) forget(op *operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = slices.DeleteFunc(s.pending, func(o *operation) bool { return o == op })
	s.settle()
}

// answer gives a reply to the operation that it belongs to: by its id, or, if the server left that out, by what was asked
// for. It reports whether there is one.
func (s *Session) answer(id int, class ErrorCode, profile ProfileID, message gpwire.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.pending, func(op *operation) bool {
		return op.class == class && (op.id == id || id == 0 && op.profile == profile)
	})
	if at < 0 {
		s.state.Counters.Unmatched++
		return false
	}
	op := s.pending[at]
	s.pending = slices.Delete(s.pending, at, at+1)
	result := outcome{message: message}
	if profile != op.profile && op.profile != 0 {
		// DWC answers with the player's own profile when it does not know the other (servers.md §5.1.5).
		err := fmt.Errorf("%w: %w: asked for %d, got %d", ErrNoSuchProfile, errWrongProfile, op.profile, profile)
		result = outcome{err: &Error{Op: op.name, Step: s.state.Step, Peer: s.state.Peer, Err: err}}
	}
	op.done <- result
	s.settle()
	return true
}

// deletedByClosing reports whether a profile was being deleted when the server closed the connection, which is as good as
// the answer then (spec gp.md §1.3), and gives it.
func (s *Session) deletedByClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.pending, func(op *operation) bool { return op.class == gpwire.ErrorDeleteProfile })
	if at < 0 {
		return false
	}
	s.pending[at].done <- outcome{message: &gpwire.DeleteProfileReply{}}
	s.pending = slices.Delete(s.pending, at, at+1)
	return true
}

// refuse gives an error to the operation that it belongs to: by its id, or, since most living servers leave that out, to
// the only outstanding one that it can belong to. While several are possible, it waits until as many are left as there
// are such errors.
func (s *Session) refuse(m *gpwire.ErrorReply) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.ID != 0 {
		at := slices.IndexFunc(s.pending, func(op *operation) bool { return op.id == m.ID })
		if at < 0 {
			return false
		}
		s.refuseAt(at, m)
		s.settle()
		return true
	}
	stray := orphan{reply: m, before: s.nextID}
	if !slices.ContainsFunc(s.pending, stray.fits) {
		return false
	}
	s.orphans = append(s.orphans, stray)
	s.settle()
	return true
}

// fits reports whether the error can be the answer of an operation: its class is the operation's, or a general one.
func (o orphan) fits(op *operation) bool {
	return op.id < o.before && (o.reply.Code.Class() == op.class || o.reply.Code.Class() == gpwire.ErrorGeneral)
}

// settle gives errors without an id away as soon as it is clear whose they are.
func (s *Session) settle() {
	for i := 0; i < len(s.orphans); i++ {
		candidates, rivals := 0, 0
		for _, op := range s.pending {
			if s.orphans[i].fits(op) {
				candidates++
			}
		}
		for _, other := range s.orphans {
			if other.reply.Code.Class() == s.orphans[i].reply.Code.Class() {
				rivals++
			}
		}
		if candidates > rivals {
			continue
		}
		if candidates > 0 {
			s.refuseAt(slices.IndexFunc(s.pending, s.orphans[i].fits), s.orphans[i].reply)
		}
		s.orphans = slices.Delete(s.orphans, i, i+1)
		i = -1 // what is left may be clear now
	}
}

func (s *Session) refuseAt(at int, m *gpwire.ErrorReply) {
	op := s.pending[at]
	s.pending = slices.Delete(s.pending, at, at+1)
	op.done <- outcome{err: refused(op.name, s.state.Step, s.state.Peer, m)}
}
