package steamdiscoverywire

import (
	"bytes"
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
)

// seeds are packets of every kind, and the nasty lengths.
func seeds(f *testing.F) {
	f.Helper()
	for t := Type(0); int(t) < len(kinds)+1; t++ {
		p := New(7, 9, t, NewBody(t))
		if p.Body != nil {
			fillRequired(p.Body)
		}
		b, err := p.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	for _, text := range []string{
		"", "ffffffff214c5fa0", "ffffffff214c5fa0ffffffff", "ffffffff214c5fa000000080", "ffffffff214c5fa00000000000000000",
		"ffffffff214c5fa002000000100200", "ffffffff214c5fa0020000001001060000000a0280008001",
		"ffffffff214c5fa00c0000000888ef99abc5e88c91111001070000004a050901020304",
		"ffffffff214c5fa0120000000888ef99abc5e88c91111001fa0103616263090000000808c23e046b656570",
		"ffffffff214c5fa00c0000000888ef99abc5e88c91111000070000000803120301ac02",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func fillRequired(message proto.Message) {
	m := message.ProtoReflect()
	for number := range m.Descriptor().RequiredNumbers().Len() {
		field := m.Descriptor().Fields().ByNumber(m.Descriptor().RequiredNumbers().Get(number))
		m.Set(field, m.NewField(field))
	}
}

// FuzzParse: no input may panic, and what decodes survives another round.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		envelope, peekErr := Peek(b)
		p, err := Parse(b)
		if (err == nil) != (peekErr == nil) {
			t.Fatalf("Peek says %v, Parse says %v", peekErr, err)
		}
		if err != nil {
			return
		}
		if p.Type() != envelope.Type || p.Header.GetClientId() != envelope.ClientID || p.Header.GetInstanceId() != envelope.InstanceID {
			t.Fatalf("Peek read %+v, Parse %v", envelope, p.Header)
		}
		again, err := p.Append(nil)
		if err != nil {
			t.Skip("a legal packet may grow beyond a datagram when packed numbers are written one by one")
		}
		q, err := Parse(again)
		if err != nil {
			t.Fatalf("encoded anew: %v", err)
		}
		third, err := q.Append(nil)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%x became %x (%v)", again, third, err)
		}
	})
}

// FuzzUnseal: no input may panic, and what opens was sealed with this key.
func FuzzUnseal(f *testing.F) {
	key := [KeySize]byte{1, 2, 3}
	f.Add(AppendSealed(nil, key, [16]byte{4}, nil))
	f.Add(AppendSealed(nil, key, [16]byte{4}, make([]byte, 16)))
	f.Add(make([]byte, 31))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		plain, err := Unseal(key, sealed)
		if err != nil {
			return
		}
		var iv [16]byte
		newCipher(key).Decrypt(iv[:], sealed)
		if again := AppendSealed(nil, key, iv, plain); !bytes.Equal(again, sealed) {
			t.Fatalf("%x became %x", sealed, again)
		}
	})
}

// status is as large as a desktop client's.
func status(b testing.TB) []byte {
	b.Helper()
	body := &steampb.CMsgRemoteClientBroadcastStatus{
		Version: proto.Int32(8), MinVersion: proto.Int32(6), ConnectPort: proto.Uint32(27036),
		Hostname: new("living-room"), EnabledServices: proto.Uint32(2), Ostype: proto.Int32(-184), Is64Bit: new(true),
		Users:     []*steampb.CMsgRemoteClientBroadcastStatus_User{{Steamid: proto.Uint64(76561197960265729), AuthKeyId: proto.Uint32(1)}},
		Euniverse: proto.Int32(1), Timestamp: proto.Uint32(1700000000), GamesRunning: new(false),
		MacAddresses: []string{"02:00:5E:00:53:01"}, IpAddresses: []string{"192.0.2.1", "2001:db8::1"},
		SupportedServices: proto.Uint32(2), SteamVersion: proto.Uint64(1705108172),
	}
	packet, err := New(1<<62, 1<<57, steampb.ERemoteClientBroadcastMsg_MSG_STATUS, body).Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	return packet
}

func BenchmarkPeekDiscovery(b *testing.B) {
	packet, err := New(1<<62, 1<<57, 0, &steampb.CMsgRemoteClientBroadcastDiscovery{SeqNum: proto.Uint32(1)}).Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkPeek(b, packet)
}

func BenchmarkPeekStatus(b *testing.B) { benchmarkPeek(b, status(b)) }

func benchmarkPeek(b *testing.B, packet []byte) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Peek(packet); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
}

func BenchmarkParseStatus(b *testing.B) {
	packet := status(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(packet); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
}

func BenchmarkAppendStatus(b *testing.B) {
	p, err := Parse(status(b))
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if out, err = p.Append(out[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPeekDoesNotAllocate(t *testing.T) {
	packet := status(t)
	if n := testing.AllocsPerRun(100, func() { _, _ = Peek(packet) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
