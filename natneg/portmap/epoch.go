package portmap

import "time"

// epoch notices that a router has restarted: PCP and NAT-PMP tell in every answer for how long it has been keeping its
// mappings (RFC 6887 §8.5, RFC 6886 §3.6).
type epoch struct {
	known  bool
	server int64
	client time.Time
}

// restarted takes what an answer said, and reports whether the router's clock has not gone on with ours.
func (e *epoch) restarted(server uint32, now time.Time) bool {
	before := *e
	*e = epoch{true, int64(server), now}
	if !before.known {
		return false
	}
	ours := int64(now.Sub(before.client) / time.Second)
	theirs := int64(server) - before.server
	switch {
	case theirs < -1:
		return true
	case ours+2 < theirs-theirs/16, theirs+2 < ours-ours/16:
		return true // one of the clocks would be more than a sixteenth wrong
	}
	return false
}
