package sb_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// memory is the connection of a benchmark: the whole reply is there at once, so that only the client is measured.
type memory struct {
	net.Conn
	reply []byte
}

func (m *memory) Write(b []byte) (int, error) { return len(b), nil }

func (m *memory) Read(b []byte) (int, error) {
	n := copy(b, m.reply)
	m.reply = m.reply[n:]
	return n, nil
}

// recorder keeps what a master sends.
type recorder struct {
	net.Conn
	reply []byte
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.reply = append(r.reply, b[:n]...)
	return n, err
}

// benchmarkList measures 10,000 servers from the socket to the loop: decrypting, decoding, making Server values.
func benchmarkList(b *testing.B, fields []string) {
	master, err := sbtest.New(sbtest.Config{Games: map[string]string{"gmtest": "HA6zkS"}, Family: quirks.Original})
	if err != nil {
		b.Fatal(err)
	}
	defer master.Close()
	maps := []string{"dm_bay", "dm_town", "ctf_two", "ctf_face", "as_castle", "br_sky"}
	modes := []string{"dm", "ctf", "tdm", "koth"}
	for i := range 10_000 {
		server := sbtest.GameServer{Game: "gmtest", Reachable: fields == nil, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{5, 6, byte(i >> 8), byte(i)}), 6500+uint16(i%2)),
			Fields: []sbtest.Field{{Key: "hostname", Value: fmt.Sprintf("the server number %05d", i)}, {Key: "numplayers", Value: fmt.Sprint(i % 16)}, {Key: "maxplayers", Value: "16"},
				{Key: "mapname", Value: maps[i%6]}, {Key: "gametype", Value: modes[i%4]}, {Key: "hostport", Value: "7777"}}}
		if i%4 == 0 {
			server.Private = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 0, byte(i)}), 7000)
		}
		master.Registry().Put(server)
	}
	challenge := [8]byte([]byte("abcdefgh"))
	config := sb.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr(), Challenge: func() [8]byte { return challenge }}
	var recorded *recorder
	config.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		recorded = &recorder{Conn: conn}
		return recorded, err
	}
	query := sb.Query{Fields: fields, Plain: fields == nil}
	list := func(config sb.Config) int {
		browser, err := sb.New(config)
		if err != nil {
			b.Fatal(err)
		}
		count := 0
		for _, err := range browser.List(b.Context(), query) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
		return count
	}
	if count := list(config); count != 10_000 {
		b.Fatal(count)
	}
	left, right := net.Pipe() // for the deadlines and addresses
	defer left.Close()
	defer right.Close()
	config.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return &memory{Conn: unclosed{left}, reply: recorded.reply}, nil
	}
	b.SetBytes(int64(len(recorded.reply)))
	b.ReportAllocs()
	for b.Loop() {
		list(config)
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "servers/s")
}

type unclosed struct{ net.Conn }

func (unclosed) Close() error { return nil }

func BenchmarkList6Keys(b *testing.B) {
	benchmarkList(b, []string{"hostname", "numplayers", "maxplayers", "mapname", "gametype", "hostport"})
}

func BenchmarkListNoKeys(b *testing.B) { benchmarkList(b, nil) }
