package qr2

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/relight-sdk/relight/internal/wire/qr2wire"
)

// siblings are the hosts on one connection, in the order in which they were made and are offered what arrives: a server can be
// listed under two games' names, with two secrets. Strangers do not say whom they ask, so the first answers them; what masters
// send is for the host whose key is in it.
type siblings struct{ hosts atomic.Pointer[[]*Host] }

type siblingsKey struct{}

func (h *Host) joinSiblings() {
	h.siblings, _ = h.mux.Shared(siblingsKey{}, func() any { return new(siblings) }).(*siblings)
	h.siblings.change(func(hosts []*Host) []*Host { return append(hosts, h) })
}

func (s *siblings) leave(h *Host) {
	s.change(func(hosts []*Host) []*Host {
		return slices.DeleteFunc(hosts, func(other *Host) bool { return other == h })
	})
}

func (s *siblings) change(f func([]*Host) []*Host) {
	for {
		old := s.hosts.Load()
		var hosts []*Host
		if old != nil {
			hosts = slices.Clone(*old)
		}
		hosts = f(hosts)
		if s.hosts.CompareAndSwap(old, &hosts) {
			return
		}
	}
}

// isFor reports whether a packet of a master is for another host than h.
func (s *siblings) isFor(h *Host, b []byte, from netip.AddrPort) bool {
	hosts := *s.hosts.Load()
	if len(hosts) < 2 || !qr2wire.IsToServer(b) {
		return false
	}
	typ, key, _, err := qr2wire.ParseToServer(b)
	if err != nil || typ == qr2wire.TypeQuery || typ == qr2wire.TypeEcho || h.expects(typ, key, from) {
		return false
	}
	return slices.ContainsFunc(hosts, func(other *Host) bool { return other != h && other.expects(typ, key, from) })
}

// expects reports whether a packet is one of a master to this host.
func (h *Host) expects(typ qr2wire.Type, key qr2wire.Key, from netip.AddrPort) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case typ == qr2wire.TypePrequery:
		return h.core.checked(from) != nil
	case typ == qr2wire.TypeKeepAlive && key == (qr2wire.Key{}):
		return h.core.byAddr(from) != nil
	}
	return h.core.byKey(key) != nil
}
