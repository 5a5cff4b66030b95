package steamdiscovery_test

import (
	"encoding/binary"
	"net/netip"
)

// pcapFile is a capture of datagrams over IPv4, as libpcap writes it, without link layer (LINKTYPE_RAW).
func pcapFile(datagrams [][]byte, from, to netip.AddrPort) []byte {
	little := binary.LittleEndian
	b := little.AppendUint32(nil, 0xa1b2c3d4)
	b = little.AppendUint16(b, 2) // version 2.4
	b = little.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...) // time zone, accuracy
	b = little.AppendUint32(b, 1<<18) // longest packet
	b = little.AppendUint32(b, 101)   // LINKTYPE_RAW
	for i, payload := range datagrams {
		packet := ipv4(payload, from, to)
		b = little.AppendUint32(b, uint32(i)) // seconds
		b = little.AppendUint32(b, 0)
		b = little.AppendUint32(b, uint32(len(packet)))
		b = little.AppendUint32(b, uint32(len(packet)))
		b = append(b, packet...)
	}
	return b
}

// ipv4 puts the headers of IPv4 and UDP before a payload. No checksums: none is a legal one for UDP, and nobody looks.
func ipv4(payload []byte, from, to netip.AddrPort) []byte {
	big := binary.BigEndian
	b := []byte{0x45, 0}
	b = big.AppendUint16(b, uint16(28+len(payload)))
	b = append(b, 0, 0, 0x40, 0, 64, 17, 0, 0)
	b = append(b, from.Addr().AsSlice()...)
	b = append(b, to.Addr().AsSlice()...)
	b = big.AppendUint16(b, from.Port())
	b = big.AppendUint16(b, to.Port())
	b = big.AppendUint16(b, uint16(8+len(payload)))
	b = append(b, 0, 0)
	return append(b, payload...)
}
