package engine

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/qr2"
)

// The events of hosts: 210 to 299; those of their sockets come before.
const (
	EventHostState      EventType = 210
	EventHostAddress    EventType = 211
	EventHostMessage    EventType = 212
	EventHostJoining    EventType = 213
	EventHostJoined     EventType = 214
	EventHostJoinFailed EventType = 215
	EventHostReport     EventType = 216
	EventHostPlayer     EventType = 220
	EventHostProof      EventType = 221
)

// The errors of hosts: -200 to -299.
const (
	ErrNotConfirmed    Code = -200
	ErrUnavailable     Code = -201
	ErrNotAvailableNow Code = -202
	ErrTooBig          Code = -203
	ErrSameMaster      Code = -204
	ErrBadResponse     Code = -210
	ErrKeyInUse        Code = -211
	ErrOtherKey        Code = -212
	ErrExpired         Code = -213
)

// The flags of HostConfig.
const (
	HostEngineSocket     = 1
	HostNotPublic        = 2
	HostNatNeg           = 4
	HostRequireChallenge = 8
	HostSkipAvailability = 16
	HostNoQR1            = 32
)

// HostConfig is what relight_host_config says.
type HostConfig struct {
	Options
	Flags                                           uint32
	Game, Secret, Domain, Host, Addr, AvailableAddr string
	Masters, QuietKeys, LocalIPs                    string // separated by commas
	Keys                                            string // "50=fog,51=skin_"
	Bind, PublicAddr                                string
	NatNegServers                                   [3]string
	HostPort, LocalPort                             uint32
	AnswerRate, HeartbeatSize                       int
	ResolveTimeout                                  time.Duration
}

func (c HostConfig) qr2(o *Object) (qr2.Config, error) {
	config := qr2.Config{
		Game: c.Game, Secret: c.Secret, Domain: c.Domain, Host: c.Host, Addr: c.Addr, AvailableAddr: c.AvailableAddr,
		Masters:          list(c.Masters),
		QuietKeys:        list(c.QuietKeys),
		NotPublic:        c.Flags&HostNotPublic != 0,
		SkipAvailability: c.Flags&HostSkipAvailability != 0,
		RequireChallenge: c.Flags&HostRequireChallenge != 0,
		NoQR1:            c.Flags&HostNoQR1 != 0,
		HostPort:         uint16(c.HostPort),
		LocalPort:        uint16(c.LocalPort),
		AnswerRate:       c.AnswerRate,
		HeartbeatSize:    c.HeartbeatSize,
		ResolveTimeout:   c.ResolveTimeout,
		Logger:           o.logger(c.LogLevel),
	}
	if c.HostPort > 65535 || c.LocalPort > 65535 {
		return config, errorf(ErrInvalid, "relight: port %d", max(c.HostPort, c.LocalPort))
	}
	if c.PublicAddr != "" {
		addr, err := netip.ParseAddrPort(c.PublicAddr)
		if err != nil {
			return config, errorf(ErrInvalid, "relight: public address %q is not of the form ip:port", c.PublicAddr)
		}
		config.PublicAddr = addr
	}
	for _, text := range list(c.LocalIPs) {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return config, errorf(ErrInvalid, "relight: local address %q", text)
		}
		config.LocalIPs = append(config.LocalIPs, ip)
	}
	for _, text := range list(c.Keys) {
		number, key, found := strings.Cut(text, "=")
		id, err := strconv.ParseUint(strings.TrimSpace(number), 10, 8)
		if err != nil || !found {
			return config, errorf(ErrInvalid, "relight: key %q is not of the form number=name", text)
		}
		if config.Keys == nil {
			config.Keys = make(map[qr2.KeyID]string)
		}
		config.Keys[qr2.KeyID(id)] = strings.TrimSpace(key)
	}
	if c.Flags&HostNatNeg != 0 {
		config.NatNeg = &natneg.Config{Servers: servers(c.NatNegServers)}
	}
	return config, nil
}

// list is what stands between the commas.
func list(text string) (parts []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// servers are matchup servers as package natneg wants them: none if none is named.
func servers(named [3]string) []string {
	if named == [3]string{} {
		return nil
	}
	return named[:]
}

// Host is a game server that is listed.
type Host struct {
	*Object
	*socket
	config   HostConfig
	host     *qr2.Host
	stopping chan struct{} // closed when the goodbye is wanted
	once     sync.Once
	stopped  chan struct{} // closed when it was sent

	mu    sync.Mutex
	draft draft
	keys  *keys // nil until CheckKeys
	over  bool  // no more of them
}

// NewHost begins to list a game server.
func (l *Library) NewHost(config HostConfig) (Handle, error) {
	return start(l, config.Options, hostCode, func(o *Object) (*Host, error) { return newHost(o, config) })
}

func newHost(o *Object, c HostConfig) (*Host, error) {
	config, err := c.qr2(o)
	if err != nil {
		return nil, err
	}
	h := &Host{Object: o, config: c, stopping: make(chan struct{}), stopped: make(chan struct{})}
	h.config.Secret = ""
	at := SocketConfig{Bind: c.Bind, Engine: c.Flags&HostEngineSocket != 0}
	if at.Engine {
		local, err := at.address()
		if err != nil {
			return nil, err
		}
		if h.host, err = qr2.NewEngineHost(local, o.out, config); err != nil {
			return nil, err
		}
		h.socket = &socket{owner: o, view: h.host.GameConn(), feed: h.host.HandlePacket}
	} else {
		if h.socket, err = at.share(o); err != nil {
			return nil, err
		}
		if h.host, err = qr2.NewHost(h.view, config); err != nil {
			h.socket.close()
			return nil, err
		}
		o.run(h.serve)
	}
	o.run(h.watch)
	o.run(h.list)
	return h, nil
}

// list keeps the server listed until the handle is closed. A Stop before that says goodbye, and goes on answering queries.
func (h *Host) list(ctx context.Context) {
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	h.run(func(context.Context) {
		select {
		case <-h.stopping:
			cancel()
		case <-run.Done():
		}
	})
	err := h.host.Run(run)
	h.leave()
	close(h.stopped)
	if err != nil {
		h.end(err)
	}
	<-ctx.Done()
	_ = h.host.Close() // it was said goodbye; what fails now concerns nobody
	h.socket.close()
}

// Stop says goodbye to the masters. Closing the handle does so, too, but discards what the engine would have to send.
func (h *Host) Stop() (Request, error) {
	return h.request(false, func(ctx context.Context, _ Request) (Event, error) {
		h.once.Do(func() { close(h.stopping) })
		select {
		case <-h.stopped:
			return Event{}, nil
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	})
}
