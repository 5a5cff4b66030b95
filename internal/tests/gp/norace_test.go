//go:build !race

package gp_test

const raceEnabled = false
