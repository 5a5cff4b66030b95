package pairing

import (
	"crypto/aes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

const (
	idSize    = 8
	savedSize = idSize + steamdiscoverywire.KeySize
)

// Device is who pairs: a number and a secret key, made at random once and kept by the device from then on. A host that has
// paired with it knows it again by them. The zero Device is not valid.
//
// Printed in whatever way, it does not show its key.
type Device struct {
	secret *secret
}

// secret has its key behind a second pointer: package fmt asks no methods of what is in a field that is not exported, and
// follows one pointer where the verb does not fit, as %s of what a Device is in.
type secret struct {
	id  uint64
	key *[steamdiscoverywire.KeySize]byte
}

// NewDevice makes a device. Keep [Device.Save].
func NewDevice() Device {
	var b [savedSize]byte
	_, _ = rand.Read(b[:])                        // never fails: crypto/rand
	id := binary.LittleEndian.Uint64(b[:])>>1 | 1 // 63 bits as Steam's, and not zero
	return Device{&secret{id, (*[steamdiscoverywire.KeySize]byte)(b[idSize:])}}
}

// LoadDevice is the device that was saved.
func LoadDevice(saved []byte) (Device, error) {
	if len(saved) != savedSize {
		return Device{}, fmt.Errorf("pairing: a saved device has %d bytes, not %d", savedSize, len(saved))
	}
	key := [steamdiscoverywire.KeySize]byte(saved[idSize:])
	device := Device{&secret{binary.LittleEndian.Uint64(saved), &key}}
	if device.secret.id == 0 {
		return Device{}, errors.New("pairing: a saved device has an id that is not zero")
	}
	return device, nil
}

// Save is the device as 40 bytes, for [LoadDevice]. They hold its secret key: store them as you would a password.
func (d Device) Save() []byte {
	if !d.valid() {
		return nil
	}
	return append(binary.LittleEndian.AppendUint64(nil, d.secret.id), d.secret.key[:]...)
}

// ID is the number of the device, which is no secret; 0 if it is not valid.
func (d Device) ID() uint64 {
	if !d.valid() {
		return 0
	}
	return d.secret.id
}

func (d Device) valid() bool { return d.secret != nil }

// String names the device without its key.
func (d Device) String() string { return "device " + strconv.FormatUint(d.ID(), 10) }

// Format writes what String does, whatever the verb.
func (d Device) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, d.String()) }

// LogValue implements slog.LogValuer.
func (d Device) LogValue() slog.Value { return slog.StringValue(d.String()) }

// seal encrypts under the key of the device, as spec steamdiscovery.md §6 says.
func (d Device) seal(plain []byte) []byte {
	var iv [aes.BlockSize]byte
	_, _ = rand.Read(iv[:])
	return steamdiscoverywire.AppendSealed(nil, *d.secret.key, iv, plain)
}

// unseal decrypts what a host sealed.
func (d Device) unseal(sealed []byte) ([]byte, error) {
	return steamdiscoverywire.Unseal(*d.secret.key, sealed)
}

// token proves to a host that knows the key which device this is: the id, sealed.
func (d Device) token() []byte { return d.seal(binary.LittleEndian.AppendUint64(nil, d.secret.id)) }

// owns tells whether a token is one of this device.
func (d Device) owns(token []byte) bool {
	if len(token) != 2*aes.BlockSize {
		return false
	}
	plain, err := d.unseal(token)
	return err == nil && len(plain) == idSize && binary.LittleEndian.Uint64(plain) == d.secret.id
}
