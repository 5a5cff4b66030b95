package engine

import (
	"context"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/sb"
)

// Connection is a socket of its own on the way to a game server.
type Connection struct {
	*Object
	*socket
}

func newConnection(o *Object, config SocketConfig) (*Connection, error) {
	socket, err := config.share(o)
	if err != nil {
		return nil, err
	}
	c := &Connection{o, socket}
	o.run(c.serve)
	o.run(func(ctx context.Context) {
		<-ctx.Done()
		socket.close()
	})
	return c, nil
}

// sharer is what has a socket that others may use.
type sharer interface {
	subsystem
	shared() *socket
}

func (s *socket) shared() *socket { return s }

// Connect finds a way to a server, on the socket of a handle that has one. If that is zero, a Connection is made, whose
// handle is returned.
func (b *Browser) Connect(address string, socketOf Handle) (Handle, Request, error) {
	addr, err := serverAddress(address)
	if err != nil {
		return 0, 0, err
	}
	own := Handle(0)
	if socketOf == 0 {
		own, err = start(b.library, Options{}, browserCode, func(o *Object) (*Connection, error) { return newConnection(o, SocketConfig{}) })
		if err != nil {
			return 0, 0, err
		}
		socketOf = own
	}
	with, err := Find[sharer](b.library, socketOf)
	if err != nil {
		return 0, 0, err
	}
	request, err := b.request(false, func(ctx context.Context, _ Request) (Event, error) {
		event, err := b.connect(ctx, addr, with.shared())
		event.Number = int64(own)
		return event, err
	})
	if err != nil && own != 0 {
		_ = b.library.Close(own) // nobody else knows it
		own = 0
	}
	return own, request, err
}

func (b *Browser) connect(ctx context.Context, addr netip.AddrPort, socket *socket) (Event, error) {
	server, listed := b.list.Get(addr)
	if !listed {
		server = sb.Server{Addr: addr, Flags: sb.FlagDirect}
	}
	connection, err := b.browser.Connect(ctx, server, socket.view)
	if err != nil {
		return Event{}, err
	}
	if connection.NatNeg != nil {
		b.linger(connection.NatNeg)
	}
	event := Event{
		Type: EventBrowserConnected, ID: serverID(addr), Address: connection.Remote.String(),
		Status: int32(connection.Path), Name: connection.Path.String(),
	}
	for i, attempt := range connection.Attempts {
		event.Total += milliseconds(attempt.Took)
		if i > 0 {
			event.Text += "\n"
		}
		event.Text += attempt.String()
	}
	return event, nil
}

// linger answers the partner's late pings behind an open path.
func (b *Browser) linger(result *natneg.Result) {
	running := b.run(func(ctx context.Context) {
		select {
		case <-ctx.Done():
		case <-time.After(lingerTime):
		}
		_ = result.Close() // its error is always nil
	})
	if !running {
		_ = result.Close()
	}
}
