package sb

import (
	"encoding/json"
	"iter"
	"net/netip"
	"strconv"
	"time"
)

// What servers can be sorted and filtered by besides their fields, and what ServerUpdated and Change name if it is different.
// No game has fields of such names.
const (
	KeyPing     = "@ping"     // round trip; in expressions, milliseconds
	KeyAddr     = "@addr"     // the address, as 192.0.2.1:6500
	KeyPrivate  = "@private"  // the server's own address in its network
	KeyFlags    = "@flags"    // in expressions, a decimal number
	KeyPlayers  = "@players"  // the table of players; to sort by, and in expressions, the number of its rows
	KeyTeams    = "@teams"    // the same of teams
	KeyProtocol = "@protocol" // what it speaks, as QR2
	KeyError    = "@error"    // why the direct query brought nothing
)

// Snapshot is a [ServerList] at one moment, or what Filter and Sort made of it. It never changes. The zero value is empty.
type Snapshot struct{ records []*record }

// Len is how many servers there are.
func (s Snapshot) Len() int { return len(s.records) }

// At is the server number i, from 0.
func (s Snapshot) At(i int) Server { return s.records[i].server() }

// All yields the servers and their numbers.
func (s Snapshot) All() iter.Seq2[int, Server] {
	return func(yield func(int, Server) bool) {
		for i, r := range s.records {
			if !yield(i, r.server()) {
				return
			}
		}
	}
}

// Servers yields the servers, as Browser.QueryAll takes them.
func (s Snapshot) Servers() iter.Seq[Server] {
	return func(yield func(Server) bool) {
		for _, r := range s.records {
			if !yield(r.server()) {
				return
			}
		}
	}
}

// Filter keeps the servers that match, in their order. See [Expr.Match] for filters in words.
func (s Snapshot) Filter(match func(Server) bool) Snapshot {
	var kept []*record
	for _, r := range s.records {
		if match(r.server()) {
			kept = append(kept, r)
		}
	}
	return Snapshot{kept}
}

// MarshalJSON writes the servers as an array: see Server.MarshalJSON.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	servers := make([]Server, len(s.records))
	for i, r := range s.records {
		servers[i] = r.server()
	}
	return json.Marshal(servers)
}

// lookup finds a field, or one of the Keys.
func (s Server) lookup(name string) (value string, ok bool) {
	switch name {
	case KeyPing:
		if s.Ping <= 0 {
			return "", false
		}
		return strconv.FormatFloat(float64(s.Ping)/float64(time.Millisecond), 'f', -1, 64), true
	case KeyAddr:
		return s.Addr.String(), true
	case KeyPrivate:
		return s.Private.String(), s.Private.IsValid()
	case KeyFlags:
		return strconv.Itoa(int(s.Flags)), true
	case KeyPlayers:
		return strconv.Itoa(len(s.Players)), s.Players != nil
	case KeyTeams:
		return strconv.Itoa(len(s.Teams)), s.Teams != nil
	case KeyProtocol:
		return s.Protocol.String(), s.Protocol != 0
	case KeyError:
		return errorText(s.QueryErr), s.QueryErr != nil
	}
	return s.Lookup(name)
}

// ChangeKind says what is different about a server in two snapshots.
type ChangeKind int

// The kinds.
const (
	Added   ChangeKind = iota + 1
	Changed            // it says something else, and may stand at another place
	Removed
	Moved // it says the same, at another place among those that both snapshots have
)

var changeNames = [...]string{"none", "added", "changed", "removed", "moved"}

// String names the kind.
func (k ChangeKind) String() string {
	if k < 0 || int(k) >= len(changeNames) {
		return "change " + strconv.Itoa(int(k))
	}
	return changeNames[k]
}

// Change is one difference between two snapshots.
type Change struct {
	Kind   ChangeKind
	Server Server   // as it is now; if it was removed, as it was
	Keys   []string // of Changed: names of fields, and Keys such as KeyPing
	Old    int      // its place before, -1 if Added
	New    int      // its place now, -1 if Removed
}

// Since gives what is different from an older snapshot: first the servers that are gone, in their old order, then the others
// in their new order. A server that only stands behind or before a new or removed one has not moved.
func (s Snapshot) Since(old Snapshot) []Change {
	was := make(map[netip.AddrPort]int, len(old.records))
	for i, r := range old.records {
		was[r.addr] = i
	}
	var rest []Change
	kept := make([]bool, len(old.records))
	places := make([]int, 0, len(s.records)) // old places of those in both, in the new order
	for _, r := range s.records {
		if i, ok := was[r.addr]; ok {
			kept[i] = true
			places = append(places, i)
		}
	}
	stays := inOrder(places)
	for i, r := range s.records {
		before, ok := was[r.addr]
		if !ok {
			rest = append(rest, Change{Kind: Added, Server: r.server(), Old: -1, New: i})
			continue
		}
		var keys []string
		if other := old.records[before]; other != r {
			keys = changedKeys(other, r, false)
		}
		switch {
		case len(keys) > 0:
			rest = append(rest, Change{Kind: Changed, Server: r.server(), Keys: keys, Old: before, New: i})
		case !stays[before]:
			rest = append(rest, Change{Kind: Moved, Server: r.server(), Old: before, New: i})
		}
	}
	var changes []Change
	for i, r := range old.records {
		if !kept[i] {
			changes = append(changes, Change{Kind: Removed, Server: r.server(), Old: i, New: -1})
		}
	}
	return append(changes, rest...)
}

// inOrder picks as many of these different numbers as possible that stand in rising order: those have not moved, the others
// have.
func inOrder(places []int) map[int]bool {
	var tails []int // indices into places: where the best run of each length ends
	previous := make([]int, len(places))
	for i, place := range places {
		low, high := 0, len(tails)
		for low < high {
			if middle := (low + high) / 2; places[tails[middle]] < place {
				low = middle + 1
			} else {
				high = middle
			}
		}
		if previous[i] = -1; low > 0 {
			previous[i] = tails[low-1]
		}
		if low == len(tails) {
			tails = append(tails, i)
		} else {
			tails[low] = i
		}
	}
	stays := make(map[int]bool, len(tails))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = previous[i] {
			stays[places[i]] = true
		}
	}
	return stays
}
