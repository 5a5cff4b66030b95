package gstats_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/relight-sdk/relight/gp/gstats"
	"github.com/relight-sdk/relight/gp/gstats/gstatstest"
)

// gathering is a connection that brings what is written within ten milliseconds in one piece, as TCP does when the other side
// is busy.
type gathering struct {
	net.Conn
	mu     sync.Mutex
	b      []byte
	timer  *time.Timer
	failed error
}

func (g *gathering) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		return 0, g.failed
	}
	if len(g.b) == 0 {
		g.timer = time.AfterFunc(10*time.Millisecond, g.flush)
	}
	g.b = append(g.b, b...)
	return len(b), nil
}

func (g *gathering) flush() {
	g.mu.Lock()
	b := g.b
	g.b = nil
	g.mu.Unlock()
	if _, err := g.Conn.Write(b); err != nil {
		g.mu.Lock()
		g.failed = err
		g.mu.Unlock()
	}
}

func (g *gathering) Close() error {
	g.mu.Lock()
	if g.timer != nil {
		g.timer.Stop()
	}
	g.failed = net.ErrClosed
	g.mu.Unlock()
	return g.Conn.Close()
}

// dwc reads one message of each piece, and wfc loses what is behind a write in one: requests that are made at the same time are
// answered all the same.
func TestRequestsInOnePiece(t *testing.T) {
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, config := serve(t, gstatstest.Config{Family: family})
				config.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := server.Dial(ctx, network, addr)
					return &gathering{Conn: conn}, err
				}
				session := open(t, config)
				var id gstats.ProfileID = 20002
				if family == gstatstest.UniSpy || family == gstatstest.KR4uzi {
					_, err := session.Authenticate(t.Context(), bob)
					require.NoError(t, err)
				} else {
					_, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"})
					require.NoError(t, err)
				}
				if family == gstatstest.KR4uzi {
					return // it stores nothing
				}
				server.Put(gstatstest.Slot{Profile: 20001, Type: gstatstest.Public, Index: 7}, []byte(`\n\7`), time.Time{})
				var all sync.WaitGroup
				for i := range int32(5) {
					all.Go(func() {
						_, err := session.SetValues(t.Context(), gstats.Slot{Profile: id, Type: gstats.Public, Index: i}, map[string]string{"n": fmt.Sprint(i)})
						assert.NoError(t, err)
						data, err := session.Get(t.Context(), gstats.Slot{Profile: id, Type: gstats.Public, Index: i}, "n")
						if assert.NoError(t, err) {
							assert.Equal(t, fmt.Sprint(i), data.Values()["n"])
						}
					})
					all.Go(func() {
						data, err := session.Get(t.Context(), gstats.Slot{Profile: 20001, Type: gstats.Public, Index: 7}, "n")
						if assert.NoError(t, err) {
							assert.Equal(t, "7", data.Values()["n"])
						}
					})
				}
				all.Wait()
				require.Zero(t, session.State().Counters.Unmatched)
			})
		})
	}
}

// Whatever a server does wrong, a read gives what is stored or an error that says what failed, and everything ends.
func TestNeverWrong(t *testing.T) {
	faults := map[string]gstatstest.Faults{
		"twice":              {Twice: true},
		"byte by byte":       {Segment: 1},
		"slowly":             {Segment: 1, Pause: 100 * time.Millisecond},
		"late":               {Delay: 2 * time.Second},
		"another player":     {ProfileID: 1},
		"longer":             {Length: 1},
		"far longer":         {Length: 50},
		"beyond everything":  {Length: 1 << 30},
		"mute reads":         {Mute: []string{"getpd"}},
		"mute writes":        {Mute: []string{"setpd"}},
		"closes at a read":   {CloseOn: []string{"getpd"}},
		"closes at a write":  {CloseOn: []string{"setpd"}},
		"closes at a player": {CloseOn: []string{"authp"}},
	}
	for at := 1; at < 500; at += 23 {
		faults[fmt.Sprintf("closes at %d", at)] = gstatstest.Faults{CloseAt: at}
		faults[fmt.Sprintf("stalls at %d", at)] = gstatstest.Faults{StallAt: at}
		faults[fmt.Sprintf("garbage at %d", at)] = gstatstest.Faults{GarbageAt: at, Garbage: []byte(`\final\\error\\err\1\errmsg\no\final\`)}
	}
	for _, family := range families {
		t.Run(string(family), func(t *testing.T) {
			for name, fault := range faults {
				if name == "twice" && (family == gstatstest.WFC || family == gstatstest.DWC) {
					continue // they do not say what they answer: a second answer that comes behind the next request cannot be told from its own
				}
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { neverWrong(t, family, fault) })
				})
			}
		})
	}
}

func neverWrong(t *testing.T, family gstatstest.Family, fault gstatstest.Faults) {
	server, config := serve(t, gstatstest.Config{Family: family, Faults: fault})
	config.OperationTimeout, config.ConnectTimeout = 20*time.Second, 20*time.Second
	for i := range int32(4) {
		server.Put(gstatstest.Slot{Profile: 20002, Type: gstatstest.Public, Index: i}, fmt.Appendf(nil, `\n\%d`, i), time.Time{})
	}
	typed := func(err error) {
		_, ok := errors.AsType[*gstats.Error](err)
		assert.True(t, ok, "%v", err)
	}
	session, err := gstats.Connect(t.Context(), config)
	if err != nil {
		typed(err)
		return
	}
	defer session.Close()
	if _, err := session.Authenticate(t.Context(), gstats.Token{Token: "NDSbob", Challenge: "chal"}); err != nil {
		typed(err)
	}
	var all sync.WaitGroup
	for i := range int32(4) {
		all.Go(func() {
			data, err := session.Get(t.Context(), gstats.Slot{Profile: 20002, Type: gstats.Public, Index: i}, "n")
			if err != nil {
				typed(err)
			} else {
				assert.Equal(t, fmt.Sprint(i), data.Values()["n"])
			}
		})
	}
	all.Go(func() {
		if _, err := session.SetValues(t.Context(), gstats.Slot{Profile: 20002, Type: gstats.Public, Index: 9}, map[string]string{"n": "9"}); err != nil {
			typed(err)
		} else if family != gstatstest.UniSpy {
			stored, ok := server.Stored(gstatstest.Slot{Profile: 20002, Type: gstatstest.Public, Index: 9})
			assert.True(t, ok)
			assert.Equal(t, "9", stored.Values()["n"])
		}
	})
	all.Wait()
}
