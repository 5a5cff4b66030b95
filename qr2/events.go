package qr2

import (
	"context"
	"iter"
	"sync"
)

// maxEvents is how many events wait to be fetched.
const maxEvents = 256

// eventQueue holds the latest events; the oldest goes when it is full. The host's lock guards it.
type eventQueue struct {
	list   []Event
	lost   int
	notify chan struct{}
	ended  chan struct{}
	once   sync.Once
}

func (q *eventQueue) close() { q.once.Do(func() { close(q.ended) }) }

func (q *eventQueue) push(events []Event) {
	q.list = append(q.list, events...)
	if over := len(q.list) - maxEvents; over > 0 {
		q.lost += over
		q.list = append(q.list[:0], q.list[over:]...)
	}
	notify(q.notify)
}

// deliver moves what the core has to tell into the queue and the log.
func (h *Host) deliver() {
	h.mu.Lock()
	events := h.core.events
	h.core.events = nil
	if len(events) > 0 {
		h.queue.push(events)
	}
	h.mu.Unlock()
	for _, event := range events {
		h.logEvent(event)
	}
}

// Events gives what happens, as it happens, until ctx ends or the host is closed; what is waiting then is still given. There
// is one queue of 256 events for each host: when nobody fetches them, the oldest are lost, and counted. Two loops at the
// same time share the events between them.
func (h *Host) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			if event, ok := h.NextEvent(); ok {
				if !yield(event) {
					return
				}
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-h.queue.notify:
			case <-h.queue.ended:
				for event, ok := h.NextEvent(); ok; event, ok = h.NextEvent() {
					if !yield(event) {
						return
					}
				}
				return
			}
		}
	}
}

// NextEvent is for programs that look once a frame: it gives the oldest event that waits, and does not block.
func (h *Host) NextEvent() (event Event, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue.list) == 0 {
		return nil, false
	}
	event = h.queue.list[0]
	h.queue.list[0] = nil
	h.queue.list = h.queue.list[1:]
	if len(h.queue.list) > 0 {
		notify(h.queue.notify)
	}
	return event, true
}

func (h *Host) logEvent(event Event) {
	log := h.config.Logger
	switch e := event.(type) {
	case *MasterChanged:
		args := []any{"master", e.Name, "step", e.Step.String()}
		if e.Addr.IsValid() {
			args = append(args, "peer", e.Addr)
		}
		if e.Err != nil {
			args = append(args, "error", e.Err)
			log.Warn("qr2: master", args...)
			return
		}
		log.Info("qr2: master", args...)
	case *PublicAddress:
		log.Info("qr2: public address", "master", e.Master, "address", e.Addr)
	case *ClientMessage:
		log.Info("qr2: client message", "master", e.Master, "bytes", len(e.Data))
	case *JoinStarted:
		log.Info("qr2: a player wants in", "master", e.Master, "cookie", e.Cookie.String())
	case *JoinEnded:
		if e.Err != nil {
			log.Warn("qr2: join failed", "cookie", e.Cookie.String(), "error", e.Err)
			return
		}
		log.Info("qr2: player joined", "cookie", e.Cookie.String(), "peer", e.Result.Remote)
	}
}
