package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func pairs(message string) string {
	var b strings.Builder
	for key, value := range All([]byte(message)) {
		fmt.Fprintf(&b, "%s=%s;", key, value)
	}
	return b.String()
}

func TestScan(t *testing.T) {
	for _, test := range []struct{ name, message, want string }{
		{"command without value", `\ka\`, "ka=;"},
		{"pairs", `\bm\1\f\7\msg\Hi!`, "bm=1;f=7;msg=Hi!;"},
		{"empty values", `\lc\1\challenge\\id\1`, "lc=1;challenge=;id=1;"},
		{"last value empty", `\bm\102\f\7\msg\`, "bm=102;f=7;msg=;"},
		{"a value equal to a key", `\nick\id\email\x`, "nick=id;email=x;"},
		{"an empty pair too many, kr4uzi", `\proof\X\\id\1`, "proof=X;id=1;"},
		{"two empty tokens", `\proof\X\\\id\1`, "proof=X;id=1;"},
		{"last key without value, UniSpy", `\us\1\nick\a\usdone`, "us=1;nick=a;usdone=;"},
		{"text before the first key", `junk\a\b`, "a=b;"},
		{"line ends before the first key", "\r\n" + `\a\b`, "a=b;"},
		{"no message", `junk`, ""},
		{"nothing", ``, ""},
		{"only backslashes", `\\\\`, ""},
	} {
		if got := pairs(test.message); got != test.want {
			t.Errorf("%s: %s gives %s, want %s", test.name, test.message, got, test.want)
		}
	}
}

func TestGetTakesTheFirst(t *testing.T) {
	value, ok := Get([]byte(`\a\1\b\2\a\3`), "a")
	if !ok || string(value) != "1" {
		t.Errorf("got %q, %v", value, ok)
	}
	if _, ok := Get([]byte(`\a\b`), "b"); ok {
		t.Error("a value was taken for a key")
	}
}

func TestBuilderRefuses(t *testing.T) {
	for _, test := range []struct{ key, value string }{
		{"msg", `a\b`}, {"msg", "a\x00b"}, {`m\g`, "a"}, {"m\x00", "a"}, {"", "a"}, {"msg", `x\final\`},
	} {
		m := Build([]byte("before"))
		m.Pair("ok", "fine")
		m.Pair(test.key, test.value)
		m.Pair("after", "fine")
		b, err := m.Final()
		if _, ok := errors.AsType[*ForbiddenError](err); !ok {
			t.Errorf("%q %q: error is %v", test.key, test.value, err)
		}
		if string(b) != "before" {
			t.Errorf("%q %q: left %q behind", test.key, test.value, b)
		}
	}
}

func TestSplitterAtAnySegmentation(t *testing.T) {
	stream := []byte(`\ka\\final\\bm\1\f\77\msg\in two segments\final\\lc\1\challenge\X\id\1\final\`)
	want := []string{`\ka\`, `\bm\1\f\77\msg\in two segments`, `\lc\1\challenge\X\id\1`}
	for size := 1; size <= len(stream); size++ {
		var splitter Splitter
		var got []string
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			splitter.Append(rest[:n])
			rest = rest[n:]
			for {
				message, ok, err := splitter.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				got = append(got, string(message))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("segments of %d: %q", size, got)
		}
		if len(splitter.Pending()) != 0 {
			t.Fatalf("segments of %d: %q is left", size, splitter.Pending())
		}
	}
}

func TestSplitterLimit(t *testing.T) {
	splitter := Splitter{Limit: 10}
	splitter.Append([]byte(`\a\23456789` + Terminator))
	if _, _, err := splitter.Next(); err == nil {
		t.Error("eleven bytes pass a limit of ten")
	}
	splitter = Splitter{Limit: 11}
	splitter.Append([]byte(`\a\23456789` + Terminator))
	if _, ok, err := splitter.Next(); !ok || err != nil {
		t.Errorf("eleven bytes do not pass a limit of eleven: %v", err)
	}
	splitter = Splitter{Limit: 100}
	var err error
	for range 200 {
		splitter.Append([]byte(`\`))
		if _, _, err = splitter.Next(); err != nil {
			break
		}
	}
	if _, ok := errors.AsType[*TooLongError](err); !ok {
		t.Errorf("endless message: %v", err)
	}
	if n := len(splitter.Pending()); n > 110 {
		t.Errorf("holds %d bytes", n)
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{`\ka\`, `\bm\1\f\7\msg\Hi!`, `\proof\X\\id\1`, `\\\\`, `\`, ``, `x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		m := Build(nil)
		for key, value := range All(message) {
			if len(key) == 0 || bytes.IndexByte(key, '\\') >= 0 || bytes.IndexByte(value, '\\') >= 0 {
				t.Fatalf("pair %q %q", key, value)
			}
			m.Pair(string(key), string(value))
		}
		again, err := m.Bytes()
		if err != nil {
			if bytes.IndexByte(message, 0) < 0 {
				t.Fatal(err)
			}
			return
		}
		if pairs(string(again)) != pairs(string(message)) {
			t.Fatalf("%q became %q", message, again)
		}
	})
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte(`\ka\\final\\a\b\final\\fin`), uint8(3))
	f.Add([]byte(`\final\\final\\final\`), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		if size == 0 || len(stream) > DefaultLimit {
			return
		}
		parts := bytes.Split(stream, []byte(Terminator))
		var splitter Splitter
		count := 0
		for rest := stream; len(rest) > 0; {
			n := min(int(size), len(rest))
			splitter.Append(rest[:n])
			rest = rest[n:]
			for {
				message, ok, err := splitter.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				if !bytes.Equal(message, parts[count]) {
					t.Fatalf("message %d is %q, want %q", count, message, parts[count])
				}
				count++
			}
		}
		if count != len(parts)-1 || !bytes.Equal(splitter.Pending(), parts[len(parts)-1]) {
			t.Fatalf("%d messages and %q, want %d and %q", count, splitter.Pending(), len(parts)-1, parts[len(parts)-1])
		}
	})
}

// The message is the one that the original SDK was measured with: \bm\1 of 87 bytes.
func BenchmarkScan(b *testing.B) {
	message := []byte(`\bm\1\f\1234567\date\1200000000\msg\Are you there? We are waiting in the lobby for you.`)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		scanner := Scan(message)
		for {
			if _, ok := scanner.Next(); !ok {
				break
			}
		}
	}
}

// Fill reads what Append would have been given, whatever a read gives at once.
func TestSplitterFill(t *testing.T) {
	stream := strings.Repeat(`\bm\1\f\7\msg\`+strings.Repeat("x", 100)+Terminator+`\ka\`+"\\final\\", 50)
	for size := 1; size < 300; size += 7 {
		var splitter Splitter
		reader := iotest.HalfReader(strings.NewReader(stream))
		var got strings.Builder
		for {
			n, err := splitter.Fill(reader, size)
			for {
				message, ok, splitErr := splitter.Next()
				if splitErr != nil {
					t.Fatal(splitErr)
				}
				if !ok {
					break
				}
				got.Write(message)
				got.WriteString(Terminator)
			}
			if err == io.EOF && n == 0 {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if got.String() != stream {
			t.Fatalf("%d bytes at once: %d bytes came out of %d", size, got.Len(), len(stream))
		}
		if splitter.Release(); splitter.Cap() != 0 {
			t.Errorf("%d bytes are kept", splitter.Cap())
		}
		splitter.Append([]byte(`\half`))
		if splitter.Release(); string(splitter.Pending()) != `\half` {
			t.Error("a message under way is gone")
		}
	}
}

func TestSplitterExtent(t *testing.T) {
	const inner = `ab\final\cd`
	length := func(want int) func([]byte) int { return func([]byte) int { return want } }
	for _, test := range []struct {
		name   string
		extent int
		stream string
		want   []string
	}{
		{"the terminator inside", len(inner), inner + `\final\next\final\`, []string{inner}},
		{"no terminator there", len(inner) + 20, inner + `\final\0123456789012345678901234567890`, []string{"ab", "cd"}},
		{"a little too long", 3, `ab\final\cd\final\`, []string{"ab", "cd"}},
		{"shorter than what is there", 1, `ab\final\cd\final\`, []string{"ab", "cd"}},
		{"beyond the limit", 5000, `ab\final\cd\final\`, []string{"ab", "cd"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for step := 1; step <= len(test.stream); step++ {
				s := Splitter{Limit: 1000, Extent: length(test.extent)}
				var got []string
				for i := 0; i < len(test.stream); i += step {
					s.Append([]byte(test.stream[i:min(i+step, len(test.stream))]))
					for {
						message, ok, err := s.Next()
						if err != nil {
							t.Fatal(err)
						}
						if !ok {
							break
						}
						got = append(got, string(message))
					}
				}
				if len(got) < len(test.want) || !slices.Equal(got[:len(test.want)], test.want) {
					t.Fatalf("%d bytes at once: got %q, want %q", step, got, test.want)
				}
			}
		})
	}
}
