package steamdiscovery

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// sink is a socket that swallows what is sent.
type sink struct{ net.PacketConn }

func (sink) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (sink) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
func (sink) LocalAddr() net.Addr                                        { return &net.UDPAddr{IP: net.IPv4zero, Port: DefaultPort} }
func (sink) Close() error                                               { return nil }
func (sink) SetWriteDeadline(time.Time) error                           { return nil }

func listenSink(context.Context, string, string) (net.PacketConn, error) { return sink{}, nil }

// BenchmarkAnnouncerAnswer is a question handled and answered, each from another address.
func BenchmarkAnnouncerAnswer(b *testing.B) {
	a, err := NewAnnouncer(b.Context(), AnnounceConfig{ListenPacket: listenSink, Status: Status{Hostname: "one"}})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	packet, err := steamdiscoverywire.New(7, 8, steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY,
		&steampb.CMsgRemoteClientBroadcastDiscovery{SeqNum: proto.Uint32(1)}).Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	var ip [4]byte
	n := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.BigEndian.PutUint32(ip[:], n)
		a.handle(packet, netip.AddrPortFrom(netip.AddrFrom4(ip), 5000), now.Add(time.Duration(n)*100*time.Microsecond))
	}
	b.ReportMetric(float64(a.State().Counters.Answers)/b.Elapsed().Seconds(), "answers/s")
}

// BenchmarkAnnouncerFlood is a question refused: its address has asked too often.
func BenchmarkAnnouncerFlood(b *testing.B) {
	a, err := NewAnnouncer(b.Context(), AnnounceConfig{ListenPacket: listenSink})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	packet, err := steamdiscoverywire.New(7, 8, steampb.ERemoteClientBroadcastMsg_MSG_DISCOVERY,
		&steampb.CMsgRemoteClientBroadcastDiscovery{SeqNum: proto.Uint32(1)}).Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	now, from := time.Now(), netip.MustParseAddrPort("192.0.2.1:5000")
	b.ReportAllocs()
	for b.Loop() {
		a.handle(packet, from, now)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
}

// BenchmarkDiscovererSameStatus is a known host that says the same again; NewStatus is one that says something else.
func BenchmarkDiscovererSameStatus(b *testing.B) { benchmarkStatus(b, 1) }
func BenchmarkDiscovererNewStatus(b *testing.B)  { benchmarkStatus(b, 2) }

func benchmarkStatus(b *testing.B, names int) {
	d, err := NewDiscoverer(b.Context(), DiscoverConfig{ListenPacket: listenSink, Targets: []string{"127.0.0.1"}})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	var packets [][]byte
	for i := range names {
		status, err := Status{Hostname: string(rune('a' + i)), Users: []User{{SteamID: 1}}, PublicIP: netip.MustParseAddr("192.0.2.1")}.announced(1)
		if err != nil {
			b.Fatal(err)
		}
		packet, err := status.packet(7, 8, time.Unix(1700000000, 0))
		if err != nil {
			b.Fatal(err)
		}
		packets = append(packets, packet)
	}
	now, from, n := time.Now(), netip.MustParseAddrPort("192.0.2.1:5000"), 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		d.handle(packets[n%names], from, now)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
}
