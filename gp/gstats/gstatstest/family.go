package gstatstest

import "github.com/relight-sdk/relight/internal/quirks"

// Family is a family of living servers to imitate; any untyped string constant will do.
type Family = quirks.Family

// The families that have a statistics server. Original behaves as the original SDK expects.
const (
	Original Family = quirks.Original
	OpenSpy  Family = quirks.OpenSpy
	WFC      Family = quirks.WFC
	DWC      Family = quirks.DWC
	UniSpy   Family = quirks.UniSpy
	KR4uzi   Family = quirks.KR4uzi
)
