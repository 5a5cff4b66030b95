// Package quirks names the families of living GameSpy servers whose behaviour differs from the original's (spec
// servers.md), so that the test servers can imitate them.
package quirks

// Family is a family of servers. The empty family is the original as its SDK expects it.
type Family string

// The families of servers.md.
const (
	Original Family = ""         // as the original SDK expects
	OpenSpy  Family = "openspy"  // openspy/openspy-core, the public OpenSpy service
	WFC      Family = "wfc"      // WiiLink24/wfc-server
	DWC      Family = "dwc"      // barronwaffles/dwc_network_server_emulator (AltWFC)
	UniSpy   Family = "unispy"   // GameProgressive/UniSpyServer
	KR4uzi   Family = "kr4uzi"   // kr4uzi/gamespy-emulator (Battlefield 2)
	Crymp    Family = "crymp"    // crymp-net/gamespy-emulator (Crysis)
	Section8 Family = "section8" // sokie/section8-gamespy-server
	DumbSpy  Family = "dumbspy"  // dogclan/dumbspy (Battlefield 2 login)

	Net333 Family = "333networks" // 333networks/Masterserver-Qt5 (QR1 and its lists only)
)
