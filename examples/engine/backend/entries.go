package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/relight-sdk/relight/sb/sbtest"
)

// entries are servers that exist in the list only: as many as wanted, changing as fast as wanted.
type entries struct {
	registry *sbtest.Registry
	done     chan struct{}
	changing sync.WaitGroup
}

func startEntries(count, changes int, registry *sbtest.Registry) *entries {
	e := &entries{registry: registry, done: make(chan struct{})}
	for i := range count {
		e.put(i, i%17)
	}
	if changes > 0 {
		e.changing.Go(func() { e.change(count, changes) })
	}
	return e
}

// Close stops the changes.
func (e *entries) Close() error {
	close(e.done)
	e.changing.Wait()
	return nil
}

func (e *entries) change(count, changes int) {
	const each = 20 * time.Millisecond
	ticker := time.NewTicker(each)
	defer ticker.Stop()
	random := rand.New(rand.NewPCG(1, 2))
	due := 0.0
	for {
		select {
		case <-e.done:
			return
		case <-ticker.C:
		}
		for due += float64(changes) * each.Seconds(); due >= 1; due-- {
			e.put(random.IntN(count), random.IntN(17))
		}
	}
}

// put lists the entry with a number at an address of a network that is reserved for such things.
func (e *entries) put(number, players int) {
	e.registry.Put(sbtest.GameServer{
		Game: game, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(number >> 8), byte(number)}), 6500),
		Reachable: true, Updated: time.Now(),
		Fields: []sbtest.Field{
			{Key: "hostname", Value: fmt.Sprintf("Server %04d", number)}, {Key: "gamever", Value: "1.0"},
			{Key: "mapname", Value: "dm_bay"}, {Key: "gametype", Value: "dm"},
			{Key: "numplayers", Value: strconv.Itoa(players)}, {Key: "maxplayers", Value: "16"},
		},
	})
}
