package steamdiscovery

import (
	"runtime"
	"strconv"
	"strings"
)

// Services is a set of things that a client does for others.
type Services uint32

// The services (spec steamdiscovery.md §3.2). A desktop client that allows streaming announces ServiceGameStreaming.
const (
	ServiceRemoteControl Services = 1 << iota
	ServiceGameStreaming
	ServiceSiteLicense
	ServiceContentCache
	ServiceContentServer
	ServiceManageDownloads
)

var serviceNames = [...]string{"RemoteControl", "GameStreaming", "SiteLicense", "ContentCache", "ContentServer", "ManageDownloads"}

// Has tells whether all of these services are in the set.
func (s Services) Has(services Services) bool { return s&services == services }

// String lists the services; bits without a name are written in hexadecimal.
func (s Services) String() string {
	if s == 0 {
		return "None"
	}
	var names []string
	for i, name := range serviceNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := s >> len(serviceNames) << len(serviceNames); rest != 0 {
		names = append(names, "0x"+strconv.FormatUint(uint64(rest), 16))
	}
	return strings.Join(names, "|")
}

// OSType is Steam's number for an operating system. Negative numbers are systems other than Windows. Numbers without a
// name here are kept.
type OSType int32

// Operating systems (spec steamdiscovery.md §3.3).
const (
	OSWindows7          OSType = 10
	OSWindows8          OSType = 13
	OSWindows81         OSType = 14
	OSWindows10         OSType = 16
	OSWindowsServer2016 OSType = 17
	OSWindowsServer2019 OSType = 18
	OSWindowsServer2022 OSType = 19
	OSWindows11         OSType = 20
	OSLinux             OSType = -203 // of unknown version
	OSLinux4            OSType = -192
	OSLinux5            OSType = -186
	OSLinux54           OSType = -185
	OSLinux6            OSType = -184
	OSLinux7            OSType = -183
	OSLinux510          OSType = -182
	OSMac               OSType = -102 // of unknown version
	OSMac1015           OSType = -82
	OSMac11             OSType = -80
	OSMac12             OSType = -77
	OSMac13             OSType = -75
	OSMac14             OSType = -73
	OSMac15             OSType = -71
	OSAndroid           OSType = -500
	OSIOS               OSType = -600
)

var osNames = map[OSType]string{
	OSWindows7: "Windows 7", OSWindows8: "Windows 8", OSWindows81: "Windows 8.1", OSWindows10: "Windows 10",
	OSWindowsServer2016: "Windows Server 2016", OSWindowsServer2019: "Windows Server 2019",
	OSWindowsServer2022: "Windows Server 2022", OSWindows11: "Windows 11",
	OSLinux: "Linux", OSLinux4: "Linux 4", OSLinux5: "Linux 5", OSLinux54: "Linux 5.4", OSLinux510: "Linux 5.10",
	OSLinux6: "Linux 6", OSLinux7: "Linux 7",
	OSMac: "macOS", OSMac1015: "macOS 10.15", OSMac11: "macOS 11", OSMac12: "macOS 12", OSMac13: "macOS 13",
	OSMac14: "macOS 14", OSMac15: "macOS 15",
	OSAndroid: "Android", OSIOS: "iOS",
}

// String is the name of the system, or "OS N".
func (os OSType) String() string {
	if name, ok := osNames[os]; ok {
		return name
	}
	return "OS " + strconv.Itoa(int(os))
}

// thisOS is the system that this program runs on, as far as Go knows it.
func thisOS() OSType {
	switch runtime.GOOS {
	case "windows":
		return OSWindows10
	case "darwin":
		return OSMac
	case "android":
		return OSAndroid
	case "ios":
		return OSIOS
	default:
		return OSLinux
	}
}

// Universe is one of Steam's separate worlds of accounts.
type Universe int32

// The universes. Everyone outside Valve is in the public one.
const (
	UniversePublic   Universe = 1
	UniverseBeta     Universe = 2
	UniverseInternal Universe = 3
	UniverseDev      Universe = 4
)

// String is the name of the universe, or "universe N".
func (u Universe) String() string {
	names := [...]string{"Invalid", "Public", "Beta", "Internal", "Dev"}
	if u >= 0 && int(u) < len(names) {
		return names[u]
	}
	return "universe " + strconv.Itoa(int(u))
}

// VRLinkCaps says whether a client can stream to a headset.
type VRLinkCaps int32

// What a client says about streaming to a headset.
const (
	VRLinkUnknown                 VRLinkCaps = 0
	VRLinkAvailable               VRLinkCaps = 1
	VRLinkUnimplemented           VRLinkCaps = 2
	VRLinkMissingHardwareEncoding VRLinkCaps = 3
)

// String names the value, or gives its number.
func (c VRLinkCaps) String() string {
	names := [...]string{"Unknown", "Available", "Unimplemented", "MissingHardwareEncoding"}
	if c >= 0 && int(c) < len(names) {
		return names[c]
	}
	return "VRLinkCaps " + strconv.Itoa(int(c))
}
