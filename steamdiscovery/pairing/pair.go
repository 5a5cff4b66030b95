package pairing

import (
	"context"
	"fmt"
	"net/netip"
)

// Paired is what a host says when it has paired with a device.
type Paired struct {
	SteamID uint64 // the account that is logged in there; 0 if the host does not say
}

// Pair asks a host to know this device from now on. Show the PIN (see [NewPIN]) to the user, who types it in at the host;
// Pair repeats the request until the host has decided, which takes as long as the user does, or ctx ends, and then tells
// the host so. host is steamdiscovery.Host.ConnectAddr.
//
// The error is an [*Error]: with an [AuthorizationResult] if the host refused, or [ErrNoAnswer]. Anybody on the network can
// forge the host's answers.
func Pair(ctx context.Context, config Config, host netip.AddrPort, pin string) (Paired, error) {
	config, err := config.checked()
	if err == nil {
		if pinErr := checkPIN(pin); pinErr != nil {
			err = fmt.Errorf("%w: %w", ErrBadConfig, pinErr)
		}
	}
	if err != nil {
		return Paired{}, &Error{Op: "pair", Addr: host.String(), Err: err}
	}
	e := &pairingExchange{config: config, pin: pin}
	if err := converse(ctx, "pair", config, host, e); err != nil {
		return Paired{}, err
	}
	return Paired{SteamID: e.steamID}, nil
}
