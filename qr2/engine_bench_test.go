package qr2

import (
	"net/netip"
	"testing"
)

// engineHost is a host whose answers go nowhere.
func engineHost(t testing.TB) (host *Host, sent *int) {
	sent = new(int)
	host, err := NewEngineHost(netip.MustParseAddrPort("192.0.2.2:6500"), func([]byte, netip.AddrPort) error {
		*sent++
		return nil
	}, Config{Game: "gmtest", NotPublic: true, AnswerRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	if err := host.Update(figures()); err != nil {
		t.Fatal(err)
	}
	return host, sent
}

func TestHandlePacketDoesNotAllocate(t *testing.T) {
	host, sent := engineHost(t)
	packets := queries(t)
	packets["the game's"] = []byte("the game's own packet")
	packets["QR1"] = []byte(`\status\\echo\hello`)
	for name, packet := range packets {
		if allocs := testing.AllocsPerRun(200, func() { host.HandlePacket(packet, clientAddr) }); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
	if *sent == 0 {
		t.Error("nothing was sent")
	}
}

// What an engine pays for each of its packets, and for each query.
func BenchmarkHandlePacket(b *testing.B) {
	packets := queries(b)
	packets["the game's"] = make([]byte, 200)
	packets["QR1"] = []byte(`\status\`)
	for name, packet := range packets {
		b.Run(name, func(b *testing.B) {
			host, _ := engineHost(b)
			b.ReportAllocs()
			for b.Loop() {
				host.HandlePacket(packet, clientAddr)
			}
		})
	}
}
