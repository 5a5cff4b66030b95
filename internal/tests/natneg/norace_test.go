//go:build !race

package natneg_test

const raceEnabled = false
