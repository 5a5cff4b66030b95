package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"

	"github.com/relight-sdk/relight/examples/internal/fleet"
	"github.com/relight-sdk/relight/natneg"
	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/qr2"
	"github.com/relight-sdk/relight/qr2/qr2test"
	"github.com/relight-sdk/relight/sb/sbtest"
)

// closers are closed together, the last one first.
type closers []io.Closer

// Close implements io.Closer.
func (c closers) Close() error {
	var errs []error
	for _, one := range slices.Backward(c) {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// embed starts a back end in this process and points the options at it: true masters and game servers, which talk over
// sockets of this machine. The list master tells browsers that they come from another network, as they mostly do.
func embed(ctx context.Context, o *options) (_ io.Closer, err error) {
	var all closers
	defer func() {
		if err != nil {
			err = errors.Join(err, all.Close())
		}
	}()
	if o.lan {
		servers, err := fleet.StartLAN(o.servers, fleet.Odd, qr2.Config{Game: o.Game, NotPublic: true})
		if err != nil {
			return nil, err
		}
		o.search.Broadcast = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		return append(all, servers), nil
	}
	games := map[string]string{o.Game: o.Secret}
	master, err := qr2test.New(qr2test.Config{Games: games})
	if err != nil {
		return nil, err
	}
	all = append(all, master)
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), Old: o.old, ClientIP: netip.MustParseAddr("203.0.113.7")})
	if err != nil {
		return nil, err
	}
	all = append(all, list)
	matchup, err := natnegtest.New(natnegtest.Config{})
	if err != nil {
		return nil, err
	}
	all = append(all, matchup)
	o.List, o.NatNeg, o.Domain = list.Addr(), matchup.Addrs(), ""

	config := qr2.Config{
		Game: o.Game, Secret: o.Secret, Addr: master.Addr(), SkipAvailability: true, NatNeg: &natneg.Config{Servers: o.NatNeg},
		LocalIPs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})},
	}
	servers, err := fleet.Start(o.servers, fleet.Odd, config, master)
	if err != nil {
		return nil, err
	}
	all = append(all, servers)
	if o.once || o.diagnose { // else they can be watched while they come
		err = servers.Wait(ctx)
	}
	return all, err
}
