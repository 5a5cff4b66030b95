package steamdiscovery

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// Limits on what is announced. maxStatusPacket keeps the packet in one Ethernet frame.
const (
	maxHostname     = 64
	maxUsers        = 16
	maxMACs         = 16
	maxIPs          = 32
	maxStatusPacket = 1200
)

// announced fills in what zero values stand for, and checks the rest.
func (s Status) announced(port uint16) (Status, error) {
	s = s.Clone()
	if s.Hostname == "" {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "localhost"
		}
		s.Hostname = steamdiscoverywire.DisplayText(name)
		for len(s.Hostname) > maxHostname {
			_, size := utf8.DecodeLastRuneInString(s.Hostname)
			s.Hostname = s.Hostname[:len(s.Hostname)-size]
		}
	}
	s.Version = orElse(s.Version, 8)
	s.MinVersion = orElse(s.MinVersion, 6)
	s.ConnectPort = orElse(s.ConnectPort, port)
	s.SupportedServices = orElse(s.SupportedServices, s.EnabledServices)
	s.Universe = orElse(s.Universe, UniversePublic)
	if s.OS == 0 {
		s.OS, s.Is64Bit = thisOS(), strconv.IntSize == 64
	}
	return s, s.validate()
}

func orElse[T comparable](value, instead T) T {
	var zero T
	if value == zero {
		return instead
	}
	return value
}

func (s *Status) validate() error {
	switch {
	case len(s.Hostname) > maxHostname:
		return invalid("hostname of %d bytes, at most %d", len(s.Hostname), maxHostname)
	case s.Hostname != steamdiscoverywire.DisplayText(s.Hostname):
		return invalid("hostname %q cannot be shown", s.Hostname)
	case len(s.Users) > maxUsers:
		return invalid("%d users, at most %d", len(s.Users), maxUsers)
	case len(s.MACAddresses) > maxMACs:
		return invalid("%d MAC addresses, at most %d", len(s.MACAddresses), maxMACs)
	case len(s.IPAddresses) > maxIPs:
		return invalid("%d IP addresses, at most %d", len(s.IPAddresses), maxIPs)
	case s.PublicIP.Zone() != "":
		return invalid("public IP address %s has a zone", s.PublicIP)
	case !s.Timestamp.IsZero() && (s.Timestamp.Unix() < 0 || s.Timestamp.Unix() > math.MaxUint32):
		return invalid("timestamp %s does not fit into 32 bits", s.Timestamp)
	}
	for _, address := range s.MACAddresses {
		if len(address) != 6 {
			return invalid("MAC address %s does not have six bytes", address)
		}
	}
	for _, address := range s.IPAddresses {
		if !address.IsValid() || address.Zone() != "" {
			return invalid("IP address %s is unset or has a zone", address)
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &Error{Op: "status", Err: fmt.Errorf("%w: "+format, append([]any{ErrInvalidStatus}, args...)...)}
}

// message is the status as a protobuf message. Fields appear as a Steam client of 2024 has them: the first ones always,
// even if zero, the newer ones when they say something (spec steamdiscovery.md §4).
func (s *Status) message(now time.Time) *steampb.CMsgRemoteClientBroadcastStatus {
	if !s.Timestamp.IsZero() {
		now = s.Timestamp
	}
	m := &steampb.CMsgRemoteClientBroadcastStatus{
		Version:           new(s.Version),
		MinVersion:        new(s.MinVersion),
		ConnectPort:       new(uint32(s.ConnectPort)),
		Hostname:          new(s.Hostname),
		EnabledServices:   new(uint32(s.EnabledServices)),
		Ostype:            new(int32(s.OS)),
		Is64Bit:           new(s.Is64Bit),
		Euniverse:         new(int32(s.Universe)),
		Timestamp:         new(uint32(now.Unix())),
		ScreenLocked:      new(s.ScreenLocked),
		GamesRunning:      new(s.GamesRunning),
		SupportedServices: new(uint32(s.SupportedServices)),
		SteamDeck:         new(s.SteamDeck),

		DownloadLanPeerGroup:       unlessZero(s.DownloadLANPeerGroup),
		BroadcastingActive:         unlessZero(s.BroadcastingActive),
		VrActive:                   unlessZero(s.VRActive),
		ContentCachePort:           unlessZero(uint32(s.ContentCachePort)),
		RemoteplayActive:           unlessZero(s.RemotePlayActive),
		SteamVersion:               unlessZero(s.SteamVersion),
		VrLinkCaps:                 unlessZero(steampb.EVRLinkCaps(s.VRLinkCaps)),
		VrLinkInviteClientId:       unlessZero(uint64(s.VRLinkInviteClientID)),
		ConnectedPairedNetworkHash: unlessZero(s.ConnectedPairedNetworkHash),
		WifiDonglePresent:          unlessZero(s.WiFiDonglePresent),
	}
	for _, user := range s.Users {
		m.Users = append(m.Users, &steampb.CMsgRemoteClientBroadcastStatus_User{
			Steamid: new(user.SteamID), AuthKeyId: new(user.AuthKeyID),
		})
	}
	for _, address := range s.MACAddresses {
		m.MacAddresses = append(m.MacAddresses, strings.ToUpper(address.String()))
	}
	for _, address := range s.IPAddresses {
		m.IpAddresses = append(m.IpAddresses, address.String())
	}
	if s.PublicIP.IsValid() {
		m.PublicIpAddress = new(s.PublicIP.String())
	}
	return m
}

func unlessZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// packet is the status as a datagram.
func (s *Status) packet(client ClientID, instance InstanceID, now time.Time) ([]byte, error) {
	p := steamdiscoverywire.New(uint64(client), uint64(instance), steampb.ERemoteClientBroadcastMsg_MSG_STATUS, s.message(now))
	b, err := p.Append(nil)
	if err != nil {
		return nil, &Error{Op: "status", Err: err}
	}
	if len(b) > maxStatusPacket {
		return nil, invalid("a packet of %d bytes, at most %d so that it fits into one frame of the network", len(b), maxStatusPacket)
	}
	return b, nil
}

// received turns a stranger's message into a Status. What cannot be read (an address that is none, a port that is too
// large) is left out; it is still in Host.Raw.
func received(m *steampb.CMsgRemoteClientBroadcastStatus) Status {
	s := Status{
		Hostname:          steamdiscoverywire.DisplayText(m.GetHostname()),
		Version:           m.GetVersion(),
		MinVersion:        m.GetMinVersion(),
		ConnectPort:       port(m.GetConnectPort()),
		EnabledServices:   Services(m.GetEnabledServices()),
		SupportedServices: Services(m.GetSupportedServices()),
		OS:                OSType(m.GetOstype()),
		Is64Bit:           m.GetIs64Bit(),
		Universe:          Universe(m.GetEuniverse()),

		ScreenLocked:       m.GetScreenLocked(),
		GamesRunning:       m.GetGamesRunning(),
		BroadcastingActive: m.GetBroadcastingActive(),
		VRActive:           m.GetVrActive(),
		RemotePlayActive:   m.GetRemoteplayActive(),
		SteamDeck:          m.GetSteamDeck(),
		WiFiDonglePresent:  m.GetWifiDonglePresent(),

		DownloadLANPeerGroup:       m.GetDownloadLanPeerGroup(),
		ContentCachePort:           port(m.GetContentCachePort()),
		SteamVersion:               m.GetSteamVersion(),
		VRLinkCaps:                 VRLinkCaps(m.GetVrLinkCaps()),
		VRLinkInviteClientID:       ClientID(m.GetVrLinkInviteClientId()),
		ConnectedPairedNetworkHash: m.GetConnectedPairedNetworkHash(),
	}
	if seconds := m.GetTimestamp(); seconds != 0 {
		s.Timestamp = time.Unix(int64(seconds), 0).UTC()
	}
	for _, user := range m.GetUsers() {
		s.Users = append(s.Users, User{SteamID: user.GetSteamid(), AuthKeyID: user.GetAuthKeyId()})
	}
	for _, text := range m.GetMacAddresses() {
		if address, err := net.ParseMAC(text); err == nil {
			s.MACAddresses = append(s.MACAddresses, address)
		}
	}
	for _, text := range m.GetIpAddresses() {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			s.IPAddresses = append(s.IPAddresses, address)
		}
	}
	if address, err := netip.ParseAddr(m.GetPublicIpAddress()); err == nil && address.Zone() == "" {
		s.PublicIP = address
	}
	return s
}

// sameAs compares what two statuses say, apart from when they were sent.
func (s Status) sameAs(other Status) bool {
	s.Timestamp, other.Timestamp = time.Time{}, time.Time{}
	return reflect.DeepEqual(s, other)
}

func port(n uint32) uint16 {
	if n > math.MaxUint16 {
		return 0
	}
	return uint16(n)
}
