package portmap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	natpmp "github.com/jackpal/go-nat-pmp"
)

// natpmpWait is how long a request is waited for, natpmpTries how often it is sent. The library knows no context and sends
// again by itself within the time that it is given; asking it for one short wait after the other lets a context end it
// soon. NAT-PMP repeats are harmless.
const (
	natpmpWait  = 250 * time.Millisecond
	natpmpTries = 4
)

// NAT-PMP's results (spec portmap.md §2).
const (
	natpmpUnauthorized  = 2
	natpmpNetwork       = 3
	natpmpResources     = 4
	natpmpUnknownOpcode = 5
)

// natpmpClient speaks NAT-PMP, through go-nat-pmp: its sockets are connected ones of its own, to port 5351.
type natpmpClient struct {
	config  *Config
	gateway netip.Addr
	client  *natpmp.Client
	epoch   epoch
}

func probeNATPMP(ctx context.Context, config *Config, gateway netip.Addr) (*natpmpClient, error) {
	c := &natpmpClient{config: config, gateway: gateway, client: natpmp.NewClientWithTimeout(gateway.AsSlice(), natpmpWait)}
	if _, err := c.external(ctx, StepSearch); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code != 0 {
			return c, nil // a refusal is an answer, too
		}
		return nil, err
	}
	return c, nil
}

func (c *natpmpClient) protocol() Protocol { return NATPMP }
func (c *natpmpClient) router() netip.Addr { return c.gateway }

func (c *natpmpClient) add(ctx context.Context, want request) (grant, error) {
	var answer *natpmp.AddPortMappingResult
	err := c.ask(ctx, StepMap, func() (err error) {
		answer, err = c.client.AddPortMapping(c.config.Network.String(), int(want.internal), int(want.external), int(max(seconds(want.lease), 1)))
		return err
	})
	if err != nil {
		return grant{}, err
	}
	if answer.InternalPort != want.internal || answer.MappedExternalPort == 0 || answer.PortMappingLifetimeInSeconds == 0 {
		return grant{}, &Error{Step: StepMap, Protocol: NATPMP, Router: c.gateway, Err: ErrHostile, Reason: "a success for another port, without a port or without a lifetime"}
	}
	// The mapping is made with this answer, so a restart before it does not matter.
	c.epoch = epoch{true, int64(answer.SecondsSinceStartOfEpoc), time.Now()}
	local, err := localAddr(ctx, c.config, c.gateway)
	if err != nil {
		return grant{}, networkError(ctx, StepMap, NATPMP, c.gateway, err)
	}
	g := grant{
		internal: netip.AddrPortFrom(local, want.internal),
		external: netip.AddrPortFrom(netip.Addr{}, answer.MappedExternalPort),
		lease:    duration(answer.PortMappingLifetimeInSeconds),
	}
	if want.exact && answer.MappedExternalPort != want.external {
		// It has no way to say "this one or none" (spec portmap.md §3).
		err := error(&Error{Step: StepMap, Protocol: NATPMP, Router: c.gateway, Err: ErrConflict, Reason: fmt.Sprintf("the router offers port %d instead", answer.MappedExternalPort)})
		return grant{}, errors.Join(err, c.remove(ctx, g))
	}
	result, err := c.external(ctx, StepMap)
	if err != nil {
		return grant{}, errors.Join(err, c.remove(ctx, g))
	}
	g.external = netip.AddrPortFrom(netip.AddrFrom4(result.ExternalIPAddress), answer.MappedExternalPort)
	return g, nil
}

func (c *natpmpClient) check(ctx context.Context, _ grant) (finding, error) {
	result, err := c.external(ctx, StepOpen)
	if err != nil {
		return finding{}, err
	}
	return finding{
		lost:     c.epoch.restarted(result.SecondsSinceStartOfEpoc, time.Now()),
		external: netip.AddrFrom4(result.ExternalIPAddress),
	}, nil
}

func (c *natpmpClient) remove(ctx context.Context, g grant) error {
	return c.ask(ctx, StepClose, func() error {
		_, err := c.client.AddPortMapping(c.config.Network.String(), int(g.internal.Port()), 0, 0)
		return err
	})
}

func (c *natpmpClient) sweep(context.Context, grant) (int, error) { return 0, nil }

func (c *natpmpClient) external(ctx context.Context, step Step) (result *natpmp.GetExternalAddressResult, err error) {
	err = c.ask(ctx, step, func() (err error) {
		result, err = c.client.GetExternalAddress()
		return err
	})
	return result, err
}

// ask calls the library until it has an answer.
func (c *natpmpClient) ask(ctx context.Context, step Step, call func() error) error {
	var err error
	for range natpmpTries {
		if ctx.Err() != nil {
			return networkError(ctx, step, NATPMP, c.gateway, ctx.Err())
		}
		if err = call(); err == nil {
			return nil
		}
		if code := natpmpCode(err); code != 0 {
			return c.refusal(step, code, err)
		}
		if !natpmpSilent(err) {
			break
		}
	}
	e := networkError(ctx, step, NATPMP, c.gateway, err)
	e.timeout = natpmpSilent(err)
	return e
}

// natpmpCode is the result that the library found in the answer, of which it gives only the text; 0 if there was none.
func natpmpCode(err error) (code int) {
	if _, scanned := fmt.Sscanf(err.Error(), "Non-zero result code %d", &code); scanned != nil {
		return 0
	}
	return code
}

// natpmpSilent reports whether nothing was answered in time, as opposed to "nobody listens there".
func natpmpSilent(err error) bool { return err.Error() == "Timed out trying to contact gateway" }

func (c *natpmpClient) refusal(step Step, code int, err error) error {
	e := &Error{Step: step, Protocol: NATPMP, Router: c.gateway, Code: code, Reason: err.Error(), Err: ErrRefused}
	switch code {
	case natpmpUnauthorized, natpmpUnknownOpcode:
		e.Err = ErrDisabled
	case natpmpNetwork:
		e.Err = ErrNotConnected
	case natpmpResources:
		e.Reason = "the router has no room for another mapping"
	}
	return e
}

// localAddr is the address of this machine that faces the router. Connecting a UDP socket sends nothing; it asks for the
// route.
func localAddr(ctx context.Context, config *Config, router netip.Addr) (netip.Addr, error) {
	conn, err := config.Dial(ctx, "udp4", netip.AddrPortFrom(router, 1900).String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	return addrOf(conn.LocalAddr()), nil
}
