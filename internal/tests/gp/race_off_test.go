//go:build !race

package gp_test

// raceEnabled says that the race detector slows everything down.
const raceEnabled = false
