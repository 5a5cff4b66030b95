package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/charmbracelet/x/term"
)

// openPTY gives both ends of a pseudo terminal with a size.
func openPTY(t *testing.T, width, height uint16) (outside, inside *os.File) {
	t.Helper()
	outside, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this system gives no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { outside.Close() })
	control := func(request uintptr, argument unsafe.Pointer) {
		raw, err := outside.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument))
			require.Zero(t, errno)
		}))
	}
	var number, locked uint32
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	size := [4]uint16{height, width}
	control(syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { inside.Close() })
	return outside, inside
}

// recorder keeps what a terminal gets.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) read(from *os.File) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		r.mu.Lock()
		r.text.Write(b[:n])
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// forget forgets what was there before.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text.Reset()
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// The program on a true terminal: it fills, takes keys, and leaves the terminal as it was.
func TestTerminal(t *testing.T) {
	for _, leave := range []struct {
		name string
		do   func(outside *os.File, cancel func())
	}{
		{"q", func(outside *os.File, _ func()) { outside.WriteString("q") }},
		{"Ctrl-C", func(outside *os.File, _ func()) { outside.WriteString("\x03") }},
		{"signal", func(_ *os.File, cancel func()) { cancel() }},
	} {
		t.Run(leave.name, func(t *testing.T) {
			t.Parallel()
			outside, inside := openPTY(t, 100, 30)
			before, err := term.GetState(inside.Fd())
			require.NoError(t, err)
			var screen recorder
			var reading sync.WaitGroup
			reading.Go(func() { screen.read(outside) })
			defer reading.Wait()
			defer outside.Close()
			sees := func(text string) {
				t.Helper()
				if !assert.Eventually(t, func() bool {
					outside.WriteString("\x0c") // else only what is different is drawn
					return strings.Contains(screen.String(), text)
				}, 20*time.Second, 50*time.Millisecond) {
					require.FailNow(t, "not on the screen", "%q: %q", text, screen.String()[max(0, len(screen.String())-8000):])
				}
			}

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			status := make(chan int, 1)
			go func() { status <- run(ctx, []string{"-embedded", "-servers", "20"}, inside, inside, os.Stderr) }()
			sees("\x1b[?1049h") // the other screen
			sees("20 servers")
			outside.WriteString("/screen w")
			sees("1 shown")
			sees("Screen wiper")
			outside.WriteString("\r")
			outside.WriteString("\r")
			sees("can be joined")
			outside.WriteString("q") // not Esc, which would go together with what follows
			require.NotContains(t, screen.String(), "\x1b]0;mine now")
			require.NotContains(t, screen.String(), "\x1b]0;mine now")
			screen.forget()
			sees("/ filter")
			leave.do(outside, cancel)
			require.Zero(t, <-status)
			require.Eventually(t, func() bool { return strings.Contains(screen.String(), "\x1b[?1049l") }, 20*time.Second, 20*time.Millisecond)
			after, err := term.GetState(inside.Fd())
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}
