package steamdiscovery

import (
	"net"
	"net/netip"
	"time"
)

// Status is what a client says about itself.
//
// Announced, its zero value is sensible: a machine with the name of this one that offers no services. Received, texts are
// made fit for display: see [Host] for the raw ones.
type Status struct {
	// Hostname is the name that people see. Announced: at most 64 bytes of UTF-8 without control characters; empty means
	// os.Hostname. Received: at most 64 characters; those that cannot be shown are replaced by U+FFFD.
	Hostname string

	// Version and MinVersion are those of the control protocol. Announced, zero means 8 and 6, those of a Steam client of
	// 2024.
	Version, MinVersion int32

	// ConnectPort is where the client takes control connections (TCP) and requests (UDP). Announced, zero means the port
	// that the Announcer listens on.
	ConnectPort uint16

	// EnabledServices is what the client does now. Zero is nothing: a client that can be seen, but not used.
	EnabledServices Services
	// SupportedServices is what it could do. Announced, zero means the same as EnabledServices.
	SupportedServices Services

	// OS and Is64Bit describe the machine. Announced, an OS of zero means that both are those of the running program, as
	// far as Go knows the version of the system.
	OS      OSType
	Is64Bit bool

	// Users are the accounts logged in on the machine. Announced: at most 16.
	Users []User

	// Universe is that of the users. Announced, zero means the public one.
	Universe Universe

	// Timestamp is the sender's clock, in whole seconds, UTC. Announced, zero means the time of sending. Received, zero
	// means that the client did not say.
	Timestamp time.Time

	ScreenLocked       bool
	GamesRunning       bool
	BroadcastingActive bool
	VRActive           bool
	RemotePlayActive   bool
	SteamDeck          bool
	WiFiDonglePresent  bool

	// MACAddresses serve to wake the machine. Announced: nil tells none; at most 16 of six bytes each.
	MACAddresses []net.HardwareAddr

	// IPAddresses are all addresses of the machine, IPv6 ones too. Announced: nil tells none, which is enough, since
	// whoever gets a packet sees where it came from; at most 32, without zones.
	IPAddresses []netip.Addr
	// PublicIP is the address of the network on the Internet; the zero Addr if unknown.
	PublicIP netip.Addr

	// DownloadLANPeerGroup says who may fetch game files from this client; zero is not announced.
	DownloadLANPeerGroup uint32
	// ContentCachePort is the port of a content cache; zero is none.
	ContentCachePort uint16
	// SteamVersion is the time of the client's build in Unix seconds; zero is not announced.
	SteamVersion uint64

	// Streaming to headsets. Zeros are not announced.
	VRLinkCaps                 VRLinkCaps
	VRLinkInviteClientID       ClientID
	ConnectedPairedNetworkHash uint64
}

// User is an account that is logged in on a machine.
type User struct {
	SteamID   uint64 // the 64-bit Steam ID
	AuthKeyID uint32 // names the key that the account's machines share
}

// Clone copies the status with its lists.
func (s Status) Clone() Status {
	s.Users = append([]User(nil), s.Users...)
	s.MACAddresses = append([]net.HardwareAddr(nil), s.MACAddresses...)
	for i, address := range s.MACAddresses {
		s.MACAddresses[i] = append(net.HardwareAddr(nil), address...)
	}
	s.IPAddresses = append([]netip.Addr(nil), s.IPAddresses...)
	return s
}
