package gstats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gstatswire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// ProfileID numbers a player's profile; it is that of presence.
type ProfileID int32

// Player is who is authenticated and how it is proved. A program that has the secret itself, such as a game that the player
// plays, uses [Password], [Token] or [CDKey]. A game server, which must not learn it, gives its players the
// [Session.Challenge] and uses what they answer: [PasswordResponse], [TokenResponse] or [CDKeyResponse]. Players do not show
// their secrets when they are printed or logged.
type Player interface {
	// proof is what proves it on a connection with that challenge.
	proof(challenge string) (gstatswire.PlayerAuth, error)
	// lasting says whether that works on another connection, too.
	lasting() bool
	fmt.Formatter
	slog.LogValuer
}

// PlayerResponse proves to the game server that gave the challenge, see [Session.Challenge], that a player knows the
// password, owns the CD key, or has the challenge of a partner's token. None of them can be read from it.
func PlayerResponse(secret, challenge string) string {
	return gscrypt.GStatsPlayerResponse(secret, challenge)
}

// KeyHash is what stands for a CD key.
func KeyHash(cdKey string) string { return gscrypt.GStatsKeyHash(cdKey) }

// Password is a profile of presence with the password of its account.
type Password struct {
	ProfileID ProfileID
	Password  string // at most 99 bytes
}

// PasswordResponse is a profile of presence with the [PlayerResponse] of its password.
type PasswordResponse struct {
	ProfileID ProfileID
	Response  string
}

// Token is a token of a partner's authentication, such as Nintendo's, with the challenge that came with it.
type Token struct {
	Token     string
	Challenge string // at most 99 bytes
}

// TokenResponse is a token of a partner's authentication with the [PlayerResponse] of the challenge that came with it.
type TokenResponse struct {
	Token    string
	Response string
}

// CDKey is a player of a game with CD keys. Every nick of a key is a profile of its own, which the server makes when it sees it
// first; the nick itself is not checked. openspy knows one nick of a key, and takes whoever fails for a profile of its operator's
// choice instead of refusing: look at the profile that comes back.
type CDKey struct {
	Nick string
	Key  string // at most 99 bytes; as it is printed, in the form that the game uses
}

// CDKeyResponse is a player of a game with CD keys with the [KeyHash] and the [PlayerResponse] of the key.
type CDKeyResponse struct {
	Nick     string
	KeyHash  string
	Response string
}

// maxSecret is the longest secret that the original digests (spec gstats.md §3: with the challenge, and 20, less than 128).
const maxSecret = 99

func respond(secret, challenge string) (string, error) {
	if secret == "" || len(secret) > maxSecret {
		return "", fmt.Errorf("%w: the secret of the player has %d bytes", ErrInvalidText, len(secret))
	}
	return PlayerResponse(secret, challenge), nil
}

func (p Password) proof(challenge string) (gstatswire.PlayerAuth, error) {
	response, err := respond(p.Password, challenge)
	if p.ProfileID <= 0 {
		err = ErrInvalidText
	}
	return gstatswire.PlayerAuth{ProfileID: int32(p.ProfileID), Response: response}, err
}

func (p PasswordResponse) proof(string) (gstatswire.PlayerAuth, error) {
	if p.ProfileID <= 0 {
		return gstatswire.PlayerAuth{}, ErrInvalidText
	}
	return gstatswire.PlayerAuth{ProfileID: int32(p.ProfileID), Response: p.Response}, nil
}

func (p Token) proof(challenge string) (gstatswire.PlayerAuth, error) {
	response, err := respond(p.Challenge, challenge)
	if p.Token == "" {
		err = ErrInvalidText
	}
	return gstatswire.PlayerAuth{Token: p.Token, Response: response}, err
}

func (p TokenResponse) proof(string) (gstatswire.PlayerAuth, error) {
	if p.Token == "" {
		return gstatswire.PlayerAuth{}, ErrInvalidText
	}
	return gstatswire.PlayerAuth{Token: p.Token, Response: p.Response}, nil
}

func (p CDKey) proof(challenge string) (gstatswire.PlayerAuth, error) {
	response, err := respond(p.Key, challenge)
	return gstatswire.PlayerAuth{Nick: p.Nick, KeyHash: KeyHash(p.Key), Response: response}, err
}

func (p CDKeyResponse) proof(string) (gstatswire.PlayerAuth, error) {
	if p.KeyHash == "" {
		return gstatswire.PlayerAuth{}, ErrInvalidText
	}
	return gstatswire.PlayerAuth{Nick: p.Nick, KeyHash: p.KeyHash, Response: p.Response}, nil
}

func (Password) lasting() bool         { return true }
func (PasswordResponse) lasting() bool { return false }
func (Token) lasting() bool            { return true }
func (TokenResponse) lasting() bool    { return false }
func (CDKey) lasting() bool            { return true }
func (CDKeyResponse) lasting() bool    { return false }

// authenticated is a player whom the server knows on this connection.
type authenticated struct {
	profile ProfileID
	player  Player
	misses  int // tries in a row to authenticate the player again that ended the connection
}

// maxMisses is how many connections a player may cost whom the server does not answer, or for whom it closes them: without a
// limit, the session would never get one again.
const maxMisses = 2

// maxPlayers bounds how many players are remembered for the next connection: the latest.
const maxPlayers = 1024

const opAuthenticate = "authenticate player"

// Authenticate authenticates a player, and says which profile it is. Private data can only be read, and data only be written,
// for players who are authenticated on the connection.
func (s *Session) Authenticate(ctx context.Context, player Player) (ProfileID, error) {
	if player == nil {
		return 0, s.fail(opAuthenticate, ErrInvalidText)
	}
	var asked int32 // zero: the server says who it is
	message, on, failed := s.askOn(ctx, opAuthenticate, kindPlayer, 0, func(l *link, localID int32) (gstatswire.Message, error) {
		proof, err := player.proof(gscrypt.GStatsChallenge(l.connection))
		proof.LocalID, asked = localID, proof.ProfileID
		return &proof, err
	})
	if failed != nil {
		return 0, failed
	}
	reply := message.(*gstatswire.PlayerReply)
	if reply.ProfileID <= 0 {
		return 0, s.refuse(opAuthenticate, 0, reply.Error)
	}
	if asked != 0 && reply.ProfileID != asked {
		return 0, s.fail(opAuthenticate, fmt.Errorf("%w: asked for profile %d, got %d", ErrProtocol, asked, reply.ProfileID))
	}
	profile := ProfileID(reply.ProfileID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == on {
		s.remember(authenticated{profile: profile, player: player})
	}
	return profile, nil
}

// remember notes who is authenticated. The caller holds Session.mu.
func (s *Session) remember(who authenticated) {
	s.players = slices.DeleteFunc(s.players, func(other authenticated) bool { return other.profile == who.profile })
	if len(s.players) == maxPlayers {
		s.players = slices.Delete(s.players, 0, 1)
	}
	s.players = append(s.players, who)
}

// welcome authenticates the players of the last connection on a new one, before anything else is asked.
func (s *Session) welcome(l *link) *Error {
	s.mu.Lock()
	players := s.players
	s.players = nil
	s.mu.Unlock()
	for i, who := range players {
		if !who.player.lasting() {
			s.events.Push(&PlayerLost{ProfileID: who.profile, Err: s.fail(opAuthenticate, ErrStale)})
			continue
		}
		failed := s.welcomeOne(l, who)
		if failed != nil && !failed.Refused {
			rest := players[i:] // for the next try
			if rest[0].misses++; rest[0].misses == maxMisses {
				why := *failed // connect adds to it what ended the try
				s.events.Push(&PlayerLost{ProfileID: who.profile, Err: &why})
				rest = rest[1:]
			}
			s.mu.Lock()
			s.players = append(s.players, rest...)
			s.mu.Unlock()
			return failed
		}
		if failed != nil {
			s.events.Push(&PlayerLost{ProfileID: who.profile, Err: failed})
			continue
		}
		who.misses = 0
		s.mu.Lock()
		s.players = append(s.players, who)
		s.mu.Unlock()
	}
	return nil
}

func (s *Session) welcomeOne(l *link, who authenticated) *Error {
	s.step(StepPlayers)
	proof, err := who.player.proof(gscrypt.GStatsChallenge(l.connection))
	if err != nil {
		return s.fail(opAuthenticate, err)
	}
	s.mu.Lock()
	s.localID++
	proof.LocalID = s.localID
	l.logins = append(l.logins[max(0, len(l.logins)-maxLogins+1):], proof.LocalID)
	s.mu.Unlock()
	if failed := s.say(l, opAuthenticate, &proof); failed != nil {
		return failed
	}
	for {
		reply, failed := expect[*gstatswire.PlayerReply](s, l, opAuthenticate)
		switch {
		case failed != nil:
			return failed
		case reply.LocalID != proof.LocalID:
			s.count(func(c *Counters) { c.Unmatched++ })
		case reply.ProfileID <= 0:
			return s.refuse(opAuthenticate, 0, reply.Error)
		case ProfileID(reply.ProfileID) != who.profile:
			failed := s.fail(opAuthenticate, errors.New("the server says that the player is another profile now"))
			failed.Refused = true
			return failed
		default:
			return nil
		}
	}
}

// ProfileID asks which profile a nick of a CD key is; keyHash is the key's [KeyHash]. A player who was never authenticated has
// none.
func (s *Session) ProfileID(ctx context.Context, nick, keyHash string) (ProfileID, error) {
	const op = "get profile id"
	if !kv.Valid(nick) || keyHash == "" {
		return 0, s.fail(op, ErrInvalidText)
	}
	message, err := s.ask(ctx, op, kindProfileID, 0, func(localID int32) gstatswire.Message {
		return &gstatswire.GetProfileID{Nick: nick, KeyHash: keyHash, LocalID: localID}
	})
	if err != nil {
		return 0, err
	}
	reply := message.(*gstatswire.ProfileIDReply)
	if reply.ProfileID <= 0 {
		return 0, s.refuse(op, 0, reply.Error)
	}
	return ProfileID(reply.ProfileID), nil
}

func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
