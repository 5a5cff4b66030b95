package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/relight-sdk/relight/steamdiscovery"
)

// announce makes this machine visible until ctx ends, and then says goodbye.
func announce(ctx context.Context, o *options, p *printer) error {
	if o.Embedded {
		o.addr, o.silent = "127.0.0.1:0", true
	}
	if o.addr == "" {
		o.addr = fmt.Sprintf("0.0.0.0:%d", o.port)
	}
	ctx, cancel := o.limited(ctx)
	defer cancel()
	announcer, err := steamdiscovery.NewAnnouncer(ctx, steamdiscovery.AnnounceConfig{
		Addr: o.addr, Port: uint16(o.port), Interfaces: o.interfaces, Targets: o.targets, Silent: o.silent, Logger: o.logger,
		Status: steamdiscovery.Status{Hostname: o.name, EnabledServices: o.services},
	})
	if err != nil {
		return err
	}
	state := announcer.State()
	p.say("announcing", fmt.Sprintf("%s at %s, client %s", state.Status.Hostname, state.Addr, state.ClientID),
		fact("name", state.Status.Hostname), fact("addr", state.Addr.String()), fact("client", state.ClientID.String()))
	var watched error
	var watching sync.WaitGroup
	if o.Embedded {
		watching.Go(func() { watched = watch(ctx, o, p, announcer) })
	}
	err = announcer.Run(ctx)
	watching.Wait()
	if err = errors.Join(err, watched); err != nil {
		return err
	}
	counters := announcer.State().Counters
	p.say("offline", fmt.Sprintf("said goodbye after %d answers and %d broadcasts", counters.Answers, counters.Broadcasts),
		fact("answers", counters.Answers), fact("broadcasts", counters.Broadcasts))
	return nil
}
