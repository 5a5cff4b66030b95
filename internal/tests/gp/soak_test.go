package gp_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/relight-sdk/relight/gp"
	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/internal/gscrypt"
)

// crowd is many players at one server over loopback.
type crowd struct {
	t        *testing.T
	config   gptest.Config
	sessions []*gp.Session
	sockets  int // how many come over loopback; the others over pipes, since they would be too many open files

	mu     sync.Mutex
	server *gptest.Server
}

func (c *crowd) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	server := c.server
	c.mu.Unlock()
	return server.Dial(ctx, network, address)
}

// restart kills the server, and lets it come back when everybody has noticed.
func (c *crowd) restart() {
	c.server.Close()
	c.everybody("notice", func(s *gp.Session) bool { return s.State().Step != gp.StepConnected })
	var server *gptest.Server
	require.Eventually(c.t, func() bool { // one of those who try to come back may have the port for a moment
		var err error
		server, err = gptest.Start(c.config)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = server
}

func newCrowd(t *testing.T, count int) *crowd {
	c := &crowd{t: t, sessions: make([]*gp.Session, count), sockets: openFiles()/2 - 200}
	c.config.Accounts = make([]gptest.Account, count)
	for i := range c.config.Accounts {
		c.config.Accounts[i] = gptest.Account{
			ProfileID: gp.ProfileID(1 + i), UniqueNick: fmt.Sprintf("p%d", i), Password: "secret",
			Buddies: []gptest.ProfileID{gp.ProfileID(1 + (i+1)%count)}, // the next one, round and round
		}
	}
	var err error
	c.server, err = gptest.Start(c.config)
	require.NoError(t, err)
	c.config.Addr, c.config.SearchAddr = c.server.Addr(), c.server.SearchAddr()
	return c
}

// logIn logs everybody in, a few at a time.
func (c *crowd) logIn(reconnect *gp.Reconnect) {
	var done sync.WaitGroup
	next := make(chan int)
	for range 16 {
		done.Go(func() {
			for i := range next {
				config := gp.Config{Game: "gmtest", Addr: c.config.Addr, Reconnect: reconnect}
				if i >= c.sockets {
					config.DialContext = c.dial
				}
				session, err := gp.Login(c.t.Context(), config, gp.UniqueNick{Nick: fmt.Sprintf("p%d", i), Password: "secret"})
				if err == nil {
					err = session.SetPresence(c.t.Context(), gp.Presence{Status: gp.Online, Text: "here"})
				}
				if err != nil {
					c.t.Error(err)
					return
				}
				c.sessions[i] = session
			}
		})
	}
	for i := range c.sessions {
		next <- i
	}
	close(next)
	done.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// take lets nobody's events wait.
func (c *crowd) take() {
	for _, session := range c.sessions {
		for session.Poll() != nil {
		}
	}
}

// everybody waits until all satisfy the condition.
func (c *crowd) everybody(what string, good func(*gp.Session) bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	at := 0
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for at < len(c.sessions) {
		if good(c.sessions[at]) {
			at++
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.FailNow(c.t, what, "%d of %d; the next is %+v", at, len(c.sessions), c.sessions[at].State())
		}
	}
}

func (c *crowd) close() {
	var done sync.WaitGroup
	for i := range 16 {
		done.Go(func() {
			for at := i; at < len(c.sessions); at += 16 {
				if err := c.sessions[at].Close(); err != nil {
					c.t.Error(err)
				}
			}
		})
	}
	done.Wait()
	c.server.Close()
}

func seesNext(session *gp.Session) bool {
	roster := session.Roster()
	return len(roster.Buddies) == 1 && roster.Buddies[0].Status == gp.Online && roster.Buddies[0].Text == "here" && !roster.Stale
}

func heapInUse() int64 {
	for range 2 {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Ten thousand sessions that are idle take two goroutines and at most 16 KiB of heap each.
//
// Then the server is killed and comes back, twice: everybody reconnects and sees what they saw, and nothing is left behind.
// Ten thousand take about six seconds on two idle cores. Under the race detector, which makes that a minute and a half, and with -short
// they are a thousand. RELIGHT_SOAK says how many they shall be.
func TestTenThousandSessions(t *testing.T) {
	count := 10_000
	if raceEnabled || testing.Short() {
		count = 1000
	}
	if text := os.Getenv("RELIGHT_SOAK"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(t, err, "RELIGHT_SOAK")
	}
	alone := idleHeap(t)
	before, goroutines, others := heapInUse(), runtime.NumGoroutine(), goleak.IgnoreCurrent()
	c := newCrowd(t, count)
	c.logIn(&gp.Reconnect{First: 200 * time.Millisecond, Max: 2 * time.Second})
	c.everybody("see their buddy", seesNext)
	c.take()
	var perSession float64
	require.Eventually(t, func() bool { // those that have done their work may be seen for another moment
		perSession = float64(runtime.NumGoroutine()-goroutines)/float64(count) - 2 // the server has two of its own for each
		return perSession <= 2.01
	}, 10*time.Second, time.Millisecond)
	both := heapInUse() - before
	t.Logf("%d idle sessions: %.2f goroutines and %d bytes of heap each, %d with the server's half", count, perSession, alone, both/int64(count))
	require.LessOrEqual(t, alone, int64(16<<10))

	for round := range 2 {
		c.restart()
		c.everybody("come back", func(s *gp.Session) bool { return s.State().Counters.Reconnects == uint64(round+1) })
		c.everybody("see their buddy again", func(s *gp.Session) bool {
			buddy, ok := s.Roster().Buddy(s.Roster().Buddies[0].ProfileID)
			return ok && buddy.Status == gp.Online && buddy.Text == "here"
		})
		c.take()
	}
	again := heapInUse() - before
	require.Less(t, float64(again), 1.3*float64(both)+(4<<20), "the heap has grown from %d to %d", both, again)
	c.close()
	c.sessions = nil
	goleak.VerifyNone(t, others)
}

// idleHeap is the heap of an idle session alone, its socket included: its server is a script that keeps nothing but the other
// socket.
func idleHeap(t *testing.T) int64 {
	const count = 500
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ends := make([]net.Conn, 0, count)
	var serving sync.WaitGroup
	serving.Go(func() {
		proof := gscrypt.LoginProof("apple", "ann", challenge, "AAAAAAAAAA")
		segment := make([]byte, 1024)
		for range count {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			ends = append(ends, conn)
			for _, text := range []string{
				`\lc\1\challenge\AAAAAAAAAA\id\1\final\`,
				`\bdy\2\list\2,3\final\\blk\0\list\\final\\lc\2\sesskey\1\proof\` + proof + `\userid\1\profileid\1\uniquenick\ann\lt\0123456789abcdef01234567\id\1\final\` +
					`\bm\100\f\2\msg\|s|1|ss|here|ls|there|ip|0|p|0\final\`,
			} {
				_, _ = conn.Write([]byte(text))
				_, _ = conn.Read(segment)
			}
		}
	})
	before := heapInUse()
	sessions := make([]*gp.Session, 0, count)
	for range count {
		session, err := gp.Login(t.Context(), gp.Config{Addr: listener.Addr().String(), Challenge: func() string { return challenge }}, ann)
		require.NoError(t, err)
		require.NoError(t, session.SetPresence(t.Context(), gp.Presence{Status: gp.Online}))
		sessions = append(sessions, session)
	}
	serving.Wait()
	for _, session := range sessions {
		for session.Poll() != nil {
		}
	}
	heap := (heapInUse() - before) / count
	for _, end := range ends {
		_ = end.Close()
	}
	for _, session := range sessions {
		<-session.Done()
		require.NoError(t, session.Close())
	}
	return heap
}
