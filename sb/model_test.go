package sb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// plain is a server in the simplest form: what the list is compared with.
type plain struct {
	private   netip.AddrPort
	flags     Flags
	protocol  Protocol
	ping      time.Duration
	fields    map[string]string
	players   Table
	teams     Table
	queryFail string
}

func plainOf(s Server) plain {
	p := plain{private: s.Private, flags: s.Flags, protocol: s.Protocol, ping: s.Ping, fields: maps.Collect(s.Fields()), players: s.Players, teams: s.Teams}
	if s.QueryErr != nil {
		p.queryFail = s.QueryErr.Error()
	}
	return p
}

// over is what the documentation of Put says.
func (p plain) over(old plain) plain {
	fields := maps.Clone(old.fields)
	maps.Copy(fields, p.fields)
	p.fields = fields
	if !p.private.IsValid() {
		p.private = old.private
	}
	if p.flags == 0 {
		p.flags = old.flags
	}
	if p.protocol == 0 {
		p.protocol = old.protocol
	}
	if p.ping == 0 {
		p.ping = old.ping
	}
	if p.players == nil && p.teams == nil {
		p.players, p.teams = old.players, old.teams
	}
	return p
}

func (p plain) changed(old plain) (keys []string) {
	for key, same := range map[string]bool{KeyPrivate: p.private == old.private, KeyFlags: p.flags == old.flags, KeyProtocol: p.protocol == old.protocol,
		KeyPing: p.ping == old.ping, KeyError: p.queryFail == old.queryFail,
		KeyPlayers: equalTables(p.players, old.players), KeyTeams: equalTables(p.teams, old.teams)} {
		if !same {
			keys = append(keys, key)
		}
	}
	for name, value := range p.fields {
		if was, ok := old.fields[name]; !ok || was != value {
			keys = append(keys, name)
		}
	}
	for name := range old.fields {
		if _, ok := p.fields[name]; !ok {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}

// reader knows what the events of a Watch have told.
type reader struct {
	watch *Watch
	knows map[netip.AddrPort]plain
}

func (r *reader) take(t *testing.T, event Event) {
	t.Helper()
	switch e := event.(type) {
	case ServerAdded:
		if _, ok := r.knows[e.Server.Addr]; ok {
			t.Fatal("added twice: ", e.Server.Addr)
		}
		r.knows[e.Server.Addr] = plainOf(e.Server)
	case ServerUpdated:
		old, ok := r.knows[e.Server.Addr]
		if !ok {
			t.Fatal("updated but not known: ", e.Server.Addr)
		}
		now := plainOf(e.Server)
		keys := slices.Sorted(slices.Values(e.Keys))
		if want := now.changed(old); !slices.Equal(keys, want) || len(want) == 0 {
			t.Fatalf("told of %v, different are %v", keys, want)
		}
		r.knows[e.Server.Addr] = now
	case ServerRemoved:
		old, ok := r.knows[e.Server.Addr]
		if now := plainOf(e.Server); !ok || len(now.changed(old)) > 0 {
			t.Fatal("removed, not as it was told last: ", e.Server.Addr, ok)
		}
		delete(r.knows, e.Server.Addr)
	}
}

func (r *reader) drain(t *testing.T) {
	t.Helper()
	for {
		event, ok := r.watch.Poll()
		if !ok {
			return
		}
		r.take(t, event)
	}
}

func randomServer(random *rand.Rand, addresses int) Server {
	s := Server{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(addresses))}), 6500)}
	var list []string
	rules := random.IntN(2) == 0
	for _, name := range []string{"hostname", "numplayers", "z;base64", "x\xff", "y;name64"}[random.IntN(4):] {
		if value := []string{"1", "2", "caf\xe9"}[random.IntN(3)]; rules {
			s.rules = append(s.rules, Field{name, value})
		} else {
			list = append(list, name)
			s.row.values += sbwire.MakeValues(value)
		}
	}
	if len(list) > 0 && random.IntN(4) > 0 {
		s.row.names = &names{list}
	} else {
		s.row = row{}
	}
	if random.IntN(3) == 0 {
		s.Ping = time.Duration(random.IntN(3)) * time.Millisecond
		s.Flags = Flags(random.IntN(3))
		s.Protocol = Protocol(random.IntN(3))
	}
	switch random.IntN(6) {
	case 0:
		s.Players = Table{{{"player_", fmt.Sprint(random.IntN(3))}}}
	case 1:
		s.Teams = Table{}
	case 2:
		s.QueryErr = errors.New(fmt.Sprint("late ", random.IntN(2)))
	case 3:
		s.Private = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 0, 1}), uint16(random.IntN(3)))
	}
	return s
}

// check compares a list with its model, and the bytes and shapes it has counted with those that are there.
func check(t *testing.T, l *ServerList, model map[netip.AddrPort]plain, order []netip.AddrPort) {
	t.Helper()
	var addrs []netip.AddrPort
	size := 0
	refs := map[*shape]int{}
	for _, r := range l.Snapshot().records {
		addrs = append(addrs, r.addr)
		if got := plainOf(r.server()); len(got.changed(model[r.addr])) > 0 {
			t.Fatalf("%v: %v, want %v", r.addr, got, model[r.addr])
		}
		size += r.size()
		if r.shape != nil {
			refs[r.shape]++
		}
	}
	if !slices.Equal(addrs, order) {
		t.Fatalf("%v, want %v", addrs, order)
	}
	for s, n := range refs {
		if size += s.size() + len(s.key); s.refs != n || l.shapes[s.key] != s {
			t.Fatalf("%d servers have a shape that counts %d", n, s.refs)
		}
	}
	if l.bytes != size || len(l.shapes) != len(refs) {
		t.Fatalf("%d bytes counted, %d there; %d shapes, %d in use", l.bytes, size, len(l.shapes), len(refs))
	}
}

// TestServerListAgainstAModel does everything that can be done to a list, at random, and does the same to a map.
func TestServerListAgainstAModel(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 7))
		l := &ServerList{MaxServers: 12}
		model := map[netip.AddrPort]plain{}
		var order []netip.AddrPort
		var readers []*reader
		put := func(s Server) {
			old, listed := model[s.Addr]
			err := l.Put(s)
			if full := !listed && len(model) == 12; full != errors.Is(err, ErrListFull) || err != nil && !full {
				t.Fatalf("%v with %d servers", err, len(model))
			} else if full {
				return
			}
			if model[s.Addr] = plainOf(s); listed {
				model[s.Addr] = plainOf(s).over(old)
			} else {
				order = append(order, s.Addr)
			}
		}
		remove := func(addr netip.AddrPort) {
			delete(model, addr)
			order = slices.DeleteFunc(order, func(other netip.AddrPort) bool { return other == addr })
		}
		before := l.Snapshot()
		for range 400 {
			switch action := random.IntN(100); {
			case action < 60:
				put(randomServer(random, 16))
			case action < 80:
				addr := randomServer(random, 16).Addr
				if _, listed := model[addr]; l.Remove(addr) != listed {
					t.Fatal(addr, listed)
				}
				remove(addr)
			case action < 84: // the list comes anew; some of its servers are gone
				var again []Server
				for _, s := range l.Snapshot().All() {
					if random.IntN(3) > 0 {
						again = append(again, s)
					}
				}
				var broken error
				if random.IntN(2) == 0 {
					broken = errors.New("broken")
				}
				var source iter.Seq2[Server, error] = func(yield func(Server, error) bool) {
					for _, s := range again {
						if !yield(s, nil) {
							return
						}
					}
					if broken != nil {
						yield(Server{}, broken)
					}
				}
				if err := l.Refresh(source); !errors.Is(err, broken) {
					t.Fatal(err)
				}
				if broken == nil {
					for _, addr := range slices.Clone(order) {
						if !slices.ContainsFunc(again, func(s Server) bool { return s.Addr == addr }) {
							remove(addr)
						}
					}
				}
			case action < 85:
				l.Clear()
				clear(model)
				order = nil
			case action < 88 && len(readers) < 4:
				readers = append(readers, &reader{l.Watch(), map[netip.AddrPort]plain{}})
			case action < 89 && len(readers) > 0:
				readers[0].watch.Close()
				if _, ok := readers[0].watch.Poll(); ok {
					t.Fatal("an event of a closed watch")
				}
				readers = readers[1:]
			case action < 97:
				for _, r := range readers {
					if event, ok := r.watch.Poll(); ok {
						r.take(t, event)
					}
				}
			case len(readers) > 0:
				r := readers[random.IntN(len(readers))]
				r.drain(t)
				if len(r.knows) != len(model) {
					t.Fatalf("the reader knows %d of %d", len(r.knows), len(model))
				}
				for addr, p := range model {
					if len(r.knows[addr].changed(p)) > 0 {
						t.Fatal("the reader is wrong about ", addr)
					}
				}
			}
			check(t, l, model, order)
		}
		checkSince(t, before, l.Snapshot())
		checkJSON(t, l)
		l.Clear()
		if l.bytes != 0 || len(l.shapes) != 0 {
			t.Fatalf("%d bytes and %d shapes of nothing", l.bytes, len(l.shapes))
		}
	}
}

func checkSince(t *testing.T, before, after Snapshot) {
	t.Helper()
	for _, change := range after.Since(before) {
		if change.Kind != Added {
			t.Fatal(change.Kind)
		}
	}
	if got := before.Since(after); len(got) != after.Len() {
		t.Fatal(got)
	}
}

func checkJSON(t *testing.T, l *ServerList) {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var again ServerList
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if changes := again.Snapshot().Since(l.Snapshot()); len(changes) > 0 {
		t.Fatalf("%v\n%s", changes[0].Keys, b)
	}
	if b2, err := json.Marshal(&again); err != nil || !bytes.Equal(b, b2) {
		t.Fatalf("%v\n%s\n%s", err, b, b2)
	}
}

// TestServerListFromAllSides uses a list from many goroutines; each reader ends with what the list has.
func TestServerListFromAllSides(t *testing.T) {
	l := new(ServerList)
	var writers, watchers sync.WaitGroup
	ended := make(chan struct{})
	for seed := range uint64(4) {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 1000 {
				switch s := randomServer(random, 200); random.IntN(10) {
				case 0, 1, 2:
					l.Remove(s.Addr)
				case 3:
					_ = l.Snapshot().Filter(func(s Server) bool { return s.NumPlayers() > 1 }).Sort(By("hostname"), By(KeyPing))
				case 4:
					watch := l.Watch()
					watch.Poll()
					watch.Close()
				default:
					if err := l.Put(s); err != nil {
						t.Error(err)
					}
				}
			}
			_ = l.Refresh(func(yield func(Server, error) bool) { yield(randomServer(random, 200), nil) })
		})
		watchers.Go(func() {
			r := &reader{l.Watch(), map[netip.AddrPort]plain{}}
			defer r.watch.Close()
			for running := true; running; {
				select {
				case <-r.watch.Wake():
				case <-ended:
					running = false
				}
				r.drain(t)
			}
			have := map[netip.AddrPort]plain{}
			for _, s := range l.Snapshot().All() {
				have[s.Addr] = plainOf(s)
			}
			if len(have) != len(r.knows) {
				t.Errorf("a reader knows %d of %d servers", len(r.knows), len(have))
			}
			for addr, p := range have {
				if known := r.knows[addr]; !reflect.DeepEqual(known, p) {
					t.Errorf("%v: %v, want %v", addr, known, p)
				}
			}
		})
	}
	writers.Wait()
	close(ended)
	watchers.Wait()
}
