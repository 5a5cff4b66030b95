package sb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"sync"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// ErrListFull: a ServerList has reached MaxServers or MaxBytes.
var ErrListFull = errors.New("server list is full")

// ServerList is a live collection of servers, one for each address: lists of the master, subscriptions, direct queries and
// LAN searches fill it, and whoever shows it takes snapshots or the changes. What is newly known of a server is laid over
// what was known. The zero value is empty and ready. It is safe for concurrent use; it must not be copied.
//
// It keeps a server in a few hundred bytes: the names of fields are shared by all servers of the list that have the same,
// and a server's values are one piece of memory. Nothing is shared with other lists.
type ServerList struct {
	MaxServers int // 0 means 250,000
	MaxBytes   int // about what the servers may take; 0 means 128 MiB

	mu         sync.Mutex
	at         map[netip.AddrPort]int32 // place in slots
	slots      []slot                   // in the order in which they were added; those removed are empty
	generation uint32                   // of the newest Refresh
	bytes      int
	shapes     map[string]*shape
	shapeKey   []byte // scratch
	packed     []byte // scratch
	snapshot   *Snapshot
	watches    []*Watch
}

type slot struct {
	record     *record
	generation uint32 // when it was last put
}

// record is a server in the list. It is never changed.
type record struct {
	addr, private netip.AddrPort
	shape         *shape // nil without fields
	values        sbwire.Values
	ping          int64 // ns
	extra         *extra
	flags         Flags
	protocol      Protocol
}

// extra is what most servers do not have.
type extra struct {
	players, teams Table
	queryErr       error
}

// shape is the names of a server's fields.
type shape struct {
	names
	key  string
	refs int // records that have it
}

const (
	defaultMaxBytes = 128 << 20
	recordBytes     = 192 // a record, its slot and its place in the map
)

// Len is how many servers there are.
func (l *ServerList) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.at)
}

// Get finds a server by its Addr.
func (l *ServerList) Get(addr netip.AddrPort) (server Server, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.find(addr)
	if r == nil {
		return Server{}, false
	}
	return r.server(), true
}

// Put adds a server, or lays what it says over what is known of that address: fields that it does not have stay, and so do
// the round trip and the players if it does not say anything of them. The error is ErrListFull in an [*Error].
func (l *ServerList) Put(server Server) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.put(server)
}

// PutAnswer lays what a server said of itself ([Browser.QueryAll], [Browser.Query]) over what is known now, as [ServerList.Put]
// does, with two differences: Flags and Private stay as the list has them, since the master may have found out more while the
// server was asked; and a server that was removed meanwhile is not brought back. It reports whether the server is in the list.
func (l *ServerList) PutAnswer(server Server) (listed bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.find(server.Addr)
	if old == nil {
		return false, nil
	}
	server.Flags, server.Private = old.flags, old.private
	generation := l.slots[l.at[server.Addr]].generation
	err = l.put(server)
	l.slots[l.at[server.Addr]].generation = generation // its answer does not put it into the list that is coming in
	return true, err
}

func (l *ServerList) put(server Server) error {
	place, listed := l.at[server.Addr]
	var old *record
	if listed {
		old = l.slots[place].record
		l.slots[place].generation = l.generation
		if old.saysAll(&server) {
			return nil
		}
		server = server.over(old.server())
	}
	r := l.pack(server)
	if listed && r.equal(old) {
		l.release(r.shape)
		return nil
	}
	maxServers, maxBytes := l.MaxServers, l.MaxBytes
	setDefault(&maxServers, sbwire.DefaultMaxServers)
	setDefault(&maxBytes, defaultMaxBytes)
	size := r.size()
	if listed {
		size -= old.size()
	}
	if full := fullReason(!listed && len(l.at) >= maxServers, maxServers, size > 0 && l.bytes+size > maxBytes, maxBytes); full != "" {
		l.release(r.shape)
		return &Error{Op: "server list", Peer: server.Addr.String(), Reason: full, Err: ErrListFull}
	}
	l.bytes += size
	if listed {
		l.release(old.shape)
		l.slots[place].record = r
	} else {
		if l.at == nil {
			l.at = make(map[netip.AddrPort]int32)
		}
		l.at[r.addr] = int32(len(l.slots))
		l.slots = append(l.slots, slot{r, l.generation})
	}
	l.changed(r.addr, old)
	return nil
}

func fullReason(servers bool, maxServers int, bytes bool, maxBytes int) string {
	switch {
	case servers:
		return fmt.Sprintf("MaxServers is %d", maxServers)
	case bytes:
		return fmt.Sprintf("MaxBytes is %d", maxBytes)
	}
	return ""
}

// Remove takes a server off the list; it reports whether it was there.
func (l *ServerList) Remove(addr netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remove(addr)
}

func (l *ServerList) remove(addr netip.AddrPort) bool {
	place, ok := l.at[addr]
	if !ok {
		return false
	}
	old := l.slots[place].record
	delete(l.at, addr)
	l.slots[place].record = nil
	l.bytes -= old.size()
	l.release(old.shape)
	if len(l.slots) > 2*len(l.at)+64 {
		l.compact()
	}
	l.changed(addr, old)
	return true
}

// compact drops the places of servers that were removed.
func (l *ServerList) compact() {
	kept := l.slots[:0]
	for _, s := range l.slots {
		if s.record != nil {
			l.at[s.record.addr] = int32(len(kept))
			kept = append(kept, s)
		}
	}
	clear(l.slots[len(kept):])
	l.slots = kept
}

// Clear removes all servers.
func (l *ServerList) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.take().records {
		l.remove(r.addr)
	}
}

// Fill puts what Browser.List, Browser.QueryAll, Browser.LAN or the like yields, while it comes. It returns the error that
// ended them, or its own.
func (l *ServerList) Fill(servers iter.Seq2[Server, error]) error {
	for server, err := range servers {
		if err != nil {
			return err
		}
		if err := l.Put(server); err != nil {
			return err
		}
	}
	return nil
}

// Refresh is Fill with a new list of the same servers: those that do not come again are removed when it has come to its end
// without an error. What was put by others meanwhile stays, too.
func (l *ServerList) Refresh(servers iter.Seq2[Server, error]) error {
	generation := l.newGeneration()
	if err := l.Fill(servers); err != nil {
		return err
	}
	l.removeOlder(generation)
	return nil
}

func (l *ServerList) newGeneration() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation++
	return l.generation
}

// removeOlder removes the servers that were put last before a generation began.
func (l *ServerList) removeOlder(generation uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var gone []netip.AddrPort
	for _, s := range l.slots {
		if s.record != nil && int32(s.generation-generation) < 0 {
			gone = append(gone, s.record.addr)
		}
	}
	for _, addr := range gone {
		l.remove(addr)
	}
}

// Snapshot is the list as it is now, in the order in which the servers were added. It costs little, and nothing while the
// list does not change.
func (l *ServerList) Snapshot() Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take()
}

func (l *ServerList) take() Snapshot {
	if l.snapshot == nil {
		records := make([]*record, 0, len(l.at))
		for _, s := range l.slots {
			if s.record != nil {
				records = append(records, s.record)
			}
		}
		l.snapshot = &Snapshot{records}
	}
	return *l.snapshot
}

// MarshalJSON writes the servers as an array: see Server.MarshalJSON.
func (l *ServerList) MarshalJSON() ([]byte, error) { return json.Marshal(l.Snapshot()) }

// UnmarshalJSON puts the servers of an array. Those that are in the list already are kept.
func (l *ServerList) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	token, err := decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return errors.New("sb: a server list is a JSON array")
	}
	for decoder.More() {
		var server Server
		if err := decoder.Decode(&server); err != nil {
			return err
		}
		if err := l.Put(server); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

// find gives the record of an address, or nil.
func (l *ServerList) find(addr netip.AddrPort) *record {
	if place, ok := l.at[addr]; ok {
		return l.slots[place].record
	}
	return nil
}

// changed is called when the record of an address has become another.
func (l *ServerList) changed(addr netip.AddrPort, old *record) {
	l.snapshot = nil
	for _, w := range l.watches {
		w.changed(addr, old)
	}
}
