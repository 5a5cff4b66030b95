package natnegtest

import "github.com/relight-sdk/relight/internal/quirks"

// Family is a family of living servers to imitate; any untyped string constant will do.
type Family = quirks.Family

// The families that have matchup servers. Original behaves as the original SDK expects.
const (
	Original Family = quirks.Original
	OpenSpy  Family = quirks.OpenSpy
	WFC      Family = quirks.WFC
	DWC      Family = quirks.DWC
	UniSpy   Family = quirks.UniSpy
)
