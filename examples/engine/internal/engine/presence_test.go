package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
)

const ann, bob, cat = 20001, 20002, 20003

func presenceServer(t *testing.T) *gptest.Server {
	t.Helper()
	server, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{
		{ProfileID: ann, UniqueNick: "ann", Password: "secret", Email: "ann@example.net", FirstName: "Ann", Buddies: []gptest.ProfileID{bob}, AuthToken: "token", PartnerChallenge: "challenge"},
		{ProfileID: bob, UniqueNick: "bob", Password: "secret", Email: "bob@example.net", Buddies: []gptest.ProfileID{ann}},
		{ProfileID: cat, UniqueNick: "cat", Password: "secret", Email: "cat@example.net"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func presenceConfig(server *gptest.Server, name string) PresenceConfig {
	return PresenceConfig{
		Game: "gmtest", Addr: server.Addr(), SearchAddr: server.SearchAddr(),
		Login: LoginUniqueNick, UniqueNick: name, Password: "secret", Flags: PresenceFetchProfiles,
	}
}

// login logs in and waits until that is done.
func login(t *testing.T, l *Library, config PresenceConfig) (*inbox, *Presence, Event) {
	t.Helper()
	h, err := l.NewPresence(config)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Find[*Presence](l, h)
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{t: t, l: l, handle: h}
	return in, p, in.next(EventPresenceReady)
}

func TestPresenceLogsInByEachIdentity(t *testing.T) {
	server := presenceServer(t)
	l := New(Platform{})
	defer clean(t, l)
	base := presenceConfig(server, "ann")
	for name, change := range map[string]func(*PresenceConfig){
		"unique nick":     func(*PresenceConfig) {},
		"nick and e-mail": func(c *PresenceConfig) { c.Login, c.Nick, c.Email = LoginNick, "ann", "ann@example.net" },
		"token":           func(c *PresenceConfig) { c.Login, c.Token, c.Challenge = LoginToken, "token", "challenge" },
		"new account": func(c *PresenceConfig) {
			c.Login, c.Nick, c.UniqueNick, c.Email = LoginRegister, "dan", "dan", "dan@example.net"
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := base
			change(&config)
			in, _, ready := login(t, l, config)
			if ready.ID == 0 || ready.Name == "" {
				t.Errorf("%+v", ready)
			}
			if err := l.Close(in.handle); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPresenceSaysWhyALoginFailed(t *testing.T) {
	server := presenceServer(t)
	l := New(Platform{})
	defer clean(t, l)
	for name, test := range map[string]struct {
		change func(*PresenceConfig)
		code   Code
	}{
		"password": {func(c *PresenceConfig) { c.Password = "wrong" }, ErrPassword},
		"nick":     {func(c *PresenceConfig) { c.UniqueNick = "nobody" }, ErrNick},
		"refused":  {func(c *PresenceConfig) { c.Addr = "127.0.0.1:1" }, ErrNetwork},
		"in use": {func(c *PresenceConfig) {
			c.Login, c.Nick, c.Email, c.UniqueNick = LoginRegister, "ann", "ann2@example.net", "ann"
		}, ErrInUse},
	} {
		t.Run(name, func(t *testing.T) {
			config := presenceConfig(server, "ann")
			test.change(&config)
			h, err := l.NewPresence(config)
			if err != nil {
				t.Fatal(err)
			}
			in := &inbox{t: t, l: l, handle: h}
			if first := in.next(EventPresenceState); first.Status != int32(gp.StepResolving) {
				t.Errorf("%+v", first)
			}
			if closed := in.next(EventClosed); closed.Code != test.code || closed.Text == "" {
				t.Errorf("%+v", closed)
			}
			p, err := Find[*Presence](l, h)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.SendMessage(bob, "x"); codeOf(err) != ErrState {
				t.Error(err)
			}
		})
	}
	if _, err := l.NewPresence(PresenceConfig{Login: LoginUniqueNick}); codeOf(err) != ErrInvalid {
		t.Error(err)
	}
	if _, err := l.NewPresence(PresenceConfig{Login: 77, Host: "127.0.0.1"}); codeOf(err) != ErrInvalid {
		t.Error(err)
	}
}

func TestPresenceBuddiesAndMessages(t *testing.T) {
	server := presenceServer(t)
	l := New(Platform{})
	defer clean(t, l)
	inAnn, a, _ := login(t, l, presenceConfig(server, "ann"))
	inBob, b, _ := login(t, l, presenceConfig(server, "bob"))
	r, err := a.SetStatus(gp.Online, "here", "gmtest://192.0.2.1:6500")
	inAnn.done(r, err)
	r, err = b.SetStatus(gp.Playing, "capture", "")
	inBob.done(r, err)
	inAnn.await("buddy", func(e Event) bool {
		return e.Type == EventPresenceBuddy && e.ID == bob && e.Status == int32(gp.Playing) && e.Text == "capture" && e.Name == "bob"
	})
	inBob.await("buddy", func(e Event) bool {
		return e.Type == EventPresenceBuddy && e.ID == ann && e.Status == int32(gp.Online) && e.Address == "gmtest://192.0.2.1:6500"
	})

	// Messages keep their order.
	var last Request
	for _, text := range []string{"1", "2", "3", "4", "5"} {
		if last, err = a.SendMessage(bob, text); err != nil {
			t.Fatal(err)
		}
	}
	inAnn.done(last, nil)
	for _, text := range []string{"1", "2", "3", "4", "5"} {
		if event := inBob.next(EventPresenceMessage); event.Text != text || event.ID != ann || event.Name != "ann" || event.Time == 0 {
			t.Fatalf("%+v", event)
		}
	}
	r, err = b.SendData(ann, "binary\x01")
	inBob.done(r, err)
	if event := inAnn.next(EventPresenceData); string(event.Data) != "binary\x01" {
		t.Errorf("%+v", event)
	}
	r, err = b.Invite(ann, 7, "gmtest://192.0.2.2:6500")
	inBob.done(r, err)
	if event := inAnn.next(EventPresenceInvited); event.Number != 7 {
		t.Errorf("%+v", event)
	}

	r, err = a.Roster()
	if err != nil {
		t.Fatal(err)
	}
	listed := inAnn.await("listed buddy", func(e Event) bool { return e.Type == EventPresenceBuddy && e.Request == r })
	if listed.Request != r || listed.ID != bob {
		t.Errorf("%+v", listed)
	}
	if event := inAnn.done(r, nil); event.Number != 1 {
		t.Errorf("%+v", event)
	}

	// A third one asks to be a buddy.
	inCat, c, _ := login(t, l, presenceConfig(server, "cat"))
	r, err = c.AskBuddy(ann, "please")
	inCat.done(r, err)
	if event := inAnn.next(EventPresenceAsked); event.ID != cat || event.Text != "please" {
		t.Errorf("%+v", event)
	}
	r, err = a.Accept(cat)
	inAnn.done(r, err)
	if event := inCat.next(EventPresenceAccepted); event.ID != ann {
		t.Errorf("%+v", event)
	}
	r, err = a.Accept(bob)
	if event := inAnn.answer(r, err); event.Type != EventFailed || event.Code != ErrInvalid {
		t.Errorf("%+v", event)
	}
	r, err = a.RemoveBuddy(bob)
	inAnn.done(r, err)
	if event := inAnn.next(EventPresenceRemoved); event.ID != bob {
		t.Errorf("%+v", event)
	}

	// Closing is logging out.
	if err := l.Close(inBob.handle); err != nil {
		t.Fatal(err)
	}
	if err := l.Shutdown(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	for range 5000 { // the server reads them in its own time
		if strings.Count(strings.Join(server.Received(), "\n"), `\logout\`) == 3 {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Error("not everybody logged out")
}

func TestPresenceProfilesAndSearches(t *testing.T) {
	server := presenceServer(t)
	l := New(Platform{})
	defer clean(t, l)
	in, p, _ := login(t, l, presenceConfig(server, "ann"))
	r, err := p.Profile(bob)
	if event := in.done(r, err); event.Type != EventPresenceProfile || event.Name != "bob" || event.Request != r {
		t.Errorf("%+v", event)
	}
	r, err = p.Profile(999)
	if event := in.answer(r, err); event.Type != EventFailed || event.Code != ErrNick {
		t.Errorf("%+v", event)
	}
	r, err = p.UpdateProfile([]Field{{"firstname", "Anna"}, {"sex", "f"}, {"birthday", "1985-02-03"}})
	in.done(r, err)
	for _, wrong := range [][]Field{{{"shoe", "46"}}, {{"sex", "x"}}, {{"birthday", "soon"}}, {{"icquin", "x"}}} {
		if _, err := p.UpdateProfile(wrong); codeOf(err) != ErrInvalid {
			t.Errorf("%v: %v", wrong, err)
		}
	}

	// Searches work without a login too.
	nobody, err := l.NewPresence(PresenceConfig{Game: "gmtest", SearchAddr: server.SearchAddr()})
	if err != nil {
		t.Fatal(err)
	}
	inNobody := &inbox{t: t, l: l, handle: nobody}
	n, err := Find[*Presence](l, nobody)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		query   PresenceQuery
		matches int
		id      int64
		number  int64
	}{
		{PresenceQuery{Kind: SearchUniqueNick, UniqueNick: "bob"}, 1, 0, 1},
		{PresenceQuery{Kind: SearchProfiles, Email: "cat@example.net"}, 1, 0, 1},
		{PresenceQuery{Kind: SearchNicks, Email: "bob@example.net", Password: "secret"}, 1, 0, 1},
		{PresenceQuery{Kind: SearchCheck, Nick: "bob", Email: "bob@example.net", Password: "secret"}, 0, bob, 0},
		{PresenceQuery{Kind: SearchEmail, Email: "bob@example.net"}, 0, 0, 1},
		{PresenceQuery{Kind: SearchEmail, Email: "nobody@example.net"}, 0, 0, 0},
	} {
		r, err := n.Search(test.query)
		event := inNobody.answer(r, err)
		matches := len(inNobody.unread)
		inNobody.unread = nil
		if event.Type != EventDone || matches != test.matches || event.ID != test.id || event.Number != test.number {
			t.Errorf("%+v: %d matches, %+v", test.query, matches, event)
		}
	}
	r, err = n.Search(PresenceQuery{Kind: SearchCheck, Nick: "bob", Email: "bob@example.net", Password: "wrong"})
	if event := inNobody.answer(r, err); event.Code != ErrPassword {
		t.Errorf("%+v", event)
	}
	if _, err := n.Search(PresenceQuery{Kind: SearchOthers}); codeOf(err) != ErrState {
		t.Error(err)
	}
	if _, err := n.Search(PresenceQuery{Kind: 77}); codeOf(err) != ErrInvalid {
		t.Error(err)
	}
	r, err = p.Search(PresenceQuery{Kind: SearchOthers})
	if event := in.answer(r, err); event.Number != 1 {
		t.Errorf("%+v", event)
	}
}

func TestPresenceReconnects(t *testing.T) {
	server := presenceServer(t)
	l := New(Platform{})
	defer clean(t, l)
	config := presenceConfig(server, "ann")
	config.Flags |= PresenceReconnect
	config.ReconnectFirst = time.Millisecond
	in, p, _ := login(t, l, config)
	server.Drop(ann)
	seen := false
	for {
		event := in.next(EventPresenceState)
		seen = seen || event.Status == int32(gp.StepReconnecting)
		if seen && event.Status == int32(gp.StepConnected) {
			break
		}
	}
	r, err := p.SendMessage(bob, "still here")
	in.done(r, err)

	// Another login of the same profile is final.
	server.Kick(ann)
	if closed := in.next(EventClosed); closed.Code == OK {
		t.Errorf("%+v", closed)
	}
	if _, err := p.SendMessage(bob, "x"); codeOf(err) != ErrEnded {
		t.Error(err)
	}
}
