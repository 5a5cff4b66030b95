// Package sequence has the access sequence of the founding document run from its first step to its last.
package sequence

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	game     = "gmtest"
	secret   = "HA6zkS"
	product  = 11057
	profile  = 20001
	nick     = "ann"
	email    = "ann@example.net"
	password = "correct horse"
	key      = "ABCD-1234-EFGH-5678"
)

// backEnd is all services of one family.
type backEnd struct {
	master     *qr2test.Master
	list       *sbtest.Server
	matchup    *natnegtest.Server
	players    *gptest.Server
	statistics *gstatstest.Server
	validation *cdkeytest.Server
}

func start(t *testing.T, family quirks.Family) *backEnd {
	t.Helper()
	b := new(backEnd)
	games := map[string]string{game: secret}
	var err error
	b.master, err = qr2test.New(qr2test.Config{Games: games, Family: family, NoProbe: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.master.Close() })
	// The player is told that it comes from another network, so that joining takes NAT negotiation.
	b.list, err = sbtest.New(sbtest.Config{Games: games, Family: family, Registry: b.master.Registry(), ClientIP: netip.MustParseAddr("203.0.113.7")})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.list.Close() })
	b.matchup, err = natnegtest.New(natnegtest.Config{Family: family, ConnectDelay: -1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.matchup.Close() })
	b.players, err = gptest.Start(gptest.Config{Family: family, Accounts: []gptest.Account{{
		ProfileID: profile, Nick: nick, UniqueNick: nick, Email: email, Password: password,
	}}})
	require.NoError(t, err)
	t.Cleanup(b.players.Close)
	b.statistics, err = gstatstest.Start(gstatstest.Config{Family: family, Secrets: games, Accounts: []gstatstest.Account{{
		ProfileID: profile, Nick: nick, Password: password,
	}}})
	require.NoError(t, err)
	t.Cleanup(b.statistics.Close)
	keys := cdkeytest.Config{Family: family}
	if family == quirks.Original {
		keys.Keys = map[int][]string{product: {key}}
	}
	b.validation, err = cdkeytest.New(keys)
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.validation.Close() })
	return b
}

// Chapter 5 of the founding document, "The Access Sequence of Client". Step 4, the chat server, is no part of Relight.
func TestAccessSequence(t *testing.T) {
	for _, family := range []quirks.Family{quirks.Original, quirks.OpenSpy} {
		name := string(family)
		if family == quirks.Original {
			name = "original"
		}
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			b := start(t, family)

			// 1. "Client access to available check in QR server, which tells client GameSpy back-end server status."
			available, err := qr2.Available(ctx, qr2.Config{Game: game, AvailableAddr: b.master.Addr()}, nil)
			require.NoError(t, err)
			require.Equal(t, qr2.AvailabilityYes, available)

			// 2. "Client access GPCM or GPSP to check their account and login."
			presence := gp.Config{Game: game, Addr: b.players.Addr(), SearchAddr: b.players.SearchAddr()}
			found, err := gp.NewSearcher(presence).Check(ctx, nick, email, password)
			require.NoError(t, err)
			session, err := gp.Login(ctx, presence, gp.UniqueNick{Nick: nick, Password: password})
			require.NoError(t, err)
			defer session.Close()
			require.Equal(t, found, session.ProfileID())
			require.Equal(t, gp.ProfileID(profile), found)

			// 3. "Client access to CDKey to verify his cd-key in login phase": the presence server ties it to the account. Only game
			// servers speak with the CD key server itself (spec cdkey.md), in step 9.
			require.NoError(t, session.RegisterCDKey(ctx, key, 0))

			// 5. "Client retrieve player data(level, exp, etc.) from GStats."
			statistics := gstats.Config{Game: game, Secret: secret, Addr: b.statistics.Addr()}
			slot := gstats.Slot{Profile: profile, Type: gstats.Public}
			b.statistics.Put(gstatstest.Slot{Profile: profile, Type: gstatstest.Public}, []byte(`\level\7\exp\4100`), time.Time{})
			require.Equal(t, map[string]string{"level": "7", "exp": "4100"}, retrieve(t, ctx, statistics, slot))

			// 6. "When a game server is launched it will send heartbeat to QR server to tell QR its information."
			server := launch(t, ctx, b, statistics)

			// 7. "Client access to SB to search online game server."
			browser, err := sb.New(sb.Config{Game: game, Secret: secret, Addr: b.list.Addr(), NatNeg: natneg.Config{Game: game, Servers: b.matchup.Addrs()}})
			require.NoError(t, err)
			defer browser.Close()
			chosen := search(t, ctx, browser)

			// 8. "Client login to game server with his information and cd-key", through NAT negotiation.
			conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
			require.NoError(t, err)
			defer conn.Close()
			connection, err := browser.Connect(ctx, chosen, conn)
			require.NoError(t, err)
			defer connection.Conn.Close()
			require.NotNil(t, connection.NatNeg)
			defer connection.NatNeg.Close()
			require.Equal(t, server.conn.LocalAddr().String(), connection.Remote.String())
			player := &talk{t, connection.Conn, net.UDPAddrFromAddrPort(connection.Remote)}
			challenges := strings.Fields(player.ask("join " + nick))
			require.Len(t, challenges, 2)
			response, err := cdkey.Respond(key, challenges[0])
			require.NoError(t, err)

			// 9. "Game server will check his cd-key by accessing to CDKey server, after every information is verified, client should be
			// able to play their game." It has the profile's password proved by the way, and saves what the player won.
			require.Equal(t, "welcome", player.ask("prove "+string(response)+" "+gstats.PlayerResponse(password, challenges[1])))
			require.Len(t, server.keys.Players(), 1)
			require.Equal(t, cdkey.HashKey(key), server.keys.Players()[0].KeyHash())
			if family == quirks.Original {
				require.Equal(t, server.conn.LocalAddr().String(), b.validation.Online(product, key).String(), "asked from the game's own port")
			}
			require.Equal(t, map[string]string{"level": "8", "exp": "4100"}, retrieve(t, ctx, statistics, slot))
			saved, err := b.statistics.WaitGame(ctx, gstatstest.Game.Done)
			require.NoError(t, err)
			require.Equal(t, nick, saved.Snapshots[len(saved.Snapshots)-1].Results().Players[0]["player"])

			// A second player with the same key stays outside.
			second, err := net.ListenPacket("udp4", "127.0.0.1:0")
			require.NoError(t, err)
			defer second.Close()
			thief := &talk{t, second, server.conn.LocalAddr()}
			challenges = strings.Fields(thief.ask("join eve"))
			response, err = cdkey.Respond(key, challenges[0])
			require.NoError(t, err)
			require.Equal(t, "CD Key in use", thief.ask("prove "+string(response)+" x"))
		})
	}
}

// retrieve reads what is stored for a player, on a connection of its own.
func retrieve(t *testing.T, ctx context.Context, config gstats.Config, slot gstats.Slot) map[string]string {
	t.Helper()
	session, err := gstats.Connect(ctx, config)
	require.NoError(t, err)
	defer session.Close()
	data, err := session.Get(ctx, slot, "level", "exp")
	require.NoError(t, err)
	return data.Values()
}

// search finds the one server that is listed.
func search(t *testing.T, ctx context.Context, browser *sb.Browser) sb.Server {
	t.Helper()
	var found []sb.Server
	for server, err := range browser.List(ctx, sb.Query{Filter: "gametype = 'dm'", Fields: []string{"hostname", "mapname"}}) {
		require.NoError(t, err)
		found = append(found, server)
	}
	require.Len(t, found, 1)
	require.Equal(t, "Friday night", found[0].Name())
	return found[0]
}

// talk is a player's end of the game's own protocol.
type talk struct {
	t    *testing.T
	conn net.PacketConn
	to   net.Addr
}

func (p *talk) ask(message string) string {
	p.t.Helper()
	_, err := p.conn.WriteTo([]byte(message), p.to)
	require.NoError(p.t, err)
	require.NoError(p.t, p.conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	b := make([]byte, 1500)
	for {
		n, from, err := p.conn.ReadFrom(b)
		require.NoError(p.t, err)
		if from.String() == p.to.String() {
			return string(b[:n])
		}
	}
}

// gameServer is a dedicated server on one socket.
type gameServer struct {
	conn       net.PacketConn // the game's view
	keys       *cdkey.Checker
	statistics *gstats.Session
}

// launch starts a game server and waits until the master lists it.
func launch(t *testing.T, ctx context.Context, b *backEnd, statistics gstats.Config) *gameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	host, err := qr2.NewHost(conn, qr2.Config{
		Game: game, Secret: secret, Addr: b.master.Addr(), NatNeg: &natneg.Config{Game: game, Servers: b.matchup.Addrs()},
	})
	require.NoError(t, err)
	require.NoError(t, host.Update(qr2.Snapshot{Server: qr2.Fields{
		{Key: "hostname", Value: "Friday night"}, {Key: "mapname", Value: "dm_bay"}, {Key: "gametype", Value: "dm"}, {Key: "gamemode", Value: "openplaying"},
	}}))
	s := &gameServer{conn: host.GameConn()}
	s.keys, err = cdkey.Start(ctx, s.conn, cdkey.Config{Products: []int{product}, Addr: b.validation.Addr(), OnTimeout: cdkey.RejectOnTimeout})
	require.NoError(t, err)
	s.statistics, err = gstats.Connect(ctx, statistics)
	require.NoError(t, err)

	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ran, played := make(chan error, 1), make(chan error, 1)
	go func() { ran <- host.Run(running) }()
	go func() { played <- s.play(running) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ran)
		require.NoError(t, s.keys.Close())
		require.NoError(t, s.conn.Close())
		require.ErrorIs(t, <-played, net.ErrClosed)
		require.NoError(t, s.statistics.Close())
		require.NoError(t, host.Close())
	})
	for event := range host.Events(ctx) {
		if changed, ok := event.(*qr2.MasterChanged); ok && changed.Step == qr2.StepListed {
			return s
		}
	}
	require.FailNow(t, "not listed", "%+v", host.State().Masters)
	return nil
}

// play is the game: who joins is asked to prove the CD key and the password, wins, and is told of it.
func (s *gameServer) play(ctx context.Context) error {
	challenges := map[string]string{} // of who has joined, by address
	b := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(b)
		if err != nil {
			return err
		}
		words := strings.Fields(string(b[:n]))
		answer := ""
		switch {
		case len(words) == 2 && words[0] == "join":
			challenges[from.String()] = cdkey.NewChallenge()
			answer = challenges[from.String()] + " " + s.statistics.Challenge()
		case len(words) == 3 && words[0] == "prove":
			answer = "welcome"
			if err := s.admit(ctx, from.(*net.UDPAddr).AddrPort().Addr(), challenges[from.String()], words[1], words[2]); errors.Is(err, cdkey.ErrKeyInUse) {
				answer = "CD Key in use"
			} else if err != nil {
				answer = err.Error()
			}
		}
		if _, err := s.conn.WriteTo([]byte(answer), from); err != nil {
			return err
		}
	}
}

// admit lets a player in and has them win a level.
func (s *gameServer) admit(ctx context.Context, ip netip.Addr, challenge, keyResponse, passwordResponse string) error {
	player, err := s.keys.Authenticate(ctx, cdkey.Request{IP: ip, Challenge: challenge, Response: cdkey.Response(keyResponse)})
	if err != nil {
		return err
	}
	id, err := s.statistics.Authenticate(ctx, gstats.PasswordResponse{ProfileID: profile, Response: passwordResponse})
	if err != nil {
		player.Disconnect()
		return err
	}
	match, err := s.statistics.NewGame(ctx)
	if err != nil {
		return err
	}
	match.NewPlayer(nick).Int("levels").Add(1)
	if err := match.Finish(ctx); err != nil {
		return err
	}
	_, err = s.statistics.SetValues(ctx, gstats.Slot{Profile: id, Type: gstats.Public}, map[string]string{"level": "8"})
	return err
}
