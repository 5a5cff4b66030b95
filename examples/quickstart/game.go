package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/qr2/cdkey"
)

// game is the game, on the server's own view of the socket. Who says "join NAME" is asked to prove the own CD key, answers
// "key RESPONSE", and is welcome or not; "leave" ends it. Anything else is ignored. A real game must not answer strangers with
// more than they send, and forgets those who never go on.
type game struct {
	conn    net.PacketConn
	keys    *cdkey.Checker // nil: everybody is welcome
	arrived chan arrival   // who was let in, and who was not

	mu       sync.Mutex
	visitors map[netip.AddrPort]*visitor
}

// visitor is who has said "join".
type visitor struct {
	name      string
	challenge string        // to prove the key against; empty once that was tried
	answer    string        // to be repeated if the visitor repeats itself; empty while the key is being checked
	player    *cdkey.Player // nil unless let in with a key
}

// arrival is what became of a visitor.
type arrival struct {
	name   string
	player *cdkey.Player // nil if keys are not checked, or err is set
	took   time.Duration // to check the key
	err    error         // why the visitor was not let in
}

// maxVisitors is how many the game remembers.
const maxVisitors = 64

func newGame(conn net.PacketConn, keys *cdkey.Checker) *game {
	return &game{conn: conn, keys: keys, arrived: make(chan arrival, maxVisitors), visitors: make(map[netip.AddrPort]*visitor)}
}

// serve is the game's loop, until its connection is closed. ctx ends the checks that are under way.
func (g *game) serve(ctx context.Context) error {
	var checks sync.WaitGroup
	defer checks.Wait()
	b := make([]byte, 1500)
	for {
		n, addr, err := g.conn.ReadFrom(b)
		if err != nil {
			return err
		}
		answer, proof := g.hear(string(b[:n]), addr.(*net.UDPAddr).AddrPort())
		if proof != nil {
			checks.Go(func() { g.check(ctx, *proof) }) // the game does not wait for it
		}
		if answer == "" {
			continue
		}
		if _, err := g.conn.WriteTo([]byte(answer), addr); err != nil {
			return err
		}
	}
}

// proof is a visitor's response to the challenge, to be checked.
type proof struct {
	visitor *visitor
	from    netip.AddrPort
	request cdkey.Request
}

// hear gives the answer to a message, or what is to be checked before there is one.
func (g *game) hear(message string, from netip.AddrPort) (answer string, check *proof) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.visitors[from]
	switch verb, text, _ := strings.Cut(message, " "); {
	case verb == "join" && v == nil && len(g.visitors) < maxVisitors:
		v = &visitor{name: text}
		g.visitors[from] = v
		if g.keys == nil {
			v.answer = "welcome, " + v.name
			g.tell(arrival{name: v.name})
			break
		}
		v.challenge = cdkey.NewChallenge()
		v.answer = "prove " + v.challenge
	case v == nil:
		return "", nil
	case verb == "key" && v.challenge != "":
		check = &proof{v, from, cdkey.Request{IP: from.Addr(), Challenge: v.challenge, Response: cdkey.Response(text)}}
		v.challenge, v.answer = "", ""
	case verb == "leave":
		delete(g.visitors, from)
		if v.player != nil {
			v.player.Disconnect() // tells the validation server
		}
		return "bye, " + v.name, nil
	case verb != "join" && verb != "key":
		return "", nil
	}
	return v.answer, check
}

// check lets a visitor in, or not.
func (g *game) check(ctx context.Context, p proof) {
	began := time.Now()
	player, err := g.keys.Authenticate(ctx, p.request)
	answer := "welcome, " + p.visitor.name
	switch {
	case errors.Is(err, cdkey.ErrKeyInUse):
		answer = "no: CD Key in use"
	case err != nil:
		answer = "no: your CD key was not accepted"
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p.visitor.player, p.visitor.answer = player, answer
	if g.visitors[p.from] != p.visitor { // has left meanwhile
		if player != nil {
			player.Disconnect()
		}
		return
	}
	g.tell(arrival{p.visitor.name, player, time.Since(began), err})
	_, _ = g.conn.WriteTo([]byte(answer), net.UDPAddrFromAddrPort(p.from)) // lost like any packet: the visitor asks again
}

func (g *game) tell(a arrival) {
	select {
	case g.arrived <- a:
	default: // nobody counts them any more
	}
}

// arrival is what became of a visitor since it was asked last.
func (g *game) arrival(name string) (a arrival, ok bool) {
	for {
		select {
		case a = <-g.arrived:
			if a.name == name {
				return a, true
			}
		default:
			return arrival{}, false
		}
	}
}
