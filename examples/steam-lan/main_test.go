package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
)

func TestDemo(t *testing.T) {
	for name, args := range map[string][]string{"text": {"demo"}, "json": {"demo", "-json", "-v"}} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
				t.Fatalf("status %d\n%s%s", status, &stdout, &stderr)
			}
			for _, word := range []string{"announcing", "appeared", "changed", "gone", "met", "living-room", "GameStreaming", "offline"} {
				if !strings.Contains(stdout.String(), word) {
					t.Errorf("no %q in\n%s", word, &stdout)
				}
			}
		})
	}
}

// line is what both sides print with -json.
type line struct {
	Event, Addr, Reason string
	Host                struct{ Name, Services string }
	Answers             uint64
}

// program is the example running, its standard output read line by line.
type program struct {
	interrupt context.CancelFunc
	status    chan int
	lines     *bufio.Scanner
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	p := &program{interrupt: interrupt, status: make(chan int, 1), lines: bufio.NewScanner(reader)}
	var running sync.WaitGroup
	running.Go(func() {
		p.status <- run(ctx, args, writer, t.Output())
		_ = writer.Close()
	})
	t.Cleanup(func() {
		interrupt()
		_ = reader.Close()
		running.Wait()
	})
	return p
}

// next is the next line about this event.
func (p *program) next(t *testing.T, event string) line {
	t.Helper()
	for p.lines.Scan() {
		var l line
		if err := json.Unmarshal(p.lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", p.lines.Text(), err)
		}
		if l.Event == event {
			return l
		}
	}
	t.Fatalf("no %q: %v", event, p.lines.Err())
	return line{}
}

// Two programs, one of which is found, and says goodbye when it is interrupted.
func TestAnnounceAndDiscover(t *testing.T) {
	announcing := start(t, "announce", "-json", "-addr", "127.0.0.1:0", "-silent", "-name", "den", "-services", "gamestreaming,ContentCache")
	addr := announcing.next(t, "announcing").Addr
	if port := netip.MustParseAddrPort(addr).Port(); port == 0 {
		t.Fatal(addr)
	}
	discovering := start(t, "discover", "-json", "-targets", addr)
	if host := discovering.next(t, "appeared").Host; host.Name != "den" || host.Services != "GameStreaming|ContentCache" {
		t.Errorf("%+v", host)
	}
	announcing.interrupt()
	if reason := discovering.next(t, "gone").Reason; reason != "offline" {
		t.Error(reason)
	}
	if answers := announcing.next(t, "offline").Answers; answers == 0 {
		t.Error("no answers")
	}
	discovering.interrupt()
	for discovering.lines.Scan() {
		continue // to its end
	}
	for name, p := range map[string]*program{"announce": announcing, "discover": discovering} {
		if status := <-p.status; status != 0 {
			t.Errorf("%s: status %d", name, status)
		}
	}
}

func TestDiagnose(t *testing.T) {
	peer, err := steamdiscoverytest.NewPeer(steamdiscoverytest.Config{Hostname: "den"})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	diagnose := func(flags ...string) (int, string) {
		var stdout bytes.Buffer
		status := run(t.Context(), append([]string{"discover", "-diagnose", "-for", "2s", "-targets", peer.Addr().String()}, flags...), &stdout, io.Discard)
		return status, stdout.String()
	}
	if status, text := diagnose(); status != 0 || !strings.Contains(text, "den at "+peer.Addr().String()) {
		t.Errorf("status %d\n%s", status, text)
	}
	peer.Change(func(config *steamdiscoverytest.Config) { config.Silent = true })
	status, text := diagnose("-json")
	var report struct {
		Steps []struct{ Outcome, Advice string }
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil || status != 1 || len(report.Steps) == 0 {
		t.Fatalf("status %d, %v\n%s", status, err, text)
	}
	if last := report.Steps[len(report.Steps)-1]; last.Outcome != "failed" || last.Advice == "" {
		t.Errorf("%+v", last)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		text   string
	}{
		{[]string{"dance"}, 2, `no command "dance": want discover, announce, demo`},
		{[]string{"demo", "more"}, 2, `unexpected argument "more"`},
		{[]string{"discover", "-nosuch"}, 2, "-nosuch"},
		{[]string{"announce", "-services", "Dancing"}, 2, `no service "Dancing"`},
		{[]string{"announce", "-port", "70000"}, 2, "no port 70000"},
		{[]string{"discover", "-port", "0"}, 2, "no port 0"},
		{[]string{"discover", "-interfaces", "nosuch0"}, 1, "nosuch0"},
		{[]string{"-help"}, 0, "be seen on the network"},
		{[]string{"demo", "-help"}, 0, "-json"},
	} {
		var stderr bytes.Buffer // of a program that is asked for help, all it says
		if status := run(t.Context(), c.args, &stderr, &stderr); status != c.status || !strings.Contains(stderr.String(), c.text) {
			t.Errorf("%q: status %d, want %d\n%s", c.args, status, c.status, &stderr)
		}
	}
}

// The table of a terminal.
func TestTable(t *testing.T) {
	now := time.Unix(1700000000, 0)
	hosts := []steamdiscovery.Host{{
		Addr:      netip.MustParseAddrPort("192.0.2.1:27036"),
		Status:    steamdiscovery.Status{Hostname: "den", OS: steamdiscovery.OSLinux6, GamesRunning: true, Users: make([]steamdiscovery.User, 2)},
		FirstSeen: now.Add(-time.Minute), LastSeen: now.Add(-time.Second),
	}}
	const want = `NAME  ADDRESS          SYSTEM   SERVICES  USERS  GAME  HERE FOR  SEEN
den   192.0.2.1:27036  Linux 6  None      2      yes   1m0s      1s ago
1 here, tracking; asked 7 times, Ctrl-C ends
`
	state := steamdiscovery.DiscovererState{Step: steamdiscovery.DiscovererTracking}
	state.Counters.Polls = 7
	if got := drawn(hosts, state, now); got != want {
		t.Errorf("got\n%s", got)
	}
	var screen bytes.Buffer
	(&printer{out: &screen, terminal: true}).table(hosts, state)
	if !strings.HasPrefix(screen.String(), "\x1b[H\x1b[2J") {
		t.Errorf("%q", &screen)
	}
}

// What cannot be written fails the program.
func TestFullDisk(t *testing.T) {
	var stderr bytes.Buffer
	if status := run(t.Context(), []string{"demo"}, fullDisk{}, &stderr); status != 1 || !strings.Contains(stderr.String(), "disk is full") {
		t.Errorf("status %d: %s", status, &stderr)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk is full") }
