package engine

import "time"

// The events of depots: 600 to 699.
const (
	EventDepotProgress EventType = 600
	EventDepotFile     EventType = 601
	EventDepotRetry    EventType = 602
	EventDepotProblem  EventType = 603
	EventDepotEntry    EventType = 604
	EventDepotDone     EventType = 605
	EventDepotReport   EventType = 606
)

// The errors of depots: -600 to -699.
const (
	ErrNoSpace     Code = -600
	ErrLocked      Code = -601
	ErrCorrupt     Code = -602
	ErrManifest    Code = -603
	ErrNotFound    Code = -604
	ErrForbidden   Code = -605
	ErrFilesFailed Code = -606
	ErrNoContent   Code = -607
)

// DepotAction is what is done with a folder.
type DepotAction int32

// The actions.
const (
	DepotDownload DepotAction = 0
	DepotVerify   DepotAction = 1
	DepotPlan     DepotAction = 2
	DepotDiagnose DepotAction = 3
)

// Flags of a DepotConfig.
const (
	DepotWebAPI      = 1
	DepotDetectCache = 2
	DepotHashFiles   = 4
	DepotStateless   = 8
	DepotSkipSpace   = 16
	DepotPreallocate = 32
	DepotTellFiles   = 64
	DepotTellExtra   = 128
)

// What became of a file, or would: the status of EventDepotEntry. A verification and a plan have their own words.
const (
	EntryOK         = 0
	EntryMissing    = 1
	EntryWrongSize  = 2
	EntryWrongBytes = 3
	EntryWrongKind  = 4
	EntryPlayers    = 5
	EntryExtra      = 6
	EntryWrite      = 11
	EntryRepair     = 12
	EntryMove       = 13
	EntryRemove     = 14
	entryPlanned    = 10 // is added to steampipe.Action
)

// DepotConfig is what relight_depot_config says.
type DepotConfig struct {
	Options
	Action   DepotAction
	Flags    uint32
	Depot    uint32
	Manifest uint64
	// RequestCode is what the live network wants for a manifest; zero is none.
	RequestCode uint64

	Key, Dir, ManifestFile              string
	Servers, ServerLists, Folder, Cache string // the first two separated by commas
	Files                               string // patterns, separated by commas

	BytesPerSecond        int64
	Connections, Decoders int
	ProgressInterval      time.Duration
}
