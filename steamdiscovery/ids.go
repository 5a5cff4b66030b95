package steamdiscovery

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
)

// DefaultPort is the UDP port on which Steam clients listen.
const DefaultPort = 27036

// ClientID names an installation. Steam makes it at random once and keeps it; so should a program that announces itself.
type ClientID uint64

// InstanceID names one run of an installation: a new one under the same ClientID means a restart. Zero is a client that
// does not say.
type InstanceID uint64

// NewClientID makes a random client id, of 63 bits as Steam's.
func NewClientID() ClientID { return ClientID(random63()) }

// NewInstanceID makes a random instance id.
func NewInstanceID() InstanceID { return InstanceID(random63()) }

// String is the id in decimal.
func (id ClientID) String() string { return strconv.FormatUint(uint64(id), 10) }

// String is the id in decimal.
func (id InstanceID) String() string { return strconv.FormatUint(uint64(id), 10) }

func random63() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: crypto/rand
		if n := binary.LittleEndian.Uint64(b[:]) >> 1; n != 0 {
			return n
		}
	}
}
