package natnegtest

import (
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// need is what a server waits for before it sends CONNECT.
type need int

const (
	needAllPorts need = iota // every port type of both sides
	needBasic                // one NN, and GP if it is used, of both sides
	needAny                  // any INIT of both sides; the address is known from elsewhere
)

// target is where CONNECT goes.
type target int

const (
	toNegotiateSocket target = iota
	toEverySource            // every address that an INIT came from, from the server that it went to
	toEachInit               // as toEverySource, but repeated only when another INIT comes
)

// behaviour is what differs between the families (spec servers.md §7).
type behaviour struct {
	ackBody      func(in natnegwire.InitBody, from netip.AddrPort) natnegwire.InitBody
	need         need
	target       target
	noConnect    bool
	sameVersion  bool // a session keeps its first version
	ertTests     bool // sent to the game's socket, and CONNECT waits for the answers
	connectDelay time.Duration
	repeat       time.Duration // of CONNECT until it is acknowledged; 0 is not
	gotData      uint8
	ignoredERT   uint8         // got-data if the tests were ignored
	deadbeat     time.Duration // 0 is never
	privateAddr  bool          // partners with one public address get each other's private one

	longReport  bool // REPORT_ACK mirrors the whole packet
	reportDelay time.Duration

	preinit      int // state in PREINIT_ACK; negative: not answered
	addressCheck bool
	natify       natify
}

// natify is how NATIFY_REQUEST is answered.
type natify int

const (
	natifyFull    natify = iota // ERT tests from where they were asked for
	natifyUnnamed               // from three other places, with version byte and port type 0
	natifyEmpty                 // always from the same server, with an empty body
	natifyNone
)

const (
	connectRepeats = 20
	ertRetry       = 5 * time.Second / 3 // OpenSpy gives up after 3 of them: 5 s
	ertRetries     = 3
)

var behaviours = map[quirks.Family]behaviour{
	quirks.Original: {
		ackBody: mirrorBody,
		repeat:  500 * time.Millisecond, gotData: 1, deadbeat: 10800 * time.Millisecond,
		privateAddr: true,
		longReport:  true, preinit: natnegwire.PreinitReady, addressCheck: true, natify: natifyFull,
	},
	quirks.OpenSpy: {
		ackBody: openspyBody, target: toEverySource, ertTests: true,
		connectDelay: 800 * time.Millisecond, repeat: 2 * time.Second, gotData: 1, deadbeat: 10800 * time.Millisecond, privateAddr: true,
		longReport: true, reportDelay: 500 * time.Millisecond, preinit: -1, addressCheck: true, natify: natifyUnnamed,
	},
	quirks.WFC: {
		ackBody: nintendoBody, need: needBasic, sameVersion: true,
		repeat: 500 * time.Millisecond, gotData: 0x42, ignoredERT: 0x42,
		preinit: natnegwire.PreinitReady, natify: natifyNone,
	},
	quirks.DWC: {
		ackBody: nintendoBody, need: needAny, target: toEachInit,
		connectDelay: 500 * time.Millisecond, gotData: 0x42, ignoredERT: 0x42,
		preinit: natnegwire.PreinitWaitingForClient, addressCheck: true, natify: natifyEmpty,
	},
	quirks.UniSpy: {
		ackBody: unispyBody, noConnect: true, preinit: -1, addressCheck: true, natify: natifyFull,
	},
}

func mirrorBody(in natnegwire.InitBody, _ netip.AddrPort) natnegwire.InitBody { return in }

// openspyBody loses the client index and everything behind use-game-port.
func openspyBody(in natnegwire.InitBody, _ netip.AddrPort) natnegwire.InitBody {
	return natnegwire.InitBody{Port: in.Port, UseGamePort: in.UseGamePort}
}

// nintendoBody is what the Nintendo servers send: constant bytes that look like an address, but are none.
func nintendoBody(in natnegwire.InitBody, _ netip.AddrPort) natnegwire.InitBody {
	return natnegwire.InitBody{Port: in.Port, ClientIndex: in.ClientIndex, UseGamePort: 0xFF,
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{0xFF, 0x6D, 0x16, 0xB5}), 0x7DEA)}
}

func unispyBody(in natnegwire.InitBody, from netip.AddrPort) natnegwire.InitBody {
	in.Addr = from
	return in
}
