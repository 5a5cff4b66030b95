package natneg

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// Detect finds out what the NAT in front of this machine does, with two sockets of its own. It takes as long as the
// slowest answer; where a NAT or firewall keeps probes out, or one of the matchup servers is silent, about four seconds;
// at most Config.DetectTimeout. Any two of the three servers are enough; Report.Servers says which answered. Errors are
// *[Error]; ErrNoServers means that too few answered (some services do no detection at all: spec servers.md §7).
func Detect(ctx context.Context, config Config) (*Report, error) {
	began := time.Now()
	config, err := config.withDefaults()
	if err != nil {
		return nil, &Error{Step: StepSetup, Reason: err.Error()}
	}
	found, err := findServers(ctx, config)
	if err != nil {
		return nil, resolveError(ctx, found, err)
	}
	return detect(ctx, config, found, began)
}

// detect is Detect once the servers are found; found.state says which of them answered.
func detect(ctx context.Context, config Config, found servers, began time.Time) (*Report, error) {
	sockets, err := openDetection(ctx, config)
	if err != nil {
		return nil, setupError(found, err)
	}
	defer sockets.close()

	d := newDetection(uint8(config.Version), found)
	d.start(time.Now(), config.DetectTimeout)
	if err := sockets.run(ctx, config, d); err != nil {
		return nil, &Error{Step: StepDetect, Servers: found.state, Err: err}
	}
	report, ok := d.report(sockets.private(config, found.at(0)))
	report.Servers = slices.Clone(found.state)
	report.Duration = time.Since(began)
	if !ok {
		return nil, &Error{Step: StepDetect, Servers: found.state, Err: ErrNoServers, timeout: true,
			Reason: "two address checks are needed; " + answeredWords(found.state)}
	}
	config.Logger.Info("natneg: NAT detected", "nat", report.NAT.String(), "mapping", report.Scheme.String(), "public", report.Public)
	return &report, nil
}

// detectSockets are E and M.
type detectSockets struct {
	paths [2]*path
	inbox chan detected
	once  sync.Once
}

type detected struct {
	socket int
	b      []byte
	from   netip.AddrPort
}

func openDetection(ctx context.Context, config Config) (*detectSockets, error) {
	s := &detectSockets{inbox: make(chan detected, inboxSize)}
	for i := range s.paths {
		raw, err := config.ListenPacket(ctx, "udp4", ":0")
		if err != nil {
			s.close()
			return nil, err
		}
		s.paths[i] = ownPath(raw, func(b []byte, from netip.AddrPort) bool {
			select {
			case s.inbox <- detected{i, cloneDatagram(b), from}:
			default:
			}
			return true
		})
	}
	return s, nil
}

func (s *detectSockets) close() {
	s.once.Do(func() {
		for _, p := range s.paths {
			if p != nil {
				_ = p.raw.Close()
				p.detach(true)
			}
		}
	})
}

func (s *detectSockets) private(config Config, server netip.AddrPort) netip.AddrPort {
	raw := s.paths[mapSocket].raw
	ip := config.LocalIP.Unmap()
	if !ip.IsValid() {
		ip = localIP(server, raw)
	}
	return netip.AddrPortFrom(ip, boundAddr(raw).Port())
}

// run asks and listens until the detection is over.
func (s *detectSockets) run(ctx context.Context, config Config, d *detection) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var mux [2]*udpmux.Mux
	for i, p := range s.paths {
		mux[i] = p.mux
	}
	for {
		for _, packet := range d.out {
			if err := mux[packet.socket].WriteTo(packet.b, packet.to); err != nil {
				config.Logger.Debug("natneg: not sent", "to", packet.to, "error", err)
			}
		}
		d.out = nil
		timer.Reset(time.Until(d.next()))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case in := <-s.inbox:
			d.handle(in.socket, in.b, in.from, time.Now())
			if d.complete() {
				return nil
			}
		case <-timer.C:
			if d.tick(time.Now()) {
				return nil
			}
		case <-mux[reachSocket].Done():
			return mux[reachSocket].Err()
		case <-mux[mapSocket].Done():
			return mux[mapSocket].Err()
		}
	}
}
