package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/relight-sdk/relight/qr2/cdkey"
	"github.com/relight-sdk/relight/sb"
)

// guest is a player's end of the way to the game.
type guest struct {
	conn    net.PacketConn
	to      net.Addr
	closers []io.Closer
}

func (g *guest) close() {
	for _, c := range g.closers {
		_ = c.Close()
	}
}

// join goes to the server by whatever way there is, and plays on its socket once the CD key was checked.
func join(ctx context.Context, s *story, v *services, browser *sb.Browser, server *dedicatedServer, found sb.Server) (_ *guest, err error) {
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return nil, err
	}
	bob := &guest{closers: []io.Closer{conn}}
	defer func() {
		if err != nil {
			bob.close()
		}
	}()
	began := time.Now()
	connection, err := browser.Connect(ctx, found, conn)
	if err != nil {
		return nil, err
	}
	bob.conn, bob.to = connection.Conn, net.UDPAddrFromAddrPort(connection.Remote)
	bob.closers = []io.Closer{connection.Conn, conn}
	if connection.NatNeg != nil {
		bob.closers = append([]io.Closer{connection.NatNeg}, bob.closers...)
		timing := connection.NatNeg.Timing
		s.tell("bob", "server", fmt.Sprintf("cookie → master → server; both negotiate; a path opens to %v", connection.Remote), time.Since(began),
			facts{"path": connection.Path.String(), "remote": connection.Remote.String(), "servers_answered_ms": milliseconds(timing.Connect), "punched_ms": milliseconds(timing.Ping)})
	} else {
		s.tell("bob", "server", fmt.Sprintf("%v path to %v", connection.Path, connection.Remote), time.Since(began),
			facts{"path": connection.Path.String(), "remote": connection.Remote.String()})
	}
	began = time.Now()
	reply, err := knock(ctx, bob, "bob", v.cdKey)
	if err != nil {
		return nil, fmt.Errorf("game packets: %w", err)
	}
	came, ok := server.game.arrival("bob")
	switch {
	case !ok:
		return nil, errors.New("somebody answered bob, but it was not the server")
	case came.err != nil:
		return nil, fmt.Errorf("bob's CD key: %w", came.err)
	case reply != "welcome, bob":
		return nil, fmt.Errorf("the game answered %q", reply)
	}
	if came.player == nil {
		s.tell("server", "", "bob's CD key is not checked: neither -keyserver nor -cdkey was given", 0, facts{"skipped": true})
	} else {
		hash := came.player.KeyHash()
		if hash != cdkey.HashKey(v.cdKey) {
			return nil, fmt.Errorf("bob came in with the CD key %s, which is another one", hash)
		}
		s.tell("server", "CD key service", fmt.Sprintf("is bob's key good? → %v, asked on the game's own socket; for bans, it is %s…", came.player.Verdict(), hash[:8]),
			came.took, facts{"verdict": came.player.Verdict().String(), "key_hash": string(hash), "peer": server.keys.Addr().String()})
	}
	s.tell("bob", "server", fmt.Sprintf("“join bob” → “%s”, on the very socket that the server listens on", reply), time.Since(began), facts{"reply": reply})
	return bob, server.publish("dm_bay", "ann", "bob")
}

// sameKey has another player come with bob's CD key, who is to stay outside.
func sameKey(ctx context.Context, s *story, v *services, server *dedicatedServer) error {
	if server.keys == nil {
		return nil
	}
	eve, err := visit(server)
	if err != nil {
		return err
	}
	defer eve.close()
	began := time.Now()
	reply, err := knock(ctx, eve, "eve", v.cdKey)
	if err != nil {
		return fmt.Errorf("game packets: %w", err)
	}
	came, ok := server.game.arrival("eve")
	if !ok || !errors.Is(came.err, cdkey.ErrKeyInUse) || reply != "no: CD Key in use" {
		return fmt.Errorf("eve came with bob's CD key, and the game answered %q", reply)
	}
	s.tell("eve", "server", fmt.Sprintf("“join eve” with bob's CD key → “%s”", reply), time.Since(began), facts{"reply": reply, "players": len(server.keys.Players())})
	return nil
}

// leave has bob leave, so that the key may be used again.
func leave(ctx context.Context, s *story, v *services, server *dedicatedServer, bob *guest) error {
	began := time.Now()
	reply, err := exchange(ctx, bob.conn, bob.to, "leave", "bye, ")
	if err != nil {
		return fmt.Errorf("game packets: %w", err)
	}
	if server.keys == nil {
		s.tell("bob", "server", fmt.Sprintf("“leave” → “%s”", reply), time.Since(began), facts{"reply": reply})
		return nil
	}
	if n := len(server.keys.Players()); n != 0 {
		return fmt.Errorf("bob has left, and %d players have CD keys", n)
	}
	eve, err := visit(server)
	if err != nil {
		return err
	}
	defer eve.close()
	again, err := knock(ctx, eve, "eve", v.cdKey)
	if err != nil {
		return fmt.Errorf("game packets: %w", err)
	}
	if again != "welcome, eve" {
		return fmt.Errorf("bob has left, and eve came with that CD key: the game answered %q", again)
	}
	// Messages on one socket keep their order: the goodbye was there before eve's question was answered.
	if v.validation != nil && v.validation.Stats().Disconnects != 1 {
		return errors.New("bob has left, and the CD key service was not told")
	}
	s.tell("bob", "server", fmt.Sprintf("“leave” → “%s”; the CD key service is told, and the key may be used again: “%s”", reply, again), time.Since(began),
		facts{"reply": reply, "again": again})
	return nil
}

// visit goes to the server on the shortest way.
func visit(server *dedicatedServer) (*guest, error) {
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return nil, err
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), server.addr.Port())
	return &guest{conn: conn, to: net.UDPAddrFromAddrPort(to), closers: []io.Closer{conn}}, nil
}

// knock is the player's game at the server's door: it asks to join and, if that is wanted, proves to have the CD key.
func knock(ctx context.Context, g *guest, name, key string) (reply string, err error) {
	reply, err = exchange(ctx, g.conn, g.to, "join "+name, "welcome, ", "prove ")
	challenge, wanted := strings.CutPrefix(reply, "prove ")
	if err != nil || !wanted {
		return reply, err
	}
	response, err := cdkey.Respond(key, challenge)
	if err != nil {
		return "", err
	}
	return exchange(ctx, g.conn, g.to, "key "+string(response), "welcome, ", "no: ")
}

// attempts is how often a game packet is sent: a CD key may take six seconds to be checked.
const attempts = 10

// exchange sends a game packet and waits for an answer that begins with one of these, a second for each attempt: it is UDP.
func exchange(ctx context.Context, conn net.PacketConn, to net.Addr, message string, answers ...string) (string, error) {
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	b := make([]byte, 1500)
	var err error
	for range attempts {
		if _, err = conn.WriteTo([]byte(message), to); err != nil {
			return "", err
		}
		if err = conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return "", err
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		for {
			var n int
			var from net.Addr
			if n, from, err = conn.ReadFrom(b); err != nil {
				break
			}
			for _, answer := range answers {
				if from.String() == to.String() && strings.HasPrefix(string(b[:n]), answer) {
					return string(b[:n]), nil
				}
			}
		}
	}
	return "", err
}
