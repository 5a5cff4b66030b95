//go:build !race

package qr2_test

const raceEnabled = false
