//go:build unix && !(darwin || dragonfly || freebsd || netbsd || openbsd)

package steamdiscovery

import "syscall"

var shareOptions = [...]int{syscall.SO_REUSEADDR}
