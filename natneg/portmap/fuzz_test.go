package portmap

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

const searchAnswer = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nUSN: uuid:1\r\nEXT:\r\nLOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"

func TestSearchAnswers(t *testing.T) {
	router, other := netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.7")
	for _, test := range []struct {
		name string
		text string
		from netip.Addr
		want bool
	}{
		{"good", searchAnswer, router, true},
		{"from another machine", searchAnswer, other, false},
		{"from the internet", strings.ReplaceAll(searchAnswer, "192.168.1.1", "20.0.0.1"), netip.MustParseAddr("20.0.0.1"), false},
		{"a name", strings.ReplaceAll(searchAnswer, "192.168.1.1:", "fritz.box:"), router, false},
		{"with a password", strings.ReplaceAll(searchAnswer, "192.168.1.1:", "a:b@192.168.1.1:"), router, false},
		{"not HTTP", strings.ReplaceAll(searchAnswer, "http:", "file:"), router, false},
		{"an error", strings.ReplaceAll(searchAnswer, "200 OK", "500 No"), router, false},
		{"no location", strings.ReplaceAll(searchAnswer, "LOCATION", "X"), router, false},
		{"a search", string(searchMessage(multicastSearch(), searchTargets[0])), router, false},
	} {
		if _, ok := newLocations(&Config{}, router).accept([]byte(test.text), test.from); ok != test.want {
			t.Errorf("%s: %v", test.name, ok)
		}
	}
	seen := newLocations(&Config{}, router)
	offer := func(from netip.Addr, name string) bool {
		text := strings.NewReplacer("192.168.1.1", from.String(), "rootDesc", name).Replace(searchAnswer)
		_, ok := seen.accept([]byte(text), from)
		return ok
	}
	// Each description once, three of a machine, eight in all.
	for i, want := range []bool{true, false, true, false, true, false, false, false} {
		if got := offer(other, strings.Repeat("x", i/2+1)); got != want {
			t.Errorf("answer %d: %v", i, got)
		}
	}
	for i := range 3 * maxLocations {
		if got := offer(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), "x"); got != (i < maxLocations-maxPerMachine) {
			t.Errorf("machine %d: %v", i, got)
		}
	}
	for n := range len(searchAnswer) {
		if place, ok := newLocations(&Config{}, router).accept([]byte(searchAnswer[:n]), router); ok {
			t.Errorf("%d bytes give %v", n, place.url)
		}
	}
}

func FuzzSearchAnswer(f *testing.F) {
	router := netip.MustParseAddr("192.168.1.1")
	f.Add([]byte(searchAnswer))
	f.Fuzz(func(t *testing.T, b []byte) {
		place, ok := newLocations(&Config{}, router).accept(b, router)
		if !ok {
			return
		}
		again, err := url.Parse(place.url.String())
		if err != nil || !isOn(again, router) {
			t.Fatalf("%v is accepted", place.url)
		}
	})
}

func FuzzAnnouncement(f *testing.F) {
	f.Add([]byte{0, 0x80, 0, 0, 0, 0, 0, 5, 20, 20, 20, 11})
	f.Add([]byte("NOTIFY * HTTP/1.1\r\nNT: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\nNTS: ssdp:alive\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if isAnnouncement(b) && isAlive(b) {
			t.Fatalf("%q is both", b)
		}
	})
}
