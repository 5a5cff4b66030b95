package gp

import (
	"context"
	"errors"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Presence is what a player publishes: what they are doing and where. The zero value is offline.
type Presence struct {
	Status   Status
	Text     string // for people, at most 255 bytes; a backslash becomes a slash, as in the original
	Location string // for games, such as "gmtest://192.0.2.1:6500"; at most 255 bytes; treated like Text

	// Game is sent only with RevisionStatusInfo in Config.Revision.
	Game GameInfo
}

// SetPresence publishes what the player is doing. What has been published already is not sent again. The older form of
// status is always sent, since no living server understands the newer one; with [RevisionStatusInfo] the newer one
// follows. While the session reconnects it is remembered, and sent after the login.
func (s *Session) SetPresence(ctx context.Context, presence Presence) error {
	const op = "set presence"
	if _, err := s.presenceMessage(presence, "").Append(nil); err != nil {
		return s.fail(op, textError(err))
	}
	done, err := s.inTurn(ctx, op)
	if err != nil {
		return err
	}
	defer done()
	s.mu.Lock()
	same := s.published != nil && *s.published == presence
	s.mu.Unlock()
	if same {
		return nil
	}
	err = s.set(ctx, op, func(key SessionKey) gpwire.Message { return s.presenceMessage(presence, key) }, func(told bool) {
		if s.presence = &presence; told {
			s.published = &presence
		}
	})
	if failed, ok := errors.AsType[*Error](err); ok && failed.Uncertain {
		s.mu.Lock()
		s.published = nil // the server may have either
		s.mu.Unlock()
	}
	return err
}

// inTurn waits until nobody else changes a setting: what the session remembers for the next connection must be what the
// server was told last. What it returns lets the next one in.
func (s *Session) inTurn(ctx context.Context, op string) (done func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, s.fail(op, backend.Ended(ctx, nil))
	}
}

// set sends something that a new connection is told again, or only remembers it while there is none. The caller has the
// turn. remember runs with Session.mu held, and is told whether the server of the present connection was.
func (s *Session) set(ctx context.Context, op string, message request, remember func(told bool)) error {
	s.mu.Lock()
	if s.waiting() {
		remember(false)
		s.mu.Unlock()
		return nil
	}
	l, key, err := s.connection(op)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := s.sendOn(ctx, l, op, message(key)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.link == l
	if !told && s.link != nil { // another connection already, which was told what held before
		told = s.link.post(message(s.key))
	}
	remember(told)
	return nil
}

// waiting reports whether the session waits for a new connection, on which it will say what the player wants. The caller
// holds Session.mu.
func (s *Session) waiting() bool { return s.link == nil && s.state.Step != StepClosed }

// presenceMessage is a presence in the forms that the server shall get.
func (s *Session) presenceMessage(presence Presence, key SessionKey) batch {
	forms := batch{&gpwire.SetStatus{
		Status: presence.Status, SessionKey: key,
		Text: kv.Sanitize(presence.Text), Location: kv.Sanitize(presence.Location),
	}}
	if s.config.Revision&RevisionStatusInfo != 0 {
		forms = append(forms, &gpwire.StatusInfo{
			Status: presence.Status, SessionKey: key, RichStatus: kv.Sanitize(presence.Text),
			HostIP: presence.Game.HostIP, HostPrivateIP: presence.Game.HostPrivateIP,
			QueryPort: presence.Game.QueryPort, HostPort: presence.Game.HostPort,
			SessionFlags: presence.Game.SessionFlags,
			GameType:     presence.Game.Type, GameVariant: presence.Game.Variant, GameMap: presence.Game.Map,
		})
	}
	return forms
}

// SendMessage sends a buddy a message to read, of at most 3500 bytes. A server that refuses it says so in a
// [*ServerError]; [ErrBuddyOffline] in it may also mean that the buddy has published no status yet: OpenSpy takes such players for offline, so call
// [Session.SetPresence] after the login.
func (s *Session) SendMessage(ctx context.Context, to ProfileID, text string) error {
	return s.message(ctx, "send message", gpwire.TypeMessage, to, text)
}

// SendGameMessage sends data to the game of another player (UTM), of at most 3500 bytes without backslash and NUL.
func (s *Session) SendGameMessage(ctx context.Context, to ProfileID, data string) error {
	return s.message(ctx, "send game message", gpwire.TypeUTM, to, data)
}

// Ping asks the game of another player for a sign of life. It has no answer that the caller sees.
func (s *Session) Ping(ctx context.Context, to ProfileID) error {
	return s.message(ctx, "ping", gpwire.TypePing, to, "")
}

func (s *Session) message(ctx context.Context, op string, kind gpwire.MessageType, to ProfileID, text string) error {
	return s.send(ctx, op, func(key SessionKey) gpwire.Message {
		return &gpwire.SendMessage{Type: kind, SessionKey: key, To: to, Text: text}
	})
}

// RequestBuddy asks another player to become a buddy. The reason has at most 1024 bytes; a backslash in it becomes a
// slash, as in the original. The roster lists the request as outgoing until the other player accepts or the server refuses.
func (s *Session) RequestBuddy(ctx context.Context, profile ProfileID, reason string) error {
	reason = kv.Sanitize(reason)
	s.mu.Lock() // before the server can refuse it
	_, already := s.roster.buddies[profile]
	before, asked := s.roster.outgoing[profile]
	noted := !already && s.link != nil && s.roster.ask(OutgoingRequest{To: profile, Time: time.Now(), Reason: reason})
	if noted {
		s.changed(ChangeRequestSent, profile)
		s.wantProfile(profile)
	}
	s.mu.Unlock()
	err := s.send(ctx, "request buddy", func(key SessionKey) gpwire.Message {
		return &gpwire.AddBuddy{SessionKey: key, ProfileID: profile, Reason: reason}
	})
	if failed, ok := errors.AsType[*Error](err); ok && noted && !failed.Uncertain {
		s.mu.Lock()
		defer s.mu.Unlock()
		if asked {
			s.roster.ask(before)
		} else if s.roster.settled(profile) {
			s.changed(ChangeRequestSettled, profile)
		}
	}
	return err
}

// Authorize accepts a [*BuddyRequest]. Without one it fails with [ErrNoRequest].
func (s *Session) Authorize(ctx context.Context, profile ProfileID) error {
	const op = "authorize"
	s.mu.Lock()
	request, ok := s.roster.incoming[profile]
	s.mu.Unlock()
	if !ok {
		return s.fail(op, ErrNoRequest)
	}
	return s.AuthorizeWith(ctx, profile, request.signature)
}

// AuthorizeWith accepts a buddy request whose signature the program has kept itself; see [BuddyRequest.Signature].
func (s *Session) AuthorizeWith(ctx context.Context, profile ProfileID, signature string) error {
	err := s.send(ctx, "authorize", func(key SessionKey) gpwire.Message {
		return &gpwire.AuthAdd{SessionKey: key, ProfileID: profile, Signature: signature}
	})
	if err != nil {
		return err
	}
	s.Deny(profile)
	return nil
}

// Deny forgets a [*BuddyRequest]. Nothing is sent: the protocol has no word for it.
func (s *Session) Deny(profile ProfileID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roster.answered(profile) {
		s.changed(ChangeRequestAnswered, profile)
	}
}

// RemoveBuddy removes a buddy from this player's list.
func (s *Session) RemoveBuddy(ctx context.Context, profile ProfileID) error {
	err := s.send(ctx, "remove buddy", func(key SessionKey) gpwire.Message {
		return &gpwire.DeleteBuddy{SessionKey: key, ProfileID: profile}
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roster.remove(profile) {
		s.changed(ChangeBuddyRemoved, profile)
	}
	return nil
}

// Revoke removes this player from another one's list.
func (s *Session) Revoke(ctx context.Context, profile ProfileID) error {
	return s.send(ctx, "revoke", func(key SessionKey) gpwire.Message {
		return &gpwire.Revoke{SessionKey: key, ProfileID: profile}
	})
}

// Block keeps another player from seeing and reaching this one. Their statuses are ignored from then on.
func (s *Session) Block(ctx context.Context, profile ProfileID) error {
	err := s.send(ctx, "block", func(key SessionKey) gpwire.Message {
		return &gpwire.AddBlock{SessionKey: key, ProfileID: profile}
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roster.block(profile) > 0 {
		s.changed(ChangeBlocked, profile)
	}
	return nil
}

// Unblock is the reverse of [Session.Block].
func (s *Session) Unblock(ctx context.Context, profile ProfileID) error {
	err := s.send(ctx, "unblock", func(key SessionKey) gpwire.Message {
		return &gpwire.RemoveBlock{SessionKey: key, ProfileID: profile}
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roster.unblock(profile) {
		s.changed(ChangeUnblocked, profile)
	}
	return nil
}

// Invite asks another player to join a game. The location has at most 255 bytes and may be empty.
func (s *Session) Invite(ctx context.Context, profile ProfileID, productID ProductID, location string) error {
	return s.send(ctx, "invite", func(key SessionKey) gpwire.Message {
		return &gpwire.Invite{SessionKey: key, ProfileID: profile, ProductID: productID, Location: location}
	})
}

// AcceptInvites says which products the player takes invitations for; none without any. The SDK of 2009 dropped it, and
// living servers ignore it.
func (s *Session) AcceptInvites(ctx context.Context, productIDs ...ProductID) error {
	products := append([]ProductID{}, productIDs...)
	return s.setting(ctx, "accept invites", func(key SessionKey) gpwire.Message {
		return &gpwire.InviteTo{SessionKey: key, Products: products}
	}, func(bool) { s.invites = products })
}

// SetQuiet says what the server shall hold back, as a sum of Quiet constants.
func (s *Session) SetQuiet(ctx context.Context, flags int) error {
	return s.setting(ctx, "set quiet", func(key SessionKey) gpwire.Message {
		return &gpwire.Quiet{Flags: flags, SessionKey: key}
	}, func(bool) { s.quiet = flags })
}

// setting is set, in its turn.
func (s *Session) setting(ctx context.Context, op string, message request, remember func(told bool)) error {
	done, err := s.inTurn(ctx, op)
	if err != nil {
		return err
	}
	defer done()
	return s.set(ctx, op, message, remember)
}

// PeerSignature is what another player shows when they open a direct link to the owner of a profile (spec gp.md §4.3).
func PeerSignature(ownerPassword string, owner, requester ProfileID) string {
	return gscrypt.PeerSignature(ownerPassword, int64(owner), int64(requester))
}
