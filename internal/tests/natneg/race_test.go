//go:build race

package natneg_test

// raceEnabled says that the race detector is on, which makes everything many times slower.
const raceEnabled = true
