package steamdiscovery

import (
	"net/netip"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// FuzzHandle: whatever arrives, nothing panics, the table stays within its limit, and names can be shown.
func FuzzHandle(f *testing.F) {
	for _, status := range []Status{{}, {Hostname: "one", EnabledServices: 2, Users: []User{{SteamID: 1}}}} {
		status, err := status.announced(1)
		if err != nil {
			f.Fatal(err)
		}
		packet, err := status.packet(5, 6, time.Unix(1700000000, 0))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet, packet)
	}
	f.Add([]byte("\xff\xff\xff\xff\x21\x4c\x5f\xa0\x04\x00\x00\x00\x08\x05\x10\x02"), []byte("\xff\xff\xff\xff\x21\x4c\x5f\xa0\x04\x00\x00\x00\x08\x05\x10\x01\x03\x00\x00\x00\x22\x01\xff"))
	from := netip.MustParseAddrPort("192.0.2.1:27036")
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d, err := NewDiscoverer(t.Context(), DiscoverConfig{ListenPacket: listenSink, Targets: []string{"127.0.0.1"}, MaxHosts: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		a, err := NewAnnouncer(t.Context(), AnnounceConfig{ListenPacket: listenSink})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		now := time.Unix(1700000000, 0)
		for _, packet := range [][]byte{first, second, first} {
			d.handle(packet, from, now)
			a.handle(packet, from, now)
			hosts := d.Hosts()
			if len(hosts) > 1 {
				t.Fatalf("%d hosts", len(hosts))
			}
			for _, host := range hosts {
				name := host.Name()
				if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 64 {
					t.Fatalf("name %q", name)
				}
				for _, r := range name {
					if unicode.IsControl(r) {
						t.Fatalf("name %q", name)
					}
				}
			}
		}
	})
}
