package gp

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

const (
	opLogin    = "login"
	opRegister = "register"
)

// connectID is the operation id of everything that belongs to a login (spec gp.md §1.1).
const connectID = 1

// Login connects to the connection manager and logs in. It returns when the server has accepted the login and proved
// that it knows the password; lists and statuses follow as events, if the server sends any.
//
// The context bounds the login only. What ends a login is an [*Error]: errors.Is tells [ErrBadPassword], [ErrBadNick],
// [ErrProofMismatch] and so on.
func Login(ctx context.Context, config Config, identity Identity) (*Session, error) {
	return open(ctx, config, identity, nil)
}

// Register creates an account and logs in with its first profile, on the same connection.
func Register(ctx context.Context, config Config, account Account) (*Session, error) {
	return open(ctx, config, account.identity(), &account)
}

// open does both.
func open(ctx context.Context, config Config, identity Identity, account *Account) (*Session, error) {
	s := newSession(config)
	op := opLogin
	if account != nil {
		op = opRegister
	}
	limit := fmt.Errorf("%s took longer than %v", op, s.config.LoginTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.LoginTimeout, limit)
	defer cancel()
	s.identity, s.state.Identity = identity, fmt.Sprint(identity)
	l, err := s.connect(ctx, op, identity, account)
	if err != nil {
		s.end(err, false)
		s.progress()
		return nil, err
	}
	s.begin(l)
	s.mu.Lock()
	s.opened = true
	s.mu.Unlock()
	s.done.Go(func() { s.run(l) })
	return s, nil
}

// connect gets as far as being logged in.
func (s *Session) connect(ctx context.Context, op string, identity Identity, account *Account) (*link, error) {
	if !complete(identity) {
		return nil, s.fail(op, fmt.Errorf("%w: the identity is empty", ErrInvalidText))
	}
	l, err := s.dial(ctx, op)
	if err != nil {
		return nil, err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = l.conn.SetDeadline(time.Unix(1, 0)) // whatever blocks stops
	})
	err = s.handshake(l, op, identity, account)
	if !stop() {
		<-interrupted
		if err == nil {
			err = s.fail(op, ctx.Err())
		}
	}
	if err != nil {
		if failed, ok := errors.AsType[*Error](err); ok && !failed.Refused && ctx.Err() != nil {
			failed.Err = backend.Ended(ctx, failed.Err)
		}
		_ = l.conn.Close()
		return nil, err
	}
	_ = l.conn.SetDeadline(time.Time{})
	return l, nil
}

// dial tries the addresses of the connection manager in turn.
func (s *Session) dial(ctx context.Context, op string) (*link, error) {
	s.step(StepResolving)
	addrs, err := s.config.locator().Resolve(ctx, backend.GPCM, s.config.Game, s.config.Addr)
	if err != nil {
		return nil, s.fail(op, backend.Ended(ctx, err))
	}
	s.step(StepConnecting)
	conn, addr, err := backend.Dial(ctx, s.config.DialContext, s.config.DialTimeout, addrs)
	if err != nil {
		return nil, s.fail(op, backend.Ended(ctx, err))
	}
	s.mu.Lock()
	s.state.Peer = addr.String()
	s.mu.Unlock()
	return s.newLink(conn), nil
}

// handshake speaks the login: greeting, perhaps the new account, login, reply (spec gp.md §5.1 to §5.3).
func (s *Session) handshake(l *link, op string, identity Identity, account *Account) error {
	s.step(StepGreeting)
	message, err := s.await(l, op, func(m gpwire.Message) bool { _, ok := m.(*gpwire.Greeting); return ok })
	if err != nil {
		return err
	}
	greeting := message.(*gpwire.Greeting)
	s.mu.Lock()
	l.quiet = s.quiet
	s.mu.Unlock()
	login := &gpwire.Login{
		Challenge:   s.config.Challenge(),
		PartnerID:   s.config.PartnerID,
		Firewall:    s.config.PeerPort == 0,
		Port:        s.config.PeerPort,
		ProductID:   s.config.ProductID,
		GameName:    s.config.Game,
		NamespaceID: s.config.NamespaceID,
		SDKRevision: s.config.Revision,
		Quiet:       l.quiet,
		ID:          connectID,
	}
	// When reconnecting, the login could name the profile, as the original's does from its cache. But wfc gives the account
	// that logs in the profile id that the login names, in place of its own: should Reconnect.Identity give another
	// account, that must end in an error here and not in a changed account there.
	if account != nil {
		created, err := s.register(l, op, account)
		if err != nil {
			return err
		}
		login.ProfileID = created.ProfileID
		if created.UserID != "0" {
			login.UserID = created.UserID
		}
	}
	return s.login(l, op, identity, login, greeting.Challenge)
}

// register creates the account.
func (s *Session) register(l *link, op string, account *Account) (*gpwire.NewUserReply, error) {
	s.step(StepRegistering)
	if len(account.Password) > gpwire.MaxPassword || len(account.CDKey) > gpwire.MaxCDKey {
		return nil, s.fail(op, fmt.Errorf("%w: password or CD key is too long", ErrInvalidText))
	}
	err := s.sendNow(l, op, &gpwire.NewUser{
		Email:       strings.ToLower(account.Email),
		Nick:        account.Nick,
		PasswordEnc: gscrypt.EncodePassword(account.Password),
		ProductID:   s.config.ProductID,
		GameName:    s.config.Game,
		NamespaceID: s.config.NamespaceID,
		UniqueNick:  account.UniqueNick,
		CDKeyEnc:    gscrypt.EncodePassword(account.CDKey),
		PartnerID:   s.config.PartnerID,
		ID:          connectID,
	})
	if err != nil {
		return nil, err
	}
	message, err := s.await(l, op, func(m gpwire.Message) bool { _, ok := m.(*gpwire.NewUserReply); return ok })
	if err != nil {
		return nil, err
	}
	return message.(*gpwire.NewUserReply), nil
}

// login proves who we are and checks that the server can do the same.
func (s *Session) login(l *link, op string, identity Identity, login *gpwire.Login, serverChallenge string) error {
	s.step(StepLoggingIn)
	who := identity.credentials(login, s.config.PartnerID)
	login.Response = gscrypt.LoginResponse(who.secret, who.user, login.Challenge, serverChallenge)
	if err := s.sendNow(l, op, login); err != nil {
		return err
	}
	message, err := s.await(l, op, func(m gpwire.Message) bool { _, ok := m.(*gpwire.LoginReply); return ok })
	if err != nil {
		return err
	}
	reply := message.(*gpwire.LoginReply)
	if key := string(reply.SessionKey); key == "" || len(key) > maxSessionKey || !kv.Valid(key) {
		// Every request carries it, so it must be possible to send it.
		return s.fail(op, protocolError(&gpwire.FieldError{Message: "lc", Field: "sesskey", Err: gpwire.ErrMalformed}))
	}
	if !s.verify(who, login.Challenge, serverChallenge, reply.Proof) {
		if !s.config.AcceptUnverifiedProof {
			return s.fail(op, ErrProofMismatch)
		}
		s.log.Warn("gp server's proof does not match, accepted as configured", "peer", s.state.Peer)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.state.ProfileID; before != 0 && before != reply.ProfileID {
		return &Error{Op: op, Step: s.state.Step, Peer: s.state.Peer, Err: fmt.Errorf("%w: %d, not %d", errOtherProfile, reply.ProfileID, before)}
	}
	s.key = reply.SessionKey
	if reply.Ticket != "" { // one that was sent before stays
		s.ticket = reply.Ticket
	}
	s.state.ProfileID, s.state.UserID, s.state.UniqueNick = reply.ProfileID, reply.UserID, reply.UniqueNick
	return nil
}

// verify checks the server's proof.
func (s *Session) verify(who credentials, clientChallenge, serverChallenge, proof string) bool {
	for _, user := range who.proofUsers {
		want := gscrypt.LoginProof(who.secret, user, clientChallenge, serverChallenge)
		if subtle.ConstantTimeCompare([]byte(strings.ToLower(proof)), []byte(want)) == 1 {
			return true
		}
	}
	return false
}

// sendNow writes during the login, when there is no writing goroutine yet.
func (s *Session) sendNow(l *link, op string, message gpwire.Message) error {
	b, err := message.Append(nil)
	if err != nil {
		return s.fail(op, textError(err))
	}
	s.trace("sent", b)
	n, err := l.conn.Write(b)
	if err != nil {
		return s.fail(op, serverClosed(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.LastSent = time.Now()
	s.state.Counters.MessagesSent++
	s.state.Counters.BytesSent += uint64(n)
	return nil
}

// maxSessionKey bounds the key, which is a number of 32 bits but is kept as text (servers.md §5.1.2).
const maxSessionKey = 255

// maxLoginMessages bounds what a server can send before it answers a login.
const maxLoginMessages = 20_000

// await reads until the wanted message, handling others as they come: lists, statuses and keep-alives may arrive before
// the reply (spec gp.md §5.2). Every error ends a login, fatal or not.
func (s *Session) await(l *link, op string, wanted func(gpwire.Message) bool) (gpwire.Message, error) {
	for range maxLoginMessages {
		body, err := s.receive(l)
		if err != nil {
			return nil, s.fail(op, err)
		}
		message, err := s.decoder.FromServer(body)
		if err != nil {
			command := ""
			if malformed, ok := errors.AsType[*gpwire.FieldError](err); ok {
				command = malformed.Message
			}
			if command == "lc" || command == "nur" || command == "error" {
				return nil, s.fail(op, protocolError(err)) // nothing better will come
			}
			s.ignored(body, err)
			continue
		}
		if wanted(message) {
			return message, nil
		}
		if reply, ok := message.(*gpwire.ErrorReply); ok {
			s.mu.Lock()
			step, peer := s.state.Step, s.state.Peer
			s.mu.Unlock()
			return nil, refused(op, step, peer, reply)
		}
		if err := s.handle(message); err != nil {
			return nil, err
		}
	}
	return nil, s.fail(op, protocolError(fmt.Errorf("no answer in %d messages", maxLoginMessages)))
}
