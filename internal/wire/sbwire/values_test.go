package sbwire

import (
	"slices"
	"strings"
	"testing"
)

func FuzzValues(f *testing.F) {
	f.Add("", "a", strings.Repeat("long", 100), "\x80\xff")
	f.Add("x", "", "", "")
	f.Fuzz(func(t *testing.T, a, b, c, raw string) {
		list := []string{a, b, c, strings.Repeat(a, 20)}
		values := MakeValues(list...)
		var got []string
		for i, value := range values.All() {
			if values.At(i) != value {
				t.Fatalf("value %d is %q, not %q", i, values.At(i), value)
			}
			got = append(got, value)
		}
		if !slices.Equal(got, list) || values.Len() != len(list) || values.At(len(list)) != "" {
			t.Fatalf("%q became %q", list, got)
		}
		for _, value := range Values(raw).All() { // whatever it is, it ends
			if len(value) > len(raw) {
				t.Fatal(value)
			}
		}
	})
}
