package keyvalues

import (
	"fmt"
	"reflect"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte("\"serverlist\"\n{\n\t\"0\"\n\t{\n\t\t\"host\"\t\"10.0.0.194\"\n\t}\n}\n"))
	f.Add([]byte("\xEF\xBB\xBFkey value // comment\nblock [$WIN32] { } x \"a\\\"\\n\\t\\\\\\P\" [!$X360]\x00"))
	f.Add([]byte("a{b{c{d{e{f{"))
	f.Add([]byte("a }"))
	f.Add([]byte(`"a" "b`))
	f.Add([]byte(`"a" "b\`))
	f.Add([]byte("a [$"))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := Parse(b, Limits{MaxBytes: 1 << 16, MaxDepth: 8, MaxKeys: 1000})
		if err != nil {
			return
		}
		written := root.Append(nil)
		again, err := Parse(written, Limits{})
		if err != nil {
			t.Fatalf("%v in %q", err, written)
		}
		if !reflect.DeepEqual(root, again) {
			t.Fatalf("%#v became %#v by %q", root, again, written)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	document := Node{}
	for i := range 1000 {
		document.Children = append(document.Children, Node{Key: fmt.Sprint(i), Children: []Node{
			{Key: "type", Value: "CDN"}, {Key: "host", Value: "cache1.example.net"}, {Key: "weightedload", Value: "130"},
		}})
	}
	text := document.Append(nil)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleParse() {
	root, err := Parse([]byte(`"InstallConfigStore" { "Software" { "Valve" { "Steam" { "CS" "10.0.0.1:80;10.0.0.2:80" } } } }`), Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	servers, ok := root.Text("InstallConfigStore", "software", "valve", "steam", "cs")
	fmt.Println(servers, ok)
	// Output: 10.0.0.1:80;10.0.0.2:80 true
}
