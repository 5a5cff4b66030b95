package natneg_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// Two negotiations with one cookie on one socket would take each other's packets: the second is refused, the first does
// not notice, and the cookie is free again when the first has ended.
func TestOneCookieOnOneSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{ConnectDelay: time.Second})
		defer stop()
		earlier := natneg.CookieFromUint32(1)
		game := l.guest.Listen(7777)
		first, err := negotiated(t, l, game, earlier)
		require.NoError(t, err)
		view := first.Conn
		defer view.Close()

		// The work behind a result still has its cookie.
		_, err = natneg.Negotiate(t.Context(), view, l.config(l.guest), earlier, natneg.Guest)
		e := asError(t, err)
		require.ErrorIs(t, e, natneg.ErrCookieInUse)
		require.Equal(t, natneg.StepSetup, e.Step)
		require.ErrorContains(t, e, earlier.String())

		// So has one under way, whatever the role; another cookie is welcome.
		partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
		underWay := natneg.Start(t.Context(), view, l.config(l.guest), cookie, natneg.Guest)
		synctest.Wait()
		_, err = natneg.Negotiate(t.Context(), view, l.config(l.guest), cookie, natneg.Host)
		require.ErrorIs(t, err, natneg.ErrCookieInUse)
		result, err := underWay.Wait()
		require.NoError(t, err)
		other, err := partner.Wait()
		require.NoError(t, err)
		talkOnce(t, other, result)
		require.NoError(t, result.Close())
		finish([2]outcome{{result: other}})

		again, err := negotiated(t, l, view, cookie)
		require.NoError(t, err, "the cookie is free again")
		require.NoError(t, again.Close())
		require.NoError(t, first.Close())
	})
}

// negotiated opens a path between conn as the guest and a partner that goes away.
func negotiated(t *testing.T, l *lab, conn net.PacketConn, cookie natneg.Cookie) (*natneg.Result, error) {
	t.Helper()
	// The server keeps a cookie for a minute.
	pass(time.Minute)
	partner := natneg.Start(t.Context(), nil, l.config(l.host), cookie, natneg.Host)
	result, err := natneg.Negotiate(t.Context(), conn, l.config(l.guest), cookie, natneg.Guest)
	other, partnerErr := partner.Wait()
	require.NoError(t, partnerErr)
	finish([2]outcome{{result: other}})
	return result, err
}

// talkOnce sends one datagram.
func talkOnce(t *testing.T, from, to *natneg.Result) {
	t.Helper()
	_, err := from.Conn.WriteTo([]byte("game packet"), net.UDPAddrFromAddrPort(from.Remote))
	require.NoError(t, err)
	buf := make([]byte, 100)
	for {
		require.NoError(t, to.Conn.SetReadDeadline(time.Now().Add(time.Second)))
		n, _, err := to.Conn.ReadFrom(buf)
		require.NoError(t, err)
		if string(buf[:n]) == "game packet" {
			return
		}
	}
}
