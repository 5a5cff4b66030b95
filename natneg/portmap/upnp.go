package portmap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/huin/goupnp/soap"
)

// UPnP's error codes (spec portmap.md §2).
const (
	upnpInvalidAction    = 401
	upnpInvalidArguments = 402
	upnpActionFailed     = 501
	upnpNotAuthorized    = 606
	upnpNoEntry          = 714
	upnpConflict         = 718
	upnpSamePorts        = 724
	upnpOnlyPermanent    = 725
	upnpNoPorts          = 728
	upnpOtherMechanism   = 729
)

const (
	portTries  = 6   // other ports that are tried where the router does not choose one itself
	maxEntries = 256 // of the router's list that are looked at for leftovers
)

// upnpClient asks one service of one router.
type upnpClient struct {
	config    *Config
	service   wanService
	machine   netip.Addr      // the router
	local     netip.Addr      // our address that faces it
	permanent bool            // the router knows no leases
	opened    map[uint16]bool // ports outside that this client has opened: routers may show another description than was given
}

// probeUPnP searches the networks and gives the first router that has a connection, or else the first that has none.
func probeUPnP(ctx context.Context, config *Config, gateway netip.Addr) (*upnpClient, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan *upnpClient)
	failures := make(chan error, maxLocations*maxServices)
	ended := make(chan error, 1)
	go func() {
		ended <- searchUPnP(ctx, config, gateway, func(place location) {
			client, err := connected(ctx, config, place)
			if err != nil {
				failures <- err
				return
			}
			select {
			case results <- client:
			case <-ctx.Done():
			}
		})
	}()
	select {
	case client := <-results:
		cancel()
		<-ended
		return client, nil
	case err := <-ended: // the time is over, or nothing could be sent
		close(failures)
		for failure := range failures {
			if !errors.Is(failure, errNoService) {
				err = errors.Join(err, failure)
			}
		}
		if err == nil {
			err = context.DeadlineExceeded
		}
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		return nil, &Error{Step: StepSearch, Protocol: UPnP, Err: err, timeout: errors.Is(err, context.DeadlineExceeded)}
	}
}

// connected looks for the service of a router that has a connection: a router may list several, of which one is in use.
func connected(ctx context.Context, config *Config, place location) (*upnpClient, error) {
	services, err := describe(ctx, config, place)
	if err != nil {
		if errors.Is(err, errNoService) {
			return nil, err
		}
		return nil, networkError(ctx, StepSearch, UPnP, place.from, strangers(err))
	}
	local, err := localAddr(ctx, config, place.from)
	if err != nil {
		return nil, networkError(ctx, StepSearch, UPnP, place.from, err)
	}
	var failed error
	for _, service := range services {
		client := &upnpClient{config: config, service: service, machine: place.from, local: local, opened: make(map[uint16]bool)}
		status, _, _, err := service.GetStatusInfoCtx(ctx)
		switch {
		case err != nil:
			failed = client.refusal(ctx, StepSearch, err)
		case status == "Connected" || status == "Up": // Up: seen on some modems
			return client, nil
		default:
			failed = &Error{Step: StepSearch, Protocol: UPnP, Router: place.from, Err: ErrNotConnected, Reason: "its state is " + strconv.Quote(shorten(status))}
		}
	}
	return nil, failed
}

func (c *upnpClient) protocol() Protocol { return UPnP }
func (c *upnpClient) router() netip.Addr { return c.machine }
func (c *upnpClient) transport() string  { return strings.ToUpper(c.config.Network.String()) }

func (c *upnpClient) add(ctx context.Context, want request) (grant, error) {
	g := grant{internal: netip.AddrPortFrom(c.local, want.internal)}
	port, err := c.openPort(ctx, want)
	if err != nil {
		return grant{}, err
	}
	if !c.permanent {
		g.lease = want.lease
	}
	g.external = netip.AddrPortFrom(netip.Addr{}, port)
	addr, err := c.externalAddr(ctx, StepMap)
	if err != nil {
		return grant{}, errors.Join(err, c.remove(ctx, g))
	}
	g.external = netip.AddrPortFrom(addr, port)
	return g, nil
}

// openPort opens the wished port, or another one if that is taken.
func (c *upnpClient) openPort(ctx context.Context, want request) (uint16, error) {
	err := c.onePort(ctx, want, want.external)
	if err == nil || want.exact || !errors.Is(err, ErrConflict) {
		return want.external, err
	}
	if service, ok := c.service.(anyPort); ok {
		port, fault := service.AddAnyPortMappingCtx(ctx, "", want.external, c.transport(), want.internal, c.local.String(), true, c.config.description(want.internal), c.leaseOf(want))
		if fault == nil && port != 0 {
			c.opened[port] = true
			return port, nil
		}
	}
	for range portTries {
		port := uint16(1024 + rand.IntN(1<<16-1024))
		if err = c.onePort(ctx, want, port); err == nil || !errors.Is(err, ErrConflict) {
			return port, err
		}
	}
	return 0, err
}

// onePort opens exactly this port.
func (c *upnpClient) onePort(ctx context.Context, want request, external uint16) error {
	// Some routers let anybody overwrite anybody's mapping: ask whose it is.
	port, owner, enabled, description, _, err := c.service.GetSpecificPortMappingEntryCtx(ctx, "", external, c.transport())
	switch here := owner == c.local.String() && port == want.internal; {
	case err != nil, here && c.isOurs(external, description, port), c.leftover(ctx, owner, description, port):
	case here && enabled:
		c.config.Logger.DebugContext(ctx, "UPnP: somebody has opened the port for this machine, by hand or with another program", "router", c.machine, "external", external)
		return nil
	default:
		return &Error{Step: StepMap, Protocol: UPnP, Router: c.machine, Err: ErrConflict, Reason: fmt.Sprintf("port %d leads to %s, port %d", external, shorten(owner), port)}
	}
	for {
		err := c.service.AddPortMappingCtx(ctx, "", external, c.transport(), want.internal, c.local.String(), true, c.config.description(want.internal), c.leaseOf(want))
		c.config.Logger.DebugContext(ctx, "UPnP AddPortMapping", "router", c.machine, "external", external, "internal", want.internal, "permanent", c.permanent, "error", strangers(err))
		if err == nil {
			c.opened[external] = true
			return nil
		}
		// Routers that know no leases say 725, or do not understand the number (spec portmap.md §6).
		if code := upnpCode(err); !c.permanent && (code == upnpOnlyPermanent || code == upnpInvalidArguments) {
			c.permanent = true
			continue
		}
		if upnpCode(err) == upnpActionFailed {
			// This says nothing; miniupnpd means that its outside address is not public.
			addr, unknown := c.externalAddr(ctx, StepMap)
			if unknown != nil {
				return unknown
			}
			if !isPublic(addr) {
				return &Error{Step: StepMap, Protocol: UPnP, Router: c.machine, Code: upnpActionFailed, Err: ErrDoubleNAT, Reason: "its outside address is " + addr.String()}
			}
		}
		return c.refusal(ctx, StepMap, err)
	}
}

func (c *upnpClient) leaseOf(want request) uint32 {
	if c.permanent {
		return 0
	}
	return max(seconds(want.lease), 1)
}

func (c *upnpClient) check(ctx context.Context, g grant) (finding, error) {
	port, owner, enabled, _, _, err := c.service.GetSpecificPortMappingEntryCtx(ctx, "", g.external.Port(), c.transport())
	switch {
	case err != nil && upnpCode(err) == upnpNoEntry, err == nil && (!enabled || owner != c.local.String() || port != g.internal.Port()):
		return finding{lost: true}, nil
	case err != nil && upnpCode(err) != upnpInvalidAction: // where it cannot be asked, the renewal must do
		return finding{}, c.refusal(ctx, StepOpen, err)
	}
	addr, err := c.externalAddr(ctx, StepOpen)
	return finding{external: addr}, err
}

func (c *upnpClient) remove(ctx context.Context, g grant) error {
	// Some routers let anybody delete anybody's mapping, and the port may be another device's by now, or was opened by hand.
	port, owner, _, description, _, asked := c.service.GetSpecificPortMappingEntryCtx(ctx, "", g.external.Port(), c.transport())
	if upnpCode(asked) == upnpNoEntry || asked == nil && (owner != c.local.String() || port != g.internal.Port() || !c.isOurs(g.external.Port(), description, port)) {
		return nil
	}
	err := c.service.DeletePortMappingCtx(ctx, "", g.external.Port(), c.transport())
	c.config.Logger.DebugContext(ctx, "UPnP DeletePortMapping", "router", c.machine, "external", g.external.Port(), "error", strangers(err))
	if err == nil || upnpCode(err) == upnpNoEntry {
		return nil
	}
	return c.refusal(ctx, StepClose, err)
}

// sweep deletes what has our name and our address, and leads to a port that no program has any more.
func (c *upnpClient) sweep(ctx context.Context, keep grant) (int, error) {
	var dead []uint16
	for index := range uint16(maxEntries) {
		_, external, transport, internal, owner, _, description, _, err := c.service.GetGenericPortMappingEntryCtx(ctx, index)
		if err != nil {
			if code := upnpCode(err); code == 0 {
				return 0, c.refusal(ctx, StepOpen, err)
			}
			break // the end of the list
		}
		if transport == c.transport() && external != keep.external.Port() && c.leftover(ctx, owner, description, internal) {
			dead = append(dead, external) // deleting now would renumber the list
		}
	}
	var swept int
	var failed error
	for _, external := range dead {
		// The list may be old, or name a mapping for one remote host beside that of somebody for all others.
		internal, owner, _, description, _, err := c.service.GetSpecificPortMappingEntryCtx(ctx, "", external, c.transport())
		if err != nil || !c.leftover(ctx, owner, description, internal) {
			continue
		}
		if err := c.service.DeletePortMappingCtx(ctx, "", external, c.transport()); err != nil && upnpCode(err) != upnpNoEntry {
			failed = c.refusal(ctx, StepOpen, err)
			continue
		}
		swept++
	}
	return swept, failed
}

// isOurs reports whether an entry that leads to our port was made by this program, now or in an earlier run.
func (c *upnpClient) isOurs(external uint16, description string, internal uint16) bool {
	return c.opened[external] || description == c.config.description(internal)
}

// leftover reports whether an entry is that of an earlier run of this program on this machine, which has ended.
func (c *upnpClient) leftover(ctx context.Context, owner, description string, internal uint16) bool {
	if owner != c.local.String() || description != c.config.description(internal) || internal == 0 {
		return false
	}
	if !inUse(c.config.Network, internal, c.local) {
		return true
	}
	// A socket that was closed lives on for a moment where this program is starting another one, which has it until it runs.
	// One of the sockets that tried the port may be such.
	select {
	case <-ctx.Done():
		return false
	case <-time.After(tryPortAgain):
		return !inUse(c.config.Network, internal, c.local)
	}
}

const tryPortAgain = 50 * time.Millisecond

// inUse reports whether a program on this machine has the port, by trying to have it: on all addresses and on the one to
// which the mapping leads, for some systems give the one to one program and the other to another.
func inUse(network Network, port uint16, local netip.Addr) bool {
	for _, host := range []string{"", local.String()} {
		address := net.JoinHostPort(host, strconv.Itoa(int(port)))
		var closer io.Closer
		var err error
		if network == TCP {
			closer, err = net.Listen("tcp4", address)
		} else {
			closer, err = net.ListenPacket("udp4", address)
		}
		if err != nil || closer.Close() != nil {
			return true
		}
	}
	return false
}

// externalAddr is the router's outside address.
func (c *upnpClient) externalAddr(ctx context.Context, step Step) (netip.Addr, error) {
	text, err := c.service.GetExternalIPAddressCtx(ctx)
	if err != nil {
		if upnpCode(err) == upnpActionFailed {
			return netip.Addr{}, &Error{Step: step, Protocol: UPnP, Router: c.machine, Code: upnpActionFailed, Err: ErrNotConnected}
		}
		return netip.Addr{}, c.refusal(ctx, step, err)
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || !addr.Is4() || addr.IsUnspecified() {
		return netip.Addr{}, &Error{Step: step, Protocol: UPnP, Router: c.machine, Err: ErrNotConnected, Reason: "it says that its address is " + strconv.Quote(shorten(text))}
	}
	return addr, nil
}

// upnpCode is the code of a fault; 0 if it is none.
func upnpCode(err error) int {
	if fault, ok := errors.AsType[*soap.SOAPFaultError](err); ok {
		return fault.Detail.UPnPError.Errorcode
	}
	return 0
}

// refusal says what an error of a SOAP call means for us.
func (c *upnpClient) refusal(ctx context.Context, step Step, err error) error {
	code := upnpCode(err)
	if code == 0 {
		// goupnp gives the text alone of what it got from the network.
		e := networkError(ctx, step, UPnP, c.machine, strangers(err))
		e.timeout = e.timeout || strings.Contains(err.Error(), "Client.Timeout")
		return e
	}
	e := &Error{Step: step, Protocol: UPnP, Router: c.machine, Code: code, Err: ErrRefused}
	fault, _ := errors.AsType[*soap.SOAPFaultError](err)
	e.Reason = strconv.QuoteToGraphic(shorten(fault.Detail.UPnPError.ErrorDescription))
	switch code {
	case upnpConflict, upnpOtherMechanism, upnpNoPorts, upnpSamePorts:
		e.Err = ErrConflict
	case upnpInvalidAction, upnpNotAuthorized:
		e.Err = ErrDisabled
	}
	return e
}
