package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/cdkey"
)

// dedicatedServer is a game server: one UDP socket for the game, the master, queries and CD keys.
type dedicatedServer struct {
	name  string
	host  *qr2.Host
	addr  netip.AddrPort
	keys  *cdkey.Checker // nil: keys are not checked
	game  *game
	stop  context.CancelFunc
	ran   chan error // what Run returned
	ended chan error // how the game ended
}

// open starts a game server and waits until the master lists it.
func open(ctx context.Context, v *services, name string) (*dedicatedServer, qr2.MasterState, error) {
	conn, err := net.ListenPacket("udp4", v.listen)
	if err != nil {
		return nil, qr2.MasterState{}, err
	}
	host, err := qr2.NewHost(conn, v.qr2)
	if err != nil {
		conn.Close()
		return nil, qr2.MasterState{}, err
	}
	var keys *cdkey.Checker
	if v.keys != nil {
		if keys, err = cdkey.Start(ctx, host.GameConn(), *v.keys); err != nil {
			return nil, qr2.MasterState{}, errors.Join(err, host.GameConn().Close(), host.Close())
		}
	}
	running, stop := context.WithCancel(ctx)
	server := &dedicatedServer{
		name: name + " " + rand.Text()[:6], // to find it again among others
		host: host, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), keys: keys, game: newGame(host.GameConn(), keys),
		stop: stop, ran: make(chan error, 1), ended: make(chan error, 1),
	}
	err = server.publish("dm_bay", "ann") // before the first heartbeat: the next one is ten seconds later
	go func() { server.ended <- server.game.serve(running) }()
	go func() { server.ran <- host.Run(running) }()
	var state qr2.MasterState
	if err == nil {
		state, err = server.listed(ctx)
	}
	if err != nil {
		return nil, state, errors.Join(err, server.close())
	}
	return server, state, nil
}

// publish says what the server is like now.
func (d *dedicatedServer) publish(mapName string, players ...string) error {
	snapshot := qr2.Snapshot{Server: qr2.Fields{
		{Key: "hostname", Value: d.name},
		{Key: "gamever", Value: "1.0"},
		{Key: "mapname", Value: mapName},
		{Key: "gametype", Value: "dm"},
		{Key: "gamemode", Value: "openplaying"},
		{Key: "numplayers", Value: fmt.Sprint(len(players))},
		{Key: "maxplayers", Value: "16"},
	}}
	for i, player := range players {
		snapshot.Players = append(snapshot.Players, qr2.Fields{{Key: "player_", Value: player}, {Key: "score_", Value: fmt.Sprint(12 - i)}})
	}
	return d.host.Update(snapshot)
}

// confirmation is how long a master has to confirm the server once its challenge was answered. Some never do.
const confirmation = 3 * time.Second

// listed waits until a master lists the server, and says why if none does.
func (d *dedicatedServer) listed(ctx context.Context) (qr2.MasterState, error) {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	var last qr2.MasterState
	for event := range d.host.Events(ctx) {
		changed, ok := event.(*qr2.MasterChanged)
		if !ok {
			continue
		}
		last = changed.MasterState
		switch last.Step {
		case qr2.StepListed:
			return last, nil
		case qr2.StepAnswered:
			defer time.AfterFunc(confirmation, cancel).Stop()
		case qr2.StepRefused, qr2.StepUnavailable, qr2.StepNoAnswer, qr2.StepUnresolved:
			return last, fmt.Errorf("master %s: %v: %w", last.Name, last.Step, last.Err)
		}
	}
	if last.Step == qr2.StepAnswered {
		return last, nil
	}
	return last, fmt.Errorf("master %s: %v: %w", last.Name, last.Step, ctx.Err())
}

// close says goodbye to the master and, for the players, to the validation server, and ends the game.
func (d *dedicatedServer) close() error {
	d.stop()
	err := <-d.ran
	if d.keys != nil {
		err = errors.Join(err, d.keys.Close())
	}
	err = errors.Join(err, d.host.GameConn().Close())
	if gameErr := <-d.ended; !errors.Is(gameErr, net.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("the game ended early: %w", gameErr))
	}
	return errors.Join(err, d.host.Close())
}
