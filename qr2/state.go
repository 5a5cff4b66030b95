package qr2

import (
	"net/netip"
	"strconv"
	"time"
)

// Step is where a host is with one master.
type Step int

// The steps.
const (
	StepIdle        Step = iota // Run was not called
	StepResolving               // looking for the master's address
	StepUnresolved              // it was not found; tried again; see MasterState.Err
	StepUnavailable             // the availability service says that the game is not served; see MasterState.Err
	StepHeartbeat               // heartbeats are sent, nothing came back yet
	StepNoAnswer                // three heartbeats got no answer; further ones follow, one a minute
	StepAnswered                // the master's challenge is answered, or the master does not challenge; it has not confirmed; MasterState.Err says so if it should have
	StepListed                  // the master has confirmed the registration; one that never answers keep-alives may be gone since, see MasterState.LastHeard
	StepForgotten               // the master challenges anew, although it had confirmed, or does not answer keep-alives any more, although it did: it was restarted, or is gone; see MasterState.Err
	StepRefused                 // the master sent an error; see MasterState.Err
	StepStopped                 // the goodbye was sent; nothing from this master is answered any more
)

// String says it in words.
func (s Step) String() string {
	switch s {
	case StepIdle:
		return "idle"
	case StepResolving:
		return "looking for the master"
	case StepUnresolved:
		return "master not found"
	case StepUnavailable:
		return "game unavailable"
	case StepHeartbeat:
		return "heartbeat sent"
	case StepNoAnswer:
		return "no answer"
	case StepAnswered:
		return "challenge answered"
	case StepListed:
		return "listed"
	case StepForgotten:
		return "forgotten by the master"
	case StepRefused:
		return "refused"
	case StepStopped:
		return "said goodbye"
	}
	return "step " + strconv.Itoa(int(s))
}

// Availability is what the availability service said of the game.
type Availability int

// The answers.
const (
	AvailabilityUnasked Availability = iota // it was not asked: it is not this master's, has no address, or Config.SkipAvailability is set
	AvailabilityAsked                       // its answer is awaited
	AvailabilityYes                         // the game is available
	AvailabilitySilent                      // no answer, which counts as available
	AvailabilityNo                          // the game is not served any more
	AvailabilityNotNow                      // nor is it for now; asked again every minute
)

// String says it in words.
func (a Availability) String() string {
	switch a {
	case AvailabilityUnasked:
		return "not asked"
	case AvailabilityAsked:
		return "asked"
	case AvailabilityYes:
		return "available"
	case AvailabilitySilent:
		return "no answer, taken for available"
	case AvailabilityNo:
		return "unavailable"
	case AvailabilityNotNow:
		return "temporarily unavailable"
	}
	return "availability " + strconv.Itoa(int(a))
}

// State is a host as it stands.
type State struct {
	Local          string        // address of the shared connection
	Running        bool          // Run is running
	Masters        []MasterState // empty for a LAN server
	Public         netip.AddrPort
	QueryChallenge bool  // clients must verify their address before they query
	SplitPackets   int   // datagrams of a full split reply of the snapshot; 0 before the first Update
	Joins          int   // negotiations with players that are under way
	SourceErr      error // why the latest call of Config.Source brought nothing; nil if it did, or there was none
	Counters       Counters
}

// MasterState is how it stands with one master.
type MasterState struct {
	Name         string         // as configured, or made from the domain
	Addr         netip.AddrPort // invalid until it was found
	Step         Step
	Since        time.Time      // when the step began
	Err          error          // why it is not listed; nil if it is, or may become so; an *[Error]
	Availability Availability   // of the game; the service beside the first master is asked
	Public       netip.AddrPort // our address as this master sees it; invalid until it says so, and while it is looked for anew
	SendErr      error          // why a packet to it could not be sent; nil if all could since it was last heard
	Probed       time.Time      // when a query came that looks like the master's reachability test (a key of zeros); zero if none did
	ProbedBy     netip.AddrPort // from there

	WithoutPlayers bool // heartbeats go without players and teams: this master did not answer those that have some, as DWC does not. Queries are answered with everything

	Found         time.Time // when Addr was found; this and the following are zero if it has not happened
	LastHeartbeat time.Time // sent
	LastKeepAlive time.Time // sent
	LastChallenge time.Time // answered
	LastConfirmed time.Time // when it said that we are listed
	LastHeard     time.Time // packet of any kind from it

	Heartbeats, KeepAlives int // sent
	Challenges             int // answered, every copy
	Answered               int // packets of every kind that came from it
	Messages               int // client messages, without repetitions
	Forgotten              int // how often it forgot us
	Moved                  int // how often its address changed
}

// Counters count packets of queries and what was dropped, and why.
type Counters struct {
	Queries    int // answered
	Split      int // of those, in split replies
	QR1        int // of those, in the older protocol
	Packets    int // datagrams that the answers took
	Prequeries int // answered
	Echoes     int // answered

	SourceCalls    int // of Config.Source
	SourceFailures int // of these, that returned an error or a snapshot that is not possible, or panicked

	Shortened int // answers in which the last players, teams or keys are missing, because they are longer than a datagram and the client does not accept split ones, or in QR1 than eight

	HeartbeatsShortened int // heartbeats without players and teams, and some without the last server keys, because of HeartbeatSize

	NoSnapshot   int // dropped: queries before the first Update
	WrongNumber  int // dropped: queries without the number that the pre-query gave, or with an old one
	RateLimited  int // dropped: queries of addresses that have had their share; see Config.AnswerRate
	Malformed    int // dropped: not readable
	WrongKey     int // dropped: from a master, but not with our instance key
	AfterGoodbye int // dropped: from a master after the goodbye
	Repeated     int // client messages that had been taken before; acknowledged again
	Unexpected   int // dropped: types that a game server does not get, and answers to the availability check that come again or late
	Unsent       int // packets that the connection did not take
	EventsLost   int // events that nobody fetched in time
	JoinsRefused int // cookies that came while too many negotiations were under way
}
