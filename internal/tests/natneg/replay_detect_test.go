package natneg_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/internal/tests/transcript"
	"github.com/relight-sdk/relight/natneg"
)

// recorded is a server that gives the recorded answer to each recorded request, from where it came then.
type recorded struct {
	net.PacketConn
	answers map[string][]transcript.Event // by server, type, cookie and port type of the request
	in      chan replayPacket
	once    *sync.Once
	closed  chan struct{}
}

func (r recorded) WriteTo(b []byte, to net.Addr) (int, error) {
	for _, answer := range r.answers[to.String()+string(b[7:13])] {
		select {
		case r.in <- replayPacket{mustAddr(answer.Remote), answer.Payload}:
		default:
		}
	}
	return len(b), nil
}

func (r recorded) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-r.in:
		return copy(b, p.b), net.UDPAddrFromAddrPort(p.peer), nil
	case <-r.closed:
		return 0, nil, net.ErrClosed
	}
}

func (r recorded) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(mustAddr("127.0.0.61:50561"))
}

// SetReadDeadline interrupts a read, as its only user wants; nobody reads again.
func (r recorded) SetReadDeadline(time.Time) error { return r.Close() }

func (r recorded) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}

// OpenSpy's tests come from the right places and say nothing of which they are (version 0, port type 0): what it really
// answered to each question is no NAT.
func TestReplayOpenSpyDetection(t *testing.T) {
	file := transcript.Load(t, "testdata/openspy-detection.json")
	answers := make(map[string][]transcript.Event)
	for _, label := range file.Labels() {
		var asked string
		for _, event := range file.Conn(label) {
			if event.Dir == transcript.ClientToServer {
				asked = event.Remote + string(event.Payload[7:13])
			} else {
				answers[asked] = append(answers[asked], event)
			}
		}
	}
	require.NotEmpty(t, answers)
	synctest.Test(t, func(t *testing.T) {
		report, err := natneg.Detect(t.Context(), natneg.Config{
			Game: "gmtest", Servers: []string{"127.0.0.41", "127.0.0.42", "127.0.0.43"}, LocalIP: netip.MustParseAddr("127.0.0.61"),
			ListenPacket: func(context.Context, string, string) (net.PacketConn, error) {
				return recorded{answers: answers, in: make(chan replayPacket, 50), once: new(sync.Once), closed: make(chan struct{})}, nil
			},
		})
		require.NoError(t, err)
		require.Equal(t, natneg.NATNone, report.NAT, "%s", report)
		require.Equal(t, mustAddr("127.0.0.61:50561"), report.Public)
		require.False(t, report.NoProbes)
	})
}
