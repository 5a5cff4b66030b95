package gstats

import (
	"bytes"
	"reflect"
	"testing"
)

// A file of a spool can be anything: it is what was written, or an error.
func FuzzSpoolFile(f *testing.F) {
	whole, err := encode(kept{Game: "gmtest", Key: 7, Connection: -1, Logged: true, Done: true, Data: []byte("\\a\\\xff")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte(spoolFormat + "\n00000000\n"))
	f.Add([]byte(spoolFormat + "\n00000000\nnull"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := decode(b)
		if err != nil {
			return
		}
		again, err := encode(k)
		if err != nil {
			t.Fatal(err)
		}
		second, err := decode(again)
		if err != nil || !reflect.DeepEqual(k, second) {
			t.Fatalf("%+v reads back as %+v, %v", k, second, err)
		}
	})
}

// Data is what a server says that a player has stored.
func FuzzData(f *testing.F) {
	f.Add([]byte("\\a\\b\\c\\\x00"))
	f.Add([]byte("\x01a\x01b"))
	f.Add([]byte("\\"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		values := Data{Bytes: b}.Values()
		for key := range values {
			if key == "" {
				t.Fatal("a key is empty")
			}
		}
		if !bytes.Equal(before, b) {
			t.Fatal("reading changes the data")
		}
	})
}

// Whatever a program does to results, a snapshot has an even number of backslashes, and no other end.
func FuzzResults(f *testing.F) {
	f.Add("score", `a\b`, int32(3), uint8(1))
	f.Add("a\x01", "\x01", int32(-1<<31), uint8(4))
	f.Fuzz(func(t *testing.T, name, text string, value int32, op uint8) {
		r := NewResults()
		p := r.NewPlayer(text)
		for _, scope := range []Scope{r.Scope, p.Scope} {
			i := scope.Int(name)
			for _, do := range []func(int32){i.Set, i.Add, i.Subtract, i.Multiply, i.Divide, i.Average}[:op%7] {
				do(value)
				do(-1)
				do(0)
			}
			scope.Text(name + "t").Concat(text)
		}
		p.Remove()
		if count := bytes.Count([]byte(r.String()), []byte{'\\'}); count%2 != 0 || count < 6 {
			t.Fatalf("%q", r.String())
		}
	})
}
