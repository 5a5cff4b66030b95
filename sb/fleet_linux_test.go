package sb_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
	"github.com/relight-sdk/relight/sb"
)

// fleet are game servers at many addresses of 127.0.0.0/8 behind a few sockets. Each answers queries as a full server
// does: with a challenge, and 668 bytes in split form.
type fleet struct {
	conns []*net.UDPConn
	work  sync.WaitGroup
	reply []byte
}

const fleetChallenge = 20061128

func newFleet(b *testing.B, sockets int) *fleet {
	data := &qr2wire.Data{Players: qr2wire.Table{Keys: []string{"player_", "score_", "ping_", "team_"}},
		Teams: qr2wire.Table{Keys: []string{"team_t", "score_t"}, Rows: [][]string{{"Red", "12"}, {"Blue", "7"}}}}
	data.Server = []qr2wire.Field{{Key: "hostname", Value: "value2"}} // without one, qstat takes a server for dead
	for i := range 19 {
		data.Server = append(data.Server, qr2wire.Field{Key: fmt.Sprintf("setting%02d", i), Value: "value"})
	}
	for i := range 16 {
		data.Players.Rows = append(data.Players.Rows, []string{fmt.Sprintf("player %02d", i), "12", "45", "1"})
	}
	parts, err := qr2wire.Split(data, 0, qr2wire.CutValues)
	if err != nil || len(parts) != 1 {
		b.Fatal(len(parts), err)
	}
	f := &fleet{reply: parts[0]}
	b.Cleanup(f.close)
	for range sockets {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
		if err != nil {
			b.Fatal(err)
		}
		f.conns = append(f.conns, conn)
		_ = conn.SetReadBuffer(4 << 20)
		raw, err := conn.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1) })
		}
		if err != nil {
			b.Skip("sockets do not tell the address that was written to: ", err)
		}
		f.work.Go(func() { f.serve(conn) })
	}
	return f
}

func (f *fleet) close() {
	for _, conn := range f.conns {
		conn.Close()
	}
	f.work.Wait()
}

// server is the address of a server of the fleet. dead reports whether it never answers: one in twenty.
func (f *fleet) server(i int) sb.Server {
	port := f.conns[i%len(f.conns)].LocalAddr().(*net.UDPAddr).Port
	ip := netip.AddrFrom4([4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)})
	return sb.Server{Addr: netip.AddrPortFrom(ip, uint16(port)), Flags: sb.FlagDirect}
}

func dead(ip []byte) bool { return binary.BigEndian.Uint32(ip)%20 == 0 }

func (f *fleet) servers(n int) iter.Seq[sb.Server] {
	return func(yield func(sb.Server) bool) {
		for i := range n {
			if !yield(f.server(i)) {
				return
			}
		}
	}
}

func (f *fleet) serve(conn *net.UDPConn) {
	buf, oob, out := make([]byte, 512), make([]byte, 128), make([]byte, 0, 2048)
	challenge := binary.BigEndian.AppendUint32(nil, fleetChallenge)
	for {
		n, oobn, _, from, err := conn.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			return
		}
		// struct in_pktinfo behind the header of the only control message: interface, local address, address of the packet.
		info := oob[syscall.CmsgLen(0):oobn]
		to := info[8:12]
		kind, key, body, err := qr2wire.ParseToServer(buf[:n])
		if err != nil || dead(to) {
			continue
		}
		switch {
		case kind == qr2wire.TypePrequery:
			out = qr2wire.AppendPrequeryReply(out[:0], key, fleetChallenge)
		case kind == qr2wire.TypeQuery && bytes.HasPrefix(body, challenge):
			out = append(qr2wire.AppendFromServer(out[:0], qr2wire.TypeQuery, key), f.reply...)
		default:
			continue
		}
		clear(info[:4]) // any interface
		copy(info[4:8], to)
		_, _, _ = conn.WriteMsgUDPAddrPort(out, oob[:oobn], from)
	}
}

// benchmarkQueryAll asks servers for everything; one in twenty is dead.
func benchmarkQueryAll(b *testing.B, servers int) {
	f := newFleet(b, 2)
	browser, err := sb.New(sb.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var before, after runtime.MemStats
	peak := uint64(0)
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		answered, given := 0, 0
		for server, err := range browser.QueryAll(b.Context(), f.servers(servers), sb.DirectQuery{}) {
			if err != nil {
				b.Fatal(err)
			}
			if given++; given%(servers/10) == 0 {
				runtime.ReadMemStats(&after)
				peak = max(peak, after.HeapInuse-before.HeapInuse)
			}
			if server.QueryErr == nil && server.Ping > 0 && len(server.Players) == 16 {
				answered++
			}
		}
		if want := servers - servers/20; given != servers || answered < want*999/1000 {
			b.Fatalf("%d of %d answered, %d were given", answered, want, given)
		}
	}
	stats := browser.QueryStats()
	b.ReportMetric(float64(servers)*float64(b.N)/b.Elapsed().Seconds(), "servers/s")
	b.ReportMetric(float64(stats.Sent)/float64(servers*b.N), "datagrams/server")
	b.ReportMetric(float64(stats.Dropped)/float64(b.N), "dropped")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*float64(time.Second/time.Millisecond), "ms/run")
}

func BenchmarkQueryAll1k(b *testing.B)   { benchmarkQueryAll(b, 1_000) }
func BenchmarkQueryAll10k(b *testing.B)  { benchmarkQueryAll(b, 10_000) }
func BenchmarkQueryAll100k(b *testing.B) { benchmarkQueryAll(b, 100_000) }
