package steamdiscovery

import (
	"log/slog"
	"time"
)

// AnnounceConfig configures an [Announcer]. The zero value announces this machine under its own name on all networks that
// it is attached to, offering no services.
type AnnounceConfig struct {
	// ClientID names this installation; zero makes a random one. A program should make one with [NewClientID] when it is
	// installed and keep it, otherwise others see a stranger each time it starts.
	ClientID ClientID
	// InstanceID names this run; zero makes a random one, which is right nearly always.
	InstanceID InstanceID

	// Status is what is announced at first; [Announcer.Update] changes it.
	Status Status

	// Addr is the IPv4 address to listen on, "host:port". Empty means "0.0.0.0:27036". Bound to the address of one
	// interface, a socket hears questions to that address, but no broadcasts (on Linux).
	Addr string
	// Port is where broadcasts go. Zero means 27036, where Steam clients listen.
	Port uint16
	// Interfaces names the network interfaces to broadcast on. Empty means every one that is up, has an IPv4 address and
	// can broadcast; an Announcer that listens on a loopback address uses 127.255.255.255 instead, which works on Linux:
	// set Silent elsewhere.
	Interfaces []string
	// Targets are addresses to broadcast to instead, "host" or "host:port", such as "127.255.255.255" for everyone on this
	// machine (on Linux). Empty means the broadcast addresses of the interfaces.
	Targets []string
	// Resolver finds the addresses of names in Targets. Nil means net.DefaultResolver.
	Resolver Resolver
	// Silent leaves out all broadcasts: the announcer only answers.
	Silent bool

	// Requests decides about devices that want to pair or to stream; package pairing has one. Nil ignores them.
	Requests RequestHandler

	// OpenTimeout bounds the resolving of names and the opening of the socket. Zero means 5 seconds.
	OpenTimeout time.Duration

	// ListenPacket opens the socket. Nil means net.ListenConfig, with the port shared with other programs (SO_REUSEADDR).
	ListenPacket ListenPacket
	// Logger gets steps at Info, packets at Debug. Nil is silent.
	Logger *slog.Logger
}

// DiscoverConfig configures [Discover] and a [Discoverer]. The zero value asks on every network that this machine is
// attached to.
type DiscoverConfig struct {
	// ClientID is under which this program asks; zero makes a random one. Packets that carry it are taken for our own and
	// ignored: give the one of the [Announcer] here, and the program does not find itself.
	ClientID ClientID

	// Interfaces names the network interfaces to ask on. Empty means every one that is up, has an IPv4 address and can
	// broadcast, unless there are Targets.
	Interfaces []string
	// Targets are further addresses to ask, "host", "host:port" or with a name in place of the address: machines on other
	// networks, in a VPN, in containers; "127.0.0.1" is this machine, "127.255.255.255" everyone on it (on Linux). With
	// targets and without Interfaces, only the targets are asked.
	Targets []string
	// Resolver finds the addresses of names in Targets. Nil means net.DefaultResolver.
	Resolver Resolver
	// Port is where to ask. Zero means 27036.
	Port uint16

	// Passive also listens on Port, and so hears what clients broadcast unasked: that they start, change or go. The port
	// is shared with other programs; see the package's documentation for what that does to a Steam client on this
	// machine.
	Passive bool
	// PassiveAddr is where Passive listens, "host:port". Empty means 0.0.0.0 and Port.
	PassiveAddr string

	// Interval is the time between two questions, once the first three have gone out (at 0, 0.5 and 2 seconds). A host
	// that misses three is gone. Zero means 10 seconds, as others do; less than 100 milliseconds is taken for that.
	Interval time.Duration
	// SearchTime is how long [Discover] takes. Zero means 3 seconds. A Discoverer does not use it.
	SearchTime time.Duration
	// OpenTimeout bounds the resolving of names and the opening of sockets. Zero means 5 seconds.
	OpenTimeout time.Duration
	// MaxHosts bounds the table; further hosts are ignored and counted. Zero means 1024.
	MaxHosts int

	// ListenPacket opens the sockets. Nil means net.ListenConfig; the one of Passive is then shared with other programs.
	ListenPacket ListenPacket
	// Logger gets steps and hosts at Info, packets at Debug. Nil is silent.
	Logger *slog.Logger
}
