package portmap

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// probed is what one protocol found.
type probed struct {
	protocol Protocol
	client   client
	err      error
}

// search asks in all protocols at once. It gives the routers on the channel as they answer, a result for each protocol;
// the channel never blocks, and the goroutines belong to the mapping.
func (m *Mapping) search(ctx context.Context) (results <-chan probed, asked []Protocol) {
	router, noRoute := gateway(&m.config)
	found := make(chan probed, UPnP)
	probe := func(protocol Protocol, needsRoute bool, ask func() (client, error)) {
		if !m.config.tries(protocol) {
			return
		}
		asked = append(asked, protocol)
		m.working.Go(func() {
			if needsRoute && noRoute != nil {
				found <- probed{protocol, nil, &Error{Step: StepSearch, Protocol: protocol, Err: noRoute}}
				return
			}
			client, err := ask()
			found <- probed{protocol, client, err}
		})
	}
	probe(PCP, true, func() (client, error) { return orNil(probePCP(ctx, &m.config, router, m.nonce)) })
	probe(NATPMP, true, func() (client, error) { return orNil(probeNATPMP(ctx, &m.config, router)) })
	probe(UPnP, false, func() (client, error) { return orNil(probeUPnP(ctx, &m.config, router)) })
	return found, asked
}

// orNil keeps a nil pointer from becoming a client.
func orNil[C client](c C, err error) (client, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// held is a router and what it granted.
type held struct {
	client client
	grant  grant
}

// acquire searches and maps: the first protocol that works, but a better one may be a little late.
func (m *Mapping) acquire(caller context.Context, want request) (held, error) {
	ctx, cancel := context.WithTimeout(caller, m.config.SearchTimeout)
	defer cancel()
	old := m.leftover(ctx)
	m.enter(StepSearch, nil)
	results, waiting := m.search(ctx)
	var ready [UPnP + 1]client
	var failures []error
	var late <-chan time.Time
	patient := true
	for {
		best := PCP
		for best < UPnP && ready[best] == nil {
			best++
		}
		client := ready[best]
		switch {
		case client != nil && (!patient || !slices.ContainsFunc(waiting, func(p Protocol) bool { return p < best })):
			ready[best] = nil
			g, err := m.mapOn(ctx, client, want, old)
			if err == nil {
				return held{client, g}, nil
			}
			failures = append(failures, err)
			continue
		case client == nil && len(waiting) == 0:
			return held{}, failure(caller, failures)
		case client != nil && late == nil:
			late = time.After(headway)
		}
		select {
		case result := <-results:
			waiting = slices.DeleteFunc(waiting, func(p Protocol) bool { return p == result.protocol })
			ready[result.protocol] = result.client
			if result.err != nil {
				m.config.Logger.DebugContext(ctx, "no router", "protocol", result.protocol, "error", result.err)
				failures = append(failures, result.err)
			}
		case <-late:
			patient = false
		}
	}
}

// mapOn asks one router for the port, after deleting what a crashed run left there.
func (m *Mapping) mapOn(ctx context.Context, c client, want request, old *record) (grant, error) {
	m.update(func(s *State) { s.Protocol, s.Router = c.protocol(), c.router() })
	m.enter(StepMap, nil)
	if old.belongsTo(c, want) {
		if err := removeRecorded(ctx, &m.config, c, old); err != nil {
			m.config.Logger.DebugContext(ctx, "leftover not deleted", "error", err)
		} else {
			m.update(func(s *State) { s.Counters.Swept++ })
		}
	}
	g, err := c.add(ctx, want)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code == 0 && !errors.Is(err, ErrConflict) {
			m.undo(ctx, c, want) // the answer may be what was lost
		}
		return grant{}, err
	}
	if err := m.checkPublic(c, g); err != nil {
		return grant{}, errors.Join(err, c.remove(ctx, g))
	}
	return g, nil
}

// undo deletes what a request without an answer may have opened. ctx may have ended.
func (m *Mapping) undo(ctx context.Context, c client, want request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(m.config.CloseTimeout, undoTimeout))
	defer cancel()
	g := grant{internal: netip.AddrPortFrom(netip.Addr{}, want.internal), external: netip.AddrPortFrom(netip.Addr{}, want.external)}
	if err := c.remove(ctx, g); err != nil {
		m.config.Logger.DebugContext(ctx, "not undone", "error", err)
	}
}

// checkPublic refuses what is not open on the internet, unless that is wanted.
func (m *Mapping) checkPublic(c client, g grant) error {
	if m.config.AllowDoubleNAT || isPublic(g.external.Addr()) {
		return nil
	}
	return &Error{Step: StepMap, Protocol: c.protocol(), Router: c.router(), Err: ErrDoubleNAT, Reason: "its outside address is " + g.external.Addr().String()}
}

// tells reports whether a failure is news of a router, rather than that none was heard.
func (e *Error) tells() bool {
	return e.Step == StepMap || e.Code != 0 || errors.Is(e, ErrNotConnected) || errors.Is(e, ErrHostile)
}

// failure joins what all protocols said. If none of them found anybody, that is the news.
func failure(caller context.Context, failures []error) error {
	if err := context.Cause(caller); err != nil {
		return &Error{Step: StepSearch, Err: err}
	}
	step := StepSearch
	var said []error
	for _, failure := range failures {
		e, ok := errors.AsType[*Error](failure)
		if ok && e.tells() {
			step = max(step, e.Step)
			said = append(said, failure)
		}
	}
	if len(said) == 0 {
		e := &Error{Step: StepSearch, Err: ErrNoGateway, Reason: advice(ErrNoGateway), timeout: true}
		if why := errors.Join(failures...); why != nil {
			e.Reason = why.Error()
		}
		return e
	}
	if only, ok := said[0].(*Error); ok && len(said) == 1 {
		told := *only
		told.Reason = strings.TrimPrefix(told.Reason+"; "+advice(told.Err), "; ")
		return &told
	}
	err := errors.Join(said...)
	return &Error{Step: step, Err: err, Reason: advice(err)}
}
