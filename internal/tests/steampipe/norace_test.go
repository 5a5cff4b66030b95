//go:build !race

package steampipe

const raceEnabled = false
