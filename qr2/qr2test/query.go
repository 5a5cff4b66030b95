package qr2test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// queryTimeout is how long a game server may take for each answer, and tries how often it is asked.
const (
	queryTimeout = time.Second
	queryTries   = 3
)

// Answer is what a game server says of itself.
type Answer struct {
	Server  []Field
	Players [][]Field
	Teams   [][]Field
	Packets int // datagrams that the answer came in
}

// Value is the value of a server key, or "".
func (a Answer) Value(key string) string {
	for _, field := range a.Server {
		if field.Key == key {
			return field.Value
		}
	}
	return ""
}

// Query asks a game server for everything, in split replies, as a game client does: first it verifies its address if the
// game server wants that. A nil conn makes a socket. ctx ends it; each step is tried
// three times, a second apart. The read deadline of conn is cleared.
func Query(ctx context.Context, conn net.PacketConn, addr netip.AddrPort) (Answer, error) {
	if conn == nil {
		var err error
		if conn, err = net.ListenPacket("udp4", ":0"); err != nil {
			return Answer{}, fmt.Errorf("qr2test: query: %w", err)
		}
		defer conn.Close()
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !stop() {
			<-woken
		}
		// A caller's connection comes back without a deadline.
		_ = conn.SetReadDeadline(time.Time{})
	}()
	c := client{ctx: ctx, conn: conn, addr: addr}
	_, _ = rand.Read(c.key[:])

	var number int32
	err := c.ask(qr2wire.AppendPrequery(nil, c.key), qr2wire.TypePrequery, func(body []byte) (done bool, err error) {
		number, err = qr2wire.ParsePrequeryReply(body)
		return true, err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("qr2test: pre-query to %s: %w", addr, err)
	}
	query := qr2wire.FullQuery(c.key)
	query.Challenged, query.Number = number != 0, number
	packet, err := query.Append(nil)
	if err != nil {
		return Answer{}, err
	}
	var assembler qr2wire.Assembler
	var data qr2wire.Data
	packets := 0
	err = c.ask(packet, qr2wire.TypeQuery, func(body []byte) (done bool, err error) {
		packets++
		if !qr2wire.IsSplit(body) {
			data, err = qr2wire.ParseReply(query, body, nil)
			return true, err
		}
		if done, err = assembler.Add(body); done {
			data = assembler.Data()
		}
		return done, err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("qr2test: query to %s: %w", addr, err)
	}
	answer := Answer{Players: rows(data.Players), Teams: rows(data.Teams), Packets: packets}
	for _, field := range data.Server {
		answer.Server = append(answer.Server, Field(field))
	}
	return answer, nil
}

type client struct {
	ctx  context.Context
	conn net.PacketConn
	addr netip.AddrPort
	key  qr2wire.Key
}

func (c *client) ask(packet []byte, want qr2wire.Type, answer func(body []byte) (done bool, err error)) error {
	buf := make([]byte, 65536)
	for range queryTries {
		if _, err := c.conn.WriteTo(packet, net.UDPAddrFromAddrPort(c.addr)); err != nil {
			return err
		}
		if err := c.conn.SetReadDeadline(time.Now().Add(queryTimeout)); err != nil {
			return err
		}
		// It may have ended just before, and the deadline that woke the read was replaced.
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		for {
			n, _, err := c.conn.ReadFrom(buf)
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			var netErr net.Error
			if errors.As(err, &netErr) && netErr.Timeout() {
				break
			} else if err != nil {
				return err
			}
			typ, key, body, err := qr2wire.ParseFromServer(buf[:n])
			if err != nil || typ != want || key != c.key {
				continue
			}
			if done, err := answer(body); done || err != nil {
				return err
			}
		}
	}
	return errors.New("no answer")
}
