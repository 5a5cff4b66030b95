package sb

import (
	"net/netip"
	"time"
)

// Event is something that a [Subscription] or a [Watch] tells: [ServerAdded], [ServerUpdated], [ServerRemoved], and, of a
// subscription, [ListComplete], [MapLoop] or [StateChanged].
type Event interface{ isEvent() }

// ServerAdded is a server of the initial list, or one that was listed later.
type ServerAdded struct{ Server Server }

// ServerUpdated is a server of which something new is known; it has what was known before, too.
type ServerUpdated struct {
	Server Server
	Keys   []string // what is different: names of fields, and Keys such as KeyPing
}

// ServerRemoved is a server that is listed no more, as it was told last.
type ServerRemoved struct{ Server Server }

// ListComplete is the end of the initial list, or of the one that came after a reconnect.
type ListComplete struct{ Servers int }

// MapLoop are the maps that a server plays next.
type MapLoop struct {
	Addr    netip.AddrPort
	Changes time.Time // when the first of them begins
	Maps    []string
}

// StateChanged is a new step of the connection.
type StateChanged struct{ State State }

func (ServerAdded) isEvent()   {}
func (ServerUpdated) isEvent() {}
func (ServerRemoved) isEvent() {}
func (ListComplete) isEvent()  {}
func (MapLoop) isEvent()       {}
func (StateChanged) isEvent()  {}
