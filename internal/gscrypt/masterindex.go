package gscrypt

// masterCount is the number of list masters that the original domain had (ms0 to ms19).
const masterCount = 20

// MasterIndex is the number n in "<game>.ms<n>.<domain>", the host of the list master of a game (spec sb.md A.1; GameSpy
// SDK serverbrowsing/sb_serverlist.c). The hash folds ASCII case.
func MasterIndex(game string) int {
	var h uint32
	for i := range len(game) {
		c := game[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = h*0x9CCF9319 + uint32(c)
	}
	return int(h % masterCount)
}
