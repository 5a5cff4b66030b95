//go:build !linux || !(amd64 || arm64 || 386 || arm || riscv64 || loong64)

package udpmux

import "net"

// openBatch is for systems that move several datagrams in one call; this one does not.
func openBatch(*net.UDPConn, int) (source, sink) { return nil, nil }
