//go:build !race

package depottest

const raceEnabled = false
