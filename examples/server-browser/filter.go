package main

import (
	"errors"
	"strings"

	"github.com/relight-sdk/relight/sb"
)

// parseFilter reads what a player types: an expression, or else a part of the server's name, in any case of letters. An error
// means that an expression is not complete yet.
func parseFilter(text string) (func(sb.Server) bool, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return func(sb.Server) bool { return true }, nil
	}
	expression, err := sb.ParseFilter(text)
	if err == nil {
		return expression.Match, nil
	}
	lower := strings.ToLower(text)
	if strings.ContainsAny(text, "=<>") || strings.Contains(lower, " like ") {
		return nil, err
	}
	return func(server sb.Server) bool { return strings.Contains(strings.ToLower(server.Name()), lower) }, nil
}

// sorting is what the list is sorted by.
type sorting struct {
	key        string
	descending bool
}

// shortNames are what players call the keys that everybody sorts by.
var shortNames = map[string]string{
	"name": "hostname", "map": "mapname", "type": "gametype", "players": "numplayers", "ping": sb.KeyPing, "addr": sb.KeyAddr,
}

func parseSorting(text string) (sorting, error) {
	key, descending := strings.CutPrefix(text, "-")
	if key == "" {
		return sorting{}, errors.New("want the name of a key")
	}
	if long, ok := shortNames[key]; ok {
		key = long
	}
	return sorting{key, descending}, nil
}

// sorted is a part of the list in the order that was asked for.
func (s sorting) sorted(servers sb.Snapshot, match func(sb.Server) bool) sb.Snapshot {
	order := sb.By(s.key)
	if s.descending {
		order = order.Descending()
	}
	return servers.Filter(match).Sort(order)
}
