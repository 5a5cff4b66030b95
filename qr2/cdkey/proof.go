package cdkey

import (
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/wire/cdkeywire"
)

// ProofRequest is the validation server's wish that a player proves again to have the key: somebody else has come with it.
// Send the Challenge to the player's game, have it call [Prove], and give the response to Answer.
type ProofRequest struct {
	Player    *Player
	Challenge string    // for [Prove]; empty if the server sent none
	Expires   time.Time // an answer is useless from then on

	session int64
}

// ProofRequests gives the requests as they come, and is closed with the Checker. It holds 64; the oldest is lost if nobody
// reads it. A game may leave it alone: the player counts as here, without proof.
func (c *Checker) ProofRequests() <-chan *ProofRequest { return c.asked }

// isOnline answers whether a key is here. The number is the server's, and means nothing to us.
func (c *Checker) isOnline(m cdkeywire.IsOnline, now time.Time) {
	c.counters.Online++
	i := slices.IndexFunc(c.players, func(p *Player) bool { return p.online && string(p.hash) == m.KeyHash })
	if i < 0 {
		c.send(cdkeywire.Offline{Session: m.Session}, c.server)
		return
	}
	p := c.players[i]
	p.expire(now)
	again := slices.ContainsFunc(p.proofs, func(r *ProofRequest) bool { return r.session == m.Session && r.Challenge == m.Challenge })
	if !again && len(p.proofs) >= c.config.PendingProofs {
		c.counters.Overflow++
		return
	}
	c.send(cdkeywire.Online{Session: m.Session, Proof: cdkeywire.NoProofYet}, c.server)
	if again {
		return // our answer was lost; the player was asked already
	}
	request := &ProofRequest{Player: p, Challenge: m.Challenge, Expires: now.Add(c.config.ProofTime), session: m.Session}
	p.proofs = append(p.proofs, request)
	c.counters.ProofsWanted++
	select {
	case c.asked <- request:
	default:
		select {
		case <-c.asked:
			c.counters.Overflow++
		default: // somebody has just read one
		}
		c.asked <- request // there is room: nobody else puts in, for the lock is held
	}
	select {
	case c.wake <- struct{}{}: // for the end of it
	default:
	}
}

// expire forgets the proofs that did not come in time.
func (p *Player) expire(now time.Time) {
	p.proofs = slices.DeleteFunc(p.proofs, func(r *ProofRequest) bool { return !now.Before(r.Expires) })
}

// Answer sends the player's proof to the validation server.
func (r *ProofRequest) Answer(proof Response) error {
	p := r.Player
	c := p.checker
	switch {
	case !proof.Valid():
		return &Error{Op: "prove", Err: ErrBadResponse}
	case proof.KeyHash() != p.hash:
		return &Error{Op: "prove", Err: ErrOtherKey}
	}
	c.mu.Lock()
	defer c.unlock()
	if c.err != nil {
		return &Error{Op: "prove", Err: c.err}
	}
	p.expire(time.Now())
	i := slices.Index(p.proofs, r)
	if i < 0 {
		return &Error{Op: "prove", Err: ErrExpired}
	}
	p.proofs = slices.Delete(p.proofs, i, i+1)
	c.counters.ProofsSent++
	c.send(cdkeywire.Online{Session: r.session, Proof: string(proof)}, c.server)
	return nil
}
