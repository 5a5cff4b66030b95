package natnegtest

import (
	"net/netip"
	"slices"

	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// session is one cookie.
type session struct {
	cookie    [4]byte
	version   uint8
	clients   [2]*client
	scheduled bool // CONNECT is on its way
	connected bool // CONNECT was sent
	over      bool // the partner was declared missing
}

// client is one side.
type client struct {
	index   uint8
	version uint8
	useGame bool
	local   netip.AddrPort // as INIT tells it
	ports   map[natnegwire.PortType]origin
	origins []origin        // every address with the server that it wrote to
	acked   map[origin]bool // copies of CONNECT
	tests   []int           // sockets whose ERT test was not acknowledged yet
	tested  bool            // the tests are over
	ignored bool            // and some were never acknowledged
}

// origin is where an INIT came from and which server it went to.
type origin struct {
	socket int
	from   netip.AddrPort
}

func (s *Server) handle(socket int, b []byte, from netip.AddrPort) {
	if hook := s.config.Hook; hook != nil && hook(s, socket, b, from) {
		return
	}
	packet, err := natnegwire.Parse(b)
	s.log.Debug("natnegtest: received", "socket", socket, "from", from, "packet", packet, "error", err)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.unlockAndSend()
	if s.closed || s.lost() {
		return
	}
	if t := int(packet.Head().Type); t < len(s.counts) {
		s.counts[t]++
	}
	if s.dead(socket) {
		return
	}
	switch p := packet.(type) {
	case natnegwire.Init:
		s.handleInit(socket, p, from)
	case natnegwire.Exchange:
		switch p.Type {
		case natnegwire.TypeERTAck:
			s.handleERTAck(socket, p, from)
		case natnegwire.TypeConnectAck:
			s.handleConnectAck(socket, p, from)
		case natnegwire.TypeAddressCheck:
			s.handleAddressCheck(socket, p, from)
		case natnegwire.TypeNatifyRequest:
			s.handleNatify(socket, p, from)
		}
	case natnegwire.Report:
		s.handleReport(socket, p, from)
	case natnegwire.Preinit:
		if p.Type == natnegwire.TypePreinit && s.family.preinit >= 0 && !s.config.Faults.InitOnly {
			p.Type, p.State = natnegwire.TypePreinitAck, uint8(s.family.preinit)
			s.send(socket, from, p)
		}
	}
}

func (s *Server) handleInit(socket int, p natnegwire.Init, from netip.AddrPort) {
	ack := natnegwire.Exchange{Header: p.Header, InitBody: s.family.ackBody(p.InitBody, from)}
	ack.Type = natnegwire.TypeInitAck
	s.send(socket, from, ack)
	if p.Version < 2 || p.ClientIndex > 1 || s.config.Faults.InitOnly {
		return // version 1 carries no game name: nobody can be matched
	}
	session := s.session(p.Cookie, p.Version)
	if session == nil || session.over || s.family.sameVersion && p.Version != session.version {
		return
	}
	c := session.clients[p.ClientIndex]
	if c == nil {
		c = &client{index: p.ClientIndex, ports: make(map[natnegwire.PortType]origin), acked: make(map[origin]bool)}
		session.clients[p.ClientIndex] = c
	}
	c.version, c.useGame = p.Version, p.UseGamePort == 1
	if p.Addr.Port() != 0 || !c.local.IsValid() {
		c.local = p.Addr
	}
	where := origin{socket, from}
	c.ports[p.Port] = where
	if !slices.Contains(c.origins, where) && len(c.origins) < 2*socketCount {
		c.origins = append(c.origins, where)
	}
	s.forge(session, where)
	if s.family.ertTests && c.tests == nil && !c.tested && (p.Port == natnegwire.PortGame || !c.useGame) {
		s.startTests(session, c, from)
	}
	if session.connected && s.family.target == toEachInit {
		s.connect(session, c, where)
		return
	}
	s.check(session)
}

func (s *Server) session(cookie [4]byte, version uint8) *session {
	if found := s.sessions[cookie]; found != nil {
		return found
	}
	if len(s.sessions) >= maxSessions && !s.evict() {
		return nil
	}
	created := &session{cookie: cookie, version: version}
	s.sessions[cookie] = created
	s.after(sessionLife, func() {
		if s.sessions[cookie] == created {
			delete(s.sessions, cookie)
		}
	})
	if s.family.deadbeat > 0 {
		s.after(s.family.deadbeat, func() { s.giveUp(created) })
	}
	return created
}

// evict makes room by forgetting a session that has done its work.
func (s *Server) evict() bool {
	for cookie, session := range s.sessions {
		if session.connected || session.over {
			delete(s.sessions, cookie)
			return true
		}
	}
	return false
}

// startTests sends the ERT tests of OpenSpy: from another address and port, from another address, from another port.
func (s *Server) startTests(session *session, c *client, to netip.AddrPort) {
	c.tests = []int{Server3}
	for socket := Probe1; socket < len(s.sockets); socket++ {
		c.tests = append(c.tests, socket)
	}
	s.test(session, c, to, ertRetries)
}

func (s *Server) test(session *session, c *client, to netip.AddrPort, left int) {
	if c.tested {
		return
	}
	if left == 0 {
		c.tested, c.ignored = true, true
		s.check(session)
		return
	}
	for _, socket := range c.tests {
		s.send(socket, to, natnegwire.Exchange{Header: natnegwire.Header{Version: c.version, Type: natnegwire.TypeERTTest, Cookie: session.cookie}})
	}
	s.after(ertRetry, func() { s.test(session, c, to, left-1) })
}

func (s *Server) handleERTAck(socket int, p natnegwire.Exchange, from netip.AddrPort) {
	session := s.sessions[p.Cookie]
	if session == nil {
		return
	}
	for _, c := range session.clients {
		if c == nil || !slices.ContainsFunc(c.origins, func(o origin) bool { return o.from == from }) {
			continue
		}
		c.tests = slices.DeleteFunc(c.tests, func(test int) bool { return test == socket })
		if len(c.tests) == 0 {
			c.tested = true
		}
	}
	s.check(session)
}

// check sends CONNECT when all is there.
func (s *Server) check(session *session) {
	if session.scheduled || session.over || s.family.noConnect {
		return
	}
	for _, c := range session.clients {
		if c == nil || !s.complete(c) {
			return
		}
	}
	session.scheduled = true
	if s.family.connectDelay == 0 {
		s.connectBoth(session)
		return
	}
	s.after(s.family.connectDelay, func() { s.connectBoth(session) })
}

func (s *Server) complete(c *client) bool {
	has := func(p natnegwire.PortType) bool { _, ok := c.ports[p]; return ok }
	if c.useGame && !has(natnegwire.PortGame) {
		return false
	}
	switch s.family.need {
	case needAny:
		return true
	case needBasic:
		return has(natnegwire.PortNN1) || has(natnegwire.PortNN2) || has(natnegwire.PortNN3)
	}
	if s.family.ertTests && !c.tested {
		return false
	}
	return has(natnegwire.PortNN1) && has(natnegwire.PortNN2) && (c.version < 3 || has(natnegwire.PortNN3))
}

func (s *Server) connectBoth(session *session) {
	session.connected = true
	for _, c := range session.clients {
		s.connectAll(session, c, connectRepeats)
	}
}

// connectAll sends the copies of CONNECT that a side gets, and repeats those that are not acknowledged.
func (s *Server) connectAll(session *session, c *client, left int) {
	waiting := false
	for _, where := range s.targets(c) {
		if !c.acked[where] {
			s.connect(session, c, where)
			waiting = true
		}
	}
	if s.family.repeat > 0 && waiting && left > 0 {
		s.after(s.family.repeat, func() { s.connectAll(session, c, left-1) })
	}
}

func (s *Server) targets(c *client) []origin {
	if s.family.target != toNegotiateSocket {
		return c.origins
	}
	for _, port := range []natnegwire.PortType{natnegwire.PortNN1, natnegwire.PortNN2, natnegwire.PortNN3} {
		if where, ok := c.ports[port]; ok {
			return []origin{where}
		}
	}
	return c.origins[:1]
}

func (s *Server) connect(session *session, c *client, where origin) {
	partner := session.clients[1-c.index]
	m := natnegwire.Connect{Header: natnegwire.Header{Version: c.version, Type: natnegwire.TypeConnect, Cookie: session.cookie}}
	m.GotData = s.family.gotData
	if partner.ignored {
		m.GotData = s.family.ignoredERT
	}
	m.Finished = s.config.Faults.Finished
	if m.Finished == 0 {
		m.Remote = s.guess(c, partner)
	}
	s.send(where.socket, where.from, m)
}

// guess is the address of a side's partner: that of the game's socket, if it takes part.
func (s *Server) guess(c, partner *client) netip.AddrPort {
	public, own := partner.public(), c.public()
	guess := public
	if s.family.privateAddr && public.Addr() == own.Addr() && partner.local.Port() != 0 {
		guess = partner.local
	}
	if s.config.Faults.Guess != nil {
		guess = s.config.Faults.Guess(c.index, guess)
	}
	return guess
}

func (c *client) public() netip.AddrPort {
	for _, port := range []natnegwire.PortType{natnegwire.PortGame, natnegwire.PortNN1, natnegwire.PortNN2, natnegwire.PortNN3} {
		if where, ok := c.ports[port]; ok {
			return where.from
		}
	}
	return netip.AddrPort{}
}

func (s *Server) handleConnectAck(socket int, p natnegwire.Exchange, from netip.AddrPort) {
	session := s.sessions[p.Cookie]
	if session == nil {
		return
	}
	// The body is whatever lay in the sender's memory: the source tells who it is.
	for _, c := range session.clients {
		if c != nil && slices.Contains(c.origins, origin{socket, from}) {
			c.acked[origin{socket, from}] = true
		}
	}
}

// giveUp tells a side whose partner is missing, or incomplete, that it will not come.
func (s *Server) giveUp(session *session) {
	if session.scheduled {
		return
	}
	session.over = true
	for _, c := range session.clients {
		if c == nil {
			continue
		}
		for _, where := range c.origins {
			s.send(where.socket, where.from, natnegwire.Connect{
				Header:   natnegwire.Header{Version: c.version, Type: natnegwire.TypeConnect, Cookie: session.cookie},
				Finished: natnegwire.FinishedNoPartner,
			})
		}
	}
}

func (s *Server) handleReport(socket int, p natnegwire.Report, from netip.AddrPort) {
	if p.Type != natnegwire.TypeReport {
		return
	}
	if len(s.reports) < maxSessions {
		s.reports = append(s.reports, Report{Cookie: p.Cookie, Version: p.Version, Role: p.ClientIndex,
			Success: p.Result == 1, NATType: p.NATType, Mapping: p.Mapping, Game: p.Game})
	}
	if s.config.Faults.InitOnly {
		return
	}
	var answer natnegwire.Message
	if s.family.longReport {
		p.Type = natnegwire.TypeReportAck
		answer = p
	} else {
		short := natnegwire.Exchange{Header: p.Header, InitBody: natnegwire.InitBody{Port: p.Port, ClientIndex: p.ClientIndex}}
		short.Type = natnegwire.TypeReportAck
		answer = short
	}
	if s.family.reportDelay == 0 {
		s.send(socket, from, answer)
		return
	}
	s.after(s.family.reportDelay, func() { s.send(socket, from, answer) })
}

// forge sends what an attacker would: see Faults.Forge.
func (s *Server) forge(session *session, to origin) {
	evil := s.config.Faults.Forge
	if !evil.IsValid() {
		return
	}
	m := natnegwire.Connect{Header: natnegwire.Header{Version: session.version, Type: natnegwire.TypeConnect, Cookie: session.cookie}, Remote: evil}
	wrong := m
	wrong.Cookie[0] ^= 0xFF
	s.send(to.socket, to.from, wrong)
	for socket := serverCount; socket < len(s.sockets); socket++ {
		if !slices.ContainsFunc(s.addrs[:serverCount], func(a netip.AddrPort) bool { return a.Addr() == s.addrs[socket].Addr() }) {
			s.send(socket, to.from, m)
		}
	}
	for _, impossible := range []string{"0.0.0.0:0", "0.0.0.0:7777", "255.255.255.255:7777", "224.0.0.1:7777", "10.0.0.1:0"} {
		m.Remote = netip.MustParseAddrPort(impossible)
		s.send(to.socket, to.from, m)
	}
}
