package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// presence lets two players log in, become buddies, and talk.
func presence(ctx context.Context, s *story, v *services) error {
	s.begin("Two players meet")
	if len(v.accounts) == 0 {
		s.tell("quickstart", "", "skipped: no -account was given", 0, facts{"skipped": true})
		return nil
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
			return fmt.Errorf("%s: %w", account.nick, err)
		}
		sessions = append(sessions, session)
		what := "logs in; the server proves that it knows the password"
		if i > 0 && v.embedded {
			what = "creates an account and logs in"
		}
		s.tell(account.nick, "presence", fmt.Sprintf("%s: profile %d", what, session.ProfileID()), time.Since(began),
			facts{"profile": session.ProfileID(), "peer": session.State().Peer})
	}
	if len(sessions) < 2 {
		return nil
	}
	return talk(ctx, s, sessions[0], sessions[1])
}

// enter logs a player in, or makes the account first.
func enter(ctx context.Context, v *services, a account, second bool) (*gp.Session, error) {
	if second && v.embedded {
		return gp.Register(ctx, v.gp, gp.Account{Email: a.nick + "@example.net", Nick: a.nick, UniqueNick: a.nick, Password: a.password})
	}
	return gp.Login(ctx, v.gp, gp.UniqueNick{Nick: a.nick, Password: a.password})
}

func talk(ctx context.Context, s *story, ann, bob *gp.Session) error {
	known := slices.ContainsFunc(ann.Buddies(), func(b gp.BuddyStatus) bool { return b.ProfileID == bob.ProfileID() })
	if !known {
		if err := befriend(ctx, s, ann, bob); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := bob.SetPresence(ctx, gp.Presence{Status: gp.Playing, Text: "Friday night", Location: "gmtest://friday-night"}); err != nil {
		return err
	}
	status, err := await(ctx, ann, func(e *gp.BuddyStatus) bool { return e.ProfileID == bob.ProfileID() && e.Status == gp.Playing })
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
		message, err := await(ctx, line.to, func(e *gp.Message) bool { return e.From == line.from.ProfileID() })
		if err != nil {
			return fmt.Errorf("message of %s: %w", line.from.UniqueNick(), err)
		}
		if message.Text != line.text {
			return fmt.Errorf("%q was sent, %q arrived", line.text, message.Text)
		}
		s.tell(line.from.UniqueNick(), line.to.UniqueNick(), fmt.Sprintf("“%s”", message.Text), time.Since(began), facts{"text": message.Text})
	}
	return nil
}

// befriend makes bob a buddy of ann, if he is not one.
func befriend(ctx context.Context, s *story, ann, bob *gp.Session) error {
	began := time.Now()
	if err := ann.RequestBuddy(ctx, bob.ProfileID(), "Good game yesterday"); err != nil {
		return err
	}
	request, err := await(ctx, bob, func(e *gp.BuddyRequest) bool { return e.From == ann.ProfileID() })
	if err != nil {
		return fmt.Errorf("buddy request: %w", err)
	}
	if err := bob.Authorize(ctx, request.From); err != nil {
		return err
	}
	if _, err := await(ctx, ann, func(e *gp.BuddyAuthorized) bool { return e.From == bob.ProfileID() }); err != nil {
		return fmt.Errorf("buddy authorisation: %w", err)
	}
	s.tell(ann.UniqueNick(), bob.UniqueNick(), fmt.Sprintf("buddy request, “%s”: accepted", request.Reason), time.Since(began), facts{"reason": request.Reason})
	return nil
}

// await takes a session's events until one of the wanted kind fits, and gives up after ten seconds.
func await[E gp.Event](ctx context.Context, session *gp.Session, fits func(E) bool) (E, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var none E
	for event := range session.Events(ctx) {
		switch e := event.(type) {
		case E:
			if fits(e) {
				return e, nil
			}
		case *gp.ServerError:
			return none, e.Err
		case *gp.Closed:
			return none, errors.Join(errors.New("the session ended"), e.Err)
		}
	}
	return none, fmt.Errorf("nothing arrived: %w", ctx.Err())
}
