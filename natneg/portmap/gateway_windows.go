package portmap

import (
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"
)

// defaultGateway asks Windows which way leads out.
func defaultGateway() (netip.Addr, error) {
	getBestRoute := syscall.NewLazyDLL("iphlpapi.dll").NewProc("GetBestRoute")
	if err := getBestRoute.Find(); err != nil {
		return netip.Addr{}, err
	}
	// MIB_IPFORWARDROW: destination, mask, policy, next hop and ten more; addresses as they are on the wire.
	var row struct {
		destination, mask [4]byte
		policy            uint32
		nextHop           [4]byte
		_                 [10]uint32
	}
	// The destination 0.0.0.0 is the default route's. The system call takes an address; there is no way around unsafe.
	if code, _, _ := getBestRoute.Call(0, 0, uintptr(unsafe.Pointer(&row))); code != 0 {
		return netip.Addr{}, fmt.Errorf("%w: %w", errNoRoute, syscall.Errno(code))
	}
	addr := netip.AddrFrom4(row.nextHop)
	if addr.IsUnspecified() {
		return netip.Addr{}, errNoRoute
	}
	return addr, nil
}
