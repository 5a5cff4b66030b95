package steamdiscovery_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

// outcomes are the steps of a diagnosis in short.
func outcomes(report *steamdiscovery.Diagnosis) []string {
	var steps []string
	for _, step := range report.Steps {
		steps = append(steps, step.Name+": "+step.Outcome.String())
	}
	return steps
}

// diagnosing asks on a network in memory, by broadcast.
func diagnosing(host *steamdiscoverytest.Host) steamdiscovery.DiscoverConfig {
	return steamdiscovery.DiscoverConfig{Targets: []string{"255.255.255.255"}, ListenPacket: host.ListenPacket}
}

func TestDiagnoseFindsAHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		defer newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{Hostname: "living-room"}).Close()
		report, err := steamdiscovery.Diagnose(t.Context(), diagnosing(lan.Host("192.0.2.2")))
		require.NoError(t, err)
		require.Equal(t, []string{
			"find networks to ask on: skipped", "resolve the targets: ok", "open sockets: ok", "hear our own broadcasts: ok", "ask who is there: ok",
		}, outcomes(report))
		require.True(t, report.OK())
		require.Contains(t, report.String(), "living-room at 192.0.2.1:27036")
	})
}

func TestDiagnoseNobody(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, lan *steamdiscoverytest.LAN)
		found   string
		advice  string
		echo    string
	}{
		"an empty network": {
			prepare: func(*testing.T, *steamdiscoverytest.LAN) {},
			found:   "3 questions sent to 255.255.255.255:27036", advice: "start Steam on the other machine", echo: "ok",
		},
		"a firewall on this machine": {
			prepare: func(_ *testing.T, lan *steamdiscoverytest.LAN) {
				lan.Drop(func(_, to netip.AddrPort, _ []byte) bool { return to.Port() == 27036 })
			},
			found: "3 questions", advice: "allow this program to receive UDP", echo: "warning",
		},
		"somebody who only asks": {
			prepare: func(t *testing.T, lan *steamdiscoverytest.LAN) {
				packet := question(t, 8, 1)
				time.AfterFunc(time.Second, func() { lan.Send(packet, asker, everybody) })
			},
			found: "1 packets heard, none of them the status", advice: "asks as we do", echo: "ok",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lan := steamdiscoverytest.NewLAN()
				c.prepare(t, lan)
				report, err := steamdiscovery.Diagnose(t.Context(), diagnosing(lan.Host("192.0.2.2")))
				require.NoError(t, err)
				require.ErrorIs(t, report.Err(), steamdiscovery.ErrNobody)
				last := report.Steps[len(report.Steps)-1]
				require.Contains(t, last.Found, c.found)
				require.Contains(t, last.Advice, c.advice)
				require.Equal(t, c.echo, report.Steps[len(report.Steps)-2].Outcome.String())
			})
		})
	}
}

// Another program has the port: the search goes on without it.
func TestDiagnosePortTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := steamdiscoverytest.NewLAN()
		defer newPeer(t, lan, "192.0.2.1", steamdiscoverytest.Config{Hostname: "one"}).Close()
		config := diagnosing(lan.Host("192.0.2.2"))
		listen := config.ListenPacket
		config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			if strings.HasSuffix(address, ":27036") {
				return nil, &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}
			}
			return listen(ctx, network, address)
		}
		report, err := steamdiscovery.Diagnose(t.Context(), config)
		require.NoError(t, err)
		require.True(t, report.OK(), report)
		require.Equal(t, []string{
			"find networks to ask on: skipped", "resolve the targets: ok", "open sockets: warning", "hear our own broadcasts: skipped", "ask who is there: ok",
		}, outcomes(report))
		require.Contains(t, report.String(), "another program has the port for itself")
	})
}

func TestDiagnoseWithoutNetwork(t *testing.T) {
	t.Run("no such interface", func(t *testing.T) {
		report, err := steamdiscovery.Diagnose(t.Context(), steamdiscovery.DiscoverConfig{Interfaces: []string{"nosuch0"}})
		require.NoError(t, err)
		require.Equal(t, []string{"find networks to ask on: failed", "ask who is there: skipped"}, outcomes(report))
		require.ErrorContains(t, report.Err(), "nosuch0")
	})
	t.Run("no such name", func(t *testing.T) {
		report, err := steamdiscovery.Diagnose(t.Context(), steamdiscovery.DiscoverConfig{Targets: []string{"nobody.example"}, Resolver: new(noNames)})
		require.NoError(t, err)
		require.Equal(t, []string{"find networks to ask on: skipped", "resolve the targets: failed", "ask who is there: skipped"}, outcomes(report))
	})
	t.Run("no socket", func(t *testing.T) {
		config := steamdiscovery.DiscoverConfig{Targets: []string{"192.0.2.1"}}
		config.ListenPacket = func(context.Context, string, string) (net.PacketConn, error) { return nil, errBroken }
		report, err := steamdiscovery.Diagnose(t.Context(), config)
		require.NoError(t, err)
		require.ErrorIs(t, report.Err(), errBroken)
	})
	t.Run("nothing can be sent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			config := diagnosing(steamdiscoverytest.NewLAN().Host("192.0.2.2"))
			listen := config.ListenPacket
			config.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
				conn, err := listen(ctx, network, address)
				return deafConn{conn}, err
			}
			report, err := steamdiscovery.Diagnose(t.Context(), config)
			require.NoError(t, err)
			require.ErrorIs(t, report.Err(), errNetwork)
			require.Contains(t, report.String(), "no question could be sent")
		})
	})
}

func TestDiagnoseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errImpatient := errors.New("the player has left the menu")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errImpatient)
		defer cancel()
		begin := time.Now()
		_, err := steamdiscovery.Diagnose(ctx, diagnosing(steamdiscoverytest.NewLAN().Host("192.0.2.2")))
		require.Equal(t, time.Second, time.Since(begin))
		require.ErrorIs(t, err, errImpatient)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
