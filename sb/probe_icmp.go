package sb

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// ErrNoICMP says that the system does not let this program send ICMP echo requests.
var ErrNoICMP = errors.New("ICMP echo is not available to programs without privileges here")

// listenICMP opens a socket for echo requests that needs no privileges.
func listenICMP(network string) (net.PacketConn, error) {
	address := "0.0.0.0"
	if network == "udp6" {
		address = "::"
	}
	switch runtime.GOOS {
	case "linux", "darwin", "ios", "android":
	default:
		return nil, fmt.Errorf("%w: %s has no sockets for it", ErrNoICMP, runtime.GOOS)
	}
	conn, err := icmp.ListenPacket(network, address)
	if err != nil {
		hint := ""
		if runtime.GOOS == "linux" {
			hint = " (see the sysctl net.ipv4.ping_group_range)"
		}
		return nil, fmt.Errorf("%w%s: %w", ErrNoICMP, hint, err)
	}
	return conn, nil
}

// Numbers of the two protocols in IP, for icmp.ParseMessage.
const (
	protocolICMP   = 1
	protocolICMPv6 = 58
)

// echoMagic is in front of the key in the data of an echo request: the socket may see answers to other programs' requests.
const echoMagic = "RLsb"

// appendEcho makes an echo request. The identifier is the system's to choose; what counts is the key.
func appendEcho(b []byte, to netip.Addr, key qr2wire.Key) []byte {
	message := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 1, Seq: int(key[2])<<8 | int(key[3]), Data: append([]byte(echoMagic), key[:]...)}}
	if to.Is6() {
		message.Type = ipv6.ICMPTypeEchoRequest
	}
	request, err := message.Marshal(nil)
	if err != nil { // it has the right types
		return b
	}
	return append(b, request...)
}

// handleEcho takes what an ICMP socket has received.
func (p *prober) handleEcho(b []byte, from netip.AddrPort, at time.Time) []Server {
	number := protocolICMP
	if from.Addr().Is6() {
		number = protocolICMPv6
	}
	message, err := icmp.ParseMessage(number, b)
	if err == nil && (message.Type == ipv4.ICMPTypeEchoReply || message.Type == ipv6.ICMPTypeEchoReply) {
		if echo, ok := message.Body.(*icmp.Echo); ok && len(echo.Data) == len(echoMagic)+len(qr2wire.Key{}) && string(echo.Data[:len(echoMagic)]) == echoMagic {
			id, n := splitKey(qr2wire.Key(echo.Data[len(echoMagic):]))
			if q := p.pinged[id]; q != nil && n < len(q.sends) && q.addr.Addr() == from.Addr() {
				p.heard(q, n, at)
				return p.answer(q, at.Sub(q.sends[n].at), qr2wire.Data{})
			}
		}
	}
	p.stats.ignored.Add(1)
	return nil
}
