package natneg

import "time"

// pacer keeps the packets of a negotiation below a limit: never more than that many in any second.
type pacer struct {
	times []time.Time // when the last packets were sent, as a ring of the limit's size
	next  int         // the oldest of them
}

func newPacer(limit int) *pacer { return &pacer{times: make([]time.Time, limit)} }

// spare is the part of the limit that probes leave to answers.
func (p *pacer) spare() int { return len(p.times) / 4 }

// ready says from when on a packet may be sent; the zero time if that has always been so. A probe leaves room for others.
func (p *pacer) ready(probe bool) time.Time {
	i := p.next
	if probe {
		i = (p.next + p.spare()) % len(p.times)
	}
	if p.times[i].IsZero() {
		return time.Time{}
	}
	return p.times[i].Add(time.Second)
}

func (p *pacer) sent(now time.Time) {
	p.times[p.next] = now
	p.next = (p.next + 1) % len(p.times)
}

// maxQueue is how many packets may wait for their turn: more than those of Config.Birthday.
const maxQueue = 512

// pump moves what may be sent now into out: first what others wait for, then probes.
func (m *machine) pump(now time.Time) {
	move := func(queue *[]outgoing, probe bool) {
		sent := 0
		for _, packet := range *queue {
			if m.pacer.ready(probe).After(now) {
				break
			}
			m.pacer.sent(now)
			m.counters.Sent++
			m.out = append(m.out, packet)
			sent++
		}
		*queue = (*queue)[sent:]
	}
	move(&m.queue, false)
	if len(m.queue) == 0 {
		move(&m.probes, true)
	}
}

// nextPump is when pump wants to be called; the zero time if nothing waits.
func (m *machine) nextPump() time.Time {
	switch {
	case len(m.queue) > 0:
		return m.pacer.ready(false)
	case len(m.probes) > 0:
		return m.pacer.ready(true)
	}
	return time.Time{}
}

// earliest is the earliest of the times that are not zero.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
