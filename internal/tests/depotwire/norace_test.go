//go:build !race

package depotwire_test

const raceEnabled = false
