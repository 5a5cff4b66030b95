package engine

import (
	"net/netip"

	"github.com/relight-sdk/relight/sb"
)

// serverID is a number for a server that stays the same and fits a double: of its IPv4 address and port.
func serverID(addr netip.AddrPort) int64 {
	ip := addr.Addr().Unmap()
	if !ip.Is4() {
		return 0
	}
	b := ip.As4()
	return int64(b[0])<<40 | int64(b[1])<<32 | int64(b[2])<<24 | int64(b[3])<<16 | int64(addr.Port())
}

// changeEvent says what has happened to a server.
func changeEvent(change sb.Event) (event Event) {
	switch change := change.(type) {
	case sb.ServerAdded:
		event = serverEvent(EventBrowserServer, change.Server)
		event.Status = ServerAdded
	case sb.ServerUpdated:
		event = serverEvent(EventBrowserServer, change.Server)
		event.Status = ServerChanged
	case sb.ServerRemoved:
		event = serverEvent(EventBrowserRemoved, change.Server)
		event.Fields = nil
	}
	return event
}

// serverEvent says what is known of a server.
func serverEvent(kind EventType, server sb.Server) Event {
	event := Event{
		Type: kind, ID: serverID(server.Addr), Name: server.Name(), Address: server.Addr.String(), Text: server.Map(),
		Number: int64(server.NumPlayers()), Total: int64(server.MaxPlayers()), Time: milliseconds(server.Ping), Fields: serverFields(server),
	}
	for _, flag := range []struct {
		bit uint32
		set bool
	}{
		{ServerDirect, server.Flags&sb.FlagDirect != 0},
		{ServerNatNeg, server.Flags&sb.FlagNatNeg != 0},
		{ServerHidden, server.Hidden()},
	} {
		if flag.set {
			event.Flags |= flag.bit
		}
	}
	if server.QueryErr != nil {
		event.Code = describe(server.QueryErr, browserCode).Code
	}
	return event
}

func serverFields(server sb.Server) (fields []Field) {
	for key, value := range server.Fields() {
		fields = append(fields, Field{key, value})
	}
	return fields
}
