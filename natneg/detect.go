package natneg

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/udpmux"
)

// Report is what [Detect] found out about the NAT in front of this machine. Put into Config.NAT, it is told to the
// servers, which keep statistics of it.
type Report struct {
	NAT            NATType
	Promiscuity    Promiscuity
	Mapping        MappingScheme
	QR2Compatible  bool           // two flows to the same server keep one port: a listed server is found where the master saw it
	IPRestricted   bool           // packets from addresses that were not written to are kept out
	PortRestricted bool           // packets from other addresses and ports than those written to are kept out
	Public         netip.AddrPort // as server 1 sees us, or server 2 if server 1 is silent
	Private        netip.AddrPort // as we see ourselves
	TwoServers     bool           // one server did not take part (see Servers); two views were compared in place of three
	NoProbes       bool           // not all servers sent their probes, so that IPRestricted or PortRestricted is only assumed
	SameAddress    bool           // all servers that answered have one IP address: how the NAT treats others is not known
	Servers        []ServerState
	Duration       time.Duration
}

// String says it in a sentence.
func (r *Report) String() string {
	var b strings.Builder
	switch r.NAT {
	case NATNone:
		b.WriteString("no NAT: everybody can reach this machine directly")
	case NATFirewallOnly:
		b.WriteString("no NAT, but a firewall: others get in once this machine has written to them, so negotiation works")
	case NATFullCone:
		b.WriteString("an open NAT (full cone): everybody can reach the ports that are in use, and negotiation works with everybody")
	case NATRestrictedCone:
		b.WriteString("a NAT that lets in whom it was asked to (restricted cone): negotiation works with everybody")
	case NATPortRestricted:
		b.WriteString("a NAT that lets in whom it was asked to, port by port (port restricted cone), the usual home router: negotiation works with everybody except behind symmetric NATs")
	case NATSymmetric:
		b.WriteString("a NAT with another port for each destination (symmetric): negotiation works only with machines behind open or restricted cone NATs, or without any")
	default:
		b.WriteString("it is not known what is in front of this machine")
	}
	if r.NoProbes {
		b.WriteString(" (it is only assumed that others are kept out: the matchup servers did not all try)")
	}
	if r.SameAddress {
		b.WriteString(" (as far as can be told: all matchup servers have the same address)")
	} else if r.TwoServers {
		silent := slices.IndexFunc(r.Servers, func(s ServerState) bool { return !s.Answered })
		if names := [serverCount]string{"first", "second", "third"}; silent >= 0 && silent < len(names) {
			fmt.Fprintf(&b, " (the %s matchup server did not answer)", names[silent])
		}
	}
	return b.String()
}

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
	config.Logger.Info("natneg: NAT detected", "nat", report.NAT.String(), "mapping", report.Mapping.String(), "public", report.Public)
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
