//go:build race

package depotwire_test

// raceEnabled: then sync.Pool forgets on purpose, so that allocations cannot be counted.
const raceEnabled = true
