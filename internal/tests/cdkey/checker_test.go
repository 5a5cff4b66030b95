package cdkey_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const product = 11057

// world is a validation server and game servers in a bubble.
type world struct {
	t       *testing.T
	begin   time.Time
	network *simnet.Network
	server  *cdkeytest.Server
	hosts   []*simnet.Host
	ends    []func() // in the bubble: t.Cleanup would be too late

	mu   sync.Mutex
	seen []seen
}

// seen is a message that reached the validation server.
type seen struct {
	after time.Duration
	text  string
	from  netip.AddrPort
}

func newWorld(t *testing.T, options simnet.Options, config cdkeytest.Config) *world {
	t.Helper()
	w := &world{t: t, begin: time.Now(), network: simnet.New(t, options)}
	server := w.network.Host("10.0.0.1")
	for i := range 2 {
		w.hosts = append(w.hosts, w.network.Host(fmt.Sprintf("10.0.0.%d", 2+i)))
	}
	w.ends = append(w.ends, w.network.Start())
	config.Address, config.ListenPacket = "10.0.0.1:29910", server.ListenPacket
	config.Hook = func(_ *cdkeytest.Server, text string, from netip.AddrPort) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, seen{time.Since(w.begin), text, from})
		return false
	}
	var err error
	w.server, err = cdkeytest.New(config)
	require.NoError(t, err)
	w.ends = append(w.ends, func() { require.NoError(t, w.server.Close()) })
	return w
}

// start starts a checker on a game server's socket.
func (w *world) start(host int, config cdkey.Config) *cdkey.Checker {
	w.t.Helper()
	config.Addr = w.server.Addr()
	if config.Products == nil {
		config.Products = []int{product}
	}
	config.ListenPacket = w.hosts[host].ListenPacket
	c, err := cdkey.Start(w.t.Context(), nil, config)
	require.NoError(w.t, err)
	w.ends = append(w.ends, func() { require.NoError(w.t, c.Close()) })
	return c
}

// texts are the messages of a command that the validation server got.
func (w *world) texts(command string) (list []seen) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.seen {
		if strings.HasPrefix(s.text, `\`+command+`\`) {
			list = append(list, s)
		}
	}
	return list
}

func request(t testing.TB, key string) cdkey.Request {
	t.Helper()
	challenge := cdkey.NewChallenge()
	response, err := cdkey.Respond(key, challenge)
	require.NoError(t, err)
	return cdkey.Request{IP: netip.MustParseAddr("192.0.2.7"), Challenge: challenge, Response: response}
}

func bubble(t *testing.T, config cdkeytest.Config, f func(t *testing.T, w *world)) {
	t.Helper()
	bubbleOn(t, simnet.Options{}, config, f)
}

// bubbleOn is bubble with a network that is not perfect.
func bubbleOn(t *testing.T, options simnet.Options, config cdkeytest.Config, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options, config)
		defer func() {
			for _, end := range slices.Backward(w.ends) {
				end()
			}
		}()
		f(t, w)
	})
}

func TestGoodAndBadKeys(t *testing.T) {
	bubble(t, cdkeytest.Config{Keys: map[int][]string{product: {"good"}, 10: {"other"}}}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{Products: []int{product, 10}})
		player, err := c.Authenticate(t.Context(), request(t, "good"))
		require.NoError(t, err)
		require.Equal(t, cdkey.Validated, player.Verdict())
		require.Equal(t, cdkey.HashKey("good"), player.KeyHash())
		require.True(t, w.server.Online(product, "good").IsValid())

		_, err = c.Authenticate(t.Context(), request(t, "other"))
		require.ErrorIs(t, err, cdkey.ErrRefused)
		require.ErrorContains(t, err, `"Invalid CD Key"`)
		other := request(t, "other")
		other.Product = 10
		_, err = c.Authenticate(t.Context(), other)
		require.NoError(t, err)
		other.Product = 99
		_, err = c.Authenticate(t.Context(), other)
		require.ErrorIs(t, err, cdkey.ErrInvalid)

		_, err = c.Authenticate(t.Context(), request(t, "good"))
		require.ErrorIs(t, err, cdkey.ErrKeyInUse)
		_, err = c.Authenticate(t.Context(), cdkey.Request{Response: "CD Key or challenge too long"})
		require.ErrorIs(t, err, cdkey.ErrBadResponse)
		require.Len(t, w.texts("auth"), 3, "local refusals are not asked about")

		state := c.State()
		require.Equal(t, cdkey.LinkAnswering, state.Link)
		require.Equal(t, 2, state.Players)
		require.Len(t, c.Players(), 2)
		player.Disconnect()
		player.Disconnect()
		require.Len(t, w.texts("disc"), 1)
		require.False(t, w.server.Online(product, "good").IsValid())
		require.NoError(t, c.Close())
		require.Len(t, w.texts("disc"), 2)
		_, err = c.Authenticate(t.Context(), request(t, "good"))
		require.ErrorIs(t, err, net.ErrClosed)
		_, open := <-c.ProofRequests()
		require.False(t, open)
	})
}

// The times are those that the original was measured with: at 0, 2 and 4 s the same bytes, and the decision at 6 s.
func TestNobodyAnswers(t *testing.T) {
	recorded := load(t).WithoutReply[0]
	for _, policy := range []cdkey.TimeoutPolicy{cdkey.AcceptOnTimeout, cdkey.RejectOnTimeout} {
		bubble(t, cdkeytest.Config{Faults: cdkeytest.Faults{Silent: true}}, func(t *testing.T, w *world) {
			c := w.start(0, cdkey.Config{OnTimeout: policy})
			player, err := c.Authenticate(t.Context(), request(t, "key"))
			require.Equal(t, time.Duration(recorded.Decided)*time.Millisecond, time.Since(w.begin))
			sent := w.texts("auth")
			require.Len(t, sent, len(recorded.Send))
			for i, s := range sent {
				require.Equal(t, time.Duration(i)*2*time.Second, s.after)
				require.Equal(t, sent[0].text, s.text)
			}
			require.Equal(t, cdkey.LinkSilent, c.State().Link)
			if policy == cdkey.AcceptOnTimeout {
				require.NoError(t, err)
				require.Equal(t, cdkey.Unanswered, player.Verdict())
				return
			}
			require.ErrorIs(t, err, cdkey.ErrNoAnswer)
			var timeout net.Error
			require.ErrorAs(t, err, &timeout)
			require.True(t, timeout.Timeout())
			require.Len(t, w.texts("disc"), 1)
			require.Zero(t, c.State().Players)
		})
	}
}

func TestRepeatedUntilAnswered(t *testing.T) {
	bubble(t, cdkeytest.Config{Faults: cdkeytest.Faults{Miss: 2, Twice: true}}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{})
		player, err := c.Authenticate(t.Context(), request(t, "key"))
		require.NoError(t, err)
		require.Equal(t, cdkey.Validated, player.Verdict())
		require.Equal(t, 4*time.Second, time.Since(w.begin))
		synctest.Wait()
		require.Equal(t, 1, c.State().Counters.Unmatched, "the second answer")
	})
}

func TestKeepAlive(t *testing.T) {
	bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
		w.start(0, cdkey.Config{})
		w.start(1, cdkey.Config{KeepAlive: -1})
		<-time.After(61 * time.Second)
		sent := w.texts("ka")
		require.Len(t, sent, 3)
		for i, s := range sent {
			require.Equal(t, time.Duration(i+1)*20*time.Second, s.after)
		}
	})
}

// Lying servers: nobody is let in by an answer to another question, about another player, cut short, or from elsewhere.
func TestHostile(t *testing.T) {
	for name, faults := range map[string]cdkeytest.Faults{
		"another key":     {OtherKey: true},
		"another session": {OtherSession: true},
		"elsewhere":       {Elsewhere: true},
		"cut":             {Cut: 30},
		"one byte":        {Cut: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cdkeytest.Config{Faults: faults}, func(t *testing.T, w *world) {
				c := w.start(0, cdkey.Config{OnTimeout: cdkey.RejectOnTimeout})
				_, err := c.Authenticate(t.Context(), request(t, "key"))
				require.ErrorIs(t, err, cdkey.ErrNoAnswer)
				counters := c.State().Counters
				require.Equal(t, 3, counters.Unmatched+counters.Foreign+counters.Malformed, "%+v", counters)
			})
		})
	}
}

func TestCancelAndClose(t *testing.T) {
	bubble(t, cdkeytest.Config{Faults: cdkeytest.Faults{Silent: true}}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Authenticate(ctx, request(t, "key"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, c.State().Players)
		require.Len(t, w.texts("disc"), 1)
		failed := make(chan error)
		go func() {
			_, err := c.Authenticate(t.Context(), request(t, "key"))
			failed <- err
		}()
		synctest.Wait()
		require.Equal(t, 1, c.State().Waiting)
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-failed, net.ErrClosed)
	})
}

// The key turns up on another game server: the player of the first one proves to have it, or is gone.
func TestProof(t *testing.T) {
	for name, prove := range map[string]bool{"proved": true, "silent": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, cdkeytest.Config{Keys: map[int][]string{product: {"key"}}}, func(t *testing.T, w *world) {
				first, second := w.start(0, cdkey.Config{}), w.start(1, cdkey.Config{})
				_, err := first.Authenticate(t.Context(), request(t, "key"))
				require.NoError(t, err)
				var wait sync.WaitGroup
				wait.Go(func() {
					r := <-first.ProofRequests()
					wrong, _ := cdkey.Prove("another", r.Challenge)
					require.ErrorIs(t, r.Answer(wrong), cdkey.ErrOtherKey)
					require.ErrorIs(t, r.Answer("x"), cdkey.ErrBadResponse)
					if prove {
						proof, err := cdkey.Prove("key", r.Challenge)
						require.NoError(t, err)
						require.NoError(t, r.Answer(proof))
						require.ErrorIs(t, r.Answer(proof), cdkey.ErrExpired)
						return
					}
					<-time.After(5 * time.Second)
					proof, _ := cdkey.Prove("key", r.Challenge)
					require.ErrorIs(t, r.Answer(proof), cdkey.ErrExpired)
				})
				_, err = second.Authenticate(t.Context(), request(t, "key"))
				if prove {
					require.ErrorIs(t, err, cdkey.ErrRefused)
				} else {
					require.NoError(t, err)
				}
				wait.Wait()
			})
		})
	}
}

// The recorded questions of a validation server get the recorded answers: five proofs are waited for, a sixth question gets no
// answer, unknown keys are offline.
func TestVectorsQuestions(t *testing.T) {
	all := load(t)
	bubble(t, cdkeytest.Config{}, func(t *testing.T, w *world) {
		c := w.start(0, cdkey.Config{})
		// Whose key it was is not recorded; its hash is.
		hash := all.Proof[0].Proof[:32]
		_, err := c.Authenticate(t.Context(), cdkey.Request{Challenge: "ch", Response: cdkey.Response(hash + all.Proof[0].Proof[32:])})
		require.NoError(t, err)
		game := w.texts("auth")[0].from
		ask := func(text string) []string {
			before := len(w.texts("uon")) + len(w.texts("uoff")) + len(w.texts("ucount"))
			require.NoError(t, w.server.Send(text, game))
			synctest.Wait()
			list := append(append(w.texts("uon"), w.texts("uoff")...), w.texts("ucount")...)
			if len(list) == before {
				return nil
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			return []string{w.seen[len(w.seen)-1].text}
		}
		for _, v := range all.IsOnline {
			require.Equal(t, []string{v.Replies[0].Text}, ask(v.RequestText), v.ID)
			if len(v.Events) > 0 {
				r := <-c.ProofRequests()
				require.Equal(t, v.Events[0].Challenge, r.Challenge, v.ID)
			}
		}
		<-time.After(5 * time.Second)
		require.Equal(t, []string{all.IsOnline[0].Replies[0].Text}, ask(all.IsOnline[0].RequestText))
		require.Equal(t, []string{all.IsOnline[0].Replies[0].Text}, ask(all.IsOnline[0].RequestText), "repeated")
		require.Equal(t, 1, c.State().Proofs)
		for i := range 4 {
			require.NotNil(t, ask(fmt.Sprintf(`\ison\\cd\%s\skey\%d`, hash, i)))
		}
		require.Nil(t, ask(fmt.Sprintf(`\ison\\cd\%s\skey\9`, hash)), "five are waited for")
		require.Equal(t, []string{`\ucount\1`}, ask(`\ucount\`))
		require.Equal(t, []string{all.Count[1].Replies[0].Text}, ask(all.Count[1].RequestText))
		for _, v := range all.Ignored {
			require.Nil(t, ask(v.RequestText), v.ID)
		}
		// A proof that was recorded, with the number of its question.
		for len(c.ProofRequests()) > 0 {
			<-c.ProofRequests()
		}
		<-time.After(5 * time.Second)
		require.NotNil(t, ask(fmt.Sprintf(`\ison\\cd\%s\skey\%d\pch\x`, hash, all.Proof[0].Session)))
		r := <-c.ProofRequests()
		require.NoError(t, r.Answer(cdkey.Response(all.Proof[0].Proof)))
		sent := w.texts("uon")
		require.Equal(t, all.Proof[0].Sent[0].Text, sent[len(sent)-1].text)
		// From anybody else, nothing is answered.
		before := len(w.texts("ucount"))
		require.NoError(t, w.server.SendFromElsewhere(`\ucount\`, game))
		require.Len(t, w.texts("ucount"), before)
		require.Equal(t, 1, c.State().Counters.Foreign)
		// Nobody reads a flood of questions.
		for i := range 500 {
			<-time.After(2 * time.Second)
			require.NoError(t, w.server.Send(fmt.Sprintf(`\ison\\cd\%s\skey\%d`, hash, i), game))
		}
		synctest.Wait()
		require.LessOrEqual(t, c.State().Proofs, 5)
		require.LessOrEqual(t, len(c.ProofRequests()), 64)
	})
}

// On the game's socket: the game keeps everything else, also what begins with the same byte.
func TestSharedSocket(t *testing.T) {
	server, err := cdkeytest.New(cdkeytest.Config{})
	require.NoError(t, err)
	defer server.Close()
	raw, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	game := natneg.Share(raw)
	defer game.Close()
	config := cdkey.Config{Products: []int{product}, Addr: server.Addr()}
	c, err := cdkey.Start(t.Context(), game, config)
	require.NoError(t, err)
	defer c.Close()
	_, err = cdkey.Start(t.Context(), game, config)
	require.ErrorIs(t, err, cdkey.ErrInUse)

	_, err = c.Authenticate(t.Context(), request(t, "key"))
	require.NoError(t, err)
	peer, err := net.Dial("udp4", game.LocalAddr().String())
	require.NoError(t, err)
	defer peer.Close()
	_, err = peer.Write([]byte{cdkeywire.FirstByte, 1, 2, 3})
	require.NoError(t, err)
	buf := make([]byte, 100)
	require.NoError(t, game.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, _, err := game.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "3b010203", hex.EncodeToString(buf[:n]))

	_, err = cdkey.Diagnose(t.Context(), game, config)
	require.ErrorIs(t, err, cdkey.ErrInUse)
	for _, diagnose := range []func() (*cdkey.Diagnosis, error){
		func() (*cdkey.Diagnosis, error) { return cdkey.Diagnose(t.Context(), nil, config) },
		func() (*cdkey.Diagnosis, error) { return c.Diagnose(t.Context()) },
	} {
		report, err := diagnose()
		require.NoError(t, err)
		require.True(t, report.OK(), "%v", report)
	}
	require.NoError(t, game.Close())
	_, err = c.Authenticate(t.Context(), request(t, "key"))
	require.Error(t, err)
}

func TestSecretsAreNotPrinted(t *testing.T) {
	r := request(t, "secret")
	text := fmt.Sprintf("%v %+v %#v %s %q %x", r, r, r, r.Response, r.Response, r.Response)
	require.NotContains(t, text, string(r.Response[32:]))
	require.NotContains(t, text, string(r.Response[40:]))
	_, err := cdkey.Respond(strings.Repeat("x", 252), "")
	require.ErrorIs(t, err, cdkey.ErrTooLong)
	_, err = cdkey.Respond(strings.Repeat("x", 251), "y")
	require.NoError(t, err)
}

func TestConfigIsChecked(t *testing.T) {
	for _, config := range []cdkey.Config{
		{Addr: "127.0.0.1"},
		{Addr: "127.0.0.1", Products: []int{1, 2, 3, 4, 5}},
		{Addr: "127.0.0.1", Products: []int{1, 1}},
		{Addr: "127.0.0.1", Products: []int{1}, MaxPlayers: 1 << 20},
		{Addr: "127.0.0.1", Products: []int{1}, OnTimeout: 7},
	} {
		_, err := cdkey.Start(t.Context(), nil, config)
		require.ErrorIs(t, err, cdkey.ErrInvalid)
	}
	_, err := cdkey.Start(t.Context(), nil, cdkey.Config{Products: []int{1}})
	require.ErrorIs(t, err, cdkey.ErrNotConfigured)
}
