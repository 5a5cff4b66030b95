package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/sb"
)

// The events of the browser: 300 to 399.
const (
	EventBrowserServer    EventType = 300
	EventBrowserRemoved   EventType = 301
	EventBrowserState     EventType = 302
	EventBrowserListed    EventType = 303
	EventBrowserPlayer    EventType = 304
	EventBrowserTeam      EventType = 305
	EventBrowserInfo      EventType = 306
	EventBrowserGroup     EventType = 307
	EventBrowserConnected EventType = 308
	EventBrowserReport    EventType = 309
)

// The errors of the browser: -300 to -399.
const (
	ErrIncomplete  Code = -300
	ErrNoData      Code = -301
	ErrHidden      Code = -302
	ErrUnreachable Code = -303
)

// Flags of a BrowserConfig.
const (
	BrowserLAN     = 1
	BrowserOldGame = 2
	BrowserNoList  = 4
)

// Flags of the events that are about a server.
const (
	ServerDirect = 1
	ServerNatNeg = 2
	ServerHidden = 4
)

// What EventBrowserServer says in Status.
const (
	ServerAdded   = 1
	ServerChanged = 2
)

// BrowserConfig is what relight_browser_config says.
type BrowserConfig struct {
	Options
	Flags                                   uint32
	Ask, Relist, Retry                      time.Duration // sb.FollowConfig; a negative Ask is none
	FirstPort, LastPort                     uint32        // of the LAN
	Game, From, Secret, Domain, Host, Addr  string
	Filter, Fields, Broadcast               string // the last two separated by commas
	NatNegHost                              string
	NatNegServers                           [3]string
	ConnectTimeout, ReplyTimeout, NatNegMax time.Duration
	QueryTimeout                            time.Duration
	QueryAttempts                           int
}

func (c *BrowserConfig) sdk(o *Object) sb.Config {
	config := sb.Config{
		Game: c.Game, From: c.From, Secret: c.Secret, Domain: c.Domain, Host: c.Host, Addr: c.Addr,
		ConnectTimeout: c.ConnectTimeout, ReplyTimeout: c.ReplyTimeout, ReconnectFor: -1,
		QueryTimeout: c.QueryTimeout, QueryAttempts: c.QueryAttempts, Logger: o.logger(c.LogLevel),
		NatNeg: natneg.Config{Host: c.NatNegHost, Servers: servers(c.NatNegServers), ConnectTimeout: c.NatNegMax},
	}
	if c.Flags&BrowserOldGame != 0 {
		config.Protocol = sb.QR1
	}
	return config
}

func (c *BrowserConfig) follow() (sb.FollowConfig, error) {
	follow := sb.FollowConfig{Query: sb.Query{Filter: c.Filter, Fields: list(c.Fields)}, AskEvery: c.Ask, RelistEvery: c.Relist, RetryAfter: c.Retry}
	if c.Flags&BrowserLAN == 0 {
		return follow, nil
	}
	if c.FirstPort > 65535 || c.LastPort > 65535 {
		return follow, errorf(ErrInvalid, "relight: ports %d to %d", c.FirstPort, c.LastPort)
	}
	follow.LAN = &sb.LANSearch{FirstPort: uint16(c.FirstPort), LastPort: uint16(c.LastPort)}
	for _, text := range list(c.Broadcast) {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return follow, errorf(ErrInvalid, "relight: broadcast address %q", text)
		}
		follow.LAN.Broadcast = append(follow.LAN.Broadcast, addr)
	}
	return follow, nil
}

func browserCode(err error) (Code, int32) {
	switch {
	case errors.Is(err, sb.ErrUnreachable):
		return ErrUnreachable, 0
	case errors.Is(err, sb.ErrHidden):
		return ErrHidden, 0
	case errors.Is(err, sb.ErrNoData):
		return ErrNoData, 0
	case errors.Is(err, sb.ErrIncomplete):
		return ErrIncomplete, 0
	case errors.Is(err, sb.ErrSilence), errors.Is(err, sb.ErrNoAnswer):
		return ErrTimeout, 0
	case errors.Is(err, sb.ErrRefused):
		return ErrRefused, 0
	case errors.Is(err, sb.ErrMalformed):
		return ErrProtocol, 0
	case errors.Is(err, sb.ErrListFull):
		return ErrFull, 0
	case errors.Is(err, sb.ErrNotConfigured):
		return ErrInvalid, 0
	}
	return OK, 0
}

// Browser is a live list of game servers, and what can be done with one.
type Browser struct {
	*Object
	browser  *sb.Browser
	list     sb.ServerList
	follower *sb.Follower

	lists     atomic.Int64 // how many were complete
	complete  atomic.Pointer[Event]
	completed chan struct{} // has a token when there is a new one in complete
}

// NewBrowser begins to ask for the list.
func (l *Library) NewBrowser(config BrowserConfig) (Handle, error) {
	return start(l, config.Options, browserCode, func(o *Object) (*Browser, error) { return newBrowser(o, config) })
}

func newBrowser(o *Object, config BrowserConfig) (*Browser, error) {
	nowhere := config.Domain == "" && config.Host == "" && config.Addr == ""
	if nowhere && config.Flags&(BrowserLAN|BrowserNoList) == 0 {
		return nil, errorf(ErrInvalid, "relight: a list of servers needs a domain, a host or an address")
	}
	follow, err := config.follow()
	if err != nil {
		return nil, err
	}
	browser, err := sb.New(config.sdk(o))
	if err != nil {
		return nil, err
	}
	b := &Browser{Object: o, browser: browser, completed: make(chan struct{}, 1)}
	follow.Changed = b.changed
	b.follower = browser.NewFollower(&b.list, follow)
	o.run(func(ctx context.Context) {
		<-ctx.Done()
		_ = browser.Close() // it only ends a connection
	})
	o.run(b.tell)
	if config.Flags&BrowserNoList == 0 {
		o.run(func(ctx context.Context) { _ = b.follower.Run(ctx) }) // it ends with ctx; what fails is told as its state
	}
	return b, nil
}

// changed tells how the list stands, and notes each one that is complete.
func (b *Browser) changed(state sb.FollowState) {
	event := Event{Type: EventBrowserState, Text: state.Status, Address: state.Peer, Number: int64(state.Servers)}
	if state.Asking {
		event.Status = 1
	}
	if state.Err != nil {
		failure := describe(state.Err, browserCode)
		event.Code, event.Native, event.Text = failure.Code, failure.Native, state.Status+": "+failure.Text
	}
	b.emit(event)
	if state.Lists > int(b.lists.Swap(int64(state.Lists))) {
		b.complete.Store(&Event{Type: EventBrowserListed, Number: int64(state.Servers), Address: state.Peer})
		select {
		case b.completed <- struct{}{}:
		default: // the one before was not told yet
		}
	}
}

// tell passes on the changes of the list, and its end behind them. While the queue is full it waits: changes of one server
// become one meanwhile, so that none is lost, however seldom the engine polls.
func (b *Browser) tell(ctx context.Context) {
	watch := b.list.Watch()
	defer watch.Close()
	for {
		listed := b.complete.Swap(nil) // before the servers, which are in the list by now
		for change, more := watch.Poll(); more; change, more = watch.Poll() {
			if !b.put(ctx, changeEvent(change)) {
				return
			}
		}
		if listed != nil && !b.put(ctx, *listed) {
			return
		}
		select {
		case <-watch.Wake():
		case <-b.completed:
		case <-ctx.Done():
			return
		}
	}
}

// Refresh wants the list anew.
func (b *Browser) Refresh() { b.follower.Refresh() }

// Focus says which server the player looks at.
func (b *Browser) Focus(address string) error {
	if address == "" {
		b.follower.Focus(netip.AddrPort{})
		return nil
	}
	addr, err := serverAddress(address)
	if err == nil {
		b.follower.Focus(addr)
	}
	return err
}

func serverAddress(text string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return addr, errorf(ErrInvalid, "relight: server %q is not of the form ip:port", text)
	}
	return addr, nil
}

// about begins a request that is about a server.
func (b *Browser) about(address string, f func(ctx context.Context, id Request, addr netip.AddrPort) (Event, error)) (Request, error) {
	addr, err := serverAddress(address)
	if err != nil {
		return 0, err
	}
	return b.request(false, func(ctx context.Context, id Request) (Event, error) { return f(ctx, id, addr) })
}

// Query asks a server about itself: players and teams are told one by one.
func (b *Browser) Query(address string) (Request, error) {
	return b.about(address, func(ctx context.Context, id Request, addr netip.AddrPort) (Event, error) {
		server, err := b.browser.Query(ctx, addr, sb.DirectQuery{})
		if err != nil {
			return Event{}, err
		}
		if _, err := b.list.PutAnswer(server); err != nil {
			return Event{}, err
		}
		for _, table := range []struct {
			kind EventType
			key  string
			rows sb.Table
		}{{EventBrowserPlayer, "player_", server.Players}, {EventBrowserTeam, "team_t", server.Teams}} {
			for i, row := range table.rows {
				event := Event{Type: table.kind, Request: id, ID: serverID(addr), Number: int64(i), Total: int64(len(table.rows)), Name: row.Get(table.key)}
				for _, field := range row {
					event.Fields = append(event.Fields, Field(field))
				}
				if !b.put(ctx, event) {
					return Event{}, context.Cause(ctx)
				}
			}
		}
		return serverEvent(EventBrowserInfo, server), nil
	})
}

// Info asks the master for everything that it knows of a server.
func (b *Browser) Info(address string) (Request, error) {
	return b.about(address, func(ctx context.Context, _ Request, addr netip.AddrPort) (Event, error) {
		server, err := b.browser.ServerInfo(ctx, addr)
		return serverEvent(EventBrowserInfo, server), err
	})
}

// Message has the master relay bytes to a server.
func (b *Browser) Message(address string, data []byte) (Request, error) {
	return b.about(address, func(ctx context.Context, _ Request, addr netip.AddrPort) (Event, error) {
		return Event{ID: serverID(addr)}, b.browser.SendMessage(ctx, addr, data)
	})
}

// Groups asks for the rooms of the game.
func (b *Browser) Groups() (Request, error) {
	return b.request(false, func(ctx context.Context, id Request) (Event, error) {
		var count int64
		for group, err := range b.browser.Groups(ctx) {
			if err != nil {
				return Event{}, err
			}
			event := Event{
				Type: EventBrowserGroup, Request: id, ID: int64(group.ID), Name: group.Name,
				Number: int64(group.Waiting), Total: int64(group.MaxWaiting), Fields: serverFields(group.Server),
			}
			if !b.put(ctx, event) {
				return Event{}, context.Cause(ctx)
			}
			count++
		}
		return Event{Number: count}, nil
	})
}

// Diagnose finds out why the list is as it is.
func (b *Browser) Diagnose(filter string) (Request, error) {
	return b.request(false, func(ctx context.Context, _ Request) (Event, error) {
		found, err := b.browser.Diagnose(ctx, sb.Query{Filter: filter})
		if err != nil {
			return Event{}, err
		}
		return report(EventBrowserReport, found), nil
	})
}
