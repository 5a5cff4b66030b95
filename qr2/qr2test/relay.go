package qr2test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/registry"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

var (
	errNoAck = errors.New("the game server does not acknowledge it")
	errGone  = errors.New("the game server has left the list")
)

// message is a client message that waits for its acknowledgement.
type message struct {
	key   [4]byte
	data  []byte
	tries int
	next  time.Time
	done  chan error // gets one value
}

func (msg *message) finish(err error) {
	select {
	case msg.done <- err:
	default:
	}
}

// Relay sends a client message to a listed game server and returns when it is acknowledged, or has been repeated as often
// as the family does without.
func (m *Master) Relay(ctx context.Context, addr netip.AddrPort, data []byte) error {
	return m.relay(ctx, registry.Server{Addr: addr}, data)
}

func (m *Master) relay(ctx context.Context, server registry.Server, data []byte) error {
	m.mu.Lock()
	s := m.sessions[server.Addr]
	if s == nil || !s.listed {
		m.mu.Unlock()
		return fmt.Errorf("qr2test: relay to %s: %w", server.Addr, registry.ErrUnknownServer)
	}
	if limit := m.traits.messageSize; limit > 0 {
		data = data[:min(len(data), limit)]
	}
	msg := &message{data: slices.Clone(data), done: make(chan error, 1)}
	if m.traits.messageCounts {
		m.message++
		binary.BigEndian.PutUint32(msg.key[:], m.message)
	} else {
		binary.BigEndian.PutUint32(msg.key[:], m.random.Uint32())
	}
	s.messages = append(s.messages, msg)
	m.dueMessages(s, time.Now())
	m.unlock()

	var err error
	select {
	case err = <-msg.done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-m.closing:
		err = errors.New("the master is closed")
	}
	if err != nil {
		return fmt.Errorf("qr2test: relay to %s: %w", server.Addr, err)
	}
	return nil
}

// dueMessages sends the client messages whose time has come, and gives up those that were sent often enough.
func (m *Master) dueMessages(s *session, now time.Time) {
	s.messages = slices.DeleteFunc(s.messages, func(msg *message) bool {
		switch {
		case now.Before(msg.next):
			return false
		case msg.tries == m.traits.messageTries:
			msg.finish(errNoAck)
			return true
		}
		msg.tries++
		msg.next = now.Add(m.traits.messageInterval)
		m.send(s.addr, qr2wire.ClientMessage{Key: s.key, MessageKey: msg.key, Data: msg.data}.Append(nil))
		return false
	})
}

func (m *Master) onAck(body []byte, from netip.AddrPort) {
	key, err := qr2wire.ParseMessageAck(body)
	if err != nil {
		m.stats.Malformed++
		return
	}
	m.stats.Acks++
	s := m.sessions[from]
	if s == nil || m.faults.MessageAcksIgnore {
		return
	}
	s.messages = slices.DeleteFunc(s.messages, func(msg *message) bool {
		if msg.key != key {
			return false
		}
		msg.finish(nil)
		return true
	})
}
