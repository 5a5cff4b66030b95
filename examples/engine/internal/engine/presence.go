package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/relight-sdk/relight/gp"
)

// The events of presence: 100 to 199.
const (
	EventPresenceState    EventType = 100
	EventPresenceReady    EventType = 101
	EventPresenceBuddy    EventType = 102
	EventPresenceRemoved  EventType = 103
	EventPresenceMessage  EventType = 104
	EventPresenceData     EventType = 105
	EventPresenceAsked    EventType = 106
	EventPresenceAccepted EventType = 107
	EventPresenceRevoked  EventType = 108
	EventPresenceInvited  EventType = 109
	EventPresenceProfile  EventType = 110
	EventPresenceMatch    EventType = 111
	EventPresenceTicket   EventType = 112
	EventPresenceError    EventType = 113
)

// Login is a way to log in.
type Login int32

// The ways to log in.
const (
	LoginNone       Login = 0
	LoginUniqueNick Login = 1
	LoginNick       Login = 2
	LoginToken      Login = 3
	LoginTicket     Login = 4
	LoginRegister   Login = 5
)

// Flags of a PresenceConfig.
const (
	PresenceReconnect        = 1
	PresenceFetchProfiles    = 2
	PresenceAcceptUnverified = 4
	PresenceTicketIsPassword = 8
)

// PresenceConfig is what relight_presence_config says.
type PresenceConfig struct {
	Options
	Login                             Login
	Flags                             uint32
	ProductID, NamespaceID, PartnerID int32

	Game, Domain, Host, Addr, SearchAddr          string
	UniqueNick, Nick, Email, Password, Token      string
	Challenge, Ticket, CDKey                      string
	LoginTimeout, OperationTimeout, SearchTimeout time.Duration
	KeepAlive, ReconnectFirst, ReconnectMax       time.Duration
	ReconnectAttempts, MaxResults                 int
}

// Presence is one login at a presence server.
type Presence struct {
	*Object
	config   gp.Config
	session  atomic.Pointer[gp.Session] // nil until logged in
	searcher *gp.Searcher               // for who is not logged in
	told     map[gp.ProfileID]buddy     // what the engine knows of the buddies
}

// NewPresence begins to log in.
func (l *Library) NewPresence(config PresenceConfig) (Handle, error) {
	login, err := config.login()
	if err != nil {
		return 0, err
	}
	if config.Domain == "" && config.Host == "" && config.Addr == "" && (config.Login != LoginNone || config.SearchAddr == "") {
		return 0, errorf(ErrInvalid, "relight: presence needs a domain, a host or an address")
	}
	var presence *Presence
	handle, err := open(l, config.Options, presenceCode, func(o *Object) *Presence {
		presence = &Presence{Object: o, config: config.sdk(), told: make(map[gp.ProfileID]buddy)}
		presence.config.Logger = o.logger(config.LogLevel)
		presence.config.Progress = presence.progress
		presence.searcher = gp.NewSearcher(presence.config)
		return presence
	})
	if err == nil && login != nil {
		presence.run(func(ctx context.Context) { presence.live(ctx, login) })
	}
	return handle, err
}

// live is the session's life: it logs in and passes on what happens until the session ends or the handle is closed.
func (p *Presence) live(ctx context.Context, login func(context.Context, gp.Config) (*gp.Session, error)) {
	session, err := login(ctx, p.config)
	if err != nil {
		p.end(err)
		return
	}
	defer session.Close()
	p.session.Store(session)
	p.emit(Event{Type: EventPresenceReady, ID: int64(session.ProfileID()), Name: session.UniqueNick(), Text: session.Ticket()})
	for event := range session.Events(ctx) {
		p.tell(session, event)
	}
	p.end(session.Err())
}

// loggedIn is the session for calls that need one.
func (p *Presence) loggedIn() (*gp.Session, error) {
	if session := p.session.Load(); session != nil {
		return session, nil
	}
	return nil, errorf(ErrState, "relight: handle %d is not logged in yet: wait for RELIGHT_EV_PRESENCE_READY", p.handle)
}

// send begins a request that only sends something, in the order of the calls.
func (p *Presence) send(f func(context.Context, *gp.Session) error) (Request, error) {
	session, err := p.loggedIn()
	if err != nil {
		return 0, err
	}
	return p.request(true, func(ctx context.Context, _ Request) (Event, error) { return Event{}, f(ctx, session) })
}

// SetStatus publishes what the player does.
func (p *Presence) SetStatus(status gp.Status, text, location string) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error {
		return session.SetPresence(ctx, gp.Presence{Status: status, Text: text, Location: location})
	})
}

// SendMessage sends a buddy a message to read.
func (p *Presence) SendMessage(to gp.ProfileID, text string) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error { return session.SendMessage(ctx, to, text) })
}

// SendData sends something to the game of another player.
func (p *Presence) SendData(to gp.ProfileID, data string) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error { return session.SendGameMessage(ctx, to, data) })
}

// Invite asks another player to join a game.
func (p *Presence) Invite(to gp.ProfileID, product gp.ProductID, location string) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error {
		return session.Invite(ctx, to, product, location)
	})
}

// AskBuddy asks another player to become a buddy.
func (p *Presence) AskBuddy(profile gp.ProfileID, reason string) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error {
		return session.RequestBuddy(ctx, profile, reason)
	})
}

// Accept lets somebody who asked be a buddy.
func (p *Presence) Accept(profile gp.ProfileID) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error { return session.Authorize(ctx, profile) })
}

// Deny forgets that somebody asked.
func (p *Presence) Deny(profile gp.ProfileID) (Request, error) {
	return p.send(func(_ context.Context, session *gp.Session) error { session.Deny(profile); return nil })
}

// RemoveBuddy takes a buddy from the player's list.
func (p *Presence) RemoveBuddy(profile gp.ProfileID) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error { return session.RemoveBuddy(ctx, profile) })
}

// Revoke takes the player from somebody else's list.
func (p *Presence) Revoke(profile gp.ProfileID) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error { return session.Revoke(ctx, profile) })
}

// Block keeps somebody from seeing and reaching the player, or lets them again.
func (p *Presence) Block(profile gp.ProfileID, blocked bool) (Request, error) {
	return p.send(func(ctx context.Context, session *gp.Session) error {
		if blocked {
			return session.Block(ctx, profile)
		}
		return session.Unblock(ctx, profile)
	})
}
