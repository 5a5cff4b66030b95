package qr2_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// Snapshots change, states are read and runs begin and end while queries of every kind come: each answer is of one snapshot.
func TestUpdatesDuringQueries(t *testing.T) {
	master := startMaster(t, qr2test.Config{})
	conn := listen(t)
	host := newHost(t, conn, qr2.Config{Addr: master.Addr(), AnswerRate: -1})
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	workers.Go(func() {
		for n := 0; ctx.Err() == nil; n = (n + 1) % 40 {
			if err := host.Update(snapshot(n)); err != nil {
				t.Error(err)
			}
			host.State()
			host.Announce()
			host.NextEvent()
		}
	})
	workers.Go(func() {
		for ctx.Err() == nil {
			runContext, stop := context.WithTimeout(ctx, 20*time.Millisecond)
			if err := host.Run(runContext); err != nil {
				t.Error(err)
			}
			stop()
		}
	})
	whole := qr2wire.FullQuery(testKey)
	whole.Split = false
	some := qr2wire.BasicQuery(testKey, 8)
	some.Players.IDs = []byte{22}
	client := listen(t)
	rounds := 300
	if raceEnabled {
		rounds = 100
	}
	for range rounds {
		// It may ask twice on a busy machine: what comes late must not come to the client.
		answer, err := qr2test.Query(t.Context(), nil, addrOf(t, conn))
		require.NoError(t, err)
		require.Equal(t, answer.Value("numplayers") == "0", len(answer.Players) == 0)
		for _, q := range []qr2wire.Query{whole, some} {
			d, err := qr2wire.ParseReply(q, ask(t, client, conn, packetOf(t, q)), nil)
			require.NoError(t, err)
			require.Equal(t, d.Value("numplayers") == "0", len(d.Players.Rows) == 0)
		}
	}
	cancel()
	workers.Wait()
}

// However a game and its host end, in whatever order: nothing hangs, nothing is left (TestMain looks for goroutines), and
// what is used up says net.ErrClosed.
func TestClosingInAnyOrder(t *testing.T) {
	steps := map[string]func(conn net.PacketConn, host *qr2.Host) error{
		"host": func(_ net.PacketConn, host *qr2.Host) error { return host.Close() },
		"game": func(_ net.PacketConn, host *qr2.Host) error { return host.GameConn().Close() },
		"conn": func(conn net.PacketConn, _ *qr2.Host) error { return conn.Close() },
	}
	for _, order := range [][]string{
		{"host", "game", "conn"}, {"host", "conn", "game"}, {"game", "host", "conn"},
		{"game", "conn", "host"}, {"conn", "host", "game"}, {"conn", "game", "host"}, {"host", "host", "conn", "conn"},
	} {
		for _, viewed := range []bool{false, true} {
			conn := listen(t)
			host := newHost(t, conn, qr2.Config{Game: game, NotPublic: true})
			if viewed {
				host.GameConn()
			}
			done := make(chan error, 1)
			go func() { done <- host.Run(context.Background()) }()
			for _, step := range order {
				if err := steps[step](conn, host); err != nil {
					require.ErrorIs(t, err, net.ErrClosed, "%v %t: %s", order, viewed, step)
				}
			}
			require.ErrorIs(t, <-done, net.ErrClosed)
			_, _, err := host.GameConn().ReadFrom(make([]byte, 1))
			require.ErrorIs(t, err, net.ErrClosed)
		}
	}
}

// A query ends when its context does, also between two tries, and the connection comes back without a deadline.
func TestCancelledQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newMemnet()
		silent, client := network.listen(t, "10.0.0.1:6500"), network.listen(t, "10.0.0.2:5000")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := qr2test.Query(ctx, client, addrOf(t, silent))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 20*time.Millisecond, time.Since(start))
		_, err = silent.WriteTo([]byte("hello"), client.LocalAddr())
		require.NoError(t, err)
		_, _, err = client.ReadFrom(make([]byte, 10))
		require.NoError(t, err)
	})
}
