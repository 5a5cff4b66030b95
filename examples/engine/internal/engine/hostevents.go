package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/relight-sdk/relight/internal/diagnosis"
	"github.com/relight-sdk/relight/qr2"
)

func hostCode(err error) (Code, int32) {
	switch {
	case errors.Is(err, qr2.ErrRefused):
		return ErrRefused, 0
	case errors.Is(err, qr2.ErrNotConfirmed):
		return ErrNotConfirmed, 0
	case errors.Is(err, qr2.ErrUnavailable):
		return ErrUnavailable, 0
	case errors.Is(err, qr2.ErrTemporarilyUnavailable):
		return ErrNotAvailableNow, 0
	case errors.Is(err, qr2.ErrTooBig):
		return ErrTooBig, 0
	case errors.Is(err, qr2.ErrSameMaster):
		return ErrSameMaster, 0
	case errors.Is(err, qr2.ErrTooManyJoins):
		return ErrFull, 0
	case errors.Is(err, qr2.ErrNotConfigured), errors.Is(err, qr2.ErrInvalid):
		return ErrInvalid, 0
	}
	if code, native := keysCode(err); code != OK {
		return code, native
	}
	return natnegCode(err)
}

// watch tells the engine what happens to the host.
func (h *Host) watch(ctx context.Context) {
	for event := range h.host.Events(ctx) {
		h.emit(h.event(event))
	}
}

func (h *Host) event(event qr2.Event) Event {
	switch e := event.(type) {
	case *qr2.MasterChanged:
		changed := Event{Type: EventHostState, Name: e.Name, Status: int32(e.Step), Text: e.Step.String()}
		if e.Addr.IsValid() {
			changed.Address = e.Addr.String()
		}
		if e.Err != nil {
			failure := describe(e.Err, h.classify)
			changed.Code, changed.Text = failure.Code, failure.Text
		}
		return changed
	case *qr2.PublicAddress:
		return Event{Type: EventHostAddress, Name: e.Master, Address: e.Addr.String()}
	case *qr2.ClientMessage:
		return Event{Type: EventHostMessage, Name: e.Master, Data: e.Data}
	case *qr2.JoinStarted:
		return Event{Type: EventHostJoining, Name: e.Master, ID: int64(e.Cookie.Uint32())}
	case *qr2.JoinEnded:
		ended := Event{Type: EventHostJoined}
		if e.Err != nil {
			ended = describe(e.Err, h.classify).event(EventHostJoinFailed)
		} else {
			ended = connected(EventHostJoined, e.Result)
		}
		ended.ID = int64(e.Cookie.Uint32())
		return ended
	}
	return Event{Type: EventLog, Status: LogWarn, Text: fmt.Sprintf("an event of a newer host: %T", event)}
}

// report is the answer to a question how something stands, and why it does not work.
func report(kind EventType, found *diagnosis.Report) Event {
	event := Event{Type: kind, Text: found.String()}
	if found.OK() {
		event.Status = 1
	}
	return event
}

// Diagnose finds out why the server is or is not listed.
func (h *Host) Diagnose() (Request, error) {
	return h.request(false, func(ctx context.Context, _ Request) (Event, error) {
		found, err := h.host.Diagnose(ctx)
		if err != nil {
			return Event{}, err
		}
		return report(EventHostReport, found), nil
	})
}

// State tells how the host stands, for people.
func (h *Host) State() (Request, error) {
	return h.request(false, func(context.Context, Request) (Event, error) {
		state := h.host.State()
		event := Event{Type: EventHostReport, Text: hostText(state)}
		for _, master := range state.Masters {
			if master.Step == qr2.StepListed {
				event.Status = 1
			}
		}
		if state.Public.IsValid() {
			event.Address = state.Public.String()
		}
		return event, nil
	})
}

func hostText(state qr2.State) string {
	var b strings.Builder
	fmt.Fprintf(&b, "host on %s", state.Local)
	if state.Public.IsValid() {
		fmt.Fprintf(&b, ", seen as %s", state.Public)
	}
	b.WriteByte('\n')
	for _, m := range state.Masters {
		fmt.Fprintf(&b, "  %s", m.Name)
		if m.Addr.IsValid() {
			fmt.Fprintf(&b, " (%s)", m.Addr)
		}
		fmt.Fprintf(&b, ": %v since %s; %d heartbeats, %d keep-alives, %d answers\n",
			m.Step, m.Since.UTC().Format("15:04:05 UTC"), m.Heartbeats, m.KeepAlives, m.Answered)
		if m.Err != nil {
			fmt.Fprintf(&b, "    %v\n", m.Err)
		}
		if m.SendErr != nil {
			fmt.Fprintf(&b, "    %v\n", m.SendErr)
		}
	}
	c := state.Counters
	fmt.Fprintf(&b, "  %d queries answered in %d packets; %d joins under way\n", c.Queries, c.Packets, state.Joins)
	if dropped := c.NoSnapshot + c.WrongNumber + c.RateLimited + c.Malformed + c.WrongKey + c.Unexpected; dropped > 0 {
		fmt.Fprintf(&b, "  dropped: %d before the first commit, %d without a valid number, %d over the rate, %d malformed, %d with another key, %d unexpected\n",
			c.NoSnapshot, c.WrongNumber, c.RateLimited, c.Malformed, c.WrongKey, c.Unexpected)
	}
	return b.String()
}
