package natneg

import (
	"net/netip"
	"strconv"
	"time"
)

// Step is where a negotiation is.
type Step int

// The steps, in order.
const (
	StepSetup     Step = iota // checking the configuration, opening sockets
	StepResolve               // looking for the matchup servers' addresses
	StepInit                  // telling the servers of our ports
	StepWait                  // they all know; waiting for the partner's address
	StepPing                  // knocking at the partner's address
	StepConnected             // the path is open; the partner's pings are still answered, the result is reported
	StepKept                  // the path is open and is kept open; see Config.KeepAlive
	StepDone                  // the path is open and nothing more is sent
	StepFailed                // see State.Err
	StepDetect                // finding out what the NAT does
)

// String says what is being done.
func (s Step) String() string {
	switch s {
	case StepSetup:
		return "setting up"
	case StepResolve:
		return "finding the matchup servers"
	case StepInit:
		return "contacting the matchup servers"
	case StepWait:
		return "waiting for the partner's address"
	case StepPing:
		return "pinging the partner"
	case StepConnected:
		return "connected"
	case StepKept:
		return "kept open"
	case StepDone:
		return "done"
	case StepFailed:
		return "failed"
	case StepDetect:
		return "detecting the NAT"
	}
	return "step " + strconv.Itoa(int(s))
}

// State is a negotiation as it stands.
type State struct {
	Step    Step
	Since   time.Time // when the step began
	Cookie  Cookie
	Role    Role
	Servers []ServerState  // one for each matchup server; empty before they were looked up
	Guess   netip.AddrPort // what the servers say of the partner's address; invalid until then
	Remote  netip.AddrPort // where the partner is pinged: the guess, corrected by the pings that came
	Doubt   error          // an *[Error]: what is likely to be wrong, once a step has taken two seconds; nil while there is no reason
	Err     error          // why it failed
	NAT     *Report        // our own NAT, from Config.NAT or as far as the servers' answers tell; nil if not known
	Heard   time.Time      // the partner's last sign on an open path; the game's own packets do not count

	// Where the partner may reach this side: Config.Mapped, what the servers saw of the socket that the game will use, and its
	// local address. The protocol tells the partner only what the servers make of it; a game with a channel of its own can
	// tell the rest, for the partner's Config.Candidates or [Negotiation.AddCandidate].
	Addresses []netip.AddrPort
	SeenAs    netip.AddrPort // our address, as the partner knows it; invalid if it has not told
	Rebounds  int            // how often an address was found changed while the path was kept open: see Config.KeepAlive
	Counters  Counters
}

// ServerState is one matchup server.
type ServerState struct {
	Addr      netip.AddrPort // invalid if it does not exist or was not found
	Err       error          // why it was not found
	Answered  bool           // it acknowledged an INIT, or answered the detection
	RoundTrip time.Duration  // from the last transmission to the answer; 0 without one
	Observed  netip.AddrPort // our address as the server says to see it; most servers do not say it
}

// Counters count datagrams.
type Counters struct {
	Sent         int // all that were sent
	Repeated     int // of those, sent again because no answer came
	Received     int // all that carried our cookie
	InitAcks     int
	ERTTests     int // probes of the servers, all answered
	Connects     int // copies of CONNECT, all acknowledged
	PingsSent    int
	Probes       int // of those, to or from random ports: Config.Birthday
	KeepAlives   int
	Pings        int // pings of the partner
	WriteErrors  int // datagrams that the socket did not take
	Malformed    int // ignored: not readable
	Foreign      int // ignored: not NatNeg, or another cookie, on the negotiate socket
	Unlisted     int // ignored: CONNECT from an address that is no matchup server's
	BadAddress   int // CONNECT with an address where no partner can be, such as one of this machine alone: nothing is sent there
	Echoes       int // ignored: our own pings that came back
	Early        int // pings that came before the servers named the partner: they begin the pings
	Unexpected   int // ignored: types that a client does not get
	OverLimit    int // ignored or not sent: more than a negotiation can need
	QueueDropped int // lost, because they came faster than they were handled
}
