package qr2test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/availwire"
	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// Texts of OpenSpy's refusals (spec servers.md §3.2).
const (
	textBadResponse = "Invalid challenge response"
	textNotListed   = "Server not registered"
	textNoSuchGame  = "No such gamename"
	textNoGame      = "No gamename supplied"
)

// session is a game server that the master knows.
type session struct {
	addr      netip.AddrPort
	key       qr2wire.Key
	game      string
	heartbeat qr2wire.Heartbeat

	challenge   string    // outstanding, "" if none
	challenges  int       // copies sent
	rechallenge time.Time // when the next copy is due; zero: never

	listed    bool
	reachable bool
	seen      time.Time

	probes    int // sent
	nextProbe time.Time

	messages []*message
}

// handle takes a datagram that came to the master.
func (m *Master) handle(b []byte, from netip.AddrPort, now time.Time) {
	b = b[:min(len(b), m.traits.datagramSize)]
	if len(b) > 0 && qr2wire.Type(b[0]) == qr2wire.TypePrequery {
		m.available(b, from)
		return
	}
	typ, key, body, err := qr2wire.ParseFromServer(b)
	if err != nil {
		m.stats.Malformed++
		return
	}
	m.log.Debug("qr2test: received", "type", typ.String(), "from", from)
	switch typ {
	case qr2wire.TypeHeartbeat:
		m.onHeartbeat(key, body, from, now)
	case qr2wire.TypeChallenge:
		m.onResponse(key, body, from, now)
	case qr2wire.TypeKeepAlive:
		m.onKeepAlive(key, from, now)
	case qr2wire.TypeMessageAck:
		m.onAck(body, from)
	default:
		m.stats.Malformed++
	}
}

func (m *Master) available(b []byte, from netip.AddrPort) {
	game, err := availwire.ParseRequest(b)
	if err != nil {
		m.stats.Malformed++
		return
	}
	m.stats.Availability++
	_, known := m.config.Games[game]
	if m.faults.NoAvailability || !known && !m.traits.unknownAvailable {
		return
	}
	status := availwire.Available
	switch {
	case slices.Contains(m.config.Unavailable, game):
		status = availwire.Unavailable
	case slices.Contains(m.config.TemporarilyUnavailable, game):
		status = availwire.TemporarilyUnavailable
	}
	m.send(from, append(availwire.AppendReply(nil, status), make([]byte, m.traits.availabilityPadding)...))
}

func (m *Master) refuse(key qr2wire.Key, to netip.AddrPort, text string) {
	if !m.traits.errors {
		return
	}
	code := m.config.RefuseCode
	if code == 0 {
		code = 1
	}
	m.send(to, qr2wire.AddError{Key: key, Code: code, Text: text}.Append(nil))
}

func (m *Master) onHeartbeat(key qr2wire.Key, body []byte, from netip.AddrPort, now time.Time) {
	h, err := qr2wire.ParseHeartbeat(key, body)
	if err != nil {
		m.stats.Malformed++
		return
	}
	m.stats.Heartbeats++
	s := m.sessions[from]
	if h.State == qr2wire.StateShutdown {
		m.stats.Shutdowns++
		switch {
		case !m.traits.shutdown:
			return
		case s != nil:
			m.drop(s)
			return
		case !m.traits.shutdownUnknown:
			return
		}
	}
	switch _, known := m.config.Games[h.Game]; {
	case m.config.RefuseText != "":
		m.send(from, qr2wire.AddError{Key: key, Code: max(m.config.RefuseCode, 1), Text: m.config.RefuseText}.Append(nil))
		return
	case h.Game == "":
		m.refuse(key, from, textNoGame)
		return
	case !known:
		m.refuse(key, from, textNoSuchGame)
		return
	case m.traits.noPlayers && len(h.Data.Players.Rows)+len(h.Data.Teams.Rows) > 0:
		// Its handler fails.
		return
	case m.traits.verifyPublicAddr && h.Public.IsValid() && h.Public != from:
		return
	}
	if m.traits.dropPlus {
		h.Data.Server = slices.DeleteFunc(h.Data.Server, func(f qr2wire.Field) bool { return strings.HasPrefix(f.Key, "+") })
	}
	if s != nil && (s.key != key || s.game != h.Game) {
		// Another program, or the same one started anew, on that address.
		m.drop(s)
		s = nil
	}
	fresh := s == nil
	if fresh {
		s = &session{addr: from, key: key, game: h.Game, seen: now}
		m.sessions[from] = s
	}
	s.heartbeat = h
	if m.traits.heartbeatCounts {
		s.seen = now
	}
	switch {
	case m.traits.challenge == challengeNone:
		// UniSpy never challenges: it sends a packet that nobody can read.
		m.send(from, append(qr2wire.AppendToServer(nil, qr2wire.TypeHeartbeat, key), "TTT\x00\x00"...))
		m.list(s, now)
	case fresh, !s.listed, h.State == qr2wire.StateInitial && m.config.Family == OpenSpy:
		if fresh || m.config.Family != KR4uzi {
			m.challenge(s, now)
		}
	default:
		m.list(s, now)
	}
}

func (m *Master) challenge(s *session, now time.Time) {
	if s.challenge == "" {
		s.challenge = m.challengeText(s.addr)
	}
	if m.traits.challengeRepeat > 0 {
		s.challenges, s.rechallenge = 0, now
		m.repeatChallenge(s, now)
		return
	}
	m.sendChallenge(s)
}

func (m *Master) sendChallenge(s *session) {
	if m.faults.NoChallenge {
		return
	}
	for range 1 + m.faults.RepeatChallenge {
		m.send(s.addr, qr2wire.Challenge{Key: s.key, Text: s.challenge}.Append(nil))
	}
}

// repeatChallenge sends the next copy, or gives up.
func (m *Master) repeatChallenge(s *session, now time.Time) {
	if s.challenges == m.traits.challengeTries {
		m.drop(s)
		return
	}
	s.challenges++
	s.rechallenge = now.Add(m.traits.challengeRepeat)
	m.sendChallenge(s)
}

func (m *Master) challengeText(addr netip.AddrPort) string {
	options := uint8(0)
	if m.config.QueryChallenge {
		options = qr2wire.OptionQueryChallenge
	}
	switch m.traits.challenge {
	case challengeZero:
		options = 0
	case challengeLetters:
		return m.randomText(20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	case challengePadded:
		var ip [4]byte
		if addr.Addr().Is4() {
			ip = addr.Addr().As4()
		}
		port := addr.Port()
		return m.randomText(7, alphanumeric) + fmt.Sprintf("%02X%2X%2X%2X%2X%4X", options, ip[0], ip[1], ip[2], ip[3], port)
	}
	return qr2wire.ChallengeText(m.randomText(6, alphanumeric), options, addr)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func (m *Master) randomText(n int, alphabet string) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[m.random.IntN(len(alphabet))]
	}
	return string(text)
}

func (m *Master) onResponse(key qr2wire.Key, body []byte, from netip.AddrPort, now time.Time) {
	text, err := qr2wire.ParseChallengeResponse(body)
	if err != nil {
		m.stats.Malformed++
		return
	}
	s := m.sessions[from]
	if s == nil || s.key != key {
		m.refuse(key, from, textNotListed)
		return
	}
	if s.challenge == "" {
		// An answer to a further copy.
		return
	}
	right := gscrypt.QR2Response(s.challenge, m.config.Games[s.game])
	if m.faults.RejectResponse || m.traits.verify && text != right {
		m.stats.WrongResponses++
		m.refuse(key, from, textBadResponse)
		m.drop(s)
		return
	}
	m.stats.Responses++
	s.challenge, s.rechallenge = "", time.Time{}
	s.seen = now
	if m.config.Allow != nil && !m.config.Allow(m.gameServer(s)) {
		return
	}
	if m.traits.confirm && !m.faults.NoRegistered {
		m.send(from, qr2wire.AppendToServer(nil, qr2wire.TypeRegistered, key))
	}
	m.list(s, now)
}

func (m *Master) onKeepAlive(key qr2wire.Key, from netip.AddrPort, now time.Time) {
	m.stats.KeepAlives++
	s := m.sessions[from]
	known := s != nil && s.listed
	if known {
		s.seen = now
		m.list(s, now)
	}
	switch {
	case m.traits.keepAliveAnswer == keepAliveEcho:
		m.send(from, qr2wire.AppendToServer(nil, qr2wire.TypeKeepAlive, key))
	case !known:
	case m.traits.keepAliveAnswer == keepAliveTime:
		b := qr2wire.AppendToServer(nil, qr2wire.TypeKeepAlive, key)
		m.send(from, binary.LittleEndian.AppendUint32(b, uint32(now.Unix())))
	case m.traits.keepAliveAnswer == keepAliveZeroKey:
		m.send(from, qr2wire.AppendToServer(nil, qr2wire.TypeKeepAlive, qr2wire.Key{}))
	}
}

// list puts a game server on the list, or brings its entry up to date.
func (m *Master) list(s *session, now time.Time) {
	if !s.listed {
		s.listed = true
		if m.traits.probe {
			s.probes, s.nextProbe = 0, now
		}
	}
	server := m.gameServer(s)
	m.changes = append(m.changes, func() { m.registry.Put(server) })
}

func (m *Master) unlist(s *session) {
	if s.listed {
		s.listed = false
		m.changes = append(m.changes, func() { m.registry.Remove(s.game, s.addr) })
	}
}

func (m *Master) drop(s *session) {
	m.unlist(s)
	delete(m.sessions, s.addr)
	for _, message := range s.messages {
		message.finish(errGone)
	}
}

// gameServer is the entry of a game server.
func (m *Master) gameServer(s *session) GameServer {
	h := s.heartbeat
	server := GameServer{Game: s.game, Addr: s.addr, NatNeg: h.NatNeg, Reachable: s.reachable, Updated: s.seen}
	if len(h.LocalIPs) > 0 {
		server.Private = netip.AddrPortFrom(h.LocalIPs[0], h.LocalPort)
	}
	for i, ip := range h.LocalIPs {
		server.Fields = append(server.Fields, Field{Key: "localip" + strconv.Itoa(i), Value: ip.String()})
	}
	server.Fields = append(server.Fields, Field{Key: "localport", Value: strconv.Itoa(int(h.LocalPort))})
	hasGame := false
	for _, field := range h.Data.Server {
		hasGame = hasGame || field.Key == "gamename"
		server.Fields = append(server.Fields, Field(field))
	}
	if !hasGame {
		server.Fields = append(server.Fields, Field{Key: "gamename", Value: s.game})
	}
	server.Players, server.Teams = rows(h.Data.Players), rows(h.Data.Teams)
	return server
}

func rows(t qr2wire.Table) [][]Field {
	var all [][]Field
	for _, row := range t.Rows {
		var fields []Field
		for column, key := range t.Keys {
			fields = append(fields, Field{Key: key, Value: row[column]})
		}
		all = append(all, fields)
	}
	return all
}

// due does what is due and says when to look again.
func (m *Master) due(now time.Time) time.Time {
	next := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	for _, s := range m.sessions {
		if !s.rechallenge.IsZero() && !now.Before(s.rechallenge) {
			m.repeatChallenge(s, now)
		}
		if expires := s.seen.Add(m.traits.expire); !now.Before(expires) {
			m.stats.Expired++
			m.drop(s)
			continue
		} else {
			sooner(expires)
		}
		if s.listed && !s.nextProbe.IsZero() && !now.Before(s.nextProbe) {
			m.sendProbe(s, now)
		}
		m.dueMessages(s, now)
		sooner(s.rechallenge)
		sooner(s.nextProbe)
		for _, message := range s.messages {
			sooner(message.next)
		}
	}
	return next
}
