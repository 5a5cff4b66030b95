package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// LANSilent is the flag of AnnounceConfig that says to broadcast nothing, only to answer.
const LANSilent = 1

// LANStatus is what relight_lan_status says.
type LANStatus struct {
	Flags               uint32
	Name                string
	OS                  int32
	Enabled, Supported  uint32
	ConnectPort         uint32
	Version, MinVersion int32
	SteamIDs            []uint64
}

func (s LANStatus) sdk() (steamdiscovery.Status, error) {
	status := steamdiscovery.Status{
		Hostname:          s.Name,
		Version:           s.Version,
		MinVersion:        s.MinVersion,
		ConnectPort:       uint16(s.ConnectPort),
		EnabledServices:   steamdiscovery.Services(s.Enabled),
		SupportedServices: steamdiscovery.Services(s.Supported),
		OS:                steamdiscovery.OSType(s.OS),
	}
	if s.ConnectPort > 65535 {
		return status, errorf(ErrInvalid, "relight: port %d", s.ConnectPort)
	}
	for _, flag := range lanFlags(&status) {
		*flag.value = s.Flags&flag.bit != 0
	}
	for _, id := range s.SteamIDs {
		status.Users = append(status.Users, steamdiscovery.User{SteamID: id})
	}
	return status, nil
}

// AnnounceConfig is what relight_lan_announce_config says.
type AnnounceConfig struct {
	Options
	Flags                     uint32
	ClientID, InstanceID      uint64
	Addr, Interfaces, Targets string // the last two separated by commas
	Port                      uint32
	OpenLimit                 time.Duration
	Status                    LANStatus
}

func (c AnnounceConfig) sdk(o *Object) (steamdiscovery.AnnounceConfig, error) {
	config := steamdiscovery.AnnounceConfig{
		ClientID:    steamdiscovery.ClientID(c.ClientID),
		InstanceID:  steamdiscovery.InstanceID(c.InstanceID),
		Addr:        c.Addr,
		Port:        uint16(c.Port),
		Interfaces:  list(c.Interfaces),
		Targets:     list(c.Targets),
		Silent:      c.Flags&LANSilent != 0,
		OpenTimeout: c.OpenLimit,
		Logger:      o.logger(c.LogLevel),
	}
	if c.Port > 65535 {
		return config, errorf(ErrInvalid, "relight: port %d", c.Port)
	}
	var err error
	config.Status, err = c.Status.sdk()
	return config, err
}

// Announcement makes this program visible as a Steam client.
type Announcement struct {
	*Object
	config steamdiscovery.AnnounceConfig

	mu        sync.Mutex
	announcer *steamdiscovery.Announcer // nil until its socket is open
}

// NewAnnouncement begins to announce.
func (l *Library) NewAnnouncement(config AnnounceConfig) (Handle, error) {
	return start(l, config.Options, lanCode, func(o *Object) (*Announcement, error) {
		sdk, err := config.sdk(o)
		if err != nil {
			return nil, err
		}
		a := &Announcement{Object: o, config: sdk}
		o.run(a.live)
		return a, nil
	})
}

func (a *Announcement) live(ctx context.Context) {
	announcer, err := a.open(ctx)
	if err != nil {
		a.end(err)
		return
	}
	a.run(func(ctx context.Context) {
		for event := range announcer.Events(ctx) {
			a.tell(announcer, event)
		}
	})
	if err := announcer.Run(ctx); err != nil {
		a.end(err)
	}
}

func (a *Announcement) open(ctx context.Context) (*steamdiscovery.Announcer, error) {
	a.mu.Lock()
	config := a.config
	a.mu.Unlock()
	announcer, err := steamdiscovery.NewAnnouncer(ctx, config)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := announcer.Update(a.config.Status); err != nil { // it may have been changed meanwhile
		return nil, errors.Join(err, announcer.Close())
	}
	a.announcer = announcer
	return announcer, nil
}

func (a *Announcement) tell(announcer *steamdiscovery.Announcer, event steamdiscovery.AnnouncerEvent) {
	state := announcer.State()
	step := Event{
		Type: EventLANAnnounce, Status: int32(event.Step), Text: event.Step.String(),
		ID: int64(state.ClientID), Number: int64(state.InstanceID), Name: state.Status.Hostname, Address: state.Addr.String(),
	}
	if event.Err != nil {
		failure := describe(event.Err, lanCode)
		step.Code, step.Text = failure.Code, failure.Text
	}
	a.emit(step)
}

// Update changes what is announced.
func (a *Announcement) Update(status LANStatus) error {
	sdk, err := status.sdk()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.announcer != nil {
		if err := a.announcer.Update(sdk); err != nil {
			return describe(err, lanCode)
		}
	}
	a.config.Status = sdk
	return nil
}
