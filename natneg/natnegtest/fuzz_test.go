package natnegtest

import (
	"log/slog"
	"net/netip"
	"testing"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// Whatever two clients send, no family falls over, keeps more than it may, or sends what cannot be read.
func FuzzServer(f *testing.F) {
	header := natnegwire.Header{Version: 3, Cookie: [4]byte{1, 2, 3, 4}}
	message := func(t natnegwire.Type, index uint8, port natnegwire.PortType) []byte {
		h := header
		h.Type = t
		if t == natnegwire.TypeInit {
			m := natnegwire.Init{Header: h, Game: "gmtest"}
			m.ClientIndex, m.Port = index, port
			return m.Append(nil)
		}
		m := natnegwire.Exchange{Header: h}
		m.ClientIndex, m.Port = index, port
		return m.Append(nil)
	}
	init0, init1 := message(natnegwire.TypeInit, 0, natnegwire.PortNN1), message(natnegwire.TypeInit, 1, natnegwire.PortNN1)
	f.Add(init0, init1, message(natnegwire.TypeConnectAck, 0, natnegwire.PortNN1))
	f.Add(init0, init0, message(natnegwire.TypeERTAck, 9, 9))
	f.Add(init0, message(natnegwire.TypeNatifyRequest, 0, natnegwire.PortNN3), message(natnegwire.TypeAddressCheck, 0, 0))
	f.Add(natnegwire.Report{Header: natnegwire.Header{Version: 3, Type: natnegwire.TypeReport}}.Append(nil), init1, natnegwire.Preinit{Header: natnegwire.Header{Version: 4, Type: natnegwire.TypePreinit}}.Append(nil))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		internet := NewNetwork(NetworkConfig{})
		clients := [2]netip.AddrPort{netip.MustParseAddrPort("203.0.113.1:7777"), netip.MustParseAddrPort("203.0.113.2:7777")}
		for _, family := range []Family{quirks.Original, quirks.OpenSpy, quirks.WFC, quirks.DWC, quirks.UniSpy} {
			s, err := internet.Servers(Config{Family: family, ConnectDelay: -1, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			for i, packet := range [][]byte{a, b, c, a, b, c} {
				s.handle(i%serverCount, packet, clients[i%2])
			}
			if len(s.sessions) > 3 || len(s.reports) > 6 {
				t.Errorf("%q: %d sessions, %d reports", family, len(s.sessions), len(s.reports))
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
