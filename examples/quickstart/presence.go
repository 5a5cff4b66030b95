package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// player is an account that has logged in.
type player struct {
	account
	profile gp.ProfileID
}

// presence lets two players log in, become buddies, and talk.
func presence(ctx context.Context, s *story, v *services) (players []player, err error) {
	s.begin("Two players meet")
	if len(v.accounts) == 0 {
		s.tell("quickstart", "", "skipped: no -account was given", 0, facts{"skipped": true})
		return nil, nil
	}
	sessions := make([]*gp.Session, 0, 2)
	defer func() {
		for _, session := range sessions {
			session.Close()
		}
	}()
	for i, account := range v.accounts {
		began := time.Now()
		session, err := enter(ctx, v, account, i > 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", account.nick, err)
		}
		sessions = append(sessions, session)
		players = append(players, player{account, session.ProfileID()})
		// OpenSpy takes a player who has published nothing for offline, and refuses messages to them.
		if err := session.SetPresence(ctx, gp.Presence{Status: gp.Online}); err != nil {
			return nil, fmt.Errorf("%s: %w", account.nick, err)
		}
		what := "logs in; the server proves that it knows the password"
		if i > 0 && v.embedded {
			what = "creates an account and logs in"
		}
		s.tell(account.nick, "presence", fmt.Sprintf("%s: profile %d", what, session.ProfileID()), time.Since(began),
			facts{"profile": session.ProfileID(), "peer": session.State().Peer})
	}
	if len(sessions) < 2 {
		return players, nil
	}
	return players, talk(ctx, s, sessions[0], sessions[1])
}

// enter logs a player in, or makes the account first.
func enter(ctx context.Context, v *services, a account, second bool) (*gp.Session, error) {
	if second && v.embedded {
		return gp.Register(ctx, v.gp, gp.Account{Email: a.nick + "@example.net", Nick: a.nick, UniqueNick: a.nick, Password: a.password})
	}
	return gp.Login(ctx, v.gp, gp.UniqueNick{Nick: a.nick, Password: a.password})
}

// talk lets two players become buddies of each other, see what the other one does, and talk. At some back ends being a
// buddy is one-sided, so each asks the other.
func talk(ctx context.Context, s *story, ann, bob *gp.Session) error {
	if err := befriend(ctx, s, ann, bob, "Good game yesterday"); err != nil {
		return err
	}
	if err := befriend(ctx, s, bob, ann, "It was!"); err != nil {
		return err
	}
	began := time.Now()
	if err := bob.SetPresence(ctx, gp.Presence{Status: gp.Playing, Text: "Friday night", Location: "gmtest://friday-night"}); err != nil {
		return err
	}
	status, err := await(ctx, ann, bob, func(e *gp.BuddyStatus) bool { return e.ProfileID == bob.ProfileID() && e.Status == gp.Playing })
	if err != nil {
		return fmt.Errorf("%s's status: %w", bob.UniqueNick(), err)
	}
	s.tell(bob.UniqueNick(), ann.UniqueNick(), fmt.Sprintf("status: %v, %q", status.Status, status.Text), time.Since(began),
		facts{"status": status.Status.String(), "text": status.Text})

	for _, line := range []struct {
		from, to *gp.Session
		text     string
	}{{ann, bob, "Is there room for one more?"}, {bob, ann, "Always. Come in!"}} {
		began := time.Now()
		if err := line.from.SendMessage(ctx, line.to.ProfileID(), line.text); err != nil {
			return err
		}
		// A server may say things of its own in a player's name ("I have authorized your request ...").
		message, err := await(ctx, line.to, line.from, func(e *gp.Message) bool { return e.From == line.from.ProfileID() && e.Text == line.text })
		if err != nil {
			return fmt.Errorf("message of %s: %w", line.from.UniqueNick(), err)
		}
		s.tell(line.from.UniqueNick(), line.to.UniqueNick(), fmt.Sprintf("“%s”", message.Text), time.Since(began), facts{"text": message.Text})
	}
	return nil
}

// befriend makes one player a buddy of another, unless they are.
func befriend(ctx context.Context, s *story, asker, asked *gp.Session, reason string) error {
	_, known := asker.Roster().Buddy(asked.ProfileID())
	if known {
		return nil
	}
	began := time.Now()
	if err := asker.RequestBuddy(ctx, asked.ProfileID(), reason); err != nil {
		return err
	}
	request, err := await(ctx, asked, asker, func(e *gp.BuddyRequest) bool { return e.From == asker.ProfileID() })
	if errors.Is(err, gp.ErrAlreadyBuddy) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("buddy request: %w", err)
	}
	if err := asked.Authorize(ctx, request.From); err != nil {
		return err
	}
	if _, err := await(ctx, asker, asked, func(e *gp.BuddyAuthorized) bool { return e.From == asked.ProfileID() }); err != nil {
		return fmt.Errorf("buddy authorisation: %w", err)
	}
	s.tell(asker.UniqueNick(), asked.UniqueNick(), fmt.Sprintf("buddy request, “%s”: accepted", request.Reason), time.Since(began), facts{"reason": request.Reason})
	return nil
}

// await takes a session's events until one of the wanted kind fits, and gives up after ten seconds. The event follows from
// what another session has asked for: if the server refuses that, the reason ends the wait.
func await[E gp.Event](ctx context.Context, session, asker *gp.Session, fits func(E) bool) (E, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	refused := make(chan error, 1)
	go func() {
		_, err := next(ctx, asker, func(gp.Event) bool { return false })
		cancel()
		refused <- err
	}()
	event, err := next(ctx, session, fits)
	cancel()
	if reason := <-refused; err != nil && errors.Is(err, context.Canceled) {
		err = reason
	}
	return event, err
}

// next takes a session's events until one fits, or the session or the server's patience ends.
func next[E gp.Event](ctx context.Context, session *gp.Session, fits func(E) bool) (E, error) {
	var none E
	for event := range session.Events(ctx) {
		if e, ok := event.(E); ok && fits(e) {
			return e, nil
		}
		switch e := event.(type) {
		case *gp.ServerError:
			return none, e.Err
		case *gp.Closed:
			return none, errors.Join(errors.New("the session ended"), e.Err)
		}
	}
	return none, fmt.Errorf("nothing arrived: %w", ctx.Err())
}
