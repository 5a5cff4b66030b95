package qr2_test

import (
	"context"
	"net"
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
