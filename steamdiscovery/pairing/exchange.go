package pairing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/relight-sdk/relight/internal/steampb"
	"github.com/relight-sdk/relight/internal/wire/steamdiscoverywire"
)

// queued is how many packets of the host wait; more are lost, and sent again.
const queued = 16

// exchange decides what is asked of a host, and what its answers mean. It knows no socket and no clock.
type exchange interface {
	// request is what is sent now, and again after each interval.
	request() (steamdiscoverywire.Type, proto.Message, error)
	// handle takes a packet of the host. It gives what to answer, if anything, and whether it was an answer to us; done ends
	// the exchange.
	handle(packet *steamdiscoverywire.Packet) (reply *steamdiscoverywire.Packet, ours, done bool, err error)
	// cancel is what is sent if the caller gives up.
	cancel() (steamdiscoverywire.Type, proto.Message)
}

// conversation is an exchange with one host, over one socket.
type conversation struct {
	config Config
	op     string
	host   netip.AddrPort
	conn   net.PacketConn
	heard  chan []byte
}

// converse runs an exchange until it is done, the host falls silent, or ctx ends.
func converse(ctx context.Context, op string, config Config, host netip.AddrPort, e exchange) error {
	host = netip.AddrPortFrom(host.Addr().Unmap(), host.Port())
	err := func() error {
		if !host.Addr().Is4() || host.Port() == 0 {
			return fmt.Errorf("%w: no IPv4 address and port", ErrBadConfig)
		}
		listen := config.ListenPacket
		if listen == nil {
			listen = new(net.ListenConfig).ListenPacket
		}
		conn, err := listen(ctx, "udp4", "0.0.0.0:0")
		if err != nil {
			return err
		}
		c := &conversation{config: config, op: op, host: host, conn: conn, heard: make(chan []byte, queued)}
		var reading sync.WaitGroup
		reading.Go(c.read)
		defer reading.Wait()
		defer conn.Close()
		return c.run(ctx, e)
	}()
	if err == nil {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		err = ctxErr
		if cause := context.Cause(ctx); cause != ctxErr {
			err = fmt.Errorf("%w: %w", ctxErr, cause)
		}
	}
	return &Error{Op: op, Addr: host.String(), Err: err}
}

// read hands on what comes from the host; nobody else is listened to (spec steamdiscovery.md §8).
func (c *conversation) read() {
	buffer := make([]byte, steamdiscoverywire.MaxDatagram+1)
	for failures := 0; failures < queued; {
		n, from, err := c.conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // some systems report here that an earlier packet was not delivered
			failures++
			continue
		}
		failures = 0
		if addr, ok := from.(*net.UDPAddr); !ok || netip.AddrPortFrom(addr.AddrPort().Addr().Unmap(), addr.AddrPort().Port()) != c.host {
			continue
		}
		select {
		case c.heard <- bytes.Clone(buffer[:n]):
		default:
		}
	}
}

func (c *conversation) run(ctx context.Context, e exchange) error {
	send := time.NewTicker(c.config.Interval)
	defer send.Stop()
	silence := time.NewTimer(c.config.AnswerTimeout)
	defer silence.Stop()
	if err := c.request(e); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			_ = c.send(e.cancel()) // the host finds out anyhow
			return ctx.Err()
		case <-silence.C:
			_ = c.send(e.cancel())
			return ErrNoAnswer
		case <-send.C:
			if err := c.request(e); err != nil {
				return err
			}
		case b := <-c.heard:
			packet, err := steamdiscoverywire.Parse(b)
			if err != nil {
				c.config.Logger.Debug("ignored", "peer", c.host, "error", err)
				continue
			}
			reply, ours, done, err := e.handle(packet)
			if !ours {
				continue
			}
			c.config.Logger.Debug("received", "peer", c.host, "type", steamdiscoverywire.TypeName(packet.Type()))
			if err != nil {
				c.config.Logger.Info(c.op, "peer", c.host, "error", err)
				return err
			}
			if done {
				c.config.Logger.Info(c.op, "peer", c.host, "result", "success")
				return nil
			}
			silence.Reset(c.config.AnswerTimeout)
			if reply != nil {
				_ = c.send(reply.Type(), reply.Body) // lost ones are asked for again
			}
		}
	}
}

// request sends the request. A network that does not take it now may do so the next time; what cannot be encoded never will.
func (c *conversation) request(e exchange) error {
	kind, body, err := e.request()
	if err != nil {
		return err
	}
	if err := c.send(kind, body); err != nil {
		if _, ok := errors.AsType[*steamdiscoverywire.Error](err); ok {
			return err
		}
		c.config.Logger.Debug("not sent", "peer", c.host, "error", err)
	}
	return nil
}

func (c *conversation) send(kind steamdiscoverywire.Type, body proto.Message) error {
	b, err := steamdiscoverywire.New(uint64(c.config.ClientID), 0, kind, body).Append(nil)
	if err != nil {
		return err
	}
	_, err = c.conn.WriteTo(b, net.UDPAddrFromAddrPort(c.host))
	return err
}

// pairingExchange asks a host to know this device.
type pairingExchange struct {
	config  Config
	pin     string
	steamID uint64
}

func (p *pairingExchange) request() (steamdiscoverywire.Type, proto.Message, error) {
	ticket, err := sealTicket(p.config.PublicKey, p.config.Device, p.pin, &p.config)
	if err != nil {
		return 0, nil, err
	}
	return steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_REQUEST, &steampb.CMsgRemoteDeviceAuthorizationRequest{
		DeviceToken: p.config.Device.token(), DeviceName: &p.config.Name, EncryptedRequest: ticket,
	}, nil
}

func (p *pairingExchange) handle(packet *steamdiscoverywire.Packet) (reply *steamdiscoverywire.Packet, ours, done bool, err error) {
	var result AuthorizationResult
	switch body := packet.Body.(type) {
	case *steampb.CMsgRemoteDeviceAuthorizationResponse:
		result = AuthorizationResult(body.GetResult())
		p.steamID = body.GetSteamid()
	case *steampb.CMsgRemoteDeviceAuthorizationConfirmed: // in the schema; nobody was seen to send it
		result = AuthorizationResult(body.GetResult())
	default:
		return nil, false, false, nil
	}
	switch result {
	case AuthorizationSuccess:
		return nil, true, true, nil
	case AuthorizationInProgress:
		p.config.Progress(Progress{Text: result.String()})
		return nil, true, false, nil
	}
	return nil, true, false, result
}

func (p *pairingExchange) cancel() (steamdiscoverywire.Type, proto.Message) {
	return steampb.ERemoteClientBroadcastMsg_MSG_DEVICE_AUTHORIZATION_CANCEL_REQUEST, &steampb.CMsgRemoteDeviceAuthorizationCancelRequest{}
}
