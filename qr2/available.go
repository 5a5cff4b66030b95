package qr2

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/udpmux"
	"github.com/relight-sdk/relight/internal/wire/availwire"
)

// largestReply is longer than any answer to the availability check (spec servers.md §2).
const largestReply = 64

// Available asks whether the back end serves a game: the first thing that a player's game does with the original, which then
// does nothing else if the answer is no. Here that is the game's decision, and a [Host] asks by itself. It takes four seconds
// if nobody answers, which counts as available like a name that is not found: [AvailabilitySilent].
//
// Of config, Game and one of Domain, Host, Addr and AvailableAddr are needed. conn is where to ask from, not a Host's; nil means
// a socket of its own. The error is that the configuration is invalid or ctx ended.
func Available(ctx context.Context, config Config, conn net.PacketConn) (Availability, error) {
	const op = "availability check"
	if config.Domain == "" && config.Host == "" && config.Addr == "" && config.AvailableAddr == "" {
		return AvailabilityUnasked, &Error{Op: op, Err: ErrNotConfigured}
	}
	config.NotPublic = true // neither a secret nor a master is needed
	config, _, err := config.withDefaults()
	if err != nil {
		return AvailabilityUnasked, err
	}
	request, err := availwire.AppendRequest(nil, config.Game)
	if err != nil {
		return AvailabilityUnasked, &Error{Op: op, Reason: err.Error(), Err: ErrInvalid}
	}
	service := config.findAvailable(ctx)
	if err := ctx.Err(); err != nil {
		return AvailabilityUnasked, &Error{Op: op, Err: err}
	}
	if !service.IsValid() {
		return AvailabilitySilent, nil
	}
	if conn == nil {
		if conn, err = net.ListenPacket("udp", ":0"); err != nil {
			config.Logger.Info("qr2: no socket for the availability check, taken for available", "error", err)
			return AvailabilitySilent, nil // as the original
		}
		defer conn.Close()
	}
	mux, release := udpmux.AttachSmall(conn, largestReply)
	defer release()
	answers := make(chan availwire.Status, 1)
	defer mux.Handle(func(b []byte, from netip.AddrPort) bool {
		status, err := availwire.ParseReply(b)
		if err != nil || from != service {
			return false
		}
		select {
		case answers <- status:
		default: // the other question was answered, too
		}
		return true
	})()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for asked := 0; ; {
		select {
		case status := <-answers:
			config.Logger.Info("qr2: availability", "service", service, "answer", status)
			switch status {
			case availwire.Unavailable:
				return AvailabilityNo, nil
			case availwire.TemporarilyUnavailable:
				return AvailabilityNotNow, nil
			}
			return AvailabilityYes, nil
		case <-ctx.Done():
			return AvailabilityAsked, &Error{Op: op, Peer: service.String(), Err: ctx.Err()}
		case <-mux.Done():
			return AvailabilityAsked, &Error{Op: op, Peer: service.String(), Err: net.ErrClosed}
		case <-timer.C:
			if asked == checkTries {
				config.Logger.Info("qr2: no answer to the availability check, taken for available", "service", service)
				return AvailabilitySilent, nil
			}
			asked++
			if err := mux.WriteTo(request, service); err != nil {
				config.Logger.Info("qr2: availability check not sent", "service", service, "error", err)
			}
			timer.Reset(checkInterval)
		}
	}
}
