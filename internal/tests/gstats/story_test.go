package gstats_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/relight-sdk/relight/gp/gstats"
)

// player is whom a story is told with.
type player struct {
	profile          gstats.ProfileID
	password         string
	token, challenge string // instead of the password
}

// story does everything that a session can, one thing after the other, and tells of each what came of it. It is what was recorded
// with real servers, and is replayed: see testdata/README.md.
type story struct {
	ctx     context.Context
	config  gstats.Config
	me      gstats.Player
	session *gstats.Session
	tell    func(line string)
}

func tellStory(ctx context.Context, config gstats.Config, p player, tell func(line string)) {
	var me, wrong gstats.Player = gstats.Password{ProfileID: p.profile, Password: p.password}, gstats.Password{ProfileID: p.profile, Password: "wrong"}
	if p.token != "" {
		me, wrong = gstats.Token{Token: p.token, Challenge: p.challenge}, gstats.Token{Token: "bogus", Challenge: p.challenge}
	}
	s := &story{ctx: ctx, config: config, me: me, tell: tell}
	if !s.connect() {
		return
	}
	s.authenticate("wrong player", wrong)
	s.authenticate("player", me)
	public := gstats.Slot{Profile: p.profile, Type: gstats.Public, Index: 62}
	blob := gstats.Slot{Profile: p.profile, Type: gstats.Private, Index: 63}
	other := gstats.Slot{Profile: p.profile + 1, Type: gstats.Public, Index: 62}
	s.get("get what is not there", func() (gstats.Data, error) { return s.session.Get(ctx, public, "wins") })
	s.set("set values", func() (time.Time, error) {
		return s.session.SetValues(ctx, public, map[string]string{"losses": "2", "wins": "5"})
	})
	s.get("get a key, and one that is not there", func() (gstats.Data, error) { return s.session.Get(ctx, public, "wins", "draws") })
	s.get("get all", func() (gstats.Data, error) { return s.session.Get(ctx, public) })
	s.set("set one value", func() (time.Time, error) {
		return s.session.SetValues(ctx, public, map[string]string{"wins": "6"})
	})
	s.get("get both", func() (gstats.Data, error) { return s.session.Get(ctx, public, "wins", "losses") })
	s.get("get since the past", func() (gstats.Data, error) {
		return s.session.GetSince(ctx, public, time.Unix(1000000000, 0), "wins")
	})
	s.get("get since the future", func() (gstats.Data, error) {
		return s.session.GetSince(ctx, public, time.Unix(2000000000, 0), "wins")
	})
	s.set("set a blob", func() (time.Time, error) { return s.session.Set(ctx, blob, []byte("hello")) })
	s.get("get it", func() (gstats.Data, error) { return s.session.Get(ctx, blob) })
	s.get("get it as a blob", func() (gstats.Data, error) { return s.session.GetBlob(ctx, blob) })
	s.set("set any bytes", func() (time.Time, error) { return s.session.Set(ctx, blob, []byte("a\x00\\b\xff")) })
	s.get("get them", func() (gstats.Data, error) { return s.session.GetBlob(ctx, blob) })
	s.get("get another's", func() (gstats.Data, error) { return s.session.Get(ctx, other, "wins") })
	s.set("set another's", func() (time.Time, error) { return s.session.Set(ctx, other, []byte("x")) })
	other.Type = gstats.Private
	s.get("get another's private", func() (gstats.Data, error) { return s.session.Get(ctx, other, "wins") })
	s.profileID("profile of a CD key", "carol-cd-key")
	s.profileID("profile of no CD key", "no-such-key")
	s.authenticate("CD key", gstats.CDKey{Nick: "carol", Key: "carol-cd-key"})
	s.game()
	s.get("get after the game", func() (gstats.Data, error) { return s.session.Get(ctx, public, "wins") })
	s.tell(fmt.Sprintf("state: unmatched %d, malformed %d, unknown %d", s.session.State().Counters.Unmatched,
		s.session.State().Counters.Malformed, s.session.State().Counters.Unknown))
	s.result("close", s.session.Close(), "")
	secret := s.config.Secret
	s.config.Secret = "wrong"
	if s.connect() {
		s.result("close", s.session.Close(), "")
	}
	s.config.Secret, s.config.Game = secret, "nosuchgame"
	if s.connect() {
		s.result("close", s.session.Close(), "")
	}
}

// result tells what came of something. A session of which nothing more can be expected is replaced.
func (s *story) result(what string, err error, text string) {
	if err != nil {
		text = err.Error()
	}
	s.tell(what + ": " + text)
	if s.session == nil || err == nil {
		return
	}
	failed, ok := errors.AsType[*gstats.Error](err)
	if fatal := ok && failed.Code != 0; fatal {
		<-s.session.Done()
		s.tell(fmt.Sprintf("the end: %v", s.session.Err()))
	} else if !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	_ = s.session.Close()
	if !s.connect() {
		return
	}
	_, err = s.session.Authenticate(s.ctx, s.me)
	s.tell(fmt.Sprintf("again: %v", err))
}

func (s *story) connect() bool {
	var err error
	s.session, err = gstats.Connect(s.ctx, s.config)
	s.result("connect", err, "connected")
	return err == nil
}

func (s *story) authenticate(what string, p gstats.Player) {
	id, err := s.session.Authenticate(s.ctx, p)
	s.result("authenticate "+what, err, fmt.Sprintf("profile %d", id))
}

func (s *story) profileID(what, key string) {
	id, err := s.session.ProfileID(s.ctx, "carol", gstats.KeyHash(key))
	s.result(what, err, fmt.Sprintf("profile %d", id))
}

func (s *story) get(what string, get func() (gstats.Data, error)) {
	data, err := get()
	s.result(what, err, fmt.Sprintf("%q, values %q, with time %t", data.Bytes, data.Values(), !data.Modified.IsZero()))
}

func (s *story) set(what string, set func() (time.Time, error)) {
	when, err := set()
	s.result(what, err, fmt.Sprintf("with time %t", !when.IsZero()))
}

func (s *story) game() {
	game, err := s.session.NewGame(s.ctx)
	s.result("begin a game", err, "begun")
	if err != nil {
		return
	}
	game.Text("mapname").Set("dm_bay")
	p := game.NewPlayer("ann")
	p.Int("kills").Add(3)
	p.Float("accuracy").Average(0.42)
	s.result("snapshot", game.Snapshot(s.ctx), "sent")
	p.Remove()
	s.result("finish", game.Finish(s.ctx), "sent")
}
