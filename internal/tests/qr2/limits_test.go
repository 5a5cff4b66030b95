package qr2_test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// crowd is 128 players with 20 keys each, of some bytes.
func crowd(size int) (s qr2.Snapshot) {
	s.Server = fields("hostname", "Crowd", "numplayers", "128")
	for i := range 128 {
		var player qr2.Fields
		for k := range 20 {
			player = append(player, qr2.Field{Key: fmt.Sprintf("k%d_", k), Value: strings.Repeat(string(rune('a'+(i+k)%26)), size)})
		}
		s.Players = append(s.Players, player)
	}
	return s
}

// 128 players with 20 keys come whole, over all eight datagrams; one step beyond, Update names the size and the limit, and
// the snapshot before stays.
func TestEightDatagramsAndOneStepBeyond(t *testing.T) {
	conn := listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, AnswerRate: -1})
	require.NoError(t, host.Update(crowd(3)))
	require.Equal(t, 8, host.State().SplitPackets)
	check := func() {
		data, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
		require.NoError(t, err)
		require.Len(t, data.Players, 128)
		for i, player := range data.Players {
			require.Len(t, player, 20)
			for k, field := range player {
				require.Equal(t, strings.Repeat(string(rune('a'+(i+k)%26)), 3), field.Value, "player %d, %s", i, field.Key)
			}
		}
	}
	check()
	err := host.Update(crowd(4))
	require.ErrorIs(t, err, qr2.ErrTooBig)
	require.Regexp(t, `takes \d{5} bytes, 8 packets have \d{5}`, err.Error())
	var numbers []int
	for _, word := range strings.FieldsFunc(err.Error(), func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(word); err == nil && n > 1000 {
			numbers = append(numbers, n)
		}
	}
	require.Len(t, numbers, 2)
	require.Greater(t, numbers[0], numbers[1])
	check()

	// A value that fits into no datagram, with its name.
	s := snapshot(1)
	s.Server = append(s.Server, qr2.Field{Key: "motd", Value: strings.Repeat("x", 4096)})
	err = host.Update(s)
	require.ErrorIs(t, err, qr2.ErrTooBig)
	require.Regexp(t, `"motd" takes 4\d{3} bytes, a packet has 13\d\d`, err.Error())
}

// Whatever a name has in it comes back as it is; QR1, which has no escapes, has a slash for a backslash.
func TestOddValues(t *testing.T) {
	conn := listen(t)
	host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true, AnswerRate: -1})
	odd := []string{`back\slash\final\`, "\xff\xfe not UTF-8 \x01\xab", "ünï", " ", "\xfe\xfd", strings.Repeat("long", 300), "\r\n\t"}
	var s qr2.Snapshot
	s.Server = fields("hostname", odd[0], "numplayers", "7")
	for _, name := range odd {
		s.Players = append(s.Players, fields("player_", name, "score_", "1"))
	}
	require.NoError(t, host.Update(s))
	data, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
	require.Equal(t, odd[0], data.Server[0].Value)
	old, _ := askQR1(t, host, `\status\`)
	require.Equal(t, "back/slash/final/", old.Value("hostname"))
	for i, name := range odd {
		require.Equal(t, strings.TrimSpace(name), strings.TrimSpace(data.Players[i][0].Value))
		require.Equal(t, strings.ReplaceAll(name, `\`, "/"), old.Players.Value(i, "player_"))
	}
	for _, bad := range []qr2.Snapshot{
		{Server: fields("hostname", "a\x00b")}, {Server: fields("a\x00b", "c")}, {Server: fields("", "c")},
		{Players: []qr2.Fields{fields("player_", "\x00")}}, {Teams: []qr2.Fields{fields("", "x")}},
	} {
		require.ErrorIs(t, host.Update(bad), qr2.ErrInvalid)
	}
}

// Datagrams of nothing, and the longest there are; masters that are none, with our key and with others.
func TestStrangersAtALiveHost(t *testing.T) {
	master := startMaster(t, qr2test.Config{})
	conn, stranger := listen(t), listen(t)
	host := newHost(t, conn, qr2.Config{Addr: master.Addr()})
	stop := run(t, host)
	defer stop()
	untilStep(t, host, qr2.StepListed)
	game := host.GameConn()
	longest := append([]byte("\xfe\xfd\x00\x01\x02\x03\x04"), make([]byte, 65500)...)
	sent := 0
	send := func(b []byte) {
		_, err := stranger.WriteTo(b, conn.LocalAddr())
		var opError *net.OpError
		if !errors.As(err, &opError) { // some systems do not send datagrams as long
			sent++
		}
	}
	send(longest) // one: more do not fit into a socket's buffer
	for range 3 {
		for typ := range 12 {
			for _, key := range []qr2wire.Key{{}, {1, 2, 3, 4}} {
				body := strings.Repeat("\x00", typ) + "refused"
				send(append(qr2wire.AppendToServer(nil, qr2wire.Type(typ), key), body...))
			}
		}
	}
	send(nil)
	got, _ := receive(t, game)
	for len(got) > 0 { // types that are unknown are the game's
		got, _ = receive(t, game)
	}
	require.Eventually(t, func() bool {
		c := host.State().Counters
		return c.WrongKey > 0 && c.Malformed > 0
	}, 5*time.Second, time.Millisecond)
	state := host.State().Masters[0]
	require.Equal(t, qr2.StepListed, state.Step)
	require.NoError(t, state.Err)
	require.Positive(t, sent)
	_, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
	require.NoError(t, err)
}
