package qr2test

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/registry"
)

// Family is a family of living servers to imitate; any untyped string constant will do.
type Family = quirks.Family

// The families that have a QR2 master.
const (
	Original Family = quirks.Original
	OpenSpy  Family = quirks.OpenSpy
	WFC      Family = quirks.WFC
	DWC      Family = quirks.DWC
	UniSpy   Family = quirks.UniSpy
	KR4uzi   Family = quirks.KR4uzi
	Crymp    Family = quirks.Crymp
)

// Registry is the list of game servers, which a sbtest list master can share.
type Registry = registry.Registry

// GameServer is a listed game server.
type GameServer = registry.Server

// Field is a key of a game server and its value.
type Field = registry.Field

// Config says how the master behaves. The zero value serves no game; Games is what it needs.
type Config struct {
	Games          map[string]string // secret keys by game; other games are refused
	Registry       *Registry         // nil makes one
	Family         Family            // "" behaves as the original; a family without a QR2 master is refused
	QueryChallenge bool              // game clients must verify their address before they query: back-end option 0x80
	Expire         time.Duration     // how long a silent game server stays listed; 0 means as the family does
	NoProbe        bool              // do not query game servers from the second address: all count as unreachable

	Unavailable            []string // games that the availability check calls unavailable
	TemporarilyUnavailable []string // games that it calls temporarily unavailable

	RefuseCode uint8  // code of the refusal; 0 means 1
	RefuseText string // "" refuses nobody; else every heartbeat is answered with this text as an error

	Allow func(server GameServer) bool // decides about a game server that has answered its challenge; nil allows all. WFC's rule, that a profile must be logged in, goes here

	Address      string                                                                     // to listen on; "" means 127.0.0.1:0
	ProbeAddress string                                                                     // where probes come from; "" means 127.0.0.1:0
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error) // nil means net.ListenConfig
	Faults       Faults                                                                     // misbehaviour from the start; see Master.SetFaults
	Seed         uint64                                                                     // of losses and random text
	Logger       *slog.Logger                                                               // nil is silent
}

// Faults make a master misbehave.
type Faults struct {
	Silent            bool    // answers nothing at all
	NoAvailability    bool    // does not answer the availability check
	NoChallenge       bool    // does not challenge
	WrongKey          bool    // puts another instance key into everything that it sends
	Garbage           bool    // sends random bytes in place of every answer
	Truncate          int     // cuts every packet that it sends to so many bytes; 0: whole
	RepeatChallenge   int     // sends so many further copies of each challenge
	NoRegistered      bool    // never confirms a registration
	RejectResponse    bool    // takes every response for a wrong one
	Loss              float64 // share of datagrams lost in either direction, 0 to 1
	MessageAcksIgnore bool    // takes no notice of acknowledgements of client messages
}
