package gstats

import (
	"context"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
)

const opConnect = "connect"

// connect gets as far as being authenticated.
func (s *Session) connect(ctx context.Context) (*link, error) {
	limit := fmt.Errorf("no connection within %v", s.config.ConnectTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.ConnectTimeout, limit)
	defer cancel()
	s.step(StepResolving)
	addrs, _, err := s.config.resolve(ctx)
	if err != nil {
		return nil, s.fail(opConnect, backend.Ended(ctx, err))
	}
	s.step(StepConnecting)
	conn, addr, err := backend.Dial(ctx, s.config.DialContext, s.config.DialTimeout, addrs)
	if err != nil {
		return nil, s.fail(opConnect, backend.Ended(ctx, err))
	}
	s.mu.Lock()
	s.state.Peer = addr.String()
	s.mu.Unlock()

	l := s.newLink(conn)
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = conn.SetDeadline(time.Unix(1, 0)) // whatever blocks stops
	})
	failed := s.handshake(ctx, l)
	if !stop() {
		<-interrupted
		if failed == nil {
			failed = s.fail(opConnect, backend.Ended(ctx, nil))
		}
	}
	if failed != nil {
		if !failed.Refused {
			failed.Err = backend.Ended(ctx, failed.Err)
		}
		_ = conn.Close()
		return nil, failed
	}
	_ = conn.SetDeadline(time.Time{})
	return l, nil
}

// handshake speaks the beginning: greeting, proof, session number (spec gstats.md §2), and the players who were here before.
func (s *Session) handshake(ctx context.Context, l *link) *Error {
	s.step(StepGreeting)
	greeting, failed := expect[*gstatswire.Greeting](s, l, opConnect)
	if failed != nil {
		return failed
	}
	s.step(StepAuthenticating)
	auth := &gstatswire.Auth{Game: s.config.Game, Response: gscrypt.GStatsResponse(greeting.Challenge, s.config.Secret), Port: s.config.Port}
	if failed := s.say(l, opConnect, auth); failed != nil {
		return failed
	}
	session, failed := expect[*gstatswire.Session](s, l, opConnect)
	if failed != nil {
		return failed
	}
	l.connection = session.Connection
	return s.welcome(l)
}

// say sends a message while connecting.
func (s *Session) say(l *link, op string, message gstatswire.Message) *Error {
	frame, err := frame(message, s.config.MaxMessage)
	if err != nil {
		return s.fail(op, err)
	}
	if err := s.put(l, frame); err != nil {
		return s.fail(op, err)
	}
	return nil
}

// expect reads until a message of that kind comes, which may have keep-alives in front of it and nothing else.
func expect[M gstatswire.Message](s *Session, l *link, op string) (message M, failed *Error) {
	for {
		any, err := s.receive(l)
		if err != nil {
			return message, s.fail(op, err)
		}
		switch m := any.(type) {
		case M:
			return m, nil
		case *gstatswire.KeepAlive:
		case *gstatswire.ErrorReply:
			return message, s.refuse(op, m.Code, m.Text)
		default:
			return message, s.fail(op, fmt.Errorf("%w: a %T comes too early", ErrProtocol, m))
		}
	}
}
