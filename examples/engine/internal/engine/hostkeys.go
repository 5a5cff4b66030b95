package engine

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/relight-sdk/relight/qr2/cdkey"
)

// The flags of KeysConfig.
const (
	KeysRejectUnanswered = 1
	KeysAllowDuplicates  = 2
)

// KeysConfig is what relight_cdkey_config says.
type KeysConfig struct {
	Flags              uint32
	Products           [4]int32 // zeros do not count
	Domain, Host, Addr string   // of the validation server; all empty: the host's Domain and Host
}

func (c KeysConfig) cdkey() cdkey.Config {
	config := cdkey.Config{Domain: c.Domain, Host: c.Host, Addr: c.Addr, AllowDuplicates: c.Flags&KeysAllowDuplicates != 0}
	if c.Flags&KeysRejectUnanswered != 0 {
		config.OnTimeout = cdkey.RejectOnTimeout
	}
	for _, product := range c.Products {
		if product != 0 {
			config.Products = append(config.Products, int(product))
		}
	}
	return config
}

func keysCode(err error) (Code, int32) {
	switch {
	case errors.Is(err, cdkey.ErrRefused):
		return ErrRefused, 0
	case errors.Is(err, cdkey.ErrBadResponse):
		return ErrBadResponse, 0
	case errors.Is(err, cdkey.ErrKeyInUse):
		return ErrKeyInUse, 0
	case errors.Is(err, cdkey.ErrOtherKey):
		return ErrOtherKey, 0
	case errors.Is(err, cdkey.ErrExpired):
		return ErrExpired, 0
	case errors.Is(err, cdkey.ErrTooManyPlayers):
		return ErrFull, 0
	case errors.Is(err, cdkey.ErrInUse):
		return ErrState, 0
	case errors.Is(err, cdkey.ErrNotConfigured), errors.Is(err, cdkey.ErrInvalid), errors.Is(err, cdkey.ErrTooLong):
		return ErrInvalid, 0
	}
	return OK, 0
}

// keys is the part of a host that has players' CD keys checked.
type keys struct {
	checker *cdkey.Checker

	mu      sync.Mutex
	players map[*cdkey.Player]int64 // the numbers under which the engine knows them
	proofs  map[int64]*cdkey.ProofRequest
}

// maxProofs is how many requests for a proof may be without an answer: far more than a full server has.
const maxProofs = 1024

// CheckKeys finds the validation server; from then on players can be authenticated.
func (h *Host) CheckKeys(c KeysConfig) (Request, error) {
	config := c.cdkey()
	if config.Domain == "" && config.Host == "" && config.Addr == "" {
		config.Domain, config.Host = h.config.Domain, h.config.Host
	}
	config.Logger = h.logger(h.config.LogLevel)
	return h.request(true, func(ctx context.Context, _ Request) (Event, error) {
		if h.checking() != nil {
			return Event{}, errorf(ErrState, "relight: CD keys are checked already")
		}
		checker, err := cdkey.Start(ctx, h.view, config)
		if err != nil {
			return Event{}, err
		}
		k := &keys{checker: checker, players: make(map[*cdkey.Player]int64), proofs: make(map[int64]*cdkey.ProofRequest)}
		h.mu.Lock()
		over := h.over
		if !over {
			h.keys = k
		}
		h.mu.Unlock()
		if over || !h.run(func(context.Context) { h.ask(k) }) {
			return Event{}, errors.Join(net.ErrClosed, checker.Close())
		}
		return Event{Address: checker.Addr().String()}, nil
	})
}

func (h *Host) checking() *keys {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys
}

// leave tells the validation server that the players have left; nobody can be authenticated from then on.
func (h *Host) leave() {
	h.mu.Lock()
	h.over = true
	k := h.keys
	h.mu.Unlock()
	if k != nil {
		_ = k.checker.Close() // of its socket, which is the host's
	}
}

func (h *Host) checks() (*keys, error) {
	k := h.checking()
	if k == nil {
		return nil, errorf(ErrState, "relight: CD keys are not checked yet")
	}
	return k, nil
}

// Authenticate has a player's CD key checked.
func (h *Host) Authenticate(product int, ip, challenge, response string) (Request, error) {
	k, err := h.checks()
	if err != nil {
		return 0, err
	}
	wanted := cdkey.Request{Product: product, Challenge: challenge, Response: cdkey.Response(response)}
	if ip != "" {
		if wanted.IP, err = netip.ParseAddr(ip); err != nil {
			return 0, errorf(ErrInvalid, "relight: the player's address %q is none", ip)
		}
	}
	return h.request(false, func(ctx context.Context, id Request) (Event, error) {
		player, err := k.checker.Authenticate(ctx, wanted)
		if err != nil {
			return Event{}, err
		}
		k.mu.Lock()
		k.players[player] = int64(id)
		k.mu.Unlock()
		return Event{Type: EventHostPlayer, ID: int64(id), Status: int32(player.Verdict()), Name: string(player.KeyHash())}, nil
	})
}

// PlayerLeft tells the validation server that a player is gone.
func (h *Host) PlayerLeft(player int64) error {
	k, err := h.checks()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for known, number := range k.players {
		if number == player {
			delete(k.players, known)
			known.Disconnect()
			return nil
		}
	}
	return errorf(ErrInvalid, "relight: there is no player %d", player)
}

// ask tells the engine of proofs that the validation server wants, until it is closed.
func (h *Host) ask(k *keys) {
	for wanted := range k.checker.ProofRequests() {
		id := int64(h.library.next())
		k.mu.Lock()
		maps.DeleteFunc(k.proofs, func(_ int64, old *cdkey.ProofRequest) bool { return !time.Now().Before(old.Expires) })
		player, known := k.players[wanted.Player]
		full := len(k.proofs) >= maxProofs
		if known && !full {
			k.proofs[id] = wanted
		}
		k.mu.Unlock()
		if known && !full {
			h.emit(Event{Type: EventHostProof, ID: player, Number: id, Text: wanted.Challenge, Time: wanted.Expires.UnixMilli()})
		}
	}
}

// Prove passes a player's proof on to the validation server.
func (h *Host) Prove(number int64, response string) error {
	k, err := h.checks()
	if err != nil {
		return err
	}
	k.mu.Lock()
	wanted, ok := k.proofs[number]
	delete(k.proofs, number)
	k.mu.Unlock()
	if !ok {
		return errorf(ErrExpired, "relight: nobody waits for proof %d", number)
	}
	if err := wanted.Answer(cdkey.Response(response)); err != nil {
		return describe(err, hostCode)
	}
	return nil
}

// NewChallenge makes the challenge for a player.
func NewChallenge() string { return cdkey.NewChallenge() }

// Respond is the game client's side: the answer to a challenge, or, with proof, to that of an EventHostProof.
func Respond(key, challenge string, proof bool) (string, error) {
	answer := cdkey.Respond
	if proof {
		answer = cdkey.Prove
	}
	response, err := answer(key, challenge)
	if err != nil {
		return "", describe(err, keysCode)
	}
	return string(response), nil
}
