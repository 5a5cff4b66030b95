package portmap

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// quiet is how long no further announcement counts after one: anybody on the network can forge them.
const quiet = 5 * time.Second

// watchRouter hears a router announce that it has started, and reports it on kick until ctx ends. A router that cannot be
// heard, or a machine that may not listen, costs nothing but the time until the next check.
func watchRouter(ctx context.Context, config *Config, h held, kick chan<- struct{}) {
	group, isNews := netip.AddrPortFrom(netip.AddrFrom4([4]byte{224, 0, 0, 1}), pcpwire.AnnouncePort), isAnnouncement
	if h.client.protocol() == UPnP {
		group, isNews = multicastSearch(), isAlive
	}
	conn, err := net.ListenMulticastUDP("udp4", interfaceOf(h.grant.internal.Addr()), net.UDPAddrFromAddrPort(group))
	if err != nil {
		config.Logger.DebugContext(ctx, "announcements cannot be heard", "group", group, "error", err)
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, maxAnswer)
	var last time.Time
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if !passing(ctx) {
				return
			}
			continue
		}
		if from.Addr().Unmap() != h.client.router() || !isNews(buf[:n]) || time.Since(last) < quiet {
			continue
		}
		last = time.Now()
		config.Logger.DebugContext(ctx, "the router announces that it has started", "router", from)
		select {
		case kick <- struct{}{}:
		default:
		}
	}
}

// isAnnouncement knows PCP's ANNOUNCE (RFC 6887 §14.1) and NAT-PMP's announcement of its address (RFC 6886 §3.2.1), which is
// an answer to opcode 0.
func isAnnouncement(b []byte) bool {
	if len(b) == 12 && b[0] == 0 && b[1] == 0x80 {
		return true
	}
	answer, err := pcpwire.ParseResponse(b)
	return err == nil && answer.Opcode == pcpwire.Announce
}

// isAlive knows UPnP's NOTIFY for a device that is there (again); the byebye before it is of no use.
func isAlive(b []byte) bool {
	return bytes.HasPrefix(b, []byte("NOTIFY ")) && bytes.Contains(b, []byte("ssdp:alive")) && bytes.Contains(b, []byte("InternetGatewayDevice"))
}

// interfaceOf is the interface with an address; nil, which is the system's choice, if there is none.
func interfaceOf(addr netip.Addr) *net.Interface {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, own := range addrs {
			if prefix, err := netip.ParsePrefix(own.String()); err == nil && prefix.Addr().Unmap() == addr {
				return &i
			}
		}
	}
	return nil
}
