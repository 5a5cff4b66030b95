package cdkey

import "time"

// Link is what is known of the validation server.
type Link int

// What may be known.
const (
	LinkUnknown   Link = iota // nothing was asked yet
	LinkAnswering             // the latest question was answered
	LinkSilent                // the latest question was not
)

// String says it in words.
func (l Link) String() string {
	switch l {
	case LinkAnswering:
		return "answering"
	case LinkSilent:
		return "silent"
	}
	return "not known yet"
}

// State is a [Checker] as it stands.
type State struct {
	Server   string    // the validation server's address
	Link     Link      // whether it answers
	Since    time.Time // when Link became so
	Heard    time.Time // the latest message from it; zero without one
	Players  int       // let in, or being asked about
	Waiting  int       // of those, being asked about
	Proofs   int       // proofs that are waited for
	Err      error     // why nothing is checked any more: closed, or the socket is broken; nil while it works
	SendErr  error     // why the latest datagram was not sent; nil if it was
	Counters Counters
}

// Counters count since the start.
type Counters struct {
	Sent       int // datagrams
	Repeated   int // of those, questions sent again
	SendErrors int // datagrams that the system did not take
	Received   int // messages from the validation server
	Malformed  int // datagrams from its address that are none
	Foreign    int // messages from other addresses: not believed
	Unmatched  int // answers to what was not asked, or too late
	Moved      int // times that a silent validation server was found elsewhere

	Validated    int // players that the validation server accepted
	Unanswered   int // players about whom it said nothing
	Refused      int // players that it refused
	Online       int // its questions whether a key is here
	ProofsWanted int // new proofs asked of players
	ProofsSent   int
	Overflow     int // questions without an answer, because too many proofs are waited for; proof requests that were not read in time
}

// State returns the state.
func (c *Checker) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := State{
		Server: c.server.String(), Link: c.link, Since: c.since, Heard: c.heard,
		Players: len(c.players), Err: c.err, SendErr: c.sendErr, Counters: c.counters,
	}
	for _, p := range c.players {
		if !p.online {
			state.Waiting++
		}
		state.Proofs += len(p.proofs)
	}
	return state
}

func (c *Checker) setLink(link Link, now time.Time) {
	if c.link != link {
		c.link, c.since = link, now
		c.log.Info("cdkey: the validation server", "server", c.server, "link", link.String())
	}
}
