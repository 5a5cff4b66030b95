package gscrypt

import (
	"strings"
	"testing"
)

// The encoded texts were written by the original SDK of 2007.
func TestPassword(t *testing.T) {
	for plain, encoded := range map[string]string{
		"":                        "",
		"ab":                      "d5A_",
		"p\xc3\xa4ss w\xc3\xb6rd": "ZjFQgVj7m2]PfRo_",
		"m2MXLpC+f?":              "e8C5qmerr4cfMA__",
		")vr$jpebgk Bad7Ctg":      "P4SG1kGric4eZF6oUsmPN6gO",
	} {
		if got := EncodePassword(plain); got != encoded {
			t.Errorf("%q is encoded as %s, want %s", plain, got, encoded)
		}
		got, err := DecodePassword(encoded)
		if err != nil || got != plain {
			t.Errorf("%s is decoded as %q, %v, want %q", encoded, got, err, plain)
		}
	}
}

func TestDecodePasswordRefuses(t *testing.T) {
	for _, encoded := range []string{"d5A", "d5A=", "d5+_", "____", "d5A_d5A_", "d5B_"} {
		_, err := DecodePassword(encoded)
		if err == nil {
			t.Errorf("%s is taken", encoded)
			continue
		}
		if strings.Contains(err.Error(), encoded) {
			t.Errorf("the error shows the text: %v", err)
		}
	}
}

func FuzzPassword(f *testing.F) {
	f.Add("")
	f.Add("hunter2")
	f.Add(strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, plain string) {
		got, err := DecodePassword(EncodePassword(plain))
		if err != nil || got != plain {
			t.Fatalf("%q came back as %q, %v", plain, got, err)
		}
		_, _ = DecodePassword(plain)
	})
}
