package sb

import (
	"container/heap"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

const (
	maxAttempts = 8
	sendBits    = 4 // of the request key, for the number of the datagram: a challenge request and a query for each attempt
)

// prober decides what to send to whom in direct queries, and what the answers mean. It does no I/O: the loop in query.go
// gives it datagrams and the time.
type prober struct {
	query     DirectQuery
	protocol  Protocol        // of servers that do not tell theirs
	ids       []qr2wire.KeyID // of query.Fields
	question  []byte          // to servers that speak QR1
	registry  *qr2wire.Registry
	challenge bool // servers are expected to want one
	attempts  int
	timeout   time.Duration
	stats     *queryCounters

	probes map[netip.AddrPort]*probe
	pinged map[uint32]*probe // the same by their ids, with ICMP only: its answers do not name a port
	urgent []*probe          // want to send, in order: the number that a server gave is not good for long
	ready  []*probe          // the same of those that are asked for the first time, or again
	twins  int               // servers in probe.twins
	timed  deadlines         // the others
	trips  roundTrips
	pace   pacer
}

// probe is one server that is being queried.
type probe struct {
	server   Server
	twins    []Server       // others at the same address: the answer is theirs, too
	addr     netip.AddrPort // where it is queried
	protocol Protocol
	id       uint32 // upper bits of its request keys

	attempt  int
	answered bool      // it gave a number to the challenge request of this attempt
	number   int32     // that number
	queued   bool      // in ready
	deadline time.Time // of what was sent last
	place    int       // in prober.timed, if it is not queued
	sends    []send
	unsent   int   // of these, not sent because of sendErr
	sendErr  error // the latest
	old      *oldAnswer
}

// send is one datagram that went out.
type send struct {
	at    time.Time
	query *qr2wire.Query // nil: a challenge request
	parts qr2wire.Assembler
	first time.Time // when parts got its first one
}

// queryCounters are totals of a Browser.
type queryCounters struct {
	sent, repeated, answered, unanswered, ignored, malformed, dropped atomic.Int64
}

// add starts to query a server. If its address is being queried already, it gets the same answer.
func (p *prober) add(server Server, addr netip.AddrPort) {
	if q, ok := p.probes[addr]; ok {
		q.twins = append(q.twins, server)
		p.twins++
		return
	}
	q := &probe{server: server, addr: addr, id: randomID(), place: -1, protocol: p.protocol}
	switch {
	case p.query.Protocol != 0:
		q.protocol = p.query.Protocol
	case server.Protocol == QR1 || server.Protocol == QR2:
		q.protocol = server.Protocol
	}
	p.probes[addr] = q
	if q.protocol == ICMP {
		for p.pinged[q.id] != nil {
			q.id = randomID()
		}
		p.pinged[q.id] = q
	}
	p.enqueue(q)
}

// size is how many servers are under way.
func (p *prober) size() int { return len(p.probes) + p.twins }

func randomID() uint32 {
	var random [4]byte
	_, _ = rand.Read(random[:])
	return binary.BigEndian.Uint32(random[:]) >> sendBits
}

func (p *prober) enqueue(q *probe) {
	if !q.queued {
		if q.place >= 0 {
			heap.Remove(&p.timed, q.place)
		}
		q.queued = true
		if q.answered {
			p.urgent = append(p.urgent, q)
		} else {
			p.ready = append(p.ready, q)
		}
	}
}

// sendable reports whether next has something to send.
func (p *prober) sendable() bool { return len(p.urgent)+len(p.ready) > 0 }

// remove forgets a server.
func (p *prober) remove(q *probe) {
	delete(p.probes, q.addr)
	delete(p.pinged, q.id)
	p.twins -= len(q.twins)
	if q.place >= 0 {
		heap.Remove(&p.timed, q.place)
	}
}

// deadlines are the probes that wait for an answer, as a heap: the most impatient one comes first.
type deadlines []*probe

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].deadline.Before(d[j].deadline) }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	q := x.(*probe)
	q.place = len(*d)
	*d = append(*d, q)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	q := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	q.place = -1
	return q
}

// wantsChallenge decides whether an attempt starts with a challenge request. In case the back end's flags are wrong, one
// of the later attempts is the other way round.
func (p *prober) wantsChallenge(attempt int) bool {
	switch {
	case p.query.NoChallenge:
		return false
	case attempt == 2, attempt == 1 && !p.challenge:
		return !p.challenge
	}
	return p.challenge
}

// next makes the next datagram; ok is false if there is none.
func (p *prober) next(now time.Time) (datagram []byte, to netip.AddrPort, ok bool) {
	for p.sendable() {
		queue := &p.ready
		if len(p.urgent) > 0 {
			queue = &p.urgent
		}
		q := (*queue)[0]
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		q.queued = false
		if p.probes[q.addr] != q {
			continue
		}
		datagram, sent := p.datagram(q, q.key(len(q.sends)))
		sent.at = now
		q.sends = append(q.sends, sent)
		q.deadline = now.Add(p.patience(q.attempt))
		heap.Push(&p.timed, q)
		p.stats.sent.Add(1)
		if q.attempt > 0 {
			p.stats.repeated.Add(1)
		}
		return datagram, q.addr, true
	}
	return nil, netip.AddrPort{}, false
}

// datagram is what a server is sent next.
func (p *prober) datagram(q *probe, key qr2wire.Key) ([]byte, send) {
	switch {
	case q.protocol == QR1:
		return p.question, send{}
	case q.protocol == ICMP:
		return appendEcho(nil, q.addr.Addr(), key), send{}
	case !q.answered && p.wantsChallenge(q.attempt):
		return qr2wire.AppendPrequery(nil, key), send{}
	}
	query := qr2wire.FullQuery(key)
	if len(p.ids) > 0 {
		query = qr2wire.BasicQuery(key, p.ids...)
	}
	query.Number, query.Challenged = q.number, q.number != 0
	datagram, _ := query.Append(nil) // newProber has seen that it can be written
	return datagram, send{query: &query}
}

// unsent says that the datagram which next gave could not be sent.
func (p *prober) unsent(to netip.AddrPort, err error) {
	if q, ok := p.probes[to]; ok {
		q.unsent++
		q.sendErr = err
		p.stats.sent.Add(-1)
	}
}

// patience grows by half with every attempt. Repeating a question early does no harm, since a late answer to the first one
// still counts; giving up early does, so the last wait is a full one.
func (p *prober) patience(attempt int) time.Duration {
	wait := p.trips.patience(p.timeout)
	for range attempt {
		wait += wait / 2
	}
	if attempt == p.attempts-1 {
		wait = max(wait, p.timeout)
	}
	return wait
}

// key is the request key of a datagram: a random number for the server, and which datagram it was, so that an answer to an
// earlier one gives the true round trip.
func (q *probe) key(n int) (key qr2wire.Key) {
	binary.BigEndian.PutUint32(key[:], q.id<<sendBits|uint32(n))
	return key
}

// splitKey takes a key apart.
func splitKey(key qr2wire.Key) (id uint32, n int) {
	number := binary.BigEndian.Uint32(key[:])
	return number >> sendBits, int(number & (1<<sendBits - 1))
}

// handle takes a datagram. done are the servers whose query ended with it. known is false if it came from an address that
// is not being queried.
func (p *prober) handle(b []byte, from netip.AddrPort, at time.Time) (done []Server, known bool) {
	q, known := p.probes[from]
	switch {
	case p.pinged != nil:
		return p.handleEcho(b, from, at), true
	case !known:
		return nil, false
	case q.protocol == QR1:
		return p.handleOld(q, b, at), true
	}
	kind, key, body, err := qr2wire.ParseFromServer(b)
	id, n := splitKey(key)
	if err != nil || id != q.id || n >= len(q.sends) {
		p.stats.ignored.Add(1)
		return nil, true
	}
	sent := &q.sends[n]
	switch {
	case kind == qr2wire.TypePrequery && sent.query == nil:
		answer, err := qr2wire.ParsePrequeryReply(body)
		if err != nil {
			p.stats.malformed.Add(1)
			return nil, true
		}
		if !q.answered {
			p.heard(q, n, at)
			q.answered, q.number = true, answer
			p.enqueue(q)
		}
	case kind == qr2wire.TypeQuery && sent.query != nil:
		data, complete, err := sent.reply(body, at, p.registry)
		if err != nil {
			p.stats.malformed.Add(1)
			return nil, true
		}
		if complete {
			p.heard(q, n, sent.first)
			return p.answer(q, sent.first.Sub(sent.at), data), true
		}
	default:
		p.stats.ignored.Add(1)
	}
	return nil, true
}

// answer ends the query of a server with what it said.
func (p *prober) answer(q *probe, ping time.Duration, data qr2wire.Data) []Server {
	p.remove(q)
	p.stats.answered.Add(1)
	servers := q.servers()
	for i := range servers {
		server := &servers[i]
		server.QueryErr = nil
		server.Ping = ping
		if q.protocol != ICMP {
			server.Protocol = q.protocol
			*server = withData(*server, data)
		}
	}
	return servers
}

// servers are those that the answer is for.
func (q *probe) servers() []Server { return append([]Server{q.server}, q.twins...) }

// heard learns from the answer to datagram n of a probe: how long it took, and whether the one before it was lost.
func (p *prober) heard(q *probe, n int, at time.Time) {
	p.trips.add(at.Sub(q.sends[n].at))
	p.pace.answered++
	if n > 0 && (q.sends[n-1].query == nil) == (q.sends[n].query == nil) {
		p.pace.lost++
	}
}

// reply reads a reply or a part of one.
func (s *send) reply(body []byte, at time.Time, registry *qr2wire.Registry) (data qr2wire.Data, complete bool, err error) {
	if qr2wire.IsSplit(body) {
		complete, err = s.parts.Add(body)
		if err != nil {
			return data, false, err
		}
		if s.first.IsZero() {
			s.first = at
		}
		if complete {
			data = s.parts.Data()
		}
		return data, complete, nil
	}
	data, err = qr2wire.ParseReply(*s.query, body, registry)
	if errors.Is(err, qr2wire.ErrTruncated) && len(data.Server) > 0 {
		err = nil // servers cut what does not fit into a datagram
	}
	if err == nil {
		s.first = at
	}
	return data, err == nil, err
}

// expire looks for those whose time is up: they try again, or are given up and returned.
func (p *prober) expire(now time.Time) (done []Server) {
	for len(p.timed) > 0 && !now.Before(p.timed[0].deadline) {
		q := p.timed[0]
		if q.answered || q.old != nil {
			p.pace.lost++ // it is alive
		}
		if q.attempt++; q.attempt < p.attempts {
			q.answered, q.number = false, 0 // a number is good for one query
			p.enqueue(q)
			continue
		}
		if q.old != nil && q.old.whole() {
			done = append(done, p.answer(q, q.old.ping, q.old.parts.Data())...)
			continue
		}
		p.remove(q)
		p.stats.unanswered.Add(1)
		for _, server := range q.servers() {
			done = append(done, q.lost(server))
		}
	}
	return done
}

// lost is the server with why its query failed, and with the parts of a reply that came.
func (q *probe) lost(server Server) Server {
	failure := &Error{Op: "query", Peer: q.addr.String(), Reason: "no reply to any of the datagrams", Err: ErrNoAnswer}
	if q.unsent > 0 && q.unsent == len(q.sends) {
		failure.Reason, failure.Err = "the datagrams could not be sent", joined(ErrNoAnswer, q.sendErr)
	}
	for i := range q.sends {
		sent := &q.sends[len(q.sends)-1-i]
		if !sent.first.IsZero() {
			server = withData(server, sent.parts.Data())
			failure.Reason, failure.Err = "parts of the reply are missing", joined(ErrNoAnswer, ErrIncomplete)
			break
		}
	}
	if q.old != nil {
		server = withData(server, q.old.parts.Data())
		failure.Reason, failure.Err = "parts of the reply are missing", joined(ErrNoAnswer, ErrIncomplete)
	}
	server.QueryErr = failure
	return server
}

// wake is when expire should be called next; ok is false if nothing is under way.
func (p *prober) wake() (at time.Time, ok bool) {
	if len(p.timed) == 0 {
		return time.Time{}, false
	}
	return p.timed[0].deadline, true
}

// withData lays what a server says of itself over what the list said of it.
func withData(server Server, data qr2wire.Data) Server {
	said := Server{Addr: server.Addr, Private: server.Private, Flags: server.Flags, Ping: server.Ping, Protocol: server.Protocol,
		Players: rows(data.Players), Teams: rows(data.Teams)}
	for _, field := range data.Server {
		if field.Key == "country" || field.Key == "region" {
			continue // for the master to say
		}
		said.rules = append(said.rules, Field(field))
	}
	return said.over(server)
}

func rows(table qr2wire.Table) []Fields {
	var list []Fields
	for _, row := range table.Rows {
		fields := make(Fields, len(table.Keys))
		for i, key := range table.Keys {
			fields[i] = Field{key, row[i]}
		}
		list = append(list, fields)
	}
	return list
}
