package sbtest

import (
	"crypto/rand"
	"math/bits"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/quirks"
	"github.com/relight-sdk/relight/internal/registry"
	"github.com/relight-sdk/relight/internal/wire/kv"
	"github.com/relight-sdk/relight/internal/wire/sb1wire"
	"github.com/relight-sdk/relight/internal/wire/sbfilter"
)

const (
	maxOldMessage = 4096
)

// serveOld is a connection of the older list protocol: see sb1wire.
func (c *conn) serveOld() {
	challenge := make([]byte, 6)
	_, _ = rand.Read(challenge)
	for i, b := range challenge {
		challenge[i] = 'A' + b%26
	}
	c.write(sb1wire.AppendGreeting(nil, string(challenge)))
	splitter := kv.Splitter{Limit: maxOldMessage}
	buf := make([]byte, 1024)
	var login sb1wire.Login
	for {
		message, ok, err := splitter.Next()
		if err != nil {
			return
		}
		if !ok {
			n, err := c.raw.Read(buf)
			if err != nil {
				return
			}
			splitter.Append(buf[:n])
			continue
		}
		request, err := sb1wire.ParseMessage(message)
		if err != nil {
			return
		}
		switch r := request.(type) {
		case sb1wire.Login:
			if login = r; !c.welcome(r, string(challenge)) {
				return
			}
		case sb1wire.List:
			if login.Game != "" {
				c.oldList(login, r, string(challenge))
			}
			return
		}
	}
}

// welcome checks the signature.
func (c *conn) welcome(login sb1wire.Login, challenge string) bool {
	secret, known := c.server.config.Games[login.Game]
	switch {
	case known && gscrypt.Validate(challenge, secret, login.Enctype) == login.Validate:
		return true
	case c.family() == quirks.Net333: // closes without a word
	case known:
		c.write(sb1wire.AppendRefusal(nil, "Validation error"))
	default:
		c.write(sb1wire.AppendRefusal(nil, "Invalid source gamename"))
	}
	return false
}

// oldList answers a list request; then the connection is closed.
func (c *conn) oldList(login sb1wire.Login, r sb1wire.List, challenge string) {
	c.server.mu.Lock()
	c.server.requests = append(c.server.requests, Request{Game: r.Game, Filter: r.Filter})
	c.server.mu.Unlock()
	family := c.family()
	filter, err := sbfilter.Parse(r.Filter)
	if err != nil || family == quirks.Net333 {
		filter = nil
	}
	form := r.Form
	if form != sb1wire.Compact && form != sb1wire.Info && form != sb1wire.Groups || form != sb1wire.Compact && family == quirks.Net333 {
		form = sb1wire.Addresses
	}
	var keys []string
	var list []sb1wire.Server
	if form == sb1wire.Groups {
		c.request.QueryFor = r.Game
		keys = []string{"hostname", "numplayers", "maxwaiting", "numwaiting", "numservers", "password", "other"}
		for _, group := range c.groups() {
			list = append(list, sb1wire.Server{Addr: group.Addr, Fields: oldFields(group)})
		}
	} else {
		seen := make(map[string]bool)
		for _, server := range c.server.registry.List(r.Game) {
			if filter != nil && !filter.Match(lookup(server)) {
				continue
			}
			for _, field := range server.Fields {
				if !seen[field.Key] {
					seen[field.Key] = true
					keys = append(keys, field.Key)
				}
			}
			addr := server.Addr
			if form == sb1wire.Info && family == quirks.OpenSpy { // so it is
				addr = netip.AddrPortFrom(addr.Addr(), bits.ReverseBytes16(addr.Port()))
			}
			list = append(list, sb1wire.Server{Addr: addr, Fields: oldFields(server)})
		}
	}
	c.oldEncrypted(c.faulty(sb1wire.AppendServers(nil, form, keys, list)), login, challenge)
}

func oldFields(server registry.Server) (fields []sb1wire.Field) {
	for _, field := range server.Fields {
		fields = append(fields, sb1wire.Field(field))
	}
	return fields
}

// oldEncrypted sends a list as the client wants it.
func (c *conn) oldEncrypted(list []byte, login sb1wire.Login, challenge string) {
	var random [52]byte
	_, _ = rand.Read(random[:])
	family := c.family()
	var err error
	switch {
	case c.server.config.Faults.NoHeader:
	case login.Enctype == 1 && family != quirks.Net333:
		list, err = gscrypt.AppendEnctype1(nil, list, challenge, random)
	case login.Enctype == 2:
		if family != quirks.OpenSpy {
			list = append(list, make([]byte, 6)...)
		}
		list, err = gscrypt.AppendEnctype2(nil, list, c.server.config.Games[login.Game], random[:13])
	}
	if err != nil {
		c.server.config.Logger.Info("list master: list cannot be encrypted", "error", err.Error())
		return
	}
	c.write(list)
	if c.stalled { // a fault: the connection stays open until the client gives up
		_ = c.raw.SetReadDeadline(time.Time{})
		_, _ = c.raw.Read(make([]byte, 1))
	}
}
