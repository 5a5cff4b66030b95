package gpwire

// ProfileID numbers a profile, which is what other players see of an account. It fits in 32 bits, signed or unsigned.
type ProfileID int64

// ProductID numbers a game at GameSpy.
type ProductID int

// NamespaceID numbers a space in which uniquenicks are unique: 0 has none, 1 is GameSpy's own (spec gp.md §3).
type NamespaceID int

// PartnerID numbers the company that accounts belong to: 0 GameSpy, 10 IGN, 11 Nintendo (spec gp.md §3).
type PartnerID int

// UserID numbers an account. It is text because living servers have numbers beyond 64 bits' worth of SDKs and zeros in
// front (servers.md §5.1.2).
type UserID string

// SessionKey identifies a login in every request after it. It is text because some servers send zeros in front, which
// must come back (servers.md §5.1.2).
type SessionKey string

// Limits of texts in bytes (spec gp.md §3).
const (
	MaxNick            = 30
	MaxUniqueNick      = 20
	MaxName            = 30 // first and last name
	MaxEmail           = 50
	MaxPassword        = 30
	MaxHomepage        = 75
	MaxZipCode         = 10
	MaxCountryCode     = 2
	MaxPlace           = 127
	MaxAIMName         = 50
	MaxReason          = 1024
	MaxStatus          = 255
	MaxLocation        = 255
	MaxErrorText       = 255
	MaxAuthToken       = 255
	MaxCDKey           = 64
	MaxRichStatus      = 255
	MaxGameText        = 32 // game type, variant and map
	MaxServerChallenge = 127
	ClientChallenge    = 32 // exactly
	MaxMessage         = 3500
	MaxMessageReceived = 4095
	MaxNamespaces      = 16
)

// SDK revision bits that a client announces at login; the server changes its behaviour by them (spec gp.md §5.2).
const (
	RevisionAuth       = 1  // say when a buddy request was accepted
	RevisionRevoke     = 2  // say when a buddy removed the player
	RevisionStatusInfo = 4  // status as \bsi\ instead of \bm\100
	RevisionLists      = 8  // send the buddy and block lists at login
	RevisionRemoteAuth = 16 // send \rar\ after an authtoken login
	RevisionCDKey      = 32 // CD key registration needs a game id
)

// Quiet flags: what the server holds back (spec gp.md §5.2).
const (
	QuietNone     = 0
	QuietMessages = 1
	QuietUTMs     = 2
	QuietLists    = 4
	QuietAll      = -1
)

// Status is what a buddy is doing (spec gp.md §6.1).
type Status int32

// The statuses.
const (
	Offline  Status = 0
	Online   Status = 1
	Playing  Status = 2
	Staging  Status = 3
	Chatting Status = 4
	Away     Status = 5
)

// String names the status.
func (s Status) String() string {
	switch s {
	case Offline:
		return "offline"
	case Online:
		return "online"
	case Playing:
		return "playing"
	case Staging:
		return "staging"
	case Chatting:
		return "chatting"
	case Away:
		return "away"
	}
	return "unknown status"
}

// Session flags in the newer status (spec gp.md §6.3).
const (
	SessionClosed      = 1
	SessionOpen        = 2
	SessionHasPassword = 4
	SessionBehindNAT   = 8
	SessionRanked      = 16
)
