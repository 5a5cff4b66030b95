package depottest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/relight-sdk/relight/internal/wire/depotwire"
)

// What is encoded is decoded to the same bytes, of every size at which an encoder may stumble.
func TestEncode(t *testing.T) {
	count := 120
	if raceEnabled { // nothing is shared here
		count = 50
	}
	random := newRandom(5)
	var decoder depotwire.Decoder
	for _, container := range []Container{Zip, VZ, VSZ} {
		for n := range count {
			size := n
			if n > 40 {
				size = random.IntN(100_000)
			}
			plain := fill(random, size)
			if n%3 == 1 { // few symbols, many matches
				for i := range plain {
					plain[i] &= 3
				}
			}
			packed, err := encode(container, plain)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size)
			if _, err := decoder.Decode(got, packed); err != nil {
				t.Fatalf("%v of %d bytes: %v", container, size, err)
			}
			if !bytes.Equal(got, plain) {
				t.Fatalf("%v of %d bytes: other bytes", container, size)
			}
		}
	}
}

// The same seed makes the same depot.
func TestSeed(t *testing.T) {
	stored := func() []byte {
		depot, err := NewDepot(DepotConfig{Seed: 9, Generate: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		b, err := depot.Stored()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(stored(), stored()) {
		t.Fatal("two depots")
	}
}

func BenchmarkCompressLZMA(b *testing.B) {
	plain := fill(newRandom(1), 1<<20)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		compressLZMA(plain)
	}
}

// The server may also answer through another one, as one with TLS: it counts the connections that are its own alone.
func TestElsewhere(t *testing.T) {
	server, err := New(Config{AnyHost: true})
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(server)
	server.Fail(Fault{Kind: FaultTruncate, Path: "/cut", At: 5}, Fault{Kind: FaultStall, Path: "/stall", At: 5})
	for range 3 {
		if response, err := http.Get(other.URL + "/cut"); err == nil {
			response.Body.Close()
			t.Fatal(response.Status)
		}
	}
	for server.OpenConns() != 0 { // each is let go of
		runtime.Gosched()
	}
	ended := make(chan error, 1)
	go func() {
		response, err := http.Get(other.URL + "/stall")
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		ended <- err
	}()
	for server.OpenConns() == 0 {
		runtime.Gosched()
	}
	server.Close()
	<-ended // however it does
	other.Close()
}

// Close returns when the answers under way are done with.
func TestUpdateServerClose(t *testing.T) {
	server, err := NewUpdates(UpdateConfig{})
	if err != nil {
		t.Fatal(err)
	}
	begun, done := make(chan struct{}), false
	server.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-server.closing
		for range 1000 {
			runtime.Gosched()
		}
		done = true
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := http.Get(server.URL()); err == nil {
			response.Body.Close()
		}
	}()
	<-begun
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if !done {
		t.Fatal("closed while it answers")
	}
	<-ended
}
