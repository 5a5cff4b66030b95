package pairing

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

const (
	maxPIN     = 16
	maxText    = 64  // names of devices
	maxTicket  = 512 // sealed: what an RSA key of 4096 bits makes
	maxAttempt = 3   // PINs that are tried on one request
)

// NewPIN makes the PIN that a device shows to its user: four digits, as Steam's devices do.
func NewPIN() string {
	n, err := rand.Int(rand.Reader, big.NewInt(10000))
	if err != nil {
		n = new(big.Int) // cannot be: crypto/rand does not fail
	}
	return fmt.Sprintf("%04d", n)
}

func checkPIN(pin string) error {
	if pin == "" || len(pin) > maxPIN || strings.Trim(pin, "0123456789") != "" {
		return fmt.Errorf("a PIN is 1 to %d digits", maxPIN)
	}
	return nil
}

// sealTicket makes the encrypted request of a device: who it is, its key, and the PIN that its user sees (spec
// steamdiscovery.md §5). It is different each time.
func sealTicket(key *rsa.PublicKey, device Device, pin string, config *Config) ([]byte, error) {
	ticket := &steampb.CMsgRemoteDeviceAuthorizationRequest_CKeyEscrow_Ticket{
		Password:   []byte(pin),
		Identifier: new(device.secret.id),
		Payload:    device.secret.key[:],
		Timestamp:  new(uint32(time.Now().Unix())),
		Usage:      steampb.CMsgRemoteDeviceAuthorizationRequest_KEY_ESCROW_STREAMING_DEVICE.Enum(),
		DeviceName: new(config.Name),
	}
	if config.Model != "" {
		ticket.DeviceModel = new(config.Model)
	}
	if config.Serial != "" {
		ticket.DeviceSerial = new(config.Serial)
	}
	plain, err := proto.Marshal(ticket)
	if err != nil {
		return nil, err
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, plain, nil)
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return nil, fmt.Errorf("a ticket of %d bytes does not fit under the key: shorten the name, the model or the serial number", len(plain))
	}
	return sealed, err
}

// openTicket opens a ticket, if it was sealed under the public half of key, and its PIN is this one.
func openTicket(key *rsa.PrivateKey, sealed []byte, pin string) (Device, error) {
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, sealed, nil)
	if err != nil {
		return Device{}, ErrForeignTicket
	}
	var ticket steampb.CMsgRemoteDeviceAuthorizationRequest_CKeyEscrow_Ticket
	if err := proto.Unmarshal(plain, &ticket); err != nil || ticket.GetIdentifier() == 0 || len(ticket.GetPayload()) != steamdiscoverywire.KeySize {
		return Device{}, ErrForeignTicket
	}
	if subtle.ConstantTimeCompare(ticket.GetPassword(), []byte(pin)) != 1 {
		return Device{}, ErrWrongPIN
	}
	return LoadDevice(append(binary.LittleEndian.AppendUint64(nil, ticket.GetIdentifier()), ticket.GetPayload()...))
}
