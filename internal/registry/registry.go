// Package registry is the list of game servers that an in-process QR2 master fills and an in-process list master reads:
// together they are one back end, as a real master is.
package registry

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ErrUnknownServer says that no server with that address is listed.
var ErrUnknownServer = errors.New("registry: no such server is listed")

// Field is one key of a server and its value.
type Field struct{ Key, Value string }

// Server is one listed game server.
type Server struct {
	Game      string
	Addr      netip.AddrPort // as the master saw it: where queries go
	Private   netip.AddrPort // what the server says of itself; the zero value if it says nothing
	NatNeg    bool           // it can be joined through NAT negotiation
	Reachable bool           // it answered a query from an address that it had not written to
	Fields    []Field        // server keys, in the order in which they were reported
	Players   [][]Field      // player keys by player
	Teams     [][]Field      // team keys by team
	Updated   time.Time      // last heartbeat or keep-alive
}

// Value is the value of a server key, or "".
func (s Server) Value(key string) string {
	for _, field := range s.Fields {
		if field.Key == key {
			return field.Value
		}
	}
	return ""
}

// Change is a server that was added, updated or removed.
type Change struct {
	Server  Server
	Removed bool
}

// Relay carries a client message to a game server through the master that it is registered with.
type Relay func(ctx context.Context, server Server, message []byte) error

// Registry is safe for concurrent use. The zero value is empty and ready.
type Registry struct {
	mu       sync.Mutex
	servers  map[key]Server
	watchers map[int]func(Change)
	next     int
	relay    Relay
}

type key struct {
	game string
	addr netip.AddrPort
}

// Put adds a server or replaces it, and tells the watchers. It keeps copies of the slices.
func (r *Registry) Put(server Server) {
	server.Fields, server.Players, server.Teams = slices.Clone(server.Fields), cloneRows(server.Players), cloneRows(server.Teams)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servers == nil {
		r.servers = make(map[key]Server)
	}
	r.servers[key{server.Game, server.Addr}] = server
	r.tell(Change{Server: server})
}

func cloneRows(rows [][]Field) [][]Field {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i] = slices.Clone(rows[i])
	}
	return rows
}

// Remove takes a server off the list and tells the watchers. It reports whether the server was listed.
func (r *Registry) Remove(game string, addr netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	server, ok := r.servers[key{game, addr}]
	if ok {
		delete(r.servers, key{game, addr})
		r.tell(Change{Server: server, Removed: true})
	}
	return ok
}

// Find returns the server with that address, of whatever game.
func (r *Registry) Find(addr netip.AddrPort) (Server, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, server := range r.servers {
		if k.addr == addr {
			return server, true
		}
	}
	return Server{}, false
}

// List returns the servers of a game, ordered by address. Their slices are the registry's: read them only.
func (r *Registry) List(game string) []Server {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Server
	for k, server := range r.servers {
		if k.game == game {
			list = append(list, server)
		}
	}
	slices.SortFunc(list, func(a, b Server) int {
		return cmp.Or(a.Addr.Addr().Compare(b.Addr.Addr()), cmp.Compare(a.Addr.Port(), b.Addr.Port()))
	})
	return list
}

// Watch calls f for every change from now on, in order, from the goroutine that makes it: f must not block and must not
// call the registry back, which would wait for itself. Nothing is told once stop has returned.
func (r *Registry) Watch(f func(Change)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watchers == nil {
		r.watchers = make(map[int]func(Change))
	}
	id := r.next
	r.next++
	r.watchers[id] = f
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, id)
	}
}

// SetRelay sets the way in which client messages travel; the QR2 master does so.
func (r *Registry) SetRelay(relay Relay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relay = relay
}

// Relay sends a client message to the listed server with that address.
func (r *Registry) Relay(ctx context.Context, addr netip.AddrPort, message []byte) error {
	server, ok := r.Find(addr)
	r.mu.Lock()
	relay := r.relay
	r.mu.Unlock()
	if !ok || relay == nil {
		return ErrUnknownServer
	}
	return relay(ctx, server, message)
}

// tell calls the watchers with the lock held, so that they hear of the changes in the order in which those happened.
func (r *Registry) tell(change Change) {
	for _, watch := range r.watchers {
		watch(change)
	}
}
