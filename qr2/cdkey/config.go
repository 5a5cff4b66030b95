package cdkey

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
)

// Resolver finds addresses by name; *net.Resolver is one.
type Resolver = backend.Resolver

// TimeoutPolicy says what becomes of a player about whom the validation server says nothing.
type TimeoutPolicy int

// The policies.
const (
	// AcceptOnTimeout lets the player in, as the original does: with many back ends nothing answers (spec servers.md §9).
	AcceptOnTimeout TimeoutPolicy = iota
	// RejectOnTimeout does not: no game without a validation server.
	RejectOnTimeout
)

// The original's times and limits (spec cdkey.md §2).
const (
	defaultRetryInterval = 2 * time.Second
	defaultTransmissions = 3
	defaultKeepAlive     = 20 * time.Second
	defaultProofTime     = 5 * time.Second
	defaultPendingProofs = 5
	defaultMaxPlayers    = 1024
	maxProducts          = 4
	sessionNumbers       = 16384 // of questions: 0 to 16383
	proofRequestsInWait  = 64
	largestMaxPlayers    = 1 << 13 // players: each undecided one has a number of its own
)

// Config says where the validation server is and how to deal with it. The zero value needs Products and one of Domain, Host
// and Addr.
type Config struct {
	Products []int    // GameSpy's numbers of the products whose keys are checked, at most 4; the first one is meant where none is named
	Domain   string   // "example.net" gives key.example.net; empty: see Host and Addr
	Host     string   // the host of the back end; wins over Domain; empty: see Domain and Addr
	Addr     string   // of the validation server, with or without port; wins over both; empty: port 29910 there. On a QR2 socket the original asks the master's host
	Resolver Resolver // nil means net.DefaultResolver

	OnTimeout       TimeoutPolicy // what becomes of players about whom nothing is said; 0 means AcceptOnTimeout, as the original
	RetryInterval   time.Duration // between transmissions of a question, and from the last one to the decision; 0 means 2 s, as the original
	Transmissions   int           // of a question, the first one included; 0 means 3, as the original
	KeepAlive       time.Duration // between keep-alives; 0 means 20 s, as the original; negative: none
	ProofTime       time.Duration // how long a player's proof is waited for; 0 means 5 s, as the original
	PendingProofs   int           // how many proofs of a player may be waited for; more questions get no answer; 0 means 5, as the original
	MaxPlayers      int           // more are refused; 0 means 1024; at most 8192
	AllowDuplicates bool          // players with the same key may be on this server; false: the second one is refused, as the original does

	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error) // opens the socket if Start gets none; nil means net.ListenConfig
	Logger       *slog.Logger                                                               // decisions at Info, messages at Debug; nil is silent
}

// withDefaults fills in what is zero and refuses what cannot work.
func (c Config) withDefaults() (Config, error) {
	c.Products = slices.Clone(c.Products)
	c.RetryInterval = orDefault(c.RetryInterval, defaultRetryInterval)
	c.ProofTime = orDefault(c.ProofTime, defaultProofTime)
	c.Transmissions = orDefault(c.Transmissions, defaultTransmissions)
	c.PendingProofs = orDefault(c.PendingProofs, defaultPendingProofs)
	c.MaxPlayers = orDefault(c.MaxPlayers, defaultMaxPlayers)
	if c.KeepAlive == 0 {
		c.KeepAlive = defaultKeepAlive
	}
	if c.ListenPacket == nil {
		c.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case len(c.Products) == 0 || len(c.Products) > maxProducts:
		return c, invalid("%d products: 1 to %d are possible", len(c.Products), maxProducts)
	case c.MaxPlayers > largestMaxPlayers:
		return c, invalid("%d players: at most %d are possible", c.MaxPlayers, largestMaxPlayers)
	case c.OnTimeout != AcceptOnTimeout && c.OnTimeout != RejectOnTimeout:
		return c, invalid("there is no policy %d for time-outs", c.OnTimeout)
	}
	for i, product := range c.Products {
		if product < math.MinInt32 || product > math.MaxInt32 {
			return c, invalid("product %d is no 32-bit number", product)
		}
		if slices.Contains(c.Products[:i], product) {
			return c, invalid("product %d is there twice", product)
		}
	}
	return c, nil
}

func invalid(format string, args ...any) error {
	return &Error{Op: "start", Reason: fmt.Sprintf(format, args...), Err: ErrInvalid}
}

func orDefault[T int | time.Duration](n, value T) T {
	if n <= 0 {
		return value
	}
	return n
}
