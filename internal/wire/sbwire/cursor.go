package sbwire

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// cursor reads the fields of this protocol: big-endian numbers, addresses, and strings that a zero byte ends.
type cursor struct{ cryptobyte.String }

// readCString reads up to a zero byte. The slice points into what is read.
func (c *cursor) readCString(out *[]byte) bool {
	end := bytes.IndexByte(c.String, 0)
	if end < 0 {
		return false
	}
	*out = c.String[:end]
	c.String = c.String[end+1:]
	return true
}

// readText is readCString with a string of its own.
func (c *cursor) readText(out *string) bool {
	var b []byte
	if !c.readCString(&b) {
		return false
	}
	*out = string(b)
	return true
}

func (c *cursor) readIP(out *netip.Addr) bool {
	var b []byte
	if !c.ReadBytes(&b, 4) {
		return false
	}
	*out = netip.AddrFrom4([4]byte(b))
	return true
}

func (c *cursor) readAddrPort(out *netip.AddrPort) bool {
	var ip netip.Addr
	var port uint16
	if !c.readIP(&ip) || !c.ReadUint16(&port) {
		return false
	}
	*out = netip.AddrPortFrom(ip, port)
	return true
}

// readUint32LE is for the two numbers that the original forgot to swap.
func (c *cursor) readUint32LE(out *uint32) bool {
	var b []byte
	if !c.ReadBytes(&b, 4) {
		return false
	}
	*out = binary.LittleEndian.Uint32(b)
	return true
}

// appendCString appends text and a zero byte.
func appendCString(b []byte, text string) []byte { return append(append(b, text...), 0) }

// appendIP appends four bytes; an address that is not IPv4 becomes 0.0.0.0.
func appendIP(b []byte, ip netip.Addr) []byte {
	ip = ip.Unmap()
	if !ip.Is4() {
		return append(b, 0, 0, 0, 0)
	}
	four := ip.As4()
	return append(b, four[:]...)
}

func appendAddrPort(b []byte, addr netip.AddrPort) []byte {
	return binary.BigEndian.AppendUint16(appendIP(b, addr.Addr()), addr.Port())
}

// checkText refuses what would end a string early.
func checkText(message, field, text string, limit int) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalid(message, field, "a zero byte inside")
	}
	if len(text) > limit {
		return overLimit(message, field, "%d bytes, at most %d", len(text), limit)
	}
	return nil
}
