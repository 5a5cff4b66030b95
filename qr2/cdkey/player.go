package cdkey

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
)

// Request is a player who wants in.
type Request struct {
	Product   int        // of Config.Products; 0 means the first one
	IP        netip.Addr // the player's address; IPv6 and the zero value are told as 0
	Challenge string     // that the player was given
	Response  Response   // that the player sent
}

// Verdict is why a player was let in.
type Verdict int

// The reasons. The original's words are "Validated" and "Validation Timeout".
const (
	Validated  Verdict = iota + 1 // the validation server says that the key is good
	Unanswered                    // it said nothing; see Config.OnTimeout
)

// String gives it in a word.
func (v Verdict) String() string {
	switch v {
	case Validated:
		return "validated"
	case Unanswered:
		return "unanswered"
	}
	return fmt.Sprintf("verdict %d", int(v))
}

// Player is one who was let in. It is safe for concurrent use.
type Player struct {
	checker *Checker
	product int
	hash    KeyHash
	ip      netip.Addr

	// The lock of the Checker guards the rest.
	session       int64
	question      []byte
	transmissions int
	due           time.Time // for the next transmission, or the decision
	online        bool      // let in
	left          bool
	decided       chan struct{}
	verdict       Verdict // valid when decided is closed
	err           error   // as well
	proofs        []*ProofRequest
}

// Product is the product whose key it is.
func (p *Player) Product() int { return p.product }

// KeyHash is the hash of the player's key: what to put on a ban list.
func (p *Player) KeyHash() KeyHash { return p.hash }

// Verdict says why the player was let in.
func (p *Player) Verdict() Verdict { return p.verdict }

// Disconnect tells the validation server that the player has left. It may be called more than once.
func (p *Player) Disconnect() {
	c := p.checker
	c.mu.Lock()
	defer c.unlock()
	if !p.left {
		c.goodbye(p)
		c.drop(p)
	}
}

// Authenticate has a player's key checked and waits for the decision: with the defaults for at most six seconds, within which
// the question is sent three times. A player who was let in stays until [Player.Disconnect]. An error is an *[Error]; that of
// a key which is not good is [ErrRefused], [ErrBadResponse] or [ErrKeyInUse].
func (c *Checker) Authenticate(ctx context.Context, request Request) (*Player, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: "authenticate", Err: err}
	}
	p, err := c.ask(request)
	if err != nil {
		return nil, &Error{Op: "authenticate", Err: err}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	select {
	case <-p.decided:
	case <-ctx.Done():
		c.cancel(p, ctx.Err())
	}
	if p.err != nil {
		return nil, p.err
	}
	return p, nil
}

// ask checks what can be checked here, and sends the question.
func (c *Checker) ask(request Request) (*Player, error) {
	if request.Product == 0 {
		request.Product = c.config.Products[0]
	}
	if !slices.Contains(c.config.Products, request.Product) {
		return nil, fmt.Errorf("%w: product %d is not configured", ErrInvalid, request.Product)
	}
	if !request.Response.Valid() {
		return nil, ErrBadResponse
	}
	p := &Player{
		checker: c, product: request.Product, hash: request.Response.KeyHash(), ip: request.IP,
		decided: make(chan struct{}),
	}
	c.mu.Lock()
	defer c.unlock()
	if c.err != nil {
		return nil, c.err
	}
	if len(c.players) >= c.config.MaxPlayers {
		return nil, ErrTooManyPlayers
	}
	if !c.config.AllowDuplicates && slices.ContainsFunc(c.players, func(other *Player) bool {
		return other.product == p.product && other.hash == p.hash
	}) {
		return nil, ErrKeyInUse
	}
	p.session = c.newSession()
	question, err := cdkeywire.Append(nil, cdkeywire.Auth{
		Product: p.product, Challenge: request.Challenge, Response: string(request.Response), IP: p.ip, Session: p.session,
	})
	switch {
	case errors.Is(err, cdkeywire.ErrTooLong):
		return nil, ErrTooLong
	case err != nil:
		return nil, fmt.Errorf("%w: the challenge has a backslash or a NUL in it", ErrInvalid)
	}
	p.question = question
	c.players = append(c.players, p)
	c.transmit(p, time.Now())
	return p, nil
}

// newSession draws a number that no other question has.
func (c *Checker) newSession() int64 {
	for {
		var b [2]byte
		_, _ = rand.Read(b[:]) // never fails
		session := int64(binary.BigEndian.Uint16(b[:]) % sessionNumbers)
		if !slices.ContainsFunc(c.players, func(p *Player) bool { return !p.online && p.session == session }) {
			return session
		}
	}
}

func (c *Checker) transmit(p *Player, now time.Time) {
	p.transmissions++
	p.due = now.Add(c.config.RetryInterval)
	c.sendBytes(p.question, c.server)
	c.log.Debug("cdkey: send", "to", c.server, "message", "auth", "key", p.hash, "transmission", p.transmissions)
}

// overdue repeats a question, or decides without an answer.
func (c *Checker) overdue(ctx context.Context, p *Player, now time.Time) {
	if p.transmissions < c.config.Transmissions {
		c.counters.Repeated++
		c.transmit(p, now)
		return
	}
	c.counters.Unanswered++
	c.setLink(LinkSilent, now)
	c.lookAgain(ctx, now)
	if c.config.OnTimeout == AcceptOnTimeout {
		c.letIn(p, Unanswered)
		return
	}
	c.goodbye(p) // it may have heard us, and count the player as here
	c.drop(p)
	reason := fmt.Sprintf("%d transmissions, %v apart", p.transmissions, c.config.RetryInterval)
	if c.sendErr != nil {
		reason += fmt.Sprintf("; not sent: %v", c.sendErr)
	}
	p.decide(0, &Error{Op: "authenticate", Peer: c.server.String(), Err: ErrNoAnswer, Reason: reason})
}

// answered is the validation server's decision.
func (c *Checker) answered(hash KeyHash, session int64, rejected *cdkeywire.Rejected, now time.Time) {
	i := slices.IndexFunc(c.players, func(p *Player) bool { return !p.online && p.session == session && p.hash == hash })
	if i < 0 {
		c.counters.Unmatched++
		return
	}
	p := c.players[i]
	c.setLink(LinkAnswering, now)
	if rejected == nil {
		c.counters.Validated++
		c.letIn(p, Validated)
		return
	}
	c.counters.Refused++
	c.log.Info("cdkey: refused", "key", p.hash, "product", p.product, "text", rejected.Text)
	c.drop(p)
	p.decide(0, &Error{Op: "authenticate", Peer: c.server.String(), Reason: fmt.Sprintf("%q", rejected.Text), Err: ErrRefused})
}

func (c *Checker) letIn(p *Player, verdict Verdict) {
	p.online = true
	p.question = nil
	p.decide(verdict, nil)
	c.log.Info("cdkey: let in", "key", p.hash, "product", p.product, "verdict", verdict.String())
}

// cancel takes a player back about whom nothing was decided.
func (c *Checker) cancel(p *Player, err error) {
	c.mu.Lock()
	defer c.unlock()
	if p.online || p.left {
		return // it was decided in the same moment, and that is what the caller gets
	}
	c.goodbye(p)
	c.drop(p)
	p.decide(0, &Error{Op: "authenticate", Peer: c.server.String(), Reason: "while waiting for its answer", Err: err})
}

// decide tells who waits; once.
func (p *Player) decide(verdict Verdict, err error) {
	p.verdict, p.err = verdict, err
	close(p.decided)
}

func (c *Checker) goodbye(p *Player) {
	c.send(cdkeywire.Disconnect{Product: p.product, KeyHash: string(p.hash), IP: p.ip}, c.server)
}

func (c *Checker) drop(p *Player) {
	p.left = true
	p.proofs = nil
	c.players = slices.DeleteFunc(c.players, func(other *Player) bool { return other == p })
}

// count answers how many players there are, those included about whom nothing is decided.
func (c *Checker) count(m cdkeywire.CountRequest) (n int) {
	product := m.Product
	if m.First {
		product = c.config.Products[0]
	}
	for _, p := range c.players {
		if p.product == product {
			n++
		}
	}
	return n
}

// Players are those who were let in, in order of arrival.
func (c *Checker) Players() []*Player {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []*Player
	for _, p := range c.players {
		if p.online {
			list = append(list, p)
		}
	}
	return list
}
