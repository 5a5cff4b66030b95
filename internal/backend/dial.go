package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Dial connects by TCP to the first address that answers, each within a limit of time. Its error has what each of them said.
func Dial(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), timeout time.Duration, addrs []netip.AddrPort) (net.Conn, netip.AddrPort, error) {
	var errs []error
	for _, addr := range addrs {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		limit := fmt.Errorf("no connection within %v", timeout)
		dialing, cancel := context.WithTimeoutCause(ctx, timeout, limit)
		conn, err := dial(dialing, "tcp", addr.String())
		if err == nil {
			cancel()
			return conn, addr, nil
		}
		errs = append(errs, fmt.Errorf("connect to %v: %w", addr, Ended(dialing, err)))
		cancel()
	}
	return nil, netip.AddrPort{}, errors.Join(errs...)
}

// Ended turns the error of a connection into one that says why: the context's error, with its cause, if the context ended it. A nil
// context never ends.
func Ended(ctx context.Context, err error) error {
	if ctx == nil || ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}
