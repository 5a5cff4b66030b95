package gstats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

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
		return nil, s.fail(opConnect, ended(ctx, err))
	}
	s.step(StepConnecting)
	conn, addr, err := dial(ctx, s.config, addrs)
	if err != nil {
		return nil, s.fail(opConnect, ended(ctx, err))
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
			failed = s.fail(opConnect, ended(ctx, nil))
		}
	}
	if failed != nil {
		if !failed.Refused {
			failed.Err = ended(ctx, failed.Err)
		}
		_ = conn.Close()
		return nil, failed
	}
	_ = conn.SetDeadline(time.Time{})
	return l, nil
}

// dial connects to the first address that answers.
func dial(ctx context.Context, config Config, addrs []netip.AddrPort) (net.Conn, netip.AddrPort, error) {
	var errs []error
	for _, addr := range addrs {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		limit := fmt.Errorf("no connection within %v", config.DialTimeout)
		dialing, cancel := context.WithTimeoutCause(ctx, config.DialTimeout, limit)
		conn, err := config.DialContext(dialing, "tcp", addr.String())
		if err == nil {
			cancel()
			return conn, addr, nil
		}
		errs = append(errs, fmt.Errorf("connect to %v: %w", addr, ended(dialing, err)))
		cancel()
	}
	return nil, netip.AddrPort{}, errors.Join(errs...)
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
