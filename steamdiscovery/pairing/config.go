package pairing

import (
	"crypto/rsa"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
	"github.com/relight-sdk/relight/steamdiscovery"
)

// Config says who asks a host, and how. Only Device is needed.
type Config struct {
	// Device is who asks. There is no useful zero: make one with [NewDevice], once.
	Device Device
	// Name is what the host's user sees, at most 64 bytes of UTF-8. Empty means os.Hostname.
	Name string
	// Model and Serial describe the device to Steam. Empty tells nothing. At most 32 bytes each.
	Model, Serial string

	// ClientID is under which packets are sent. Zero means the id of the device, as other clients do.
	ClientID steamdiscovery.ClientID

	// Universe is that of the host. Zero means the public one.
	Universe steamdiscovery.Universe
	// PublicKey seals the ticket of [Pair]. Nil means that of the Universe, for Steam hosts. A [Host] of one's own has a key
	// of its own, of 2048 to 4096 bits.
	PublicKey *rsa.PublicKey

	// Interval is the time between two requests, which are repeated until the host has decided. Zero means 1 second; less
	// than 100 milliseconds is taken for that.
	Interval time.Duration
	// AnswerTimeout ends it when nothing came from the host for this long. Zero means 15 seconds.
	AnswerTimeout time.Duration

	// ListenPacket opens the socket. Nil means net.ListenConfig.
	ListenPacket steamdiscovery.ListenPacket
	// Progress hears each answer that is not the last: that the user has yet to type the PIN, that the game starts. Nil is
	// nobody. It is called by Pair and RequestStream themselves.
	Progress func(Progress)
	// Logger gets steps at Info, packets at Debug. Nil is silent.
	Logger *slog.Logger
}

// Progress is an answer of the host that is not its last.
type Progress struct {
	Text string  // "in progress", "proof asked for", "starting"
	Done float64 // how far the start is, 0 to 1, if the host says
}

// checked fills in what zero values stand for.
func (c Config) checked() (Config, error) {
	if !c.Device.valid() {
		return c, fmt.Errorf("%w: no Device", ErrBadConfig)
	}
	if c.Name == "" {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "localhost"
		}
		c.Name = strings.ToValidUTF8(name[:min(len(name), maxText)], "")
	}
	for what, text := range map[string]string{"name": c.Name, "model": c.Model, "serial number": c.Serial} {
		if len(text) > maxText || what != "name" && len(text) > maxText/2 || text != steamdiscoverywire.DisplayText(text) {
			return c, fmt.Errorf("%w: the %s %q is too long, or cannot be shown", ErrBadConfig, what, text)
		}
	}
	if c.PublicKey == nil {
		universe := c.Universe
		if universe == 0 {
			universe = steamdiscovery.UniversePublic
		}
		key, err := UniverseKey(universe)
		if err != nil {
			return c, fmt.Errorf("%w: %w", ErrBadConfig, err)
		}
		c.PublicKey = key
	}
	if !goodSize(c.PublicKey) {
		return c, fmt.Errorf("%w: the public key does not have %d to %d bits", ErrBadConfig, minKey, maxKey)
	}
	if c.ClientID == 0 {
		c.ClientID = steamdiscovery.ClientID(c.Device.ID())
	}
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	c.Interval = max(c.Interval, 100*time.Millisecond)
	if c.AnswerTimeout <= 0 {
		c.AnswerTimeout = 15 * time.Second
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
