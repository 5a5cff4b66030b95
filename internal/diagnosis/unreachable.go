package diagnosis

import (
	"errors"
	"fmt"
	"syscall"
)

// Unreachable is the advice for a TCP connection that does not come about; usual is the port that the service has elsewhere.
func Unreachable(err error, port, usual uint16) string {
	advice := "the machine or a firewall drops the connection: check the address, and try from another network"
	// Windows has numbers of its own, which syscall's names do not stand for.
	const windowsRefused, windowsNoNetwork, windowsNoHost = syscall.Errno(10061), syscall.Errno(10051), syscall.Errno(10065)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, windowsRefused):
		advice = "nothing listens there: is the server running?"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, windowsNoNetwork), errors.Is(err, windowsNoHost):
		advice = "there is no way to that address from here: check the network, and IPv6 if it is such an address"
	}
	if port != usual {
		advice += fmt.Sprintf(" The usual port is %d, not %d.", usual, port)
	}
	return advice
}
