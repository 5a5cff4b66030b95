package portmap

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a router in memory: its calls take no time and are written down.
type fake struct {
	start time.Time

	mu    sync.Mutex
	lease time.Duration
	fail  error
	lost  bool
	port  uint16
	log   []string
}

// set changes the router while it is in use.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) note(what string) { f.log = append(f.log, what+" "+time.Since(f.start).String()) }

func (f *fake) protocol() Protocol { return PCP }
func (f *fake) router() netip.Addr { return netip.MustParseAddr("192.168.1.1") }

func (f *fake) add(_ context.Context, want request) (grant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note("add")
	if f.fail != nil {
		return grant{}, f.fail
	}
	f.lost = false
	return grant{netip.MustParseAddrPort("192.168.1.2:6500"), netip.AddrPortFrom(netip.MustParseAddr("20.20.20.11"), f.port), f.lease}, nil
}

func (f *fake) check(context.Context, grant) (finding, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note("check")
	return finding{lost: f.lost}, f.fail
}

func (f *fake) remove(ctx context.Context, g grant) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note("remove")
	return context.Cause(ctx)
}

func (f *fake) sweep(context.Context, grant) (int, error) { return 0, nil }

// keep runs the loop of a mapping over a fake router, for a time.
func keep(t *testing.T, f *fake, config Config, d time.Duration, after func(m *Mapping)) {
	t.Helper()
	f.start, f.port = time.Now(), 6500
	config, err := config.withDefaults(6500)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := newMapping(6500, config, cancel)
	m.watch = nil
	m.find = func(ctx context.Context, want request) (held, error) {
		g, err := f.add(ctx, want)
		return held{f, g}, err
	}
	first, err := m.find(ctx, m.request(6500))
	if err != nil {
		t.Fatal(err)
	}
	m.accept(ctx, first)
	go m.run(ctx, first)
	time.Sleep(d)
	synctest.Wait()
	if after != nil {
		after(m)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestRenewsAtHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: 10 * time.Minute}
		keep(t, f, Config{CheckInterval: -1}, 16*time.Minute, nil)
		want := []string{"add 0s", "add 5m0s", "add 10m0s", "add 15m0s", "remove 16m0s"}
		if !slices.Equal(f.log, want) {
			t.Error(f.log)
		}
	})
}

func TestChecksBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: 5 * time.Minute}
		keep(t, f, Config{}, 3*time.Minute, nil)
		want := []string{"add 0s", "check 1m0s", "check 2m0s", "add 2m30s", "remove 3m0s"}
		if !slices.Equal(f.log, want) {
			t.Error(f.log)
		}
	})
}

// A router that grants next to nothing does not keep us busy.
func TestTinyLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Second}
		keep(t, f, Config{}, 10*time.Second, nil)
		if len(f.log) > 22 {
			t.Error(f.log)
		}
	})
}

func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour}
		time.AfterFunc(90*time.Second, func() { f.set(func() { f.lost, f.port = true, 6501 }) })
		keep(t, f, Config{}, 3*time.Minute, func(m *Mapping) {
			if s := m.State(); s.Counters.Recoveries != 1 || s.External.Port() != 6501 || s.Step != StepOpen || s.Err != nil {
				t.Errorf("%+v", s)
			}
		})
		// Both the old and the new port are deleted in the end.
		want := []string{"add 0s", "check 1m0s", "check 2m0s", "add 2m0s", "check 3m0s", "remove 3m0s", "remove 3m0s"}
		if !slices.Equal(f.log, want) {
			t.Error(f.log)
		}
	})
}

// An announced restart is looked at once.
func TestAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lease: time.Hour}
		keep(t, f, Config{CheckInterval: -1}, time.Minute, func(m *Mapping) {
			f.set(func() { f.lost = true })
			m.kick <- struct{}{}
			synctest.Wait()
			if got := strings.Join(f.log, ", "); got != "add 0s, add 1m0s" {
				t.Error(got)
			}
		})
	})
}

// A router that is gone is asked again after longer and longer waits; one that refuses, after an hour.
func TestRetries(t *testing.T) {
	for _, test := range []struct {
		fail error
		min  int
		max  int
	}{
		{errors.New("silence"), 15, 60},
		{&Error{Step: StepMap, Protocol: PCP, Code: 2, Err: ErrDisabled}, 1, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{lease: 10 * time.Minute}
			failures := 0
			time.AfterFunc(time.Minute, func() { f.set(func() { f.fail = test.fail }) })
			config := Config{CheckInterval: -1, Progress: func(s State) {
				if s.Step == StepLost {
					failures++
				}
			}}
			keep(t, f, config, 2*time.Hour, func(m *Mapping) {
				if s := m.State(); s.Step != StepLost || !s.External.IsValid() {
					t.Errorf("%+v", s)
				}
				if failures < test.min || failures > test.max {
					t.Errorf("%v: asked %d times", test.fail, failures)
				}
			})
		})
	}
}

func TestEpoch(t *testing.T) {
	start := time.Unix(1e9, 0)
	for _, test := range []struct {
		name   string
		after  time.Duration
		server uint32
		want   bool
	}{
		{"in step", time.Minute, 1060, false},
		{"a little slow", time.Minute, 1056, false},
		{"much too slow", time.Minute, 1050, true},
		{"much too fast", time.Minute, 1070, true},
		{"back", time.Minute, 5, true},
		{"back by a second", 0, 999, false},
	} {
		var e epoch
		if e.restarted(1000, start) {
			t.Error("the first answer says nothing")
		}
		if got := e.restarted(test.server, start.Add(test.after)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"20.20.20.11": true, "8.8.8.8": true, "100.63.255.255": true, "100.128.0.1": true,
		"192.168.1.1": false, "10.0.0.1": false, "172.31.0.1": false, "100.64.0.1": false, "100.127.255.255": false,
		"192.0.0.2": false, "203.0.113.7": false, "0.0.0.0": false, "127.0.0.1": false, "169.254.1.1": false, "240.0.0.1": false, "2001:db8::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestAnnouncements(t *testing.T) {
	pcp := append([]byte{2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, make([]byte, 12)...)
	natpmp := []byte{0, 0x80, 0, 0, 0, 0, 0, 5, 20, 20, 20, 11}
	alive := []byte("NOTIFY * HTTP/1.1\r\nNT: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\nNTS: ssdp:alive\r\n\r\n")
	if !isAnnouncement(pcp) || !isAnnouncement(natpmp) || !isAlive(alive) {
		t.Error("not known")
	}
	for _, b := range [][]byte{nil, pcp[:11], natpmp[:11], alive[:20], {2, 0}, make([]byte, 2000)} {
		if isAnnouncement(b) || isAlive(b) {
			t.Errorf("%q is known", b)
		}
	}
}

// What Close says is about the mapping in use, also when the router went back to an earlier port.
func TestHoldsTheLastInUse(t *testing.T) {
	f := &fake{}
	of := func(port uint16) held {
		return held{f, grant{external: netip.AddrPortFrom(netip.MustParseAddr("20.20.20.11"), port)}}
	}
	var holds []held
	for _, port := range []uint16{1, 2, 1} {
		holds = hold(holds, of(port))
	}
	if len(holds) != 2 || holds[1] != of(1) {
		t.Error(holds)
	}
	for port := range uint16(3 * maxHolds) {
		holds = hold(holds, of(port))
	}
	if len(holds) != maxHolds || holds[maxHolds-1] != of(3*maxHolds-1) {
		t.Error(holds)
	}
}
