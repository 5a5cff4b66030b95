package portmaptest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// serveControl answers PCP and NAT-PMP, which share a port.
func (r *Router) serveControl() {
	buf := make([]byte, pcpwire.MaxSize+1)
	for {
		n, from, err := r.control.ReadFromUDPAddrPort(buf)
		if err != nil {
			if isClosed(r.closed) {
				return
			}
			continue
		}
		packet, from := slices.Clone(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		r.working.Go(func() {
			var answer []byte
			if len(packet) >= 2 && packet[0] == 0 {
				answer = r.answerNATPMP(packet, from.Addr())
			} else {
				answer = r.answerPCP(packet, from.Addr())
			}
			if answer != nil {
				_, _ = r.control.WriteToUDP(answer, net.UDPAddrFromAddrPort(from))
			}
		})
	}
}

func isClosed(closed <-chan struct{}) bool {
	select {
	case <-closed:
		return true
	default:
		return false
	}
}

func cut(b []byte, faults Faults) []byte {
	if faults.Cut > 0 && faults.Cut < len(b) {
		return b[:faults.Cut]
	}
	return b
}

// answerPCP is RFC 6887.
func (r *Router) answerPCP(packet []byte, from netip.Addr) []byte {
	ask, err := pcpwire.ParseRequest(packet)
	name := "PCP ANNOUNCE"
	if ask.Opcode == pcpwire.MAP {
		name = "PCP MAP"
	}
	faults := r.count(name)
	if err != nil || !r.delay(faults) {
		return nil
	}
	if r.options.NoPCP {
		return []byte{0, 0x80 | packet[1], 0, 1, 0, 0, 0, 0} // "unsupported version", in NAT-PMP's words
	}
	answer := pcpwire.Response{Opcode: ask.Opcode, Epoch: r.epoch(), Lifetime: ask.Lifetime, Mapping: ask.Mapping}
	switch {
	case ask.Client != from:
		answer.Result = pcpwire.AddressMismatch
	case ask.Opcode == pcpwire.Announce:
		answer.Lifetime = 0
	default:
		r.mapPCP(ask, from, faults, &answer)
	}
	if faults.WrongNonce {
		answer.Mapping.Nonce[0]++
	}
	b, err := answer.Append(nil)
	if err != nil {
		return nil
	}
	return cut(b, faults)
}

func (r *Router) mapPCP(ask pcpwire.Request, from netip.Addr, faults Faults, answer *pcpwire.Response) {
	transport := transportName(uint8(ask.Mapping.Transport))
	exact := slices.ContainsFunc(ask.Options, func(o pcpwire.Option) bool { return o.Code == pcpwire.PreferFailure })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expireLocked()
	internal := netip.AddrPortFrom(from, ask.Mapping.Internal)
	old := slices.IndexFunc(r.mappings, func(m Mapping) bool { return m.Transport == transport && m.Internal == internal })
	holder := r.findLocked(transport, ask.Mapping.External.Port())
	switch {
	case faults.Unauthorized, old >= 0 && r.mappings[old].nonce != ask.Mapping.Nonce:
		answer.Result = pcpwire.NotAuthorized
	case ask.Lifetime == 0:
		if old >= 0 {
			r.mappings = slices.Delete(r.mappings, old, old+1)
		}
	case faults.Disconnected:
		answer.Result = pcpwire.NetworkFailure
	case faults.NoRoom:
		answer.Result = pcpwire.NoResources
	case exact && holder >= 0 && holder != old:
		answer.Result = pcpwire.CannotProvideExternal
	default:
		lease := r.lease(ask.Lifetime)
		m := r.openLocked(Mapping{Transport: transport, External: ask.Mapping.External.Port(), Internal: internal, Protocol: "PCP", nonce: ask.Mapping.Nonce}, lease)
		answer.Lifetime = uint32(lease.Seconds())
		answer.Mapping.External = netip.AddrPortFrom(r.external, m.External)
	}
}

func transportName(number uint8) string {
	if pcpwire.Transport(number) == pcpwire.TCP {
		return "TCP"
	}
	return "UDP"
}

// NAT-PMP's opcodes and results, RFC 6886 §3.
const (
	natpmpExternal = 0
	natpmpUDP      = 1
	natpmpTCP      = 2

	natpmpUnauthorized = 2
	natpmpNoNetwork    = 3
	natpmpNoResources  = 4
	natpmpBadOpcode    = 5
)

// answerNATPMP is RFC 6886: 0 version | opcode+128 | result 2 | epoch 4, then the external address, or internal port 2 |
// external port 2 | lifetime 4.
func (r *Router) answerNATPMP(packet []byte, from netip.Addr) []byte {
	opcode := packet[1]
	faults := r.count("NAT-PMP " + strconv.Itoa(int(opcode)))
	if !r.delay(faults) {
		return nil
	}
	head := func(result uint16) []byte {
		b := binary.BigEndian.AppendUint16([]byte{0, 0x80 | opcode}, result)
		return binary.BigEndian.AppendUint32(b, r.epoch())
	}
	external := r.outside()
	switch {
	case r.options.NoNATPMP:
		b, err := pcpwire.Response{Opcode: pcpwire.Announce, Result: pcpwire.UnsupportedVersion}.Append(nil)
		if err != nil {
			return nil
		}
		return b
	case opcode == natpmpExternal:
		if faults.Disconnected {
			return cut(append(head(natpmpNoNetwork), 0, 0, 0, 0), faults)
		}
		return cut(append(head(0), external.AsSlice()...), faults)
	case opcode != natpmpUDP && opcode != natpmpTCP:
		return head(natpmpBadOpcode)
	case len(packet) != 12:
		return nil
	}
	internal, wish, lifetime := binary.BigEndian.Uint16(packet[4:]), binary.BigEndian.Uint16(packet[6:]), binary.BigEndian.Uint32(packet[8:])
	result, granted, seconds := r.mapNATPMP(map[uint8]string{natpmpUDP: "UDP", natpmpTCP: "TCP"}[opcode], netip.AddrPortFrom(from, internal), wish, lifetime, faults)
	b := binary.BigEndian.AppendUint16(head(result), internal)
	b = binary.BigEndian.AppendUint16(b, granted)
	return cut(binary.BigEndian.AppendUint32(b, seconds), faults)
}

func (r *Router) mapNATPMP(transport string, internal netip.AddrPort, wish uint16, lifetime uint32, faults Faults) (result, granted uint16, seconds uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case faults.Unauthorized:
		return natpmpUnauthorized, 0, 0
	case lifetime == 0:
		r.mappings = slices.DeleteFunc(r.mappings, func(m Mapping) bool { return m.Transport == transport && m.Internal == internal })
		return 0, 0, 0
	case faults.Disconnected:
		return natpmpNoNetwork, 0, 0
	case faults.NoRoom:
		return natpmpNoResources, 0, 0
	}
	lease := r.lease(lifetime)
	m := r.openLocked(Mapping{Transport: transport, External: wish, Internal: internal, Protocol: "NAT-PMP"}, lease)
	return 0, m.External, uint32(lease.Seconds())
}
