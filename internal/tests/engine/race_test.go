//go:build race

package engine

// raceEnabled: the race detector knows nothing of other programs, and they run without it anyway.
const raceEnabled = true
