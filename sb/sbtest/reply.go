package sbtest

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/registry"
	"github.com/relight-sdk/relight/internal/wire/sbfilter"
	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// headerOf is the clear header as a family sends it (spec servers.md §4.1).
func headerOf(family quirks.Family, queryChallenge bool) sbwire.CryptHeader {
	random, challenge := 10, 25
	constant := byte(0)
	switch family {
	case quirks.WFC, quirks.DWC:
		random, challenge = 5, 13
	case quirks.UniSpy:
		random, challenge, constant = 2, 10, '0'
	case quirks.Crymp:
		constant = 'A'
	}
	h := sbwire.CryptHeader{Random: make([]byte, random), Challenge: make([]byte, challenge)}
	if constant != 0 {
		for i := range h.Random {
			h.Random[i] = constant
		}
		for i := range h.Challenge {
			h.Challenge[i] = constant
		}
		return h
	}
	_, _ = rand.Read(h.Random)
	_, _ = rand.Read(h.Challenge)
	switch family {
	case quirks.OpenSpy: // only one bit of the flags means something
		h.Flags = sbwire.BackendFlags(binary.BigEndian.Uint16(h.Random)) &^ sbwire.FlagQueryChallenge
	case quirks.KR4uzi:
		queryChallenge = true
	}
	if queryChallenge {
		h.Flags |= sbwire.FlagQueryChallenge
	}
	return h
}

// list answers a list request; false ends the connection.
func (c *conn) list(r sbwire.ListRequest) bool {
	c.request = r
	c.server.mu.Lock()
	c.server.requests = append(c.server.requests, Request{r.QueryFor, r.Filter, r.Fields, uint32(r.Options), int(r.MaxServers)})
	c.server.mu.Unlock()

	family := c.family()
	_, known := c.server.config.Games[r.QueryFor]
	secret, knownFrom := c.server.config.Games[r.QueryFrom]
	if !known || !knownFrom {
		return c.unknownGame(known)
	}
	if family == quirks.UniSpy && r.Options&^sbwire.OptionGroups != 0 && r.Options != 2 && r.Options != 4 {
		return true // it knows a few exact values only
	}
	if len(r.Fields) == 0 && family == quirks.KR4uzi {
		return false // its process dies
	}
	filter, err := sbfilter.Parse(r.Filter)
	switch {
	case family == quirks.Crymp || family == quirks.UniSpy:
		filter, err = nil, nil
	case family == quirks.WFC && strings.Trim(r.Filter, " 0") == "", err != nil && (family == quirks.OpenSpy || family == quirks.WFC || family == quirks.KR4uzi):
		filter, err = sbfilter.Not{}, nil // nothing
	case err != nil && family == quirks.DWC:
		return true
	}
	if c.header(secret) != nil {
		return false
	}
	if err != nil {
		c.send(c.encoder.Error(nil, c.clientIP(), "Query Error: "+err.Error()))
		return true
	}
	c.filter = filter
	if len(r.Fields) == 0 && family == quirks.Crymp {
		return true
	}
	return c.body()
}

// unknownGame says no in the way of the family.
func (c *conn) unknownGame(target bool) bool {
	switch c.family() {
	case quirks.OpenSpy:
		text := "Invalid source gamename"
		if target {
			text = "Invalid target gamename"
		}
		c.write([]byte(text))
		return false
	case quirks.WFC, quirks.DWC, quirks.UniSpy:
		return true
	case quirks.KR4uzi:
		return false
	}
	secret := c.server.config.Games[c.request.QueryFrom]
	if secret == "" && c.family() == quirks.Original {
		c.write([]byte("Query Error: gamename not known")) // without a secret there is no cipher
		return false
	}
	if secret == "" {
		secret = "x" // Crymp knows one game only and does not look at the name
	}
	if c.header(secret) != nil {
		return false
	}
	if c.family() == quirks.Crymp {
		c.keys = nil
		b := c.encoder.Head(nil, c.clientIP(), c.clientPort())
		b, _ = c.encoder.Keys(b, nil, nil)
		c.send(c.encoder.End(b))
		return true
	}
	c.send(c.encoder.Error(nil, c.clientIP(), "Query Error: gamename not known"))
	return false
}

// body sends the list.
func (c *conn) body() bool {
	family, r := c.family(), c.request
	port := c.server.config.DefaultPort
	noList := r.Options&sbwire.OptionNoList != 0
	if family == quirks.WFC || family == quirks.Crymp || family == quirks.DWC && !noList {
		port = c.clientPort()
	}
	c.watch() // first: what changes while the list is made and sent is pushed behind it
	head := c.encoder.Head(nil, c.clientIP(), port)
	if len(r.Fields) == 0 && family == quirks.DWC || noList && family != quirks.Crymp {
		switch {
		case family == quirks.WFC:
			head = append(head, 0, 0)
		case family == quirks.UniSpy && noList:
			head = c.servers(head, c.selected(), true)
		}
		c.send(c.faulty(head))
		c.start()
		return true
	}

	servers := c.selected()
	groups := r.Options&sbwire.OptionGroups != 0
	fields := r.Fields
	switch family {
	case quirks.UniSpy:
		if len(fields) == 0 {
			fields = []string{""}
		}
	case quirks.Crymp:
		if r.Filter != "" {
			fields = append([]string{r.Filter}, fields...)
		}
	case quirks.WFC:
		fields = slices.DeleteFunc(slices.Clone(fields), func(name string) bool {
			return name == "publicip" || name == "publicport" || name == "localport" || strings.HasPrefix(name, "localip")
		})
	}
	if groups && (family == quirks.Original || family == quirks.OpenSpy || family == quirks.UniSpy) {
		servers = c.groups()
	} else if groups && family == quirks.WFC {
		servers = nil
	}
	c.keys = keyTypes(family, fields, servers)
	popular := popularValues(c.keys, servers)
	if family != quirks.Original && family != quirks.OpenSpy {
		popular = nil
	}
	b, err := c.encoder.Keys(head, c.keys, popular)
	if err != nil {
		return false
	}
	if family == quirks.KR4uzi {
		c.send(b) // header, head and servers in segments of their own
		b = nil
		if groups {
			return true // and the list is never ended
		}
	}
	b = c.servers(b, servers, false)
	if family == quirks.UniSpy && groups {
		b = append(b, 0, 0, 0, 0, 0)
	} else {
		b = c.encoder.End(b)
	}
	c.send(c.faulty(b))
	c.start()
	return true
}

// pushes reports whether the family says anything behind a list.
func (c *conn) pushes() bool { return c.family() == quirks.Original || c.family() == quirks.OpenSpy }

// start begins what follows a list.
func (c *conn) start() {
	if !c.pushes() {
		return
	}
	if !c.started {
		c.started = true
		c.work.Go(c.keepAlive)
	}
	if c.stop != nil && !c.pushing {
		c.pushing = true
		c.work.Go(c.pushAll)
	}
}

func (c *conn) faulty(plain []byte) []byte {
	if change := c.server.config.Faults.Body; change != nil {
		return change(plain)
	}
	return plain
}

// selected are the servers that pass the filter, at most as many as were asked for.
func (c *conn) selected() []registry.Server {
	limit := -1
	switch c.family() {
	case quirks.Original, quirks.OpenSpy:
		limit = c.limit()
	case quirks.KR4uzi:
		if limit = c.limit(); limit > 500 {
			limit = 500
		}
	case quirks.DWC:
		if c.request.Options&sbwire.OptionSourceIP == 0 {
			limit = c.limit()
		}
	}
	var servers []registry.Server
	for _, server := range c.server.registry.List(c.request.QueryFor) {
		if len(servers) == limit {
			break
		}
		if c.wants(server) {
			servers = append(servers, server)
		}
	}
	return servers
}

func (c *conn) limit() int {
	if c.request.Options&sbwire.OptionLimit == 0 {
		return -1
	}
	return int(min(c.request.MaxServers, 1<<30))
}

// wants reports whether a server passes the filter.
func (c *conn) wants(server registry.Server) bool {
	return c.filter == nil || c.filter.Match(lookup(server))
}

func lookup(server registry.Server) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, field := range server.Fields {
			if field.Key == name {
				return field.Value, true
			}
		}
		return "", false
	}
}

// groups are the rooms in the shape of servers.
func (c *conn) groups() []registry.Server {
	var list []registry.Server
	for _, group := range c.server.config.Groups[c.request.QueryFor] {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], group.ID)
		list = append(list, registry.Server{Addr: netip.AddrPortFrom(netip.AddrFrom4(ip), 0), Fields: group.Fields})
	}
	return list
}

// keyTypes chooses how values travel: the original and kr4uzi send numbers as such where all of them fit.
func keyTypes(family quirks.Family, fields []string, servers []registry.Server) []sbwire.Key {
	keys := make([]sbwire.Key, len(fields))
	for i, name := range fields {
		keys[i].Name = name
		if family == quirks.Original || family == quirks.KR4uzi {
			keys[i].Type = numberType(name, servers)
		}
	}
	return keys
}

func numberType(name string, servers []registry.Server) sbwire.KeyType {
	kind := sbwire.KeyString
	for _, server := range servers {
		text := server.Value(name)
		number, err := strconv.ParseUint(text, 10, 16)
		if err != nil || text != strconv.FormatUint(number, 10) {
			return sbwire.KeyString
		}
		if kind = max(kind, sbwire.KeyByte); number > 255 {
			kind = sbwire.KeyShort
		}
	}
	return kind
}

// popularValues are the strings that more than one server has.
func popularValues(keys []sbwire.Key, servers []registry.Server) []string {
	counts := make(map[string]int)
	var popular []string
	for _, server := range servers {
		for _, key := range keys {
			if key.Type != sbwire.KeyString {
				continue
			}
			value := server.Value(key.Name)
			if counts[value]++; counts[value] == 2 && len(popular) < 255 {
				popular = append(popular, value)
			}
		}
	}
	return popular
}

// servers appends entries; rules gives them everything that is known.
func (c *conn) servers(b []byte, servers []registry.Server, rules bool) []byte {
	for _, server := range servers {
		entry := c.entry(server)
		switch {
		case rules:
			entry.Flags = entry.Flags&^sbwire.FlagHasKeys | sbwire.FlagHasRules
			entry.Rules = allRules(server)
		case entry.Flags&sbwire.FlagHasKeys != 0:
			entry.Values = values(c.keys, server)
		}
		next, err := c.encoder.Server(b, &entry)
		if err != nil {
			c.server.config.Logger.Info("list master: server cannot be listed", "server", server.Addr.String(), "error", err.Error())
			continue
		}
		b = next
	}
	return b
}

func values(keys []sbwire.Key, server registry.Server) sbwire.Values {
	list := make([]string, len(keys))
	for i, key := range keys {
		list[i] = server.Value(key.Name)
		if list[i] == "" && key.Type != sbwire.KeyString {
			list[i] = "0"
		}
	}
	return sbwire.MakeValues(list...)
}

// entry is a server without its values.
func (c *conn) entry(server registry.Server) sbwire.Entry {
	family := c.family()
	entry := sbwire.Entry{Addr: server.Addr, Private: server.Private}
	if server.Reachable {
		entry.Flags |= sbwire.FlagDirect
	}
	if server.NatNeg && (family != quirks.OpenSpy || !server.Reachable) { // OpenSpy says one or the other
		entry.Flags |= sbwire.FlagNatNeg
	}
	if server.Private.IsValid() {
		entry.Flags |= sbwire.FlagPrivateIP | sbwire.FlagPrivatePort
	}
	if server.Addr.Port() != c.server.config.DefaultPort || family != quirks.Original {
		entry.Flags |= sbwire.FlagPublicPort
	}
	all := c.request.Options&sbwire.OptionFieldsForAll != 0
	if all || !server.Reachable || family != quirks.Original && family != quirks.OpenSpy {
		entry.Flags |= sbwire.FlagHasKeys
	}
	switch family {
	case quirks.OpenSpy:
		entry.Flags |= sbwire.FlagICMP
		entry.ICMP = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	case quirks.WFC:
		entry.Flags = 0x7E
		if entry.Addr = c.server.hide(server.Addr, c.clientIP()); entry.Addr != server.Addr {
			entry.Private = netip.AddrPortFrom(netip.AddrFrom4([4]byte{}), 0)
		}
	}
	return entry
}

// hide gives an opaque address for a server that is not behind the client's own address; reveal takes it back.
func (s *Server) hide(addr netip.AddrPort, client netip.Addr) netip.AddrPort {
	if addr.Addr() == client {
		return addr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for opaque, known := range s.hidden {
		if known == addr {
			return opaque
		}
	}
	opaque := netip.AddrPortFrom(netip.AddrFrom4([4]byte{0, 0, 1, byte(len(s.hidden))}), uint16(len(s.hidden)>>8))
	s.hidden[opaque] = addr
	return opaque
}

func (s *Server) reveal(addr netip.AddrPort) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.hidden[addr]; ok {
		return known
	}
	return addr
}

// allRules is everything about a server, players and teams included.
func allRules(server registry.Server) []sbwire.Rule {
	var rules []sbwire.Rule
	for _, field := range server.Fields {
		rules = append(rules, sbwire.Rule(field))
	}
	for _, list := range [][][]registry.Field{server.Players, server.Teams} {
		for i, fields := range list {
			for _, field := range fields {
				rules = append(rules, sbwire.Rule{Key: fmt.Sprintf("%s%d", field.Key, i), Value: field.Value})
			}
		}
	}
	return rules
}

// info answers a request for everything about a server.
func (c *conn) info(addr netip.AddrPort) {
	family := c.family()
	if family != quirks.Original && family != quirks.OpenSpy && family != quirks.Crymp {
		return
	}
	server, ok := c.server.registry.Find(addr)
	if !ok {
		if family == quirks.Original {
			c.message(sbwire.PushServer{Entry: sbwire.Entry{Flags: sbwire.FlagPublicPort, Addr: addr}})
		}
		return
	}
	entry := c.entry(server)
	entry.Flags = entry.Flags&^sbwire.FlagHasKeys | sbwire.FlagHasRules
	entry.Rules = allRules(server)
	c.message(sbwire.PushServer{Entry: entry})
}

// push tells of a change.
func (c *conn) push(change registry.Change) {
	c.listing.Lock()
	defer c.listing.Unlock()
	server := change.Server
	if server.Game != c.request.QueryFor {
		return
	}
	if change.Removed {
		c.message(sbwire.DeleteServer{Addr: server.Addr})
		return
	}
	if !c.wants(server) {
		return
	}
	entry := c.entry(server)
	if entry.Flags&sbwire.FlagHasKeys != 0 {
		entry.Values = values(c.keys, server)
	}
	c.message(sbwire.PushServer{Entry: entry})
}

// search answers a player search, one player a message.
func (c *conn) search(r sbwire.PlayerSearchRequest) {
	name := strings.ToLower(r.Name)
	found := uint32(0)
	for _, player := range c.server.config.Players {
		nick := strings.ToLower(player.Nick)
		matches := nick == name ||
			r.Options&sbwire.SearchLeftOfName != 0 && strings.HasPrefix(nick, name) ||
			r.Options&sbwire.SearchRightOfName != 0 && strings.HasSuffix(nick, name) ||
			r.Options&sbwire.SearchAnywhereName != 0 && strings.Contains(nick, name)
		all := r.Options&sbwire.SearchAllGames != 0
		if !matches || !all && player.Game != c.request.QueryFor || found >= r.MaxResults {
			continue
		}
		found++
		result := sbwire.PlayerResult{Nick: player.Nick, Addr: player.Server, LastSeen: player.LastSeen}
		if all {
			result.Game = player.Game
		}
		c.message(sbwire.PlayerSearch{Players: []sbwire.PlayerResult{result}})
	}
	c.message(sbwire.PlayerSearch{Final: true})
}
