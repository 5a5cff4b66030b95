package sb

import (
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr1wire"
)

// oldAnswer is what has come of the answer of a server that speaks QR1. Its answers carry no key of ours, only the server's
// own number of the question.
type oldAnswer struct {
	parts qr1wire.Assembler
	ping  time.Duration
}

// whole reports whether the answer may well be complete though no datagram of it is marked as the last. Some servers never do
// that; it is found out when the last attempt is over, since a lost datagram looks the same.
func (a *oldAnswer) whole() bool { return len(a.parts.Missing()) == 0 }

// oldQuestion asks for what query wants.
func oldQuestion(query DirectQuery) []byte {
	sections := qr1wire.Status
	if len(query.Fields) > 0 {
		sections = qr1wire.Basic | qr1wire.Info // what servers have at hand
		for _, field := range query.Fields {
			sections |= qr1wire.SectionOf(field)
		}
	}
	return qr1wire.Query{Sections: sections}.Append(nil)
}

// handleOld takes a datagram of a server that is asked in QR1.
func (p *prober) handleOld(q *probe, b []byte, at time.Time) []Server {
	if len(q.sends) == 0 {
		p.stats.ignored.Add(1) // it was not asked yet
		return nil
	}
	answer := q.old
	if answer == nil {
		answer = &oldAnswer{ping: at.Sub(q.sends[len(q.sends)-1].at)}
	}
	complete, err := answer.parts.Add(b)
	if err != nil {
		p.stats.malformed.Add(1)
		return nil
	}
	if q.old == nil {
		q.old = answer
		p.pace.answered++
		if len(q.sends) == 1 { // else nobody knows which one was answered
			p.trips.add(answer.ping)
		}
	}
	if !complete {
		return nil
	}
	return p.answer(q, answer.ping, answer.parts.Data())
}
