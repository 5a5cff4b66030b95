package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// The events of the LAN: 500 to 599.
const (
	EventLANAppeared EventType = 500
	EventLANChanged  EventType = 501
	EventLANGone     EventType = 502
	EventLANState    EventType = 503
	EventLANHost     EventType = 504
	EventLANReport   EventType = 505
	EventLANAnnounce EventType = 506
)

// The errors of the LAN: -500 to -599.
const ErrNoInterface Code = -500

// LANPassive is the flag of DiscoverConfig that says to hear what is broadcast unasked, too.
const LANPassive = 1

// DiscoverConfig is what relight_lan_discover_config says.
type DiscoverConfig struct {
	Options
	Flags                           uint32
	ClientID                        uint64
	Interfaces, Targets             string // separated by commas
	PassiveAddr                     string
	Port                            uint32
	MaxHosts                        int
	Interval, SearchTime, OpenLimit time.Duration
}

func (c DiscoverConfig) sdk(o *Object) (steamdiscovery.DiscoverConfig, error) {
	config := steamdiscovery.DiscoverConfig{
		ClientID:    steamdiscovery.ClientID(c.ClientID),
		Interfaces:  list(c.Interfaces),
		Targets:     list(c.Targets),
		Port:        uint16(c.Port),
		Passive:     c.Flags&LANPassive != 0,
		PassiveAddr: c.PassiveAddr,
		Interval:    c.Interval,
		SearchTime:  c.SearchTime,
		OpenTimeout: c.OpenLimit,
		MaxHosts:    c.MaxHosts,
		Logger:      o.logger(c.LogLevel),
	}
	if c.Port > 65535 {
		return config, errorf(ErrInvalid, "relight: port %d", c.Port)
	}
	return config, nil
}

func lanCode(err error) (Code, int32) {
	switch {
	case errors.Is(err, steamdiscovery.ErrNoInterface):
		return ErrNoInterface, 0
	case errors.Is(err, steamdiscovery.ErrInvalidStatus):
		return ErrInvalid, 0
	}
	return OK, 0
}

// Discovery keeps a table of the Steam clients on the network.
type Discovery struct {
	*Object
	config     steamdiscovery.DiscoverConfig
	discoverer atomic.Pointer[steamdiscovery.Discoverer] // nil until its sockets are open
}

// NewDiscovery begins to search.
func (l *Library) NewDiscovery(config DiscoverConfig) (Handle, error) {
	return start(l, config.Options, lanCode, func(o *Object) (*Discovery, error) {
		sdk, err := config.sdk(o)
		if err != nil {
			return nil, err
		}
		d := &Discovery{Object: o, config: sdk}
		o.run(d.live)
		return d, nil
	})
}

func (d *Discovery) live(ctx context.Context) {
	discoverer, err := steamdiscovery.NewDiscoverer(ctx, d.config)
	if err != nil {
		d.end(err)
		return
	}
	d.discoverer.Store(discoverer)
	d.run(func(ctx context.Context) {
		for event := range discoverer.Events(ctx) {
			d.emit(tellLAN(event))
		}
	})
	if err := discoverer.Run(ctx); err != nil {
		d.end(err)
	}
}

func tellLAN(event steamdiscovery.Event) Event {
	switch event.Kind {
	case steamdiscovery.Appeared:
		return lanHost(EventLANAppeared, event.Host)
	case steamdiscovery.Changed:
		return lanHost(EventLANChanged, event.Host)
	case steamdiscovery.Gone:
		gone := lanHost(EventLANGone, event.Host)
		gone.Status, gone.Text = int32(event.Reason), event.Reason.String()
		return gone
	default:
		step := Event{Type: EventLANState, Status: int32(event.Step), Text: event.Step.String()}
		if event.Err != nil {
			failure := describe(event.Err, lanCode)
			step.Code, step.Text = failure.Code, failure.Text
		}
		return step
	}
}

// The flags of the events that are about a host: relight.h.
const (
	LAN64Bit        = 1
	LANScreenLocked = 2
	LANGamesRunning = 4
	LANBroadcasting = 8
	LANVRActive     = 16
	LANRemotePlay   = 32
	LANSteamDeck    = 64
)

// lanFlags are the facts of a status that are true or false, in both directions.
func lanFlags(s *steamdiscovery.Status) []lanFlag {
	return []lanFlag{
		{LAN64Bit, &s.Is64Bit}, {LANScreenLocked, &s.ScreenLocked}, {LANGamesRunning, &s.GamesRunning},
		{LANBroadcasting, &s.BroadcastingActive}, {LANVRActive, &s.VRActive}, {LANRemotePlay, &s.RemotePlayActive},
		{LANSteamDeck, &s.SteamDeck},
	}
}

type lanFlag struct {
	bit   uint32
	value *bool
}

func lanHost(kind EventType, host steamdiscovery.Host) Event {
	event := Event{
		Type:    kind,
		ID:      int64(host.ClientID),
		Number:  int64(host.Status.EnabledServices),
		Total:   int64(host.Status.OS),
		Name:    host.Name(),
		Address: host.ConnectAddr().String(),
		Time:    unixMilli(host.LastSeen),
		Fields: []Field{
			{"client_id", host.ClientID.String()},
			{"instance_id", host.InstanceID.String()},
			{"os", host.Status.OS.String()},
			{"services", host.Status.EnabledServices.String()},
			{"version", number(int64(host.Status.Version))},
			{"heard_at", host.Addr.String()},
		},
	}
	for _, flag := range lanFlags(&host.Status) {
		if *flag.value {
			event.Flags |= flag.bit
		}
	}
	for _, user := range host.Status.Users {
		event.Fields = append(event.Fields, Field{"steam_id", number(int64(user.SteamID))})
	}
	return event
}

func (d *Discovery) running() (*steamdiscovery.Discoverer, error) {
	if discoverer := d.discoverer.Load(); discoverer != nil {
		return discoverer, nil
	}
	return nil, errorf(ErrState, "relight: the sockets of handle %d are not open yet: wait for RELIGHT_EV_LAN_STATE", d.handle)
}

// Search asks again at once.
func (d *Discovery) Search() error {
	discoverer, err := d.running()
	if err == nil {
		discoverer.Search()
	}
	return err
}

// Hosts tells who is there now, for an engine that has lost events or keeps no list of its own.
func (d *Discovery) Hosts() (Request, error) {
	discoverer, err := d.running()
	if err != nil {
		return 0, err
	}
	return d.request(false, func(ctx context.Context, id Request) (Event, error) {
		hosts := discoverer.Hosts()
		for _, host := range hosts {
			event := lanHost(EventLANHost, host)
			event.Request = id
			if !d.put(ctx, event) {
				return Event{}, ctx.Err()
			}
		}
		return Event{Number: int64(len(hosts))}, nil
	})
}

// Diagnose finds out why nobody is found.
func (d *Discovery) Diagnose() (Request, error) {
	return d.request(false, func(ctx context.Context, _ Request) (Event, error) {
		found, err := steamdiscovery.Diagnose(ctx, d.config)
		if err != nil {
			return Event{}, err
		}
		return report(EventLANReport, found), nil
	})
}
