package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/natneg"
)

// The events of NAT negotiation: 400 to 499.
const (
	EventNatNegStep      EventType = 400
	EventNatNegConnected EventType = 401
	EventNatNegNAT       EventType = 402
	EventNatNegReport    EventType = 403
)

// The errors of NAT negotiation: -400 to -499.
const (
	ErrNoServers    Code = -400
	ErrSomeServers  Code = -401
	ErrPeerAbsent   Code = -402
	ErrPeerInit     Code = -403
	ErrIncompatible Code = -404
	ErrPeerSilent   Code = -405
	ErrCookieInUse  Code = -406
)

// The flags of NatNegConfig.
const (
	NatNegEngineSocket = 1
	NatNegFailFast     = 2
	NatNegAnySource    = 4
)

// lingerTime is how long the partner's late pings are answered behind an open path, and a little more.
const lingerTime = 6 * time.Second

// NatNegConfig is what relight_natneg_config says.
type NatNegConfig struct {
	Options
	Flags                                      uint32
	Version                                    int
	SocketOf                                   Handle // a host whose socket is used; zero is none
	Game, Domain, Host                         string
	Servers                                    [3]string
	Bind, LocalIP                              string
	Resolve, Init, Connect, Ping, Detect, Keep time.Duration // time limits, and Config.KeepAlive
}

func (c NatNegConfig) natneg(o *Object) (natneg.Config, error) {
	config := natneg.Config{
		Game: c.Game, Domain: c.Domain, Host: c.Host, Servers: servers(c.Servers), Version: c.Version,
		ResolveTimeout: c.Resolve, InitTimeout: c.Init, ConnectTimeout: c.Connect, PingTimeout: c.Ping, DetectTimeout: c.Detect,
		KeepAlive: c.Keep,
		FailFast:  c.Flags&NatNegFailFast != 0,
		AnySource: c.Flags&NatNegAnySource != 0,
		Logger:    o.logger(c.LogLevel),
	}
	if c.LocalIP != "" {
		ip, err := netip.ParseAddr(c.LocalIP)
		if err != nil {
			return config, errorf(ErrInvalid, "relight: local address %q", c.LocalIP)
		}
		config.LocalIP = ip
	}
	if c.Domain == "" && c.Host == "" && c.Servers == [3]string{} {
		return config, errorf(ErrInvalid, "relight: %v", natneg.ErrNotConfigured)
	}
	return config, nil
}

// NatNeg opens paths to other players, any number of them on one socket.
type NatNeg struct {
	*Object
	*socket
	config natneg.Config

	mu    sync.Mutex
	nat   *natneg.Report // what Detect found
	paths map[Request]chan struct{}
}

// NewNatNeg makes one; it sends nothing before it is asked to.
func (l *Library) NewNatNeg(config NatNegConfig) (Handle, error) {
	var host *Host
	if config.SocketOf != 0 {
		var err error
		if host, err = Find[*Host](l, config.SocketOf); err != nil {
			return 0, err
		}
	}
	return start(l, config.Options, natnegCode, func(o *Object) (*NatNeg, error) { return newNatNeg(o, config, host) })
}

func newNatNeg(o *Object, c NatNegConfig, host *Host) (*NatNeg, error) {
	config, err := c.natneg(o)
	if err != nil {
		return nil, err
	}
	n := &NatNeg{Object: o, config: config, paths: make(map[Request]chan struct{})}
	if host != nil {
		n.socket = host.socket
		return n, nil
	}
	if n.socket, err = (SocketConfig{Bind: c.Bind, Engine: c.Flags&NatNegEngineSocket != 0}).share(o); err != nil {
		return nil, err
	}
	o.run(n.serve)
	o.run(func(ctx context.Context) {
		<-ctx.Done()
		n.socket.close()
	})
	return n, nil
}

func natnegCode(err error) (Code, int32) {
	switch {
	case errors.Is(err, natneg.ErrNoServers):
		return ErrNoServers, 0
	case errors.Is(err, natneg.ErrInitTimeout):
		return ErrSomeServers, 0
	case errors.Is(err, natneg.ErrPeerAbsent):
		return ErrPeerAbsent, 0
	case errors.Is(err, natneg.ErrPeerInit):
		return ErrPeerInit, 0
	case errors.Is(err, natneg.ErrIncompatible):
		return ErrIncompatible, 0
	case errors.Is(err, natneg.ErrPingTimeout):
		return ErrPeerSilent, 0
	case errors.Is(err, natneg.ErrCookieInUse):
		return ErrCookieInUse, 0
	case errors.Is(err, natneg.ErrRefused):
		return ErrRefused, 0
	case errors.Is(err, natneg.ErrNotConfigured):
		return ErrInvalid, 0
	}
	return OK, 0
}

// Negotiate opens a path to whoever has the same cookie and the other role. Candidates are further addresses of the
// partner, separated by commas.
func (n *NatNeg) Negotiate(cookie uint32, role int, candidates string) (Request, error) {
	if role != int(natneg.Guest) && role != int(natneg.Host) {
		return 0, errorf(ErrInvalid, "relight: role %d", role)
	}
	config := n.config
	for _, candidate := range list(candidates) {
		addr, err := netip.ParseAddrPort(candidate)
		if err != nil {
			return 0, errorf(ErrInvalid, "relight: candidate %q is not of the form ip:port", candidate)
		}
		config.Candidates = append(config.Candidates, addr)
	}
	n.mu.Lock()
	config.NAT = n.nat
	n.mu.Unlock()
	return n.request(false, func(ctx context.Context, id Request) (Event, error) {
		config.Progress = func(state natneg.State) { n.emit(step(id, state)) }
		result, err := natneg.Negotiate(ctx, n.view, config, natneg.CookieFromUint32(cookie), natneg.Role(role))
		if err != nil {
			return Event{}, err
		}
		n.keep(id, result)
		event := connected(EventNatNegConnected, result)
		event.ID = int64(cookie)
		return event, nil
	})
}

// step tells how a negotiation comes along.
func step(id Request, state natneg.State) Event {
	event := Event{Type: EventNatNegStep, Request: id, ID: int64(state.Cookie.Uint32()), Status: int32(state.Step), Name: state.Step.String()}
	if state.Remote.IsValid() {
		event.Address = state.Remote.String()
	}
	if failure := errors.Join(state.Doubt, state.Err); failure != nil {
		known := describe(failure, natnegCode)
		event.Code, event.Text = known.Code, known.Text
	}
	return event
}

// connected tells of an open path.
func connected(kind EventType, result *natneg.Result) Event {
	event := Event{
		Type:    kind,
		Address: result.Remote.String(),
		Status:  int32(result.Path),
		Name:    result.Path.String(),
		Number:  milliseconds(result.RoundTrip),
		Total:   milliseconds(result.Timing.Total),
		Fields: []Field{
			{"resolve_ms", number(milliseconds(result.Timing.Resolve))},
			{"connect_ms", number(milliseconds(result.Timing.Connect))},
			{"ping_ms", number(milliseconds(result.Timing.Ping))},
		},
	}
	if result.Guess.IsValid() {
		event.Fields = append(event.Fields, Field{"guess", result.Guess.String()})
	}
	for _, server := range result.Servers {
		if server.Observed.IsValid() {
			event.Fields = append(event.Fields, Field{"seen_as", server.Observed.String()})
			break
		}
	}
	return event
}

// keep lets a path's late pings be answered, or keeps it open if that is configured, until it is dropped.
func (n *NatNeg) keep(id Request, result *natneg.Result) {
	drop := make(chan struct{})
	n.mu.Lock()
	n.paths[id] = drop
	n.mu.Unlock()
	running := n.run(func(ctx context.Context) {
		var over <-chan time.Time
		if n.config.KeepAlive == 0 {
			over = time.After(lingerTime)
		}
		select {
		case <-ctx.Done():
		case <-drop:
		case <-over:
		}
		_ = result.Close() // its error is always nil
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.paths, id)
	})
	if !running {
		_ = result.Close()
	}
}

// Drop ends the work behind an open path: the packets that keep it open.
func (n *NatNeg) Drop(id Request) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	drop, ok := n.paths[id]
	if !ok {
		return errorf(ErrInvalid, "relight: nothing goes on behind request %d", id)
	}
	delete(n.paths, id)
	close(drop)
	return nil
}

// DetectNAT finds out what the NAT in front of this machine does. Later negotiations make use of it.
func (n *NatNeg) DetectNAT() (Request, error) {
	return n.request(false, func(ctx context.Context, _ Request) (Event, error) {
		found, err := natneg.Detect(ctx, n.config)
		if err != nil {
			return Event{}, err
		}
		n.mu.Lock()
		n.nat = found
		n.mu.Unlock()
		return nat(found), nil
	})
}

func nat(found *natneg.Report) Event {
	event := Event{Type: EventNatNegNAT, Status: int32(found.NAT), Name: found.NAT.String(), Text: found.String(), Total: milliseconds(found.Duration)}
	if found.Public.IsValid() {
		event.Address = found.Public.String()
	}
	if found.QR2Compatible {
		event.Flags = 1
	}
	event.Fields = []Field{
		{"mapping", found.Mapping.String()},
		{"filtering", found.Filtering.String()},
		{"scheme", found.Scheme.String()},
		{"promiscuity", found.Promiscuity.String()},
		{"port_preservation", found.PortPreservation.String()},
		{"hairpin", found.Hairpin.String()},
		{"step", number(int64(found.Step))},
	}
	if found.Private.IsValid() {
		event.Fields = append(event.Fields, Field{"private", found.Private.String()})
	}
	return event
}

// Diagnose finds out why players do not reach each other from here.
func (n *NatNeg) Diagnose() (Request, error) {
	return n.request(false, func(ctx context.Context, _ Request) (Event, error) {
		found, err := natneg.Diagnose(ctx, n.config)
		if err != nil {
			return Event{}, err
		}
		return report(EventNatNegReport, found), nil
	})
}
