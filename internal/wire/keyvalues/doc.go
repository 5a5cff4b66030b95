// Package keyvalues reads and writes Valve's text KeyValues: config.vdf, the legacy server list, bootstrap manifests and
// app info (spec steampipe.md §1, §3, §8.3).
//
// A document is a list of pairs. A value is a text or a block of pairs in braces:
//
//	"serverlist"
//	{
//		"0" { "type" "CDN" "host" "10.0.0.194" }   // a comment
//	}
//
// Keys keep their order and may repeat. Valve's programs compare them without case, and so do the helpers of [Node].
package keyvalues
