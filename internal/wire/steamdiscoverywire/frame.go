package steamdiscoverywire

import (
	"encoding/binary"
	"math"
)

// Magic begins every packet: two little-endian words, 0xFFFFFFFF and 0xA05F4C21. The first four bytes alone are no sign:
// Source and Quake queries begin with them too (spec steamdiscovery.md §2).
const Magic = "\xff\xff\xff\xff\x21\x4c\x5f\xa0"

const (
	// MaxDatagram is the longest payload of a UDP datagram over IPv4.
	MaxDatagram = 65507
	// MaxHeader bounds the header. Steam's have at most a few dozen bytes.
	MaxHeader = 4096

	lengthSize = 4
)

// frame is a datagram cut into its parts, which alias it.
type frame struct {
	header      []byte
	body        []byte
	bodyMissing bool // not even a length: some send Offline so
}

// split cuts a datagram. What comes after the body is ignored, as every known reader does.
func split(b []byte) (frame, error) {
	if len(b) < len(Magic) || string(b[:len(Magic)]) != Magic {
		return frame{}, ErrNotSteam
	}
	if len(b) > MaxDatagram {
		return frame{}, failure("frame", "datagram", "%d bytes, more than UDP carries", len(b))
	}
	header, rest, err := cut(b[len(Magic):], "header")
	if err != nil {
		return frame{}, err
	}
	if len(header) > MaxHeader {
		return frame{}, failure("frame", "header length", "%d bytes, at most %d are accepted", len(header), MaxHeader)
	}
	if len(rest) == 0 {
		return frame{header: header, bodyMissing: true}, nil
	}
	body, _, err := cut(rest, "body")
	if err != nil {
		return frame{}, err
	}
	return frame{header: header, body: body}, nil
}

// cut takes a little-endian length and as many bytes off b.
func cut(b []byte, part string) (taken, rest []byte, err error) {
	if len(b) < lengthSize {
		return nil, nil, failure("frame", part+" length", "%d bytes left where 4 are needed", len(b))
	}
	// Compared as uint64: on 32-bit machines a length with its top bit set would turn negative as int.
	n := binary.LittleEndian.Uint32(b)
	b = b[lengthSize:]
	if uint64(n) > uint64(len(b)) {
		return nil, nil, failure("frame", part+" length", "%d bytes announced, %d left", n, len(b))
	}
	return b[:n:n], b[n:], nil
}

// begin and end write a length around what is appended between them.
func begin(b []byte) (at int, longer []byte) { return len(b), append(b, 0, 0, 0, 0) }

func end(b []byte, at int) {
	n := len(b) - at - lengthSize
	binary.LittleEndian.PutUint32(b[at:], uint32(min(n, math.MaxInt32)))
}
