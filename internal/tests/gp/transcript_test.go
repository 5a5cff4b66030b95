package gp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// recordedPasswords are those of the accounts, by the start of the nick.
var recordedPasswords = map[string]string{"alice": "alicepw", "bob": "bobpw", "carol": "carolpw", "dave": "davepw", "eve": "evepw", "probe": "secretpw"}

// recordings are the connections to a connection manager, and the error that ends the login, if one does.
var recordings = []struct {
	file, label string
	login       error
	closed      error // the reason that the session ends with, when the server ends it
}{
	{"openspy-core/gp-login-buddies.json", "alice", nil, nil},
	{"openspy-core/gp-login-buddies.json", "bob", nil, nil},
	{"openspy-core/gp-login-buddies.json", "carol", nil, nil},
	{"openspy-core/gp-login-buddies.json", "alice-second", nil, nil},
	{"openspy-core/gp-login-buddies.json", "partner", nil, nil},
	{"openspy-core/gp-login-buddies.json", "eve", nil, nil},
	{"openspy-core/gp-login-buddies.json", "lt", nil, nil},
	{"openspy-core/gp-login-buddies.json", "badpw", gp.ErrBadPassword, nil},
	{"openspy-core/gp-login-buddies.json", "baduniq", gp.ErrBadNick, nil},
	{"openspy-core/gp-login-buddies.json", "bademail", gp.ErrBadEmail, nil},
	{"openspy-core/gp-login-buddies.json", "badnick", gp.ErrBadNick, nil},
	{"openspy-core/gp-login-buddies.json", "ns0", gp.ErrBadNick, nil},
	{"openspy-core/gp-login-buddies.json", "newuser", gp.ErrServerClosed, nil}, // the recording ends before the login
	{"wfc-server/gp.json", "alice", nil, gp.ErrLoggedInElsewhere},
	{"wfc-server/gp.json", "bob", nil, nil},
	{"wfc-server/gp.json", "alice-dup", nil, nil},
	{"wfc-server/gp.json", "carol-bad", gp.ErrLoginRefused, nil},
	{"wfc-server/gp.json", "uniqlogin", gp.ErrLoginRefused, nil},
	{"openspy-core/gp-reconnect.json", "alice", nil, nil},
	{"openspy-core/gp-reconnect.json", "alice-again", nil, nil},
	{"openspy-core/gp-reconnect.json", "bob", nil, nil},
	{"wfc-server/gp-reconnect.json", "alice", nil, nil},
	{"wfc-server/gp-reconnect.json", "alice-again", nil, nil},
	{"wfc-server/gp-reconnect.json", "bob", nil, nil},
	{"kr4uzi/gp.json", "newuser", gp.ErrServerClosed, nil},
	{"kr4uzi/gp.json", "ok", nil, nil},
	{"kr4uzi/gp.json", "badpw", gp.ErrBadPassword, nil},
	{"kr4uzi/gp.json", "ghost", gp.ErrBadNick, nil},
}

// segmentations are ways to cut what the server sent.
var segmentations = []struct {
	name string
	size func() int
}{
	{"whole", func() int { return 1 << 20 }},
	{"byte by byte", func() int { return 1 }},
	{"random", func() int { return 1 + rand.IntN(40) }},
}

// The session is given what real servers sent, sends what the recorded client sent, and understands every byte.
func TestTranscripts(t *testing.T) {
	for _, recording := range recordings {
		for _, segmentation := range segmentations {
			t.Run(recording.file+"/"+recording.label+"/"+segmentation.name, func(t *testing.T) {
				file := transcript.Load(t, "testdata/"+recording.file)
				r := newReplay(t, file, recording.label, segmentation.size)
				r.refused = recording.login != nil
				session, err := r.open()
				if recording.login != nil {
					require.ErrorIs(t, err, recording.login)
					return
				}
				require.NoError(t, err)
				r.run(session)
				events := collect(t, session, func(event gp.Event) bool {
					data, ok := event.(*gp.GameMessage)
					_, closed := event.(*gp.Closed)
					return closed || ok && data.Data == endMark
				})
				r.session.Wait()
				r.check(session, events, recording.closed)
				require.NoError(t, session.Close())
			})
		}
	}
}

// endMark is the last message of a replay.
const endMark = "end of the recording"

// replay plays the server of one recorded connection.
type replay struct {
	t       *testing.T
	meta    map[string]any
	steps   []transcript.Event
	size    func() int
	refused bool // the login was made to fail, with a response that is not known
	login   *gpwire.Login
	create  *gpwire.NewUser

	resumed  bool                // the first status is what the session sends by itself after a reconnect
	requests chan gpwire.Message // for the client to send; the server waits for each
	session  sync.WaitGroup
	results  []error // of the operations, in order
	mu       sync.Mutex
}

func newReplay(t *testing.T, file transcript.File, label string, size func() int) *replay {
	r := &replay{t: t, meta: file.Meta, size: size, requests: make(chan gpwire.Message)}
	r.steps = renumber(file.Conn(label))
	for _, m := range messages(t, transcript.Bytes(r.steps, transcript.ClientToServer)) {
		switch m := m.(type) {
		case *gpwire.Login:
			if r.login == nil {
				r.login = m
			}
		case *gpwire.NewUser:
			r.create = m
		}
	}
	return r
}

// renumber gives the recorded operations the ids that a session gives its own: 2, 3, ... in the order of the requests.
func renumber(steps []transcript.Event) []transcript.Event {
	stream := string(transcript.Bytes(steps, transcript.ClientToServer))
	replacements := []string{}
	id := 2
	for message := range strings.SplitSeq(stream, kv.Terminator) {
		command := string(kv.Command([]byte(message)).Key)
		switch command {
		case "getprofile", "newprofile", "registernick":
			recorded, _ := kv.Get([]byte(message), "id")
			replacements = append(replacements, fmt.Sprintf(`\id\%s\`, recorded), fmt.Sprintf(`\id\%d\`, id))
			id++
		}
	}
	replacer := strings.NewReplacer(replacements...)
	var renumbered []transcript.Event
	for _, step := range steps {
		if len(renumbered) > 0 && step.Dir == transcript.ClientToServer && renumbered[len(renumbered)-1].Dir == step.Dir {
			last := &renumbered[len(renumbered)-1] // the recorded client cut a message in two
			last.Payload = append(last.Payload, step.Payload...)
			continue
		}
		renumbered = append(renumbered, step)
	}
	for i := range renumbered {
		if renumbered[i].Dir == transcript.ServerToClient || renumbered[i].Dir == transcript.ClientToServer {
			text := string(renumbered[i].Payload)
			if !strings.Contains(text, `\login\`) {
				text = replacer.Replace(text)
			}
			renumbered[i].Payload = []byte(text)
		}
	}
	return renumbered
}

// messages decodes what a client sent, leaving out what is no message.
func messages(t *testing.T, stream []byte) []gpwire.Message {
	var list []gpwire.Message
	for text := range strings.SplitSeq(string(stream), kv.Terminator) {
		if text == "" {
			continue
		}
		if m, err := new(gpwire.Decoder).FromClient([]byte(text)); err == nil {
			list = append(list, m)
		} else {
			require.Contains(t, text, "bogus")
		}
	}
	return list
}

// identity is who logged in. known is whether the recorded response can be computed.
func (r *replay) identity() (identity gp.Identity, known bool) {
	password := "unknown"
	for nick, candidate := range recordedPasswords {
		if strings.HasPrefix(r.login.UniqueNick+r.login.User, nick) {
			password, known = candidate, true
		}
	}
	switch {
	case r.login.AuthToken != "":
		challenges, _ := r.meta["partner_challenges"].(map[string]any)
		partner, _ := challenges[r.login.AuthToken].(string)
		return gp.AuthToken{Token: r.login.AuthToken, PartnerChallenge: partner}, partner != ""
	case r.login.Ticket != "":
		return gp.LoginTicket{Ticket: r.login.Ticket, TicketIsPassword: true}, true
	case r.login.User != "":
		nick, email, _ := strings.Cut(r.login.User, "@")
		return gp.NickEmail{Nick: nick, Email: email, Password: password}, known
	}
	return gp.UniqueNick{Nick: r.login.UniqueNick, Password: password}, known
}

// config is the recorded client's.
func (r *replay) config() gp.Config {
	config := gp.Config{
		Host: "192.0.2.1", Revision: gp.RevisionAuth | gp.RevisionRevoke, Challenge: func() string { return challenge },
		DialContext: scripted(r.t, r.serve),
	}
	if r.login != nil {
		config.Game, config.ProductID, config.PartnerID = r.login.GameName, r.login.ProductID, r.login.PartnerID
		if config.NamespaceID = r.login.NamespaceID; config.NamespaceID == 0 {
			config.NamespaceID = gp.NoNamespace
		}
	}
	return config
}

// open logs in at the replayed server.
func (r *replay) open() (*gp.Session, error) {
	config := r.config()
	if r.create != nil && r.login == nil {
		config.Game, config.ProductID, config.NamespaceID, config.PartnerID = r.create.GameName, r.create.ProductID, r.create.NamespaceID, r.create.PartnerID
		password, err := gscrypt.DecodePassword(r.create.PasswordEnc)
		require.NoError(r.t, err)
		key, err := gscrypt.DecodePassword(r.create.CDKeyEnc)
		require.NoError(r.t, err)
		return gp.Register(r.t.Context(), config, gp.Account{
			Email: r.create.Email, Nick: r.create.Nick, UniqueNick: r.create.UniqueNick, Password: password, CDKey: key,
		})
	}
	identity, _ := r.identity()
	return gp.Login(r.t.Context(), config, identity)
}

// serve plays the server's side.
func (r *replay) serve(p *peer) {
	finish := sync.OnceFunc(func() {
		if r.login != nil {
			p.send(`\bm\5\f\1\msg\` + endMark + kv.Terminator)
		}
		close(r.requests)
	})
	defer finish()
	for _, step := range r.steps {
		switch step.Dir {
		case transcript.ServerToClient:
			for rest := string(step.Payload); rest != ""; {
				n := min(r.size(), len(rest))
				p.send(rest[:n])
				rest = rest[n:]
			}
		case transcript.ClientToServer:
			for _, want := range messages(r.t, step.Payload) {
				if _, ok := want.(*gpwire.Logout); ok { // sent by Close
					finish()
				}
				r.expect(p, want)
			}
		case transcript.EOF:
			return
		}
	}
}

// expect lets the client send a message and compares it with the recorded one.
func (r *replay) expect(p *peer, want gpwire.Message) {
	switch m := want.(type) {
	case *gpwire.KeepAlive:
		return // the session sends them when it wants to
	case *gpwire.SendMessage:
		if m.Type == gpwire.TypeInvite {
			return // a mistake of the recorded client: clients send \pinvite\
		}
	case *gpwire.SetStatus:
		if r.resumed {
			r.resumed = false
			r.compare(p, want)
			return
		}
	case *gpwire.Login, *gpwire.NewUser:
		want = r.normalize(want)
		r.compare(p, want)
		return
	case *gpwire.Logout:
		r.compare(p, want)
		return
	}
	r.requests <- want
	r.compare(p, want)
}

// normalize takes out of a recorded login what the protocol does not fix.
func (r *replay) normalize(m gpwire.Message) gpwire.Message {
	login, ok := m.(*gpwire.Login)
	if !ok {
		return m
	}
	normal := *login
	normal.ID, normal.Firewall, normal.SDKRevision = 1, true, 3
	if _, known := r.identity(); !known || r.refused {
		normal.Response = ""
	}
	return &normal
}

func (r *replay) compare(p *peer, want gpwire.Message) {
	for {
		text := p.receive()
		body, _ := strings.CutSuffix(text, kv.Terminator)
		got, err := new(gpwire.Decoder).FromClient([]byte(body))
		if !assert.NoError(r.t, err, "client sent %q instead of %+v", text, want) {
			return
		}
		if m, ok := got.(*gpwire.SendMessage); ok && m.Type == gpwire.TypePong {
			continue // the session answers pings, the recorded client did not
		}
		if login, ok := want.(*gpwire.Login); ok && login.Response == "" {
			got.(*gpwire.Login).Response = ""
		}
		assert.Equal(r.t, want, got)
		return
	}
}

// run makes the session do what the recorded client did.
func (r *replay) run(session *gp.Session) {
	for want := range r.requests {
		ctx := r.t.Context()
		switch m := want.(type) {
		case *gpwire.GetProfile:
			r.operation(func() error {
				profile, err := session.FetchProfile(ctx, m.ProfileID)
				if err == nil {
					assert.Equal(r.t, m.ProfileID, profile.ProfileID)
				}
				return err
			})
		case *gpwire.NewProfile:
			r.operation(func() error { _, err := session.NewProfile(ctx, m.Nick, ""); return err })
		case *gpwire.RegisterNick:
			r.operation(func() error { return session.RegisterUniqueNick(ctx, m.UniqueNick, "") })
		case *gpwire.SetStatus:
			assert.NoError(r.t, session.SetPresence(ctx, gp.Presence{Status: m.Status, Text: m.Text, Location: m.Location}))
		case *gpwire.SendMessage:
			r.sendMessage(ctx, session, m)
		case *gpwire.AddBuddy:
			assert.NoError(r.t, session.RequestBuddy(ctx, m.ProfileID, m.Reason))
		case *gpwire.AuthAdd:
			if err := session.Authorize(ctx, m.ProfileID); errors.Is(err, gp.ErrNoRequest) {
				assert.NoError(r.t, session.AuthorizeWith(ctx, m.ProfileID, m.Signature)) // WFC sends no requests
			} else {
				assert.NoError(r.t, err)
			}
		case *gpwire.DeleteBuddy:
			assert.NoError(r.t, session.RemoveBuddy(ctx, m.ProfileID))
		case *gpwire.AddBlock:
			assert.NoError(r.t, session.Block(ctx, m.ProfileID))
		case *gpwire.RemoveBlock:
			assert.NoError(r.t, session.Unblock(ctx, m.ProfileID))
		case *gpwire.Invite:
			assert.NoError(r.t, session.Invite(ctx, m.ProfileID, m.ProductID, m.Location))
		case *gpwire.UpdateProfile:
			assert.NoError(r.t, session.UpdateProfile(ctx, update(r.t, m)))
		default:
			assert.Fail(r.t, "cannot do", "%T", m)
		}
	}
}

func (r *replay) sendMessage(ctx context.Context, session *gp.Session, m *gpwire.SendMessage) {
	switch m.Type {
	case gpwire.TypeMessage:
		assert.NoError(r.t, session.SendMessage(ctx, m.To, m.Text))
	case gpwire.TypeUTM:
		assert.NoError(r.t, session.SendGameMessage(ctx, m.To, m.Text))
	case gpwire.TypePing:
		assert.NoError(r.t, session.Ping(ctx, m.To))
	default:
		assert.Fail(r.t, "cannot send", "type %d", m.Type)
	}
}

func update(t *testing.T, m *gpwire.UpdateProfile) gp.ProfileUpdate {
	var u gp.ProfileUpdate
	for _, change := range m.Changes {
		switch change.Key {
		case "firstname":
			u.FirstName = &change.Value
		case "lastname":
			u.LastName = &change.Value
		case "countrycode":
			u.CountryCode = &change.Value
		default:
			assert.Fail(t, "cannot change", change.Key)
		}
	}
	return u
}

// operation runs one that waits for an answer, which the server sends after it got the request.
func (r *replay) operation(do func() error) {
	r.session.Go(func() {
		err := do()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.results = append(r.results, err)
	})
}

// check compares what came out of the session with a plain count over what the server sent.
func (r *replay) check(session *gp.Session, events []gp.Event, closed error) {
	stream := string(transcript.Bytes(r.steps, transcript.ServerToClient))
	_, stream, _ = strings.Cut(stream, kv.Terminator) // the greeting
	want, got := make(map[string]int), make(map[string]int)
	failures := 0
	for text := range strings.SplitSeq(stream, kv.Terminator) {
		command := kv.Command([]byte(text))
		switch name := string(command.Key); name {
		case "bm":
			want["bm "+string(command.Value)]++
		case "error":
			if strings.Contains(text, "2561") {
				failures++
			} else if !strings.Contains(text, "fatal") {
				want["error"]++
			}
		case "bdy", "blk":
			want[name]++
		}
	}
	delete(want, "bm 102") // answered, no event
	counters := session.State().Counters
	want["bm 100"] -= int(counters.Blocked + counters.Unchanged)
	for _, event := range events {
		switch event := event.(type) {
		case *gp.Message:
			got["bm 1"]++
		case *gp.GameMessage:
			if event.Data != endMark {
				got["bm 5"]++
			}
		case *gp.BuddyRequest:
			got["bm 2"]++
		case *gp.BuddyAuthorized:
			got["bm 4"]++
		case *gp.BuddyRevoked:
			got["bm 6"]++
		case *gp.BuddyStatus:
			got["bm 100"]++
		case *gp.Invitation:
			got["bm 101"]++
		case *gp.BuddyList:
			got["bdy"]++
		case *gp.BlockList:
			got["blk"]++
		case *gp.ServerError:
			got["error"]++
		case *gp.Closed:
			if closed != nil {
				assert.ErrorIs(r.t, event.Err, closed)
			}
		}
	}
	for name, count := range want {
		if count == 0 {
			delete(want, name)
		}
	}
	assert.Equal(r.t, want, got)
	assert.Zero(r.t, counters.Malformed+counters.Unknown+counters.Unmatched, "%+v", session.State())
	failed := 0
	for _, err := range r.results {
		if err != nil {
			failed++
			assert.ErrorIs(r.t, err, gp.ErrNoSuchProfile)
		}
	}
	assert.Equal(r.t, failures, failed)
}

// A recorded session whose connection was cut, as one session: what was said while there was no connection, and what the
// roster is when the server has told again. OpenSpy tells all; WFC has forgotten who the buddies are.
func TestTranscriptsReconnect(t *testing.T) {
	for _, test := range []struct {
		file         string
		bob          gp.ProfileID
		before, then gp.BuddyStatus
	}{
		{
			"openspy-core/gp-reconnect.json", 10002,
			gp.BuddyStatus{Status: gp.Playing, Text: "dm_bay", Location: "x"}, gp.BuddyStatus{Status: gp.Chatting, Text: "chat", Location: "y"},
		},
		{"wfc-server/gp-reconnect.json", 1000000001, gp.BuddyStatus{Status: gp.Playing, Text: "dm_bay", Location: "x"}, gp.BuddyStatus{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			file := transcript.Load(t, "testdata/"+test.file)
			first := newReplay(t, file, "alice", func() int { return 1 << 20 })
			second := newReplay(t, file, "alice-again", func() int { return 7 })
			second.resumed = true
			config := first.config()
			dials := []func(context.Context, string, string) (net.Conn, error){config.DialContext, second.config().DialContext}
			config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				dial := dials[0]
				dials = dials[1:]
				return dial(ctx, network, address)
			}
			config.Reconnect = &gp.Reconnect{
				First:    time.Second,
				Identity: func(context.Context) (gp.Identity, error) { identity, _ := second.identity(); return identity, nil },
			}
			identity, _ := first.identity()
			session, err := gp.Login(t.Context(), config, identity)
			require.NoError(t, err)
			first.run(session)
			synctest.Wait()
			require.Equal(t, gp.StepReconnecting, session.State().Step)
			said := func() gp.BuddyStatus {
				bob, ok := session.Roster().Buddy(test.bob)
				require.True(t, ok)
				return gp.BuddyStatus{Status: bob.Status, Text: bob.Text, Location: bob.Location}
			}
			assert.Equal(t, test.before, said())
			assert.True(t, session.Roster().Stale)
			assert.Empty(t, session.Roster().Outgoing)
			assert.Empty(t, session.Roster().Incoming)
			require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Away, Text: "back soon"}))
			go second.run(session)
			time.Sleep(10 * time.Second)
			assert.EqualValues(t, 1, session.State().Counters.Reconnects)
			assert.Equal(t, test.then, said())
			counters := session.State().Counters
			assert.Zero(t, counters.Malformed+counters.Unknown, "%+v", session.State())
			require.NoError(t, session.Close())
			first.session.Wait()
			second.session.Wait()
		})
	}
}

// The search service's recordings: every reply is understood, at any segmentation.
func TestTranscriptsSearch(t *testing.T) {
	for _, segmentation := range segmentations {
		t.Run(segmentation.name, func(t *testing.T) {
			answer := func(reply string) *gp.Searcher {
				dial := scripted(t, func(p *peer) {
					p.receive()
					for reply != "" {
						n := min(segmentation.size(), len(reply))
						p.send(reply[:n])
						reply = reply[n:]
					}
				})
				return gp.NewSearcher(gp.Config{Host: "192.0.2.1", DialContext: dial})
			}
			wfc := searchReplies(t, "wfc-server/gp.json")
			list, err := all(answer(wfc[0]).UniqueNicksOf(t.Context(), 1000000001))
			require.NoError(t, err)
			require.Equal(t, []gp.Match{{ProfileID: 1000000001, UniqueNick: "000000000ADAE0000000"}}, list)
			for range answer(wfc[1]).Profiles(t.Context(), gp.ProfileQuery{UniqueNick: "x"}) {
				require.Fail(t, "the list was empty")
			}
			_, err = answer(wfc[3]).ValidEmail(t.Context(), "a@b")
			refusal, ok := errors.AsType[*gp.Error](err)
			require.True(t, ok, "%v", err)
			require.EqualValues(t, 1, refusal.Code)
			require.True(t, refusal.Fatal)

			kr := searchReplies(t, "kr4uzi/gp.json")
			profile, err := answer(kr[0]).Check(t.Context(), "probe6477", "x@y", "zz")
			require.NoError(t, err)
			require.EqualValues(t, 2900004, profile)
			_, err = all(answer(kr[1]).Nicks(t.Context(), "probe6477@example.test", "secretpw"))
			refusal, ok = errors.AsType[*gp.Error](err)
			require.True(t, ok)
			require.EqualValues(t, 551, refusal.Code)
		})
	}
}

func searchReplies(t *testing.T, file string) []string {
	var replies []string
	for _, step := range transcript.Load(t, "testdata/"+file).Conn("gpsp") {
		if step.Dir == transcript.ServerToClient {
			replies = append(replies, string(step.Payload))
		}
	}
	return replies
}

var _ net.Error = (*gp.Error)(nil)
