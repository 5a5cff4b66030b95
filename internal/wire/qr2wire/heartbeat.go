package qr2wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// StateChanged says why a heartbeat is sent (spec qr2.md §3).
type StateChanged uint8

// The reasons.
const (
	StatePeriodic StateChanged = 0 // the key is left out
	StateUpdated  StateChanged = 1 // something changed
	StateShutdown StateChanged = 2 // the game server ends
	StateInitial  StateChanged = 3 // the master has not answered yet
)

// maxLocalIPs is how many local addresses a heartbeat names.
const maxLocalIPs = 5

// Heartbeat is what a game server tells the master.
type Heartbeat struct {
	Key          Key
	LocalIPs     []netip.Addr // at most 5, IPv4
	LocalPort    uint16       // query port
	NatNeg       bool         // it can be joined through NAT negotiation
	State        StateChanged
	Game         string
	ReportPublic bool           // publicip and publicport are there
	Public       netip.AddrPort // the zero value until the master has said it
	Data         Data           // not sent with StateShutdown
	ServerOnly   bool           // the server section is sent alone, as if everything did not fit
}

// Append adds the whole packet, as the original makes it: if everything takes limit bytes or more, the server section
// alone is sent, and that is cut at limit, with 00 in its last byte (spec qr2.md §3.7), as is a goodbye. cut reports that this
// happened in the middle of it; a caller who wants whole fields gives fewer. limit 0 means [MaxSize].
func (h Heartbeat) Append(b []byte, limit int) (packet []byte, cut bool) {
	if limit == 0 {
		limit = MaxSize
	}
	start := len(b)
	b = h.appendHead(b)
	if h.State == StateShutdown {
		return cutAt(append(b, 0), start+limit)
	}
	b = appendServer(b, h.Data.Server)
	server := len(b)
	if !h.ServerOnly {
		b = appendTable(b, &h.Data.Players, len(h.Data.Players.Rows))
		b = appendTable(b, &h.Data.Teams, len(h.Data.Teams.Rows))
		if len(b)-start < limit {
			return b, false
		}
	}
	return cutAt(b[:server], start+limit)
}

// Size is how long the packet is without a limit, and how long if it has the server section alone.
func (h Heartbeat) Size() (all, server int) {
	b := appendServer(h.appendHead(nil), h.Data.Server)
	server = len(b)
	b = appendTable(b, &h.Data.Players, len(h.Data.Players.Rows))
	return len(appendTable(b, &h.Data.Teams, len(h.Data.Teams.Rows))), server
}

func (h Heartbeat) appendHead(b []byte) []byte {
	b = AppendFromServer(b, TypeHeartbeat, h.Key)
	n := 0
	for _, ip := range h.LocalIPs {
		if ip = ip.Unmap(); ip.Is4() && n < maxLocalIPs {
			b = appendPair(b, "localip"+strconv.Itoa(n), ip.String())
			n++
		}
	}
	b = appendPair(b, "localport", strconv.Itoa(int(h.LocalPort)))
	natneg := "0"
	if h.NatNeg {
		natneg = "1"
	}
	b = appendPair(b, "natneg", natneg)
	if h.State != StatePeriodic {
		b = appendPair(b, "statechanged", strconv.Itoa(int(h.State)))
	}
	b = appendPair(b, "gamename", h.Game)
	if h.ReportPublic {
		b = appendPair(b, "publicip", publicIP(h.Public.Addr()))
		b = appendPair(b, "publicport", strconv.Itoa(int(h.Public.Port())))
	}
	return b
}

// publicIP is the address as a little-endian number in signed decimal: the original printed it in the byte order of a PC,
// and WFC checks it (spec servers.md §3.5).
func publicIP(addr netip.Addr) string {
	addr = addr.Unmap()
	if !addr.Is4() {
		return "0"
	}
	ip := addr.As4()
	return strconv.FormatInt(int64(int32(binary.LittleEndian.Uint32(ip[:]))), 10)
}

func parsePublicIP(text string) (netip.Addr, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1<<31 || n >= 1<<32 {
		return netip.Addr{}, false
	}
	var ip [4]byte
	binary.LittleEndian.PutUint32(ip[:], uint32(n))
	return netip.AddrFrom4(ip), true
}

// ParseHeartbeat reads the body of a heartbeat. The keys of the head may come in any order and between the others; of
// one that is there twice, the second belongs to the server's own. What a sender leaves out behind its server section is
// taken as empty, and padding behind the packet is ignored.
func ParseHeartbeat(key Key, body []byte) (Heartbeat, error) {
	h := Heartbeat{Key: key}
	s := cryptobyte.String(body)
	fields, err := readPairs(&s, "heartbeat")
	if err != nil {
		return h, err
	}
	var publicAddr netip.Addr
	var publicPort uint16
	var seen headKeys
	for _, field := range fields {
		known, err := h.readHead(field, &seen, &publicAddr, &publicPort)
		if err != nil {
			return h, err
		}
		if !known {
			h.Data.Server = append(h.Data.Server, field)
		}
	}
	if publicPort != 0 || publicAddr.IsValid() && !publicAddr.IsUnspecified() {
		h.Public = netip.AddrPortFrom(publicAddr, publicPort)
	}
	if h.State == StateShutdown {
		return h, nil
	}
	for _, table := range []*Table{&h.Data.Players, &h.Data.Teams} {
		if len(s) < 2 {
			break
		}
		if err := readTable(&s, table, "heartbeat"); err != nil {
			return h, err
		}
	}
	return h, nil
}

// headKeys are the keys of the head that were met.
type headKeys struct{ port, natneg, state, game, ip, publicPort bool }

func (h *Heartbeat) readHead(field Field, seen *headKeys, ip *netip.Addr, port *uint16) (known bool, err error) {
	first := func(met *bool) bool {
		if *met {
			return false
		}
		*met = true
		return true
	}
	bad := func() error { return malformed("heartbeat", field.Key, "not a value that it can have") }
	switch {
	case strings.HasPrefix(field.Key, "localip") && len(field.Key) == len("localip0") && len(h.LocalIPs) < maxLocalIPs:
		addr, err := netip.ParseAddr(field.Value)
		if err != nil || !addr.Is4() {
			return false, bad()
		}
		h.LocalIPs = append(h.LocalIPs, addr)
	case field.Key == "localport" && first(&seen.port):
		n, err := strconv.ParseUint(field.Value, 10, 16)
		if err != nil {
			return false, bad()
		}
		h.LocalPort = uint16(n)
	case field.Key == "natneg" && first(&seen.natneg):
		h.NatNeg = field.Value == "1"
	case field.Key == "statechanged" && first(&seen.state):
		n, err := strconv.ParseUint(field.Value, 10, 8)
		if err != nil {
			return false, bad()
		}
		h.State = StateChanged(n)
	case field.Key == "gamename" && first(&seen.game):
		h.Game = field.Value
	case field.Key == "publicip" && first(&seen.ip):
		addr, ok := parsePublicIP(field.Value)
		if !ok {
			return false, bad()
		}
		h.ReportPublic, *ip = true, addr
	case field.Key == "publicport" && first(&seen.publicPort):
		n, err := strconv.ParseUint(field.Value, 10, 16)
		if err != nil {
			return false, bad()
		}
		h.ReportPublic, *port = true, uint16(n)
	default:
		return false, nil
	}
	return true, nil
}
