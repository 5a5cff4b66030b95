package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gptest"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2/cdkey/cdkeytest"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb/sbtest"
	"github.com/relight-sdk/relight/steamdiscovery"
	"github.com/relight-sdk/relight/steamdiscovery/steamdiscoverytest"
	"github.com/relight-sdk/relight/steampipe/depottest"
)

// faults are what the servers of a back end do wrong.
type faults struct {
	master  qr2test.Faults
	refuse  string
	list    sbtest.Faults
	matchup natnegtest.Faults
	players gptest.Faults
	keys    cdkeytest.Faults
	stats   gstatstest.Faults
}

// backEnd starts a back end that misbehaves, and returns the flags that lead to it.
func backEnd(t *testing.T, wrong faults) []string {
	t.Helper()
	games := map[string]string{"gmtest": "HA6zkS"}
	master, err := qr2test.New(qr2test.Config{Games: games, NoProbe: true, Faults: wrong.master, RefuseText: wrong.refuse})
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), ClientIP: netip.MustParseAddr("203.0.113.7"), Faults: wrong.list})
	require.NoError(t, err)
	t.Cleanup(func() { _ = list.Close() })
	matchup, err := natnegtest.New(natnegtest.Config{Faults: wrong.matchup})
	require.NoError(t, err)
	t.Cleanup(func() { _ = matchup.Close() })
	players, err := gptest.Start(gptest.Config{Accounts: []gptest.Account{{UniqueNick: "ann", Password: "correct horse"}}, Faults: wrong.players})
	require.NoError(t, err)
	t.Cleanup(players.Close)
	keys, err := cdkeytest.New(cdkeytest.Config{Keys: map[int][]string{11057: {madeUpKey}}, Faults: wrong.keys})
	require.NoError(t, err)
	t.Cleanup(func() { _ = keys.Close() })
	stats, err := gstatstest.Start(gstatstest.Config{
		Secrets: games, Accounts: []gstatstest.Account{{ProfileID: 20001, Nick: "ann", Password: "correct horse"}}, Faults: wrong.stats,
	})
	require.NoError(t, err)
	t.Cleanup(stats.Close)
	return []string{"-keyserver", keys.Addr(), "-gamestats", stats.Addr(), "-available", master.Addr(), "-master", master.Addr(), "-list", list.Addr(),
		"-natneg", strings.Join(matchup.Addrs(), ","), "-gpcm", players.Addr(), "-gpsp", players.SearchAddr(), "-account", "ann:correct horse"}
}

// Whatever goes wrong, the program says what and where, and fails.
func TestEachFailingStepFailsTheProgram(t *testing.T) {
	for name, c := range map[string]struct {
		wrong   faults
		chapter string
		says    string
	}{
		"master refuses":          {faults{refuse: "go away"}, "A dedicated server opens", "go away"},
		"server of presence lies": {faults{players: gptest.Faults{WrongProof: true}}, "Two players meet", "did not prove"},
		"presence closes":         {faults{players: gptest.Faults{CloseAt: 20}}, "Two players meet", "ann: gp:"},
		"list is cut":             {faults{list: sbtest.Faults{Fault: sbtest.Close, At: 30}}, "A player looks for a game", "sb:"},
		"list is garbage":         {faults{list: sbtest.Faults{Body: func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }}}, "A player looks for a game", "sb:"},
		"negotiation is refused":  {faults{matchup: natnegtest.Faults{Finished: 1}}, "A player looks for a game", "natneg"},
		"CD key is refused":       {faults{keys: cdkeytest.Faults{Refuse: "stolen"}}, "A player looks for a game", `bob's CD key: cdkey: authenticate`},
		"statistics close":        {faults{stats: gstatstest.Faults{CloseOn: []string{"auth"}}}, "A match is played", "gstats: connect"},
		"data is not stored":      {faults{stats: gstatstest.Faults{CloseOn: []string{"setpd"}}}, "A match is played", "ann's data: gstats:"},
		"CD key of another":       {faults{keys: cdkeytest.Faults{OtherKey: true}}, "A player looks for a game", "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, events, stderr := tell(t, backEnd(t, c.wrong)...)
			require.Equal(t, 1, status)
			last := events[len(events)-1]
			require.Equal(t, c.chapter, last.Chapter, stderr)
			require.Equal(t, false, last.Facts["ok"])
			require.Contains(t, last.Error, c.says)
			require.Contains(t, stderr, c.says)
			require.NotContains(t, stderr, "correct horse")
			for _, e := range events[:len(events)-1] {
				require.Empty(t, e.Error)
			}
		})
	}
}

// gate is where the program writes to; it tells when a text has come by.
type gate struct {
	mu     sync.Mutex
	text   strings.Builder
	wanted string
	seen   chan struct{}
	once   sync.Once
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.text.Write(b)
	if strings.Contains(g.text.String(), g.wanted) {
		g.once.Do(func() { close(g.seen) })
	}
	return len(b), nil
}

// Ctrl-C ends the program at once, wherever it hangs, and it says why and fails.
func TestInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		wrong faults
		after string // the chapter in which it hangs, or the line before
	}{
		"master is silent":      {faults{master: qr2test.Faults{Silent: true}}, "A dedicated server opens"},
		"presence is silent":    {faults{players: gptest.Faults{NoGreeting: true}}, "Two players meet"},
		"presence stalls":       {faults{players: gptest.Faults{StallAt: 100}}, "Two players meet"},
		"list stalls":           {faults{list: sbtest.Faults{Fault: sbtest.Stall, At: 30}}, "A player looks for a game"},
		"negotiation is silent": {faults{matchup: natnegtest.Faults{Silent: true}}, "who plays?"},
		"statistics are silent": {faults{stats: gstatstest.Faults{NoGreeting: true}}, "A match is played"},
		"data is not read":      {faults{stats: gstatstest.Faults{Mute: []string{"getpd"}}}, "as it ended"},
		"CD keys are silent":    {faults{keys: cdkeytest.Faults{Silent: true}}, "a path opens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := backEnd(t, c.wrong)
			ctx, cancel := context.WithCancel(t.Context())
			out := &gate{wanted: c.after, seen: make(chan struct{})}
			var errs bytes.Buffer
			done := make(chan int, 1)
			go func() { done <- run(ctx, args, out, &errs) }()
			select {
			case <-out.seen:
			case status := <-done:
				require.Failf(t, "it ended by itself", "%d: %s", status, errs.String())
			}
			began := time.Now()
			time.AfterFunc(100*time.Millisecond, cancel) // when it surely hangs
			require.Equal(t, 1, <-done)
			require.Less(t, time.Since(began), 10*time.Second)
			require.Equal(t, "quickstart: interrupted\n", errs.String())
		})
	}
}

// The game does not answer: the program neither waits for ever nor misses Ctrl-C.
func TestInterruptedInTheGame(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	conn, deaf := listenLoopback(t), listenLoopback(t)
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := exchange(ctx, conn, deaf.LocalAddr(), "join bob", "welcome, ")
	require.ErrorIs(t, err, context.Canceled)
}

func TestLANThatIsNotAsItShouldBe(t *testing.T) {
	for name, c := range map[string]struct {
		config steamdiscoverytest.Config
		says   string
	}{
		"silent":         {steamdiscoverytest.Config{Silent: true}, "nobody there"},
		"another name":   {steamdiscoverytest.Config{Hostname: "kitchen", Services: 2, OS: -184}, "kitchen"},
		"no service":     {steamdiscoverytest.Config{Hostname: "living-room", OS: -184}, "offering None"},
		"without a word": {steamdiscoverytest.Config{Hostname: "living-room", Services: uint32(livingRoom.EnabledServices), OS: int32(livingRoom.OS)}, "no goodbye"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer, err := steamdiscoverytest.NewPeer(c.config)
			require.NoError(t, err)
			defer peer.Close()
			limit := 20 * time.Second
			if c.config.Silent || c.says == "no goodbye" {
				limit = time.Second // nothing more comes
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err = follow(ctx, newStory(io.Discard, false), peer.Addr(), func() error { return nil })
			require.ErrorContains(t, err, c.says)
		})
	}
	require.Equal(t, steamdiscovery.ServiceGameStreaming, livingRoom.EnabledServices)
}

func TestDepotThatIsNotAsItShouldBe(t *testing.T) {
	for name, fault := range map[string]depottest.Fault{
		"no manifest":     {Kind: depottest.FaultStatus, Path: "/manifest/", Status: 404},
		"no chunks":       {Kind: depottest.FaultStatus, Path: "/chunk/", Status: 404},
		"damaged chunks":  {Kind: depottest.FaultCorrupt, Path: "/chunk/"},
		"the wrong chunk": {Kind: depottest.FaultWrongChunk, Path: "/chunk/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, cache := smallDepot(t)
			cache.Fail(fault)
			require.Error(t, download(t.Context(), newStory(io.Discard, false), made, cache))
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		made, cache := smallDepot(t)
		cache.Fail(depottest.Fault{Kind: depottest.FaultStall, Path: "/chunk/"})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		began := time.Now()
		require.ErrorIs(t, download(ctx, newStory(io.Discard, false), made, cache), context.Canceled)
		require.Less(t, time.Since(began), 10*time.Second)
	})
}

func smallDepot(t *testing.T) (*depottest.Depot, *depottest.Server) {
	t.Helper()
	made, err := depottest.NewDepot(depottest.DepotConfig{Seed: 2, Files: []depottest.File{{Name: `cfg\motd.txt`, Data: []byte("Welcome back.\n")}}})
	require.NoError(t, err)
	cache, err := depottest.New(depottest.Config{Depots: []*depottest.Depot{made}})
	require.NoError(t, err)
	t.Cleanup(cache.Close)
	return made, cache
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestAStoryThatCannotBeWrittenIsAFailure(t *testing.T) {
	var errs bytes.Buffer
	require.Equal(t, 1, run(t.Context(), backEnd(t, faults{}), fullDisk{}, &errs))
	require.Contains(t, errs.String(), io.ErrShortWrite.Error())
}

func listenLoopback(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
