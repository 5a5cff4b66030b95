package availwire

import "testing"

func FuzzParse(f *testing.F) {
	request, err := AppendRequest(nil, "gmtest")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	for _, status := range []Status{Available, Unavailable, TemporarilyUnavailable} {
		f.Add(AppendReply(nil, status))
	}
	f.Add([]byte{9, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if game, err := ParseRequest(b); err == nil {
			again, err := AppendRequest(nil, game)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ParseRequest(again); err != nil || got != game {
				t.Fatalf("%q became %q (%v)", game, got, err)
			}
		}
		if status, err := ParseReply(b); err == nil {
			if got, err := ParseReply(AppendReply(nil, status)); err != nil || got != status {
				t.Fatalf("%v became %v (%v)", status, got, err)
			}
		}
	})
}

func TestTruncated(t *testing.T) {
	request, err := AppendRequest(nil, "gmtest")
	if err != nil {
		t.Fatal(err)
	}
	for n := range request {
		if _, err := ParseRequest(request[:n]); err == nil {
			t.Errorf("a request of %d bytes was taken", n)
		}
	}
	reply := AppendReply(nil, Unavailable)
	for n := range reply {
		if _, err := ParseReply(reply[:n]); err == nil {
			t.Errorf("a reply of %d bytes was taken", n)
		}
	}
}
