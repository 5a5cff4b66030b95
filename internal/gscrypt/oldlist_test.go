package gscrypt

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
)

//go:embed testdata/oldlist.json
var oldListVectors []byte

type oldListBlock struct {
	Length    int
	Challenge string
	Secret    string
	Block     string
}

func readOldListVectors(t testing.TB) (vectors struct {
	Validate []struct {
		Challenge, Secret, Validate string
		Enctype                     int
	}
	Enctype1, Enctype2 []oldListBlock
}) {
	t.Helper()
	if err := json.Unmarshal(oldListVectors, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func (b oldListBlock) bytes(t testing.TB) []byte {
	t.Helper()
	raw, err := hex.DecodeString(b.Block)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func pattern(n int) []byte {
	list := make([]byte, n)
	for i := range list {
		list[i] = byte(i*7 + i>>8)
	}
	return list
}

func TestValidate(t *testing.T) {
	for _, v := range readOldListVectors(t).Validate {
		if got := Validate(v.Challenge, v.Secret, v.Enctype); got != v.Validate {
			t.Errorf("%s, %s, enctype %d: %s, want %s", v.Challenge, v.Secret, v.Enctype, got, v.Validate)
		}
	}
}

// inPieces decrypts a copy of b in pieces of some size.
func inPieces(b []byte, size int, decrypt func([]byte)) []byte {
	b = bytes.Clone(b)
	for at := 0; at < len(b); at += size {
		decrypt(b[at:min(at+size, len(b))])
	}
	return b
}

func TestEnctype1(t *testing.T) {
	for _, v := range readOldListVectors(t).Enctype1 {
		block := v.bytes(t)
		for _, size := range []int{1, 7, len(block)} {
			c, n, err := NewEnctype1(block, v.Challenge)
			if err != nil || n == 0 || c.Len() != v.Length {
				t.Fatal(n, err)
			}
			if got := inPieces(block[n:n+c.Len()], size, c.Decrypt); !bytes.Equal(got, pattern(v.Length)) {
				t.Errorf("%d bytes in pieces of %d: %x", v.Length, size, got)
			}
		}
		for cut := range min(len(block), enctype1Head+enctype1Pad) {
			if _, n, err := NewEnctype1(block[:cut], v.Challenge); n != 0 || err != nil {
				t.Fatalf("cut at %d: %d, %v", cut, n, err)
			}
		}
		again, err := AppendEnctype1(nil, pattern(v.Length), v.Challenge, [enctype1Head + enctype1Pad - 6]byte(block[6:]))
		if err != nil || !bytes.Equal(again, block) {
			t.Errorf("%d bytes encrypted again: %x, %v", v.Length, again, err)
		}
	}
	if _, _, err := NewEnctype1(make([]byte, 64), "ABCDEF"); !errors.Is(err, ErrNotEncrypted) {
		t.Error("a length that is too short: ", err)
	}
	if _, err := AppendEnctype1(nil, make([]byte, 2*treeBytes+1), "ABCDEF", [52]byte{}); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
}

func TestEnctype2(t *testing.T) {
	for _, v := range readOldListVectors(t).Enctype2 {
		block := v.bytes(t)
		for _, size := range []int{1, 7, len(block)} {
			c, n, err := NewEnctype2(block, v.Secret)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			got := inPieces(block[n:], size, func(b []byte) {
				if err := c.Crypt(b); err != nil {
					t.Fatal(err)
				}
			})
			if rest := bytes.TrimRight(got[v.Length:], "\x00"); !bytes.Equal(got[:v.Length], pattern(v.Length)) || len(rest) > 0 {
				t.Errorf("%d bytes in pieces of %d: %x", v.Length, size, got)
			}
		}
		n := 1 + int(block[0]^enctype2Magic)
		for cut := range n {
			if _, n, err := NewEnctype2(block[:cut], v.Secret); n != 0 || err != nil {
				t.Fatalf("cut at %d: %d, %v", cut, n, err)
			}
		}
		plain := append(pattern(v.Length), make([]byte, len(block)-n-v.Length)...)
		again, err := AppendEnctype2(nil, plain, v.Secret, block[1:n])
		if err != nil || !bytes.Equal(again, block) {
			t.Errorf("%d bytes encrypted again: %x, %v", v.Length, again, err)
		}
	}
}

func TestEnctype2Ends(t *testing.T) {
	list := make([]byte, treeBytes)
	block, err := AppendEnctype2(nil, list, "HA6zkS", []byte("\x01\x02\x03\x04HA"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AppendEnctype2(nil, append(list, 0), "HA6zkS", []byte("123")); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	c, n, err := NewEnctype2(block, "HA6zkS")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Crypt(block[n:]); err != nil || !bytes.Equal(block[n:], list) {
		t.Fatal("not decrypted: ", err)
	}
	if err := c.Crypt(make([]byte, 1)); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
}

// TestTreeToItsEnd compares the last bytes of a key stream with those of 333networks' cipher.
func TestTreeToItsEnd(t *testing.T) {
	var tree tree
	tree.setKey([]byte{1, 2, 3, 4})
	stream := make([]byte, treeBytes)
	if err := tree.xor(stream); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(stream[treeBytes-16:]); got != "9a9bfeeb282f63a321d2fb41d0969e92" {
		t.Error(got)
	}
}

func TestLongSecret(t *testing.T) {
	list := []byte(`\ip\1.2.3.4:7777\final\`)
	block, err := AppendEnctype2(nil, list, "a longer secret", []byte("head"))
	if err != nil {
		t.Fatal(err)
	}
	c, n, err := NewEnctype2(block, "a longer secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Crypt(block[n:]); err != nil || !bytes.Equal(block[n:], list) {
		t.Errorf("%q, %v", block[n:], err)
	}
}

func FuzzEnctype1(f *testing.F) {
	for _, v := range readOldListVectors(f).Enctype1 {
		f.Add(v.bytes(f), "ABCDEF")
	}
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, b []byte, challenge string) {
		c, n, err := NewEnctype1(b, challenge)
		if err != nil || n == 0 {
			return
		}
		c.Decrypt(bytes.Clone(b[n:min(len(b), n+c.Len())]))
	})
}

func FuzzEnctype2(f *testing.F) {
	for _, v := range readOldListVectors(f).Enctype2 {
		f.Add(v.bytes(f), v.Secret)
	}
	f.Add([]byte{0xEC}, "x")
	f.Fuzz(func(t *testing.T, b []byte, secret string) {
		c, n, err := NewEnctype2(b, secret)
		if err != nil || n == 0 {
			return
		}
		list := bytes.Clone(b[n:])
		if c.Crypt(list) != nil {
			return
		}
		again, err := AppendEnctype2(nil, list, secret, b[1:n])
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x, %v", b, again, err)
		}
	})
}

func BenchmarkEnctype1(b *testing.B) {
	block := readOldListVectors(b).Enctype1
	raw := block[len(block)-1].bytes(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		c, n, err := NewEnctype1(raw, "ABCDEF")
		if err != nil {
			b.Fatal(err)
		}
		c.Decrypt(raw[n : n+c.Len()])
	}
}

func BenchmarkEnctype2(b *testing.B) {
	raw := make([]byte, treeBytes-16)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		c, n, err := NewEnctype2(raw[:256], "HA6zkS")
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Crypt(raw[n:]); err != nil {
			b.Fatal(err)
		}
	}
}
