package sb_test

import (
	"encoding/json"
	"testing"

	"github.com/relight-sdk/relight/sb"
)

// Whatever is read as a server is written as one that is read the same.
func FuzzServerJSON(f *testing.F) {
	f.Add([]byte(`{"addr":"192.0.2.1:6500","private":"10.0.0.1:1","flags":["natneg","keys"],"protocol":"QR1","ping_ms":1.5,"fields":{"b":"1","a":""},"players":[{"player_":"x"}],"error":"no"}`))
	f.Add([]byte(`{"fields":{"x;base64":"//4=","y;base64;base64":"","x":"z"},"teams":[{},null]}`))
	f.Add([]byte(`{"ping_ms":1e300}`))
	f.Add([]byte(`{"fields":{"/w==;name64":"x","eQ==;name64;base64":"/w==","x;name64":"not base64"}}`))
	f.Add([]byte(`{"fields":{"eDtuYW1lNjQ=;name64":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var server sb.Server
		if json.Unmarshal(b, &server) != nil {
			return
		}
		first, err := json.Marshal(server)
		if err != nil {
			t.Fatal(err)
		}
		var again sb.Server
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := json.Marshal(again)
		if err != nil || string(first) != string(second) {
			t.Fatalf("%s became %s: %v", first, second, err)
		}
		var list sb.ServerList // and a list takes it, and gives it back
		if err := list.Put(server); err != nil {
			t.Fatal(err)
		}
		kept, _ := list.Get(server.Addr)
		third, err := json.Marshal(kept)
		if err != nil || string(first) != string(third) {
			t.Fatalf("%s was kept as %s: %v", first, third, err)
		}
	})
}
