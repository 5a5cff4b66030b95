package main

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/relight-sdk/relight/qr2"
)

// game is the game: players are who has said "join NAME".
type game struct {
	host    *qr2.Host
	conn    net.PacketConn // the game's view of the socket: what is not the host's
	options options
	out     *printer

	mu      sync.Mutex
	port    uint16            // where players are to come
	players map[string]player // by address
	joins   int
}

type player struct {
	name   string
	number int // in the order of joining
	said   int // is the score
}

func newGame(host *qr2.Host, o options, out *printer) *game {
	return &game{host: host, conn: host.GameConn(), options: o, out: out, players: make(map[string]player)}
}

// movedTo says where players are to come from now on.
func (g *game) movedTo(port uint16) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.port == port {
		return nil
	}
	from := g.port
	g.port = port
	if err := g.publish(); err != nil {
		return err
	}
	if from != 0 {
		g.out.print(line{Event: "port moved", Text: fmt.Sprintf("from %d to %d", from, port)})
	}
	return nil
}

// publish says what the server is like now. Queries are answered with it, and the masters hear of a change.
func (g *game) publish() error {
	snapshot := qr2.Snapshot{Server: qr2.Fields{
		{Key: "hostname", Value: g.options.name},
		{Key: "gamever", Value: "1.0"},
		{Key: "hostport", Value: strconv.Itoa(int(g.port))},
		{Key: "mapname", Value: g.options.mapName},
		{Key: "gametype", Value: "chat"},
		{Key: "gamemode", Value: "openplaying"},
		{Key: "numplayers", Value: strconv.Itoa(len(g.players))},
		{Key: "maxplayers", Value: strconv.Itoa(g.options.slots)},
	}}
	inOrder := slices.SortedFunc(maps.Values(g.players), func(a, b player) int { return cmp.Compare(a.number, b.number) })
	for _, p := range inOrder {
		snapshot.Players = append(snapshot.Players, qr2.Fields{{Key: "player_", Value: p.name}, {Key: "score_", Value: strconv.Itoa(p.said)}})
	}
	return g.host.Update(snapshot)
}

// play reads what players send, until the socket is closed.
func (g *game) play() error {
	b := make([]byte, 1500)
	for {
		n, from, err := g.conn.ReadFrom(b)
		if err != nil {
			return err
		}
		if err := g.handle(string(b[:n]), from); err != nil {
			return err
		}
	}
}

// handle takes one datagram. Strangers can only join, and get no more bytes than they send: the address of a datagram may
// be forged. Browsers see what happened before the players hear of it.
func (g *game) handle(text string, from net.Addr) error {
	command, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	g.mu.Lock()
	defer g.mu.Unlock()
	p, known := g.players[from.String()]
	happened := line{Player: p.name, Addr: from.String()}
	answer, all := "", false
	switch {
	case command == "join" && !known && rest != "" && len(rest) <= 32 && !strings.Contains(rest, "\x00"):
		if len(g.players) >= g.options.slots {
			g.send(from, "full")
			return nil
		}
		g.joins++
		g.players[from.String()] = player{name: rest, number: g.joins}
		happened.Event, happened.Player, answer = "joined", rest, "hi "+rest
	case command == "leave" && known:
		delete(g.players, from.String())
		happened.Event, answer = "left", "bye"
	case command == "say" && known:
		p.said++
		g.players[from.String()] = p
		happened.Event, happened.Text, happened.Addr = "said", rest, ""
		answer, all = p.name+": "+rest, true
	default:
		return nil
	}
	if err := g.publish(); err != nil {
		return err
	}
	g.out.print(happened)
	if !all {
		g.send(from, answer)
		return nil
	}
	for to := range g.players {
		if addr, err := net.ResolveUDPAddr("udp", to); err == nil {
			g.send(addr, answer)
		}
	}
	return nil
}

// send may fail, as when a player's network is gone: that is no reason to end the game.
func (g *game) send(to net.Addr, text string) { _, _ = g.conn.WriteTo([]byte(text), to) }
