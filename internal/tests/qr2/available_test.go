package qr2_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
)

// A player's game asks, too: at 0 and 2 s, and decides at 4 s, as the original was measured (spec availability.md).
func TestAvailable(t *testing.T) {
	const asked, other = "gmtest", "flatout2pc"
	for name, test := range map[string]struct {
		master qr2test.Config
		want   qr2.Availability
		took   time.Duration
		checks int
	}{
		"yes":          {qr2test.Config{Unavailable: []string{other}}, qr2.AvailabilityYes, 0, 1},
		"yes, OpenSpy": {qr2test.Config{Games: map[string]string{asked: "HA6zkS"}, Family: qr2test.OpenSpy}, qr2.AvailabilityYes, 0, 1},
		"yes, WFC":     {qr2test.Config{Family: qr2test.WFC}, qr2.AvailabilityYes, 0, 1},
		"no":           {qr2test.Config{Unavailable: []string{asked}}, qr2.AvailabilityNo, 0, 1},
		"not now":      {qr2test.Config{TemporarilyUnavailable: []string{asked}}, qr2.AvailabilityNotNow, 0, 1},
		"silent":       {qr2test.Config{Faults: qr2test.Faults{NoAvailability: true}}, qr2.AvailabilitySilent, 4 * time.Second, 2},
		"unheard of":   {qr2test.Config{Family: qr2test.KR4uzi}, qr2.AvailabilitySilent, 4 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New(t, simnet.Options{})
				back, player := network.Host("10.0.0.1"), network.Host("10.0.0.2")
				defer network.Start()()
				test.master.Address, test.master.ProbeAddress, test.master.ListenPacket = "10.0.0.1:27900", "10.0.0.1:0", back.ListenPacket
				master, err := qr2test.New(test.master)
				require.NoError(t, err)
				defer master.Close()
				conn := player.Listen(5000)
				defer conn.Close()
				begin := time.Now()
				got, err := qr2.Available(t.Context(), qr2.Config{Game: asked, Addr: master.Addr()}, conn)
				require.NoError(t, err)
				require.Equal(t, test.want, got)
				require.Equal(t, test.took, time.Since(begin))
				require.Equal(t, test.checks, master.Stats().Availability)
			})
		})
	}
}

// An answer that comes once more, or after the end, looks like a pre-query. The answer to that would look like another question
// to the service, and the two would talk for ever.
func TestAvailabilityAnsweredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newMemnet()
		service, conn := network.listen(t, "10.0.0.1:27900"), network.listen(t, "10.0.0.2:7777")
		host, err := qr2.NewHost(conn, qr2.Config{Game: game, Secret: secret, Addr: "10.0.0.1"})
		require.NoError(t, err)
		require.NoError(t, host.Update(snapshot(1)))
		answer := availwire.AppendReply(nil, availwire.Available)
		asked := 0
		var serving sync.WaitGroup
		serving.Go(func() {
			b := make([]byte, 1500)
			for {
				_, from, err := service.ReadFrom(b)
				if err != nil {
					return
				}
				if b[0] != answer[2] {
					continue
				}
				if asked++; asked < 100 {
					_, _ = service.WriteTo(answer, from)
					_, _ = service.WriteTo(answer, from)
				}
			}
		})
		for range 2 {
			stop := run(t, host)
			time.Sleep(time.Minute)
			stop()
			_, err = service.WriteTo(answer, conn.LocalAddr())
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		require.Equal(t, 4, host.State().Counters.Unexpected)
		require.NoError(t, host.Close())
		require.NoError(t, conn.Close())
		require.NoError(t, service.Close())
		serving.Wait()
		require.Equal(t, 2, asked, "once in each run")
	})
}

func TestAvailableIsNotTalkedInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(t, simnet.Options{})
		service, liar, player := network.Host("10.0.0.1"), network.Host("10.0.0.66"), network.Host("10.0.0.2")
		defer network.Start()()
		quiet, other, conn := service.Listen(27900), liar.Listen(27900), player.Listen(5000)
		defer quiet.Close()
		defer other.Close()
		defer conn.Close()
		time.AfterFunc(time.Second, func() {
			_, _ = other.WriteTo(availwire.AppendReply(nil, availwire.Unavailable), conn.LocalAddr())
			_, _ = quiet.WriteTo([]byte{0xFE, 0xFD, 9, 0, 0, 1}, conn.LocalAddr())
			_, _ = quiet.WriteTo(make([]byte, 1000), conn.LocalAddr())
		})
		got, err := qr2.Available(t.Context(), qr2.Config{Game: "gmtest", Addr: "10.0.0.1"}, conn)
		require.NoError(t, err)
		require.Equal(t, qr2.AvailabilitySilent, got)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = qr2.Available(ctx, qr2.Config{Game: "gmtest", Addr: "10.0.0.1"}, conn)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		time.AfterFunc(time.Second, func() { _ = conn.Close() })
		_, err = qr2.Available(t.Context(), qr2.Config{Game: "gmtest", Addr: "10.0.0.1"}, conn)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestAvailableWithoutAnybodyToAsk(t *testing.T) {
	_, err := qr2.Available(t.Context(), qr2.Config{Game: "gmtest"}, nil)
	require.ErrorIs(t, err, qr2.ErrNotConfigured)
	_, err = qr2.Available(t.Context(), qr2.Config{Addr: "127.0.0.1"}, nil)
	require.ErrorIs(t, err, qr2.ErrInvalid)
	got, err := qr2.Available(t.Context(), qr2.Config{Game: "gmtest", Domain: "not..a.name"}, nil)
	require.NoError(t, err)
	require.Equal(t, qr2.AvailabilitySilent, got, "as the original")
}
