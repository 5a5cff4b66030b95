package sb_test

import (
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"testing"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/sb"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// twelve are the fields that a browser shows of a server.
var twelve = []string{"hostname", "gamename", "gamever", "hostport", "mapname", "gametype", "gamemode", "numplayers", "maxplayers", "password", "fraglimit", "timelimit"}

// listed lists servers with the twelve fields, through a master and back.
func listed(b *testing.B, count int) iter.Seq2[sb.Server, error] {
	b.Helper()
	registry := new(sbtest.Registry)
	for i := range count {
		var fields []sbtest.Field
		for _, name := range twelve {
			value := fmt.Sprint(i % 10)
			switch name {
			case "hostname":
				value = fmt.Sprintf("[clan] the server number %05d", i)
			case "gamename":
				value = "gmtest"
			case "gamever":
				value = "1.1.2"
			case "hostport":
				value = "7777"
			case "mapname":
				value = []string{"dm_bay", "dm_town", "ctf_face"}[i%3]
			case "gametype", "gamemode":
				value = "openplaying"
			}
			fields = append(fields, sbtest.Field{Key: name, Value: value})
		}
		registry.Put(sbtest.GameServer{Game: "gmtest", Addr: address(i), Fields: fields})
	}
	master, err := sbtest.New(sbtest.Config{Games: map[string]string{"gmtest": "HA6zkS"}, Family: quirks.Original, Registry: registry})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { master.Close() })
	browser, err := sb.New(sb.Config{Game: "gmtest", Secret: "HA6zkS", Addr: master.Addr()})
	if err != nil {
		b.Fatal(err)
	}
	return browser.List(b.Context(), sb.Query{Fields: twelve})
}

func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{5, byte(i >> 16), byte(i >> 8), byte(i)}), 6500)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkServerListHeap says how many bytes of heap a server with twelve fields takes in a list.
func BenchmarkServerListHeap(b *testing.B) {
	for _, count := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			servers := listed(b, count)
			if err := new(sb.ServerList).Fill(servers); err != nil { // so that the master has done what it does once
				b.Fatal(err)
			}
			for b.Loop() {
				before := heap()
				list := new(sb.ServerList)
				if err := list.Fill(servers); err != nil {
					b.Fatal(err)
				}
				after := heap()
				b.ReportMetric(float64(int64(after-before))/float64(list.Len()), "heap-bytes/server")
				runtime.KeepAlive(list)
			}
		})
	}
}

func filled(b *testing.B, count int) *sb.ServerList {
	list := new(sb.ServerList)
	if err := list.Fill(listed(b, count)); err != nil {
		b.Fatal(err)
	}
	return list
}

func BenchmarkServerList(b *testing.B) {
	const count = 100_000
	list := filled(b, count)
	all := list.Snapshot()
	expr, err := sb.ParseFilter("numplayers > 4 and mapname like 'dm%'")
	if err != nil {
		b.Fatal(err)
	}
	perServer := func(b *testing.B, f func()) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/server")
	}
	b.Run("put the same", func(b *testing.B) {
		perServer(b, func() {
			for server := range all.Servers() {
				if err := list.Put(server); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("sort by number", func(b *testing.B) {
		perServer(b, func() { all.Sort(sb.By("numplayers").Descending()) })
	})
	b.Run("sort by text", func(b *testing.B) {
		perServer(b, func() { all.Sort(sb.By("hostname")) })
	})
	b.Run("filter", func(b *testing.B) {
		perServer(b, func() { all.Filter(expr.Match) })
	})
	b.Run("since", func(b *testing.B) {
		sorted := all.Sort(sb.By("hostname"))
		perServer(b, func() { sorted.Since(all) })
	})
	b.Run("one change", func(b *testing.B) {
		server := all.At(0)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			server.Ping = 1 + server.Ping%2
			if err := list.Put(server); err != nil {
				b.Fatal(err)
			}
		}
	})
}
