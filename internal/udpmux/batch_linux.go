//go:build linux && (amd64 || arm64 || 386 || arm || riscv64 || loong64)

package udpmux

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

// recvmmsg and sendmmsg move several datagrams in one system call; under load that is a fifth to a third of the time of
// ReadFromUDPAddrPort and WriteToUDPAddrPort saved. Package x/net/ipv4 offers them too, but allocates for every address.

const (
	readBatch  = 16
	writeBatch = 32
)

// apart keeps the beginnings of the buffers, which is all that most datagrams use, out of each other's places in the cache.
const apart = 192

// mmsghdr is the system's struct mmsghdr.
type mmsghdr struct {
	header syscall.Msghdr
	length uint32
}

// soDomain is SO_DOMAIN, which package syscall does not have on every platform.
const soDomain = 39

// openBatch is the source and sink of a socket; nil where it is not an ordinary one.
func openBatch(conn *net.UDPConn, size int) (source, sink) {
	if conn.RemoteAddr() != nil {
		return nil, nil // a connected one refuses addresses
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, nil
	}
	family := 0
	if err := raw.Control(func(fd uintptr) { family, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, soDomain) }); err != nil {
		return nil, nil
	}
	if err != nil || family != syscall.AF_INET && family != syscall.AF_INET6 {
		return nil, nil
	}
	r := &batchReader{raw: raw, size: size}
	r.call = r.receive
	w := &batchWriter{raw: raw, conn: conn, six: family == syscall.AF_INET6}
	w.call = w.send
	return r, w
}

// callNumbers are the numbers of the system calls.
func callNumbers() (receive, send uintptr) {
	switch runtime.GOARCH {
	case "amd64":
		return 299, 307
	case "386":
		return 337, 345
	case "arm":
		return 365, 374
	}
	return 243, 269 // the list that newer architectures share
}

type batchReader struct {
	raw  syscall.RawConn
	size int
	call func(fd uintptr) bool // made once, so that reading does not allocate

	headers [readBatch]mmsghdr
	parts   [readBatch]syscall.Iovec
	names   [readBatch]syscall.RawSockaddrInet6 // or an Inet4, which is shorter
	buf     []byte
	count   int
	errno   syscall.Errno
	zones   map[uint32]string
}

func (r *batchReader) read() (int, error) {
	if r.buf == nil {
		stride := r.size + apart
		r.buf = make([]byte, readBatch*stride)
		for i := range r.headers {
			r.parts[i].Base = &r.buf[i*stride]
			r.parts[i].SetLen(r.size)
			r.headers[i].header.Iov, r.headers[i].header.Iovlen = &r.parts[i], 1
			r.headers[i].header.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		}
	}
	r.count, r.errno = 0, 0
	if err := r.raw.Read(r.call); err != nil {
		return 0, err
	}
	if r.errno != 0 {
		return 0, r.errno
	}
	return r.count, nil
}

// receive is called by the connection when there may be something, and says whether there was.
func (r *batchReader) receive(fd uintptr) bool {
	for i := range r.headers {
		r.headers[i].header.Namelen = uint32(unsafe.Sizeof(r.names[i]))
	}
	receive, _ := callNumbers()
	for {
		n, _, errno := syscall.Syscall6(receive, fd, uintptr(unsafe.Pointer(&r.headers[0])), readBatch, syscall.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			r.count = int(n)
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
			continue
		default:
			r.errno = errno
		}
		return true
	}
}

func (r *batchReader) datagram(i int) ([]byte, netip.AddrPort) {
	at := i * (r.size + apart)
	return r.buf[at : at+int(r.headers[i].length)], r.addr(&r.names[i])
}

func (r *batchReader) addr(name *syscall.RawSockaddrInet6) netip.AddrPort {
	switch name.Family {
	case syscall.AF_INET:
		four := (*syscall.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), portOf(&four.Port))
	case syscall.AF_INET6:
		addr := netip.AddrFrom16(name.Addr).Unmap()
		if name.Scope_id != 0 && addr.Is6() {
			addr = addr.WithZone(r.zone(name.Scope_id))
		}
		return netip.AddrPortFrom(addr, portOf(&name.Port))
	}
	return netip.AddrPort{}
}

// portOf reads a port, which is big-endian whatever the machine is.
func portOf(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}

func setPort(port *uint16, value uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(port))[:], value)
}

// maxZones is how many interfaces are remembered by name.
const maxZones = 64

// zone names an interface as package net does.
func (r *batchReader) zone(index uint32) string {
	if name, known := r.zones[index]; known {
		return name
	}
	name := strconv.FormatUint(uint64(index), 10)
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		name = i.Name
	}
	if r.zones == nil || len(r.zones) >= maxZones {
		r.zones = make(map[uint32]string)
	}
	r.zones[index] = name
	return name
}

type batchWriter struct {
	raw  syscall.RawConn
	conn *net.UDPConn
	six  bool // the socket is an IPv6 one
	call func(fd uintptr) bool

	mu      sync.Mutex
	headers [writeBatch]mmsghdr
	parts   [writeBatch]syscall.Iovec
	names   [writeBatch]syscall.RawSockaddrInet6
	places  [writeBatch]int // among the packets that are written
	next    int             // to be sent
	count   int
	errno   syscall.Errno // why the next one failed
}

func (w *batchWriter) write(packets []Packet) (failed int) {
	if len(packets) == 1 {
		return w.writeOne(&packets[0])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next, w.count = 0, 0
	for i := range packets {
		packets[i].Err = nil
		if !w.prepare(w.count, &packets[i]) {
			// A zone, or an address that this socket cannot reach: package net knows, and has words for it.
			failed += w.sendAll(packets) + w.writeOne(&packets[i])
			continue
		}
		w.places[w.count] = i
		if w.count++; w.count == writeBatch {
			failed += w.sendAll(packets)
		}
	}
	failed += w.sendAll(packets)
	for i := range w.parts {
		w.parts[i].Base = nil // what was sent is not held on to
	}
	return failed
}

func (w *batchWriter) writeOne(p *Packet) (failed int) {
	if _, p.Err = w.conn.WriteToUDPAddrPort(p.Data, p.Addr); p.Err != nil {
		return 1
	}
	return 0
}

// sendAll sends what is prepared.
func (w *batchWriter) sendAll(packets []Packet) (failed int) {
	for w.next < w.count {
		w.errno = 0
		if err := w.raw.Write(w.call); err != nil {
			for _, place := range w.places[w.next:w.count] {
				packets[place].Err = err
				failed++
			}
			break
		}
		if w.errno != 0 {
			packets[w.places[w.next]].Err = &net.OpError{Op: "write", Net: "udp", Source: w.conn.LocalAddr(), Err: w.errno}
			failed++
			w.next++
		}
	}
	w.next, w.count = 0, 0
	return failed
}

func (w *batchWriter) prepare(i int, packet *Packet) bool {
	addr := packet.Addr.Addr()
	h, name := &w.headers[i].header, &w.names[i]
	*name = syscall.RawSockaddrInet6{}
	switch {
	case !addr.IsValid() || addr.Zone() != "":
		return false
	case w.six:
		name.Family, name.Addr = syscall.AF_INET6, addr.As16()
		setPort(&name.Port, packet.Addr.Port())
		h.Namelen = syscall.SizeofSockaddrInet6
	case addr.Is4() || addr.Is4In6():
		four := (*syscall.RawSockaddrInet4)(unsafe.Pointer(name))
		four.Family, four.Addr = syscall.AF_INET, addr.As4()
		setPort(&four.Port, packet.Addr.Port())
		h.Namelen = syscall.SizeofSockaddrInet4
	default:
		return false
	}
	h.Name = (*byte)(unsafe.Pointer(name))
	w.parts[i].Base = unsafe.SliceData(packet.Data)
	w.parts[i].SetLen(len(packet.Data))
	h.Iov, h.Iovlen = &w.parts[i], 1
	return true
}

// send is called by the connection when there may be room, and says whether there was.
func (w *batchWriter) send(fd uintptr) bool {
	_, send := callNumbers()
	n, _, errno := syscall.Syscall6(send, fd, uintptr(unsafe.Pointer(&w.headers[w.next])), uintptr(w.count-w.next), syscall.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		w.next += int(n)
	case syscall.EAGAIN:
		return false
	case syscall.EINTR:
	default:
		w.errno = errno
	}
	return true
}
