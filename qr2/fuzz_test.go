package qr2

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// Every datagram against a live host: it does not panic, answers go to who asked, and are bounded.
func FuzzHandlePacket(f *testing.F) {
	for _, query := range queries(f) {
		f.Add(query, query, true)
	}
	for _, seed := range []string{"", "\x00", `\status\`, `\basic\\info\\echo\x\secure\y`, "\xfe\xfd", "\xfe\xfd\x01\x00\x00\x00\x00", "\xfd\xfc\x1e\x66\x6a\xb2"} {
		f.Add([]byte(seed), bytes.Repeat([]byte(seed), 100), false)
	}
	f.Add(bytes.Repeat([]byte{0xFF}, 65507), append([]byte("\xfe\xfd\x00\x01\x02\x03\x04"), bytes.Repeat([]byte{0xFE}, 65500)...), false)
	s := figures()
	for range 100 {
		s.Players = append(s.Players, s.Players[:1]...)
	}
	f.Fuzz(func(t *testing.T, first, second []byte, challenge bool) {
		packets, size := 0, 0
		host, err := NewEngineHost(netip.MustParseAddrPort("192.0.2.2:6500"), func(b []byte, to netip.AddrPort) error {
			if to != clientAddr {
				t.Fatalf("sent to %s", to)
			}
			packets++
			size = max(size, len(b))
			return nil
		}, Config{Game: "gmtest", Secret: "HA6zkS", Addr: "192.0.2.9:27900", AnswerRate: -1, RequireChallenge: challenge, Logger: nil})
		if err != nil {
			t.Fatal(err)
		}
		defer host.Close()
		if err := host.Update(s); err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{first, second} {
			given := bytes.Clone(b)
			packets = 0
			host.HandlePacket(b, clientAddr)
			if packets > qr2wire.MaxSplit || size > qr2wire.MaxSize {
				t.Fatalf("%d packets, one of %d bytes", packets, size)
			}
			if !bytes.Equal(b, given) {
				t.Fatal("the datagram was written to")
			}
		}
		if packets > 1 && challenge {
			t.Fatal("a long answer to nobody knows whom")
		}
	})
}
