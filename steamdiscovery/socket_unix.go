//go:build unix

package steamdiscovery

import "syscall"

// shareAddress lets several programs have the same port open. On Linux SO_REUSEADDR does that for UDP, and is what others
// set (spec steamdiscovery.md §8); the BSDs and macOS want SO_REUSEPORT for it.
func shareAddress(_, _ string, conn syscall.RawConn) error {
	var err error
	if controlErr := conn.Control(func(fd uintptr) {
		for _, option := range shareOptions {
			if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, 1); err != nil {
				return
			}
		}
	}); controlErr != nil {
		return controlErr
	}
	return err
}
