package natneg

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/wire/natnegwire"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// Defaults and fixed times. Those of the original are in spec natneg.md §3.
const (
	defaultVersion        = 3
	defaultResolveTimeout = 5 * time.Second
	defaultInitTimeout    = 2 * time.Second  // five transmissions to each of three servers; the original waits for six seconds
	singleInitTimeout     = 6 * time.Second  // one that stands for all may be busy: the dwc emulator takes half a second for each INIT
	defaultConnectTimeout = 15 * time.Second // OpenSpy needs up to 11 s to say that the partner is missing (servers.md §7)
	defaultDetectTimeout  = 10 * time.Second

	defaultRate = 64 // packets per second

	lingerTime = 5 * time.Second // how long the partner's pings are answered after success
)

// Config says where the matchup servers are and how to talk to them. The zero value needs one of Domain, Host and
// Servers.
type Config struct {
	Game     string   // GameSpy's name of the game, part of the servers' names and of INIT; at most 49 bytes
	Domain   string   // "example.net" gives <game>.natneg1.example.net and so on; empty: see Host and Servers
	Host     string   // one host for all three servers; wins over Domain; empty: see Domain and Servers
	Servers  []string // addresses, with or without port, of server 1, 2 and 3; an empty or missing one comes from Host or Domain, and without these it does not exist
	Resolver Resolver // nil means net.DefaultResolver

	Version        int           // of the protocol, as announced: 2, 3 or 4; 0 means 3
	ResolveTimeout time.Duration // for the servers' names; 0 means 5 s
	InitTimeout    time.Duration // for the first server to answer; 0 means 2 s, or 6 s if one address stands for all three (the original: 6 s for all three)
	ConnectTimeout time.Duration // for the servers to name the partner's address, once they have answered; 0 means 15 s (the original: 60 s)
	PingTimeout    time.Duration // for the partner to answer at its addresses; 0 means 6.3 s, as the original, 4 s if our own NAT is known to choose random ports, 20 s with Birthday, and no time at all if theory says that it cannot work
	DetectTimeout  time.Duration // for Detect as a whole, without the names; 0 means 10 s, as the original

	LocalIP   netip.Addr // told to the servers, which give it to a partner behind the same NAT; zero: the one that the socket is bound to, or else the one from which this machine reaches server 1
	NAT       *Report    // what Detect found; told to the servers afterwards; nil means unknown
	PeerNAT   *Report    // the partner's, if the game knows it; with NAT, it tells what cannot work as soon as the servers name the partner (who may turn out to be a neighbour); nil means unknown
	AnySource bool       // take CONNECT from addresses that are not the servers', for back ends that answer from elsewhere; false: ignore them

	Candidates []netip.AddrPort // further addresses of the partner, such as those of its listing: tried at the same time as what the servers name; see also Negotiation.AddCandidate; nil: none
	Mapped     []netip.AddrPort // our own addresses that a port mapping (natneg/portmap) or a STUN server gave; see State.Addresses; nil: none
	PacketRate int              // datagrams that a negotiation sends in any second, at most; 0 means 64, or 200 with Birthday; at least 16
	Birthday   bool             // where nothing else helps, guess a random port: hundreds of packets, up to 256 sockets on the side whose NAT chooses ports at random, for which Negotiate has to be called with a nil conn; both sides have to want it; false: not
	FailFast   bool             // State.Doubt ends the negotiation: after two seconds in a step. OpenSpy needs up to nine to name the partner; false: only the time limits do

	// KeepAlive is the time between packets that keep the path open in the NATs while the game is silent, after the first five
	// seconds. They are late pings of this negotiation: the original does not answer them, nor does it mind; a partner that
	// uses this package answers, if it has a KeepAlive, too. That also shows when one of the two gets another address or port
	// (State.Remote, State.SeenAs, State.Rebounds, told to Progress). They end with Result.Close, and when Conn is closed. 15 s
	// suits nearly all routers; 0: none.
	KeepAlive time.Duration

	Progress     func(State)                                                                // called at every step, in order, when State.Doubt comes up, and when an address is found changed, without locks; it should return soon and must not call Wait or Close; nil: not called
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error) // opens UDP sockets; nil means net.ListenConfig
	Logger       *slog.Logger                                                               // steps at Info, packets at Debug; nil is silent
}

// withDefaults fills in what is zero and refuses what cannot work.
func (c Config) withDefaults() (Config, error) {
	if c.Version == 0 {
		c.Version = defaultVersion
	}
	c.ResolveTimeout = orDefault(c.ResolveTimeout, defaultResolveTimeout)
	c.ConnectTimeout = orDefault(c.ConnectTimeout, defaultConnectTimeout)
	c.DetectTimeout = orDefault(c.DetectTimeout, defaultDetectTimeout)
	if c.PacketRate == 0 {
		c.PacketRate = defaultRate
		if c.Birthday {
			c.PacketRate = birthdayRate
		}
	}
	if c.ListenPacket == nil {
		c.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Version < 2 || c.Version > 4:
		return c, fmt.Errorf("version %d of the protocol is not supported: use 2, 3 or 4", c.Version)
	case len(c.Game) > natnegwire.MaxGameName:
		return c, fmt.Errorf("the name of the game has %d bytes, at most %d are allowed", len(c.Game), natnegwire.MaxGameName)
	case strings.ContainsRune(c.Game, 0):
		return c, fmt.Errorf("the name of the game contains a NUL")
	case len(c.Servers) > serverCount:
		return c, fmt.Errorf("%d servers are configured, NatNeg has %d", len(c.Servers), serverCount)
	case c.PacketRate < 16 || c.PacketRate > 10000:
		return c, fmt.Errorf("%d packets per second: 16 to 10000 are possible", c.PacketRate)
	case c.LocalIP.IsValid() && !c.LocalIP.Unmap().Is4():
		return c, fmt.Errorf("the local address %s is not IPv4", c.LocalIP)
	}
	return c, nil
}

func orDefault(d, value time.Duration) time.Duration {
	if d <= 0 {
		return value
	}
	return d
}
