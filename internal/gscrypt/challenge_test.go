package gscrypt

import "testing"

func TestQR2Response(t *testing.T) {
	for _, test := range []struct{ challenge, secret, want string }{
		{"l/,NB0&S00EAB61BB68F2A", "1", "aTvJDp79K2SoW9tqop5DfaAxCX6nzwAA"}, // GameSpy SDK 2007
		{"pzSPtg3d7F000B321964", "HA6zkS", "p93ZK2/bOj44XAlYThxVUdN8rEUA"},  // accepted by openspy-core
		{"", "HA6zkS", ""},
		{"pzSPtg3d7F000B321964", "", ""},
	} {
		if got := QR2Response(test.challenge, test.secret); got != test.want {
			t.Errorf("QR2Response(%q, %q) = %q, want %q", test.challenge, test.secret, got, test.want)
		}
	}
}

func FuzzQR2Response(f *testing.F) {
	f.Add("pzSPtg3d7F000B321964", "HA6zkS")
	f.Add("\x00\xff", "\x00")
	f.Fuzz(func(t *testing.T, challenge, secret string) {
		want := (len(challenge) + 2) / 3 * 4
		if secret == "" {
			want = 0
		}
		if got := QR2Response(challenge, secret); len(got) != want {
			t.Fatalf("%d characters, want %d", len(got), want)
		}
	})
}

func BenchmarkQR2Response(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		QR2Response("pzSPtg3d7F000B321964", "HA6zkS")
	}
}
