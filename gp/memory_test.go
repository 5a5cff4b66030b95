package gp

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// stream is a connection on which a server says what next returns, until that is empty.
type stream struct {
	next func() string
	rest string
}

func (c *stream) Read(b []byte) (int, error) {
	if c.rest == "" {
		if c.rest = c.next(); c.rest == "" {
			return 0, io.EOF
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// begin runs a session on a connection, as after a login.
func begin(s *Session, conn net.Conn) {
	l := s.newLink(conn)
	s.begin(l)
	s.done.Go(func() { s.run(l) })
}

func (c *stream) Write(b []byte) (int, error)      { return len(b), nil }
func (c *stream) Close() error                     { return nil }
func (c *stream) LocalAddr() net.Addr              { return nil }
func (c *stream) RemoteAddr() net.Addr             { return nil }
func (c *stream) SetDeadline(time.Time) error      { return nil }
func (c *stream) SetReadDeadline(time.Time) error  { return nil }
func (c *stream) SetWriteDeadline(time.Time) error { return nil }

// What a server can make a session hold is bounded by what the session needs, not by what the server sends.
func TestFloodsCostLittleMemory(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	const signature = "d41d8cd98f00b204e9800998ecf8427e"
	for _, test := range []struct {
		name    string
		message func(i int) string
		count   int
	}{
		{"buddy requests", func(i int) string {
			return fmt.Sprintf(`\bm\2\f\%d\msg\%s|signed|%s\final\`, i, long, signature)
		}, 100},
		{"statuses", func(i int) string { return fmt.Sprintf(`\bm\100\f\%d\msg\|s|1|ss|%s|ls|%s\final\`, i, long, "x") }, 100},
		{"statuses of the newer form", func(i int) string {
			return fmt.Sprintf(`\bsi\\state\1\profile\%d\rstatus\%s\gameType\%s\final\`, i, long[:100_000], long[:100_000])
		}, 100},
		{"messages", func(int) string { return `\bm\1\f\1\msg\` + long + `\final\` }, 100},
		{"lists", func(int) string {
			return `\bdy\100000\list\` + strings.Repeat("1,", 100_000) + `\final\`
		}, 25},
		{"errors", func(int) string { return `\error\\err\2305\errmsg\` + long + `\final\` }, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			left := test.count
			s := newSession(Config{})
			before := heap()
			begin(s, &stream{next: func() string {
				if left--; left < 0 {
					return ""
				}
				return test.message(left)
			}})
			<-s.Done()
			s.done.Wait()
			if grown := heap() - before; grown > 8<<20 {
				t.Errorf("the session holds %d MB", grown>>20)
			}
			if s.State().Counters.MessagesReceived != uint64(test.count) {
				t.Errorf("%+v", s.State())
			}
			runtime.KeepAlive(s)
		})
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
