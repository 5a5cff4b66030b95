package qr2

import "github.com/relight-sdk/relight/internal/udpmux"

// GameConn is the game's view of the shared connection: a net.PacketConn of what is not the host's, with the further methods
// of *net.UDPConn that games use, and ReadBatch and WriteBatch, which move several datagrams in one system call on Linux.
//
// Where the connection is a *net.UDPConn, a game that waits in a read reads the socket itself: its datagrams cost about what
// they cost on a bare socket, and queries that come meanwhile are answered on its goroutine. While the game is elsewhere, a
// goroutine of the host's reads, one or two milliseconds after the game has left. Over other connections that goroutine always
// reads, and wakes the game. SyscallConn is for the socket's options; what is read through it is lost to the host.
type GameConn = udpmux.Conn

// Packet is one datagram of GameConn's ReadBatch and WriteBatch.
type Packet = udpmux.Packet
