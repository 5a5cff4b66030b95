package steamdiscovery

import (
	"fmt"
	"testing"
)

// The numbers and names of spec steamdiscovery.md §3.2 and §3.3, written down a second time.
func TestNumbersAndNames(t *testing.T) {
	for want, value := range map[string]fmt.Stringer{
		"None": Services(0), "RemoteControl": Services(1), "GameStreaming": Services(2), "SiteLicense": Services(4),
		"ContentCache": Services(8), "ContentServer": Services(16), "ManageDownloads": Services(32),
		"GameStreaming|ContentServer|0x80000040": Services(0x80000052),

		"Windows 7": OSType(10), "Windows 8": OSType(13), "Windows 8.1": OSType(14), "Windows 10": OSType(16),
		"Windows Server 2016": OSType(17), "Windows Server 2019": OSType(18), "Windows Server 2022": OSType(19), "Windows 11": OSType(20),
		"Linux": OSType(-203), "Linux 4": OSType(-192), "Linux 5": OSType(-186), "Linux 5.4": OSType(-185), "Linux 6": OSType(-184),
		"Linux 7": OSType(-183), "Linux 5.10": OSType(-182),
		"macOS": OSType(-102), "macOS 10.15": OSType(-82), "macOS 11": OSType(-80), "macOS 12": OSType(-77), "macOS 13": OSType(-75),
		"macOS 14": OSType(-73), "macOS 15": OSType(-71), "Android": OSType(-500), "iOS": OSType(-600), "OS -1": OSType(-1),

		"Invalid": Universe(0), "Public": Universe(1), "Beta": Universe(2), "Internal": Universe(3), "Dev": Universe(4), "universe -1": Universe(-1),
		"Unknown": VRLinkCaps(0), "Available": VRLinkCaps(1), "Unimplemented": VRLinkCaps(2), "MissingHardwareEncoding": VRLinkCaps(3), "VRLinkCaps 9": VRLinkCaps(9),

		"18446744073709551615": ClientID(1<<64 - 1), "7": InstanceID(7),
		"no network": DiscovererNoNetwork, "step 77": AnnouncerStep(77), "silence": FellSilent, "step changed": StepChanged,
	} {
		if got := value.String(); got != want {
			t.Errorf("%T: %q, want %q", value, got, want)
		}
	}
	if both := ServiceGameStreaming | ServiceContentCache; !both.Has(ServiceContentCache) || both.Has(ServiceContentCache|ServiceSiteLicense) {
		t.Error("Has")
	}
}
