package gscrypt

import (
	"bytes"
	"testing"
)

func FuzzEnctypeX(f *testing.F) {
	f.Add([]byte("abcdefgh"), []byte("server challenge"), "HA6zkS", []byte("some plain bytes"), 3)
	f.Add([]byte("!!!!!!!!"), []byte{}, "k", []byte{}, 0)
	f.Add([]byte("~~~~~~~~"), bytes.Repeat([]byte{0xFF}, 255), "\xff\xfe", bytes.Repeat([]byte{0}, 1000), 999)
	f.Fuzz(func(t *testing.T, client, server []byte, secret string, plain []byte, cut int) {
		var challenge [8]byte
		copy(challenge[:], client)
		encrypt, err := NewEnctypeX(challenge, server, secret)
		if (err != nil) != (secret == "") {
			t.Fatalf("secret %q: %v", secret, err)
		}
		if err != nil {
			return
		}
		decrypt, _ := NewEnctypeX(challenge, server, secret)
		out := make([]byte, len(plain))
		encrypt.Encrypt(out, plain)
		if cut < 0 || cut > len(out) {
			cut = len(out) / 2
		}
		decrypt.Decrypt(out[:cut], out[:cut])
		decrypt.Decrypt(out[cut:], out[cut:])
		if !bytes.Equal(out, plain) {
			t.Fatalf("decrypted %x, want %x", out, plain)
		}
	})
}

func TestClientChallengeObeysItsRule(t *testing.T) {
	seen := make(map[[8]byte]bool)
	for range 1000 {
		challenge := ClientChallenge()
		if !ValidClientChallenge(challenge) {
			t.Fatalf("%q does not obey the rule", challenge)
		}
		seen[challenge] = true
		challenge[7] ^= 1
		if ValidClientChallenge(challenge) {
			t.Fatalf("%q passes with a wrong bit", challenge)
		}
	}
	if len(seen) < 999 {
		t.Fatalf("%d different challenges of 1000", len(seen))
	}
}

func BenchmarkEnctypeXDecrypt(b *testing.B) {
	cipher, err := NewEnctypeX([8]byte([]byte("abcdefgh")), []byte("server challenge of 25 by"), "HA6zkS")
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		cipher.Decrypt(buf, buf)
	}
}

func BenchmarkEnctypeXEncrypt(b *testing.B) {
	cipher, err := NewEnctypeX([8]byte([]byte("abcdefgh")), []byte("server challenge of 25 by"), "HA6zkS")
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		cipher.Encrypt(buf, buf)
	}
}

func BenchmarkEnctypeXSetUp(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewEnctypeX([8]byte([]byte("abcdefgh")), []byte("server challenge of 25 by"), "HA6zkS"); err != nil {
			b.Fatal(err)
		}
	}
}
