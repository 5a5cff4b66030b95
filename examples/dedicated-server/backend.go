package main

import (
	"errors"
	"io"
	"net/netip"
	"slices"

	"github.com/relight-sdk/relight/natneg/natnegtest"
	"github.com/relight-sdk/relight/natneg/portmap"
	"github.com/relight-sdk/relight/natneg/portmap/portmaptest"
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

// closer makes an io.Closer of a function that cannot fail.
type closer func()

func (c closer) Close() error { c(); return nil }

// embed starts a back end in this process and points the options at it. Its list master tells browsers that they come from another
// network, and its master does not probe, so that joining takes NAT negotiation.
func embed(o *options) (_ io.Closer, err error) {
	var all closers
	defer func() {
		if err != nil {
			err = errors.Join(err, all.Close())
		}
	}()
	games := map[string]string{o.Game: o.Secret}
	master, err := qr2test.New(qr2test.Config{Games: games, NoProbe: true})
	if err != nil {
		return nil, err
	}
	all = append(all, master)
	list, err := sbtest.New(sbtest.Config{Games: games, Registry: master.Registry(), ClientIP: netip.MustParseAddr("203.0.113.7")})
	if err != nil {
		return nil, err
	}
	all = append(all, list)
	matchup, err := natnegtest.New(natnegtest.Config{})
	if err != nil {
		return nil, err
	}
	all = append(all, matchup)
	if o.forward {
		router, err := portmaptest.Start(portmaptest.Options{})
		if err != nil {
			return nil, err
		}
		all = append(all, closer(router.Close))
		o.router = portmap.Config{Gateway: router.Addr(), Search: []netip.AddrPort{router.SearchAddr()}}
	}
	o.Available, o.Master, o.List, o.NatNeg, o.Domain = master.Addr(), master.Addr(), list.Addr(), matchup.Addrs(), ""
	return all, nil
}
