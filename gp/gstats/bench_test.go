package gstats_test

import (
	"bytes"
	"testing"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

func benchmarkSession(b *testing.B) (*gstats.Session, gstats.Slot) {
	server, err := gstatstest.Start(gstatstest.Config{Accounts: []gstatstest.Account{{ProfileID: 20001, Password: "apple"}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	session, err := gstats.Connect(b.Context(), gstats.Config{Game: "gmtest", Secret: "HA6zkS", Addr: server.Addr()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = session.Close() })
	ann, err := session.Authenticate(b.Context(), gstats.Password{ProfileID: 20001, Password: "apple"})
	if err != nil {
		b.Fatal(err)
	}
	slot := gstats.Slot{Profile: ann, Type: gstats.Public}
	if _, err := session.Set(b.Context(), slot, bytes.Repeat([]byte("x"), 1000)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(1000)
	return session, slot
}

// A thousand bytes there and back over loopback, one after the other; the server is in the same process.
func BenchmarkSetAndGet(b *testing.B) {
	session, slot := benchmarkSession(b)
	data := bytes.Repeat([]byte("x"), 1000)
	for b.Loop() {
		if _, err := session.Set(b.Context(), slot, data); err != nil {
			b.Fatal(err)
		}
		if _, err := session.Get(b.Context(), slot); err != nil {
			b.Fatal(err)
		}
	}
}

// Reads of which many are under way at once.
func BenchmarkGetParallel(b *testing.B) {
	session, slot := benchmarkSession(b)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := session.Get(b.Context(), slot); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// A snapshot of 32 players with ten results each.
func BenchmarkSnapshot(b *testing.B) {
	results := gstats.NewResults()
	for range 32 {
		player := results.NewPlayer("somebody")
		for _, name := range []string{"kills", "deaths", "score", "assists", "shots", "hits", "flags", "time"} {
			player.Int(name).Add(12)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if results.String() == "" {
			b.Fatal("nothing")
		}
	}
}
