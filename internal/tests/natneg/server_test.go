package natneg_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/tests/simnet"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
	"github.com/relight-sdk/relight/natneg/natnegtest"
)

// What the families answer to single packets (spec servers.md §7).
func TestFamiliesAnswer(t *testing.T) {
	header := func(t natnegwire.Type, version uint8) natnegwire.Header {
		return natnegwire.Header{Version: version, Type: t, Cookie: cookie}
	}
	body := natnegwire.InitBody{Port: natnegwire.PortNN1, ClientIndex: 1, UseGamePort: 1, Addr: mustAddr("10.1.2.3:4")}
	nintendo := natnegwire.InitBody{Port: 1, ClientIndex: 1, UseGamePort: 0xFF, Addr: mustAddr("255.109.22.181:32234")}
	for _, test := range []struct {
		family    quirks.Family
		initBody  natnegwire.InitBody
		preinit   int
		report    int
		addresses bool
	}{
		{quirks.Original, body, 2, natnegwire.FilledSize, true},
		{quirks.OpenSpy, natnegwire.InitBody{Port: 1, UseGamePort: 1, Addr: mustAddr("0.0.0.0:0")}, -1, natnegwire.FilledSize, true},
		{quirks.WFC, nintendo, 2, natnegwire.BodySize, false},
		{quirks.DWC, nintendo, 0, natnegwire.BodySize, true},
		{quirks.UniSpy, natnegwire.InitBody{Port: 1, ClientIndex: 1, UseGamePort: 1, Addr: mustAddr("203.0.113.1:5000")}, -1, natnegwire.BodySize, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := newLab(t, simnet.Options{}, natnegtest.Config{Family: test.family})
			defer stop()
			conn := l.guest.Listen(5000)
			defer conn.Close()
			ask := func(m natnegwire.Message, want natnegwire.Type) (natnegwire.Message, int) {
				_, err := conn.WriteTo(m.Append(nil), net.UDPAddrFromAddrPort(l.server.Addr(natnegtest.Server1)))
				require.NoError(t, err)
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
				for {
					buf := make([]byte, 600)
					n, _, err := conn.ReadFrom(buf)
					if err != nil {
						return nil, 0
					}
					answer, err := natnegwire.Parse(buf[:n])
					require.NoError(t, err)
					if answer.Head().Type == want {
						return answer, n
					}
				}
			}
			answer, _ := ask(natnegwire.Init{Header: header(natnegwire.TypeInit, 3), InitBody: body, Game: "gmtest"}, natnegwire.TypeInitAck)
			require.Equal(t, natnegwire.Exchange{Header: header(natnegwire.TypeInitAck, 3), InitBody: test.initBody}, answer)
			require.Equal(t, 1, l.server.Received(uint8(natnegwire.TypeInit)))

			answer, _ = ask(natnegwire.Preinit{Header: header(natnegwire.TypePreinit, 4), ClientID: 7}, natnegwire.TypePreinitAck)
			if test.preinit < 0 {
				require.Nil(t, answer)
			} else {
				require.Equal(t, natnegwire.Preinit{Header: header(natnegwire.TypePreinitAck, 4), ClientID: 7, State: uint8(test.preinit)}, answer)
			}
			_, n := ask(natnegwire.Report{Header: header(natnegwire.TypeReport, 3), Result: 1, Game: "gmtest"}, natnegwire.TypeReportAck)
			require.Equal(t, test.report, n)

			check := natnegwire.Exchange{Header: header(natnegwire.TypeAddressCheck, 3), InitBody: natnegwire.InitBody{Port: 1}}
			answer, _ = ask(check, natnegwire.TypeAddressReply)
			if test.addresses {
				require.Equal(t, mustAddr("203.0.113.1:5000"), answer.(natnegwire.Exchange).Addr)
			} else {
				require.Nil(t, answer)
			}
		})
	}
}

func TestServerConfig(t *testing.T) {
	_, err := natnegtest.New(natnegtest.Config{Family: quirks.DumbSpy})
	require.ErrorContains(t, err, "has no NatNeg")
	_, err = natnegtest.New(natnegtest.Config{Conns: make([]net.PacketConn, 2)})
	require.Error(t, err)
	_, err = natnegtest.New(natnegtest.Config{Listen: []string{"", "nonsense"}})
	require.Error(t, err)
	server, err := natnegtest.New(natnegtest.Config{})
	require.NoError(t, err)
	require.Len(t, server.Addrs(), 3)
	require.False(t, server.Addr(9).IsValid())
	require.NoError(t, server.Close())
	require.NoError(t, server.Close())
}

// blocking is a log handler that holds up whoever logs, once it is told to.
type blocking struct {
	slog.Handler
	message string
	reached chan struct{}
	proceed chan struct{}
}

func (h blocking) Enabled(context.Context, slog.Level) bool { return true }

func (h blocking) Handle(_ context.Context, record slog.Record) error {
	if record.Message == h.message {
		h.reached <- struct{}{}
		<-h.proceed
	}
	return nil
}

// Close waits for what a timer is doing, too: nothing is logged afterwards, when the test that it was logged to may be over.
func TestCloseWaitsForTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := blocking{slog.DiscardHandler, "natnegtest: sent", make(chan struct{}, 100), make(chan struct{})}
		l, stop := newLab(t, simnet.Options{}, natnegtest.Config{DeadbeatAfter: time.Second, Logger: slog.New(log)})
		defer stop()
		conn := l.guest.Listen(5000)
		defer conn.Close()
		init := natnegwire.Init{Header: natnegwire.Header{Version: 3, Cookie: cookie}, Game: "gmtest"}
		_, err := conn.WriteTo(init.Append(nil), net.UDPAddrFromAddrPort(l.server.Addr(natnegtest.Server1)))
		require.NoError(t, err)
		<-log.reached
		log.proceed <- struct{}{} // the INIT_ACK
		<-log.reached             // the CONNECT of the timer
		closed := make(chan struct{})
		go func() {
			_ = l.server.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close did not wait")
		default:
		}
		close(log.proceed)
		<-closed
	})
}
