package portmap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/pcpwire"
)

// transmissions is how often PCP asks, and firstWait how long it waits after the first time, then twice as long each time.
// The RFC is made for the internet and starts with three seconds; a router is a few metres away.
const (
	transmissions = 4
	firstWait     = 250 * time.Millisecond
)

// pcpClient speaks PCP.
type pcpClient struct {
	config  *Config
	gateway netip.Addr
	nonce   pcpwire.Nonce // the same for all requests about the mapping: others may not delete it (RFC 6887 §11.1)
	epoch   epoch
}

func newNonce() (n pcpwire.Nonce) {
	_, _ = rand.Read(n[:]) // never fails
	return n
}

// probePCP asks whether PCP is spoken at all: ANNOUNCE changes nothing.
func probePCP(ctx context.Context, config *Config, gateway netip.Addr, nonce pcpwire.Nonce) (*pcpClient, error) {
	c := &pcpClient{config: config, gateway: gateway, nonce: nonce}
	// A refusal is an answer, too; MAP will say why.
	if _, _, err := c.exchange(ctx, StepSearch, pcpwire.Request{Opcode: pcpwire.Announce}); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *pcpClient) protocol() Protocol { return PCP }
func (c *pcpClient) router() netip.Addr { return c.gateway }

func (c *pcpClient) add(ctx context.Context, want request) (grant, error) {
	ask := c.mapping(want.internal)
	ask.Lifetime = max(seconds(want.lease), 1)
	ask.Mapping.External = netip.AddrPortFrom(netip.Addr{}, want.external)
	if want.exact {
		ask.Options = []pcpwire.Option{{Code: pcpwire.PreferFailure}}
	}
	answer, local, err := c.exchange(ctx, StepMap, ask)
	if err != nil {
		return grant{}, err
	}
	if answer.Result != pcpwire.Success {
		return grant{}, c.refusal(StepMap, answer)
	}
	if answer.Mapping.External.Port() == 0 || answer.Lifetime == 0 {
		return grant{}, &Error{Step: StepMap, Protocol: PCP, Router: c.gateway, Err: ErrHostile, Reason: "a success without a port or a lifetime"}
	}
	return grant{netip.AddrPortFrom(local, want.internal), answer.Mapping.External, duration(answer.Lifetime)}, nil
}

func (c *pcpClient) check(ctx context.Context, _ grant) (finding, error) {
	answer, _, err := c.exchange(ctx, StepOpen, pcpwire.Request{Opcode: pcpwire.Announce})
	if err != nil {
		return finding{}, err
	}
	return finding{lost: c.epoch.restarted(answer.Epoch, time.Now())}, nil
}

func (c *pcpClient) remove(ctx context.Context, g grant) error {
	ask := c.mapping(g.internal.Port())
	answer, _, err := c.exchange(ctx, StepClose, ask)
	if err != nil {
		return err
	}
	if answer.Result != pcpwire.Success {
		return c.refusal(StepClose, answer)
	}
	return nil
}

func (c *pcpClient) sweep(context.Context, grant) (int, error) { return 0, nil }

// mapping is a MAP request about a port. Without a lifetime and an external port it is the deletion.
func (c *pcpClient) mapping(internal uint16) pcpwire.Request {
	transport := pcpwire.UDP
	if c.config.Network == TCP {
		transport = pcpwire.TCP
	}
	return pcpwire.Request{Opcode: pcpwire.MAP, Mapping: pcpwire.Mapping{Nonce: c.nonce, Transport: transport, Internal: internal}}
}

// exchange sends a request until it is answered, and tells from which address.
func (c *pcpClient) exchange(ctx context.Context, step Step, ask pcpwire.Request) (answer pcpwire.Response, local netip.Addr, err error) {
	fail := func(err error) (pcpwire.Response, netip.Addr, error) {
		return pcpwire.Response{}, netip.Addr{}, networkError(ctx, step, PCP, c.gateway, err)
	}
	// A connected socket takes the gateway's answers only, and hears at once that nobody listens there.
	conn, err := c.config.Dial(ctx, "udp4", netip.AddrPortFrom(c.gateway, pcpwire.Port).String())
	if err != nil {
		return fail(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	local = addrOf(conn.LocalAddr())
	ask.Client = local
	packet, err := ask.Append(nil)
	if err != nil {
		return fail(err)
	}
	buf := make([]byte, pcpwire.MaxSize+1)
	wait := firstWait
	for range transmissions {
		if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
			return fail(err)
		}
		if ctx.Err() != nil { // it may have ended before the deadline was set
			return fail(ctx.Err())
		}
		if _, err = conn.Write(packet); err != nil {
			return fail(err)
		}
		for {
			var n int
			if n, err = conn.Read(buf); err != nil {
				break
			}
			answer, err = pcpwire.ParseResponse(buf[:n])
			switch {
			case errors.Is(err, pcpwire.ErrVersion) && n >= 4 && buf[0] == 0:
				return fail(fmt.Errorf("%w: it speaks NAT-PMP only", err))
			case err != nil || answer.Opcode != ask.Opcode || !c.matches(ask, answer):
				continue // not the answer; the deadline ends the wait
			}
			c.config.Logger.DebugContext(ctx, "PCP", "router", c.gateway, "opcode", ask.Opcode, "lifetime", ask.Lifetime, "result", answer.Result, "granted", answer.Lifetime, "external", answer.Mapping.External, "epoch", answer.Epoch)
			if ask.Opcode == pcpwire.MAP {
				c.epoch = epoch{true, int64(answer.Epoch), time.Now()}
			} else if !c.epoch.known {
				c.epoch.restarted(answer.Epoch, time.Now())
			}
			return answer, local, nil
		}
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() || ctx.Err() != nil {
			return fail(err)
		}
		wait *= 2
	}
	return fail(err)
}

// matches tells an answer from one to another request, late or forged.
func (c *pcpClient) matches(ask pcpwire.Request, answer pcpwire.Response) bool {
	if ask.Opcode != pcpwire.MAP || answer.Result != pcpwire.Success && answer.Mapping == (pcpwire.Mapping{}) {
		return true
	}
	return answer.Mapping.Nonce == ask.Mapping.Nonce && answer.Mapping.Transport == ask.Mapping.Transport && answer.Mapping.Internal == ask.Mapping.Internal
}

// refusal says what a result means for us.
func (c *pcpClient) refusal(step Step, answer pcpwire.Response) error {
	e := &Error{Step: step, Protocol: PCP, Router: c.gateway, Code: int(answer.Result), Reason: answer.Result.String(), Err: ErrRefused}
	switch answer.Result {
	case pcpwire.NotAuthorized, pcpwire.UnsupportedOpcode:
		e.Err = ErrDisabled
	case pcpwire.NetworkFailure:
		e.Err = ErrNotConnected
	case pcpwire.CannotProvideExternal:
		e.Err = ErrConflict
	case pcpwire.AddressMismatch:
		e.Err = ErrDoubleNAT
		e.Reason = "there is a NAT between this machine and the router"
	}
	return e
}

// addrOf is the IPv4 address of a socket.
func addrOf(addr net.Addr) netip.Addr {
	if addr == nil {
		return netip.Addr{}
	}
	if parsed, err := netip.ParseAddrPort(addr.String()); err == nil {
		return parsed.Addr().Unmap()
	}
	return netip.Addr{}
}
