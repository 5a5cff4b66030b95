//go:build !unix && !windows

package steamdiscovery

import "syscall"

// shareAddress does nothing where there is no such option.
func shareAddress(_, _ string, _ syscall.RawConn) error { return nil }
