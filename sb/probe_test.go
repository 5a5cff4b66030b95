package sb

import (
	"net/netip"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr1wire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// FuzzProber gives a prober datagrams of a hostile server: pieces of the input, with the right key in front if their first
// bit says so. Whatever it does, it is done with the server when time is up, and has not kept more than a few packets.
func FuzzProber(f *testing.F) {
	f.Add([]byte("\x01\x20\x00splitnum\x00\x80\x00hostname\x00x\x00\x00"), uint8(QR2))
	f.Add([]byte("\x01\x08\x09-12345\x00"), uint8(QR2))
	f.Add([]byte(`\hostname\x\queryid\1.1\final\`), uint8(QR1))
	f.Add([]byte("\x00\x10\x00\x00RLsb1234"), uint8(ICMP))
	f.Fuzz(func(t *testing.T, input []byte, protocol uint8) {
		browser, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := browser.newProber(DirectQuery{Protocol: QR2 + Protocol(protocol%3)})
		if err != nil {
			t.Fatal(err)
		}
		addr := netip.MustParseAddrPort("192.0.2.1:6500")
		p.add(Server{Addr: addr}, addr)
		p.add(Server{Addr: addr}, addr) // listed twice
		done := 0
		now := time.Unix(1000, 0)
		for range 100 {
			for {
				if _, to, ok := p.next(now); !ok {
					break
				} else if to != addr {
					t.Fatal(to)
				}
			}
			if len(input) > 2 {
				size := min(int(input[1]), len(input)-2)
				datagram := input[2 : 2+size]
				if q := p.probes[addr]; q != nil && input[0]&1 != 0 && size > 0 && len(q.sends) > 0 {
					key := q.key(len(q.sends) - 1)
					datagram = append(append([]byte{datagram[0]}, key[:]...), datagram[1:]...)
				}
				input = input[2+size:]
				servers, _ := p.handle(datagram, addr, now)
				done += len(servers)
			}
			now = now.Add(200 * time.Millisecond)
			done += len(p.expire(now))
		}
		if done != 2 || p.size() != 0 || len(p.timed) != 0 || len(p.pinged) != 0 {
			t.Fatalf("%d answers; %d probes, %d deadlines left", done, len(p.probes), len(p.timed))
		}
	})
}

// TestPartsOfAnOldAnswer is about memory: a server that sends new questions for ever costs one answer's worth.
func TestPartsOfAnOldAnswer(t *testing.T) {
	var answer oldAnswer
	for i := range uint32(10_000) {
		_, _ = answer.parts.Add(qr1wire.AppendEnd([]byte(`\hostname\x`), i+1, 2+int(i)%30, false))
	}
	if got := len(answer.parts.Data().Server); got > 1 {
		t.Error(got)
	}
	var parts qr2wire.Assembler
	if complete, err := parts.Add([]byte("splitnum\x00\x07x")); complete || err != nil {
		t.Error(complete, err)
	}
}
