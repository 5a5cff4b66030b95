package engine

import (
	"context"
	"errors"

	"github.com/relight-sdk/relight/gp"
)

// The errors of presence: -100 to -199.
const (
	ErrPassword  Code = -100
	ErrNick      Code = -101
	ErrEmail     Code = -102
	ErrTicket    Code = -103
	ErrProof     Code = -104
	ErrInUse     Code = -105
	ErrNotBuddy  Code = -106
	ErrOffline   Code = -107
	ErrBlocked   Code = -108
	ErrElsewhere Code = -109
	ErrUncertain Code = -110
)

// sdk is the SDK's configuration.
func (c *PresenceConfig) sdk() gp.Config {
	config := gp.Config{
		Game: c.Game, Domain: c.Domain, Host: c.Host, Addr: c.Addr, SearchAddr: c.SearchAddr,
		ProductID: gp.ProductID(c.ProductID), NamespaceID: gp.NamespaceID(c.NamespaceID), PartnerID: gp.PartnerID(c.PartnerID),
		AcceptUnverifiedProof: c.Flags&PresenceAcceptUnverified != 0,
		FetchProfiles:         c.Flags&PresenceFetchProfiles != 0,
		LoginTimeout:          c.LoginTimeout, OperationTimeout: c.OperationTimeout, SearchTimeout: c.SearchTimeout,
		KeepAlive: c.KeepAlive, MaxResults: c.MaxResults,
	}
	if c.Flags&PresenceReconnect != 0 {
		config.Reconnect = &gp.Reconnect{First: c.ReconnectFirst, Max: c.ReconnectMax, Attempts: c.ReconnectAttempts}
	}
	return config
}

// login is how to log in; nil is not at all.
func (c *PresenceConfig) login() (func(context.Context, gp.Config) (*gp.Session, error), error) {
	var identity gp.Identity
	switch c.Login {
	case LoginNone:
		return nil, nil
	case LoginUniqueNick:
		identity = gp.UniqueNick{Nick: c.UniqueNick, Password: c.Password}
	case LoginNick:
		identity = gp.NickEmail{Nick: c.Nick, Email: c.Email, Password: c.Password}
	case LoginToken:
		identity = gp.AuthToken{Token: c.Token, PartnerChallenge: c.Challenge}
	case LoginTicket:
		identity = gp.LoginTicket{Ticket: c.Ticket, TicketIsPassword: c.Flags&PresenceTicketIsPassword != 0}
	case LoginRegister:
		account := gp.Account{Email: c.Email, Nick: c.Nick, UniqueNick: c.UniqueNick, Password: c.Password, CDKey: c.CDKey}
		return func(ctx context.Context, config gp.Config) (*gp.Session, error) {
			return gp.Register(ctx, config, account)
		}, nil
	default:
		return nil, errorf(ErrInvalid, "relight: there is no login of kind %d", c.Login)
	}
	return func(ctx context.Context, config gp.Config) (*gp.Session, error) {
		return gp.Login(ctx, config, identity)
	}, nil
}

// presenceCode knows the errors of package gp.
func presenceCode(err error) (Code, int32) {
	failure, ok := errors.AsType[*gp.Error](err)
	if !ok {
		return OK, 0
	}
	for _, known := range []struct {
		err  error
		code Code
	}{
		{gp.ErrBadPassword, ErrPassword},
		{gp.ErrBadNick, ErrNick},
		{gp.ErrNoSuchProfile, ErrNick},
		{gp.ErrBadEmail, ErrEmail},
		{gp.ErrBadTicket, ErrTicket},
		{gp.ErrProofMismatch, ErrProof},
		{gp.ErrNickInUse, ErrInUse},
		{gp.ErrEmailInUse, ErrInUse},
		{gp.ErrNotBuddy, ErrNotBuddy},
		{gp.ErrBuddyOffline, ErrOffline},
		{gp.ErrBlocked, ErrBlocked},
		{gp.ErrLoggedInElsewhere, ErrElsewhere},
		{gp.ErrInvalidText, ErrInvalid},
		{gp.ErrNoRequest, ErrInvalid},
		{gp.ErrTooManyResults, ErrFull},
		{gp.ErrQueueFull, ErrFull},
		{gp.ErrProtocol, ErrProtocol},
		{gp.ErrNotConnected, ErrState},
	} {
		if errors.Is(err, known.err) {
			return known.code, int32(failure.Code)
		}
	}
	switch {
	case failure.Refused:
		return ErrRefused, int32(failure.Code)
	case failure.Uncertain:
		return ErrUncertain, 0
	case errors.Is(err, gp.ErrServerClosed), errors.Is(err, gp.ErrInterrupted), errors.Is(err, gp.ErrPeerSilent):
		return ErrNetwork, 0
	}
	return OK, 0
}
