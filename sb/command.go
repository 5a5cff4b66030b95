package sb

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/netip"
	"time"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// session returns a connection that carries messages: that of a subscription, the one that was opened for messages, or a
// new one without a list.
func (b *Browser) session(ctx context.Context, op string) (*session, error) {
	if s := b.live(); s != nil {
		return s, nil
	}
	// One caller opens it; the others wait for that.
	select {
	case b.opening <- struct{}{}:
	case <-ctx.Done():
		return nil, &Error{Op: op, Err: ctx.Err()}
	}
	defer func() { <-b.opening }()
	if s := b.live(); s != nil {
		return s, nil
	}
	s, err := b.startSession(ctx, b.newTracker(op), Query{Fields: []string{"hostname"}}, sbwire.OptionNoList, nil)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	closed := b.closed
	if !closed {
		b.command = s
	}
	b.mu.Unlock()
	if closed {
		s.Close()
		return nil, &Error{Op: op, Reason: "the browser is closed", Err: net.ErrClosed}
	}
	return s, nil
}

func (b *Browser) live() *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.shared {
		if s.alive() {
			return s
		}
	}
	if b.command != nil && b.command.alive() {
		return b.command
	}
	return nil
}

// exchange sends a message and, with wants, waits for what belongs to it: got is called for each until it says that it was
// the last. A connection that breaks meanwhile is opened again, once, as the original does.
func (b *Browser) exchange(ctx context.Context, op string, message []byte, wants func(sbwire.Message) bool,
	got func(sbwire.Message) (last bool, err error)) error {
	for attempt := 0; ; attempt++ {
		s, err := b.session(ctx, op)
		if err != nil {
			return err
		}
		err = s.exchange(ctx, op, message, wants, got)
		if err == nil || attempt > 0 || ctx.Err() != nil || !errors.Is(err, errBroken) {
			return err
		}
		b.config.Logger.Info("connection to the list master broke, opening it again", "op", op, "error", err.Error())
	}
}

// errBroken says that the connection ended under a request that had not been answered yet.
var errBroken = errors.New("the connection broke")

func (s *session) exchange(ctx context.Context, op string, message []byte, wants func(sbwire.Message) bool,
	got func(sbwire.Message) (bool, error)) error {
	problem := func(err error, reason string) error {
		return &Error{Op: op, Step: s.track.get().Step, Peer: s.track.get().Peer, Reason: reason, Err: err}
	}
	var w *waiter
	if wants != nil {
		var remove func()
		var err error
		if w, remove, err = s.wait(wants); err != nil {
			return problem(err, "")
		}
		defer remove()
	}
	s.used()
	if n, err := s.send(ctx, message); err != nil {
		if ctx.Err() != nil && n == 0 {
			return problem(ctx.Err(), "not sent") // the connection is as good as before
		}
		s.cancel(net.ErrClosed)
		<-s.done
		return problem(joined(ctx.Err(), errBroken, err), "")
	}
	if w == nil {
		return nil
	}
	silence, limit := time.NewTimer(s.config.ReplyTimeout), time.NewTimer(s.config.ListTimeout)
	defer silence.Stop()
	defer limit.Stop()
	for answered := false; ; answered = true {
		var m sbwire.Message
		select {
		case m = <-w.replies:
		case <-silence.C:
			return problem(ErrSilence, "the master does not answer: most living masters do not know this request")
		case <-limit.C:
			return problem(ErrSilence, "the answer takes longer than "+s.config.ListTimeout.String())
		case <-ctx.Done():
			return problem(ctx.Err(), "")
		case <-s.done:
			select {
			case m = <-w.replies: // it came in front of the end
			default:
				if answered {
					return problem(s.failure(), "")
				}
				return problem(joined(errBroken, s.failure()), "")
			}
		}
		last, err := got(m)
		if err != nil {
			return problem(err, "")
		}
		if last {
			return nil
		}
		silence.Reset(s.config.ReplyTimeout)
	}
}

// SendMessage has the master relay bytes to a listed server, as a QR2 client message. addr is the Addr of the Server, as
// it came. Nothing tells whether the message arrived. The connection is opened, or opened again, if necessary.
func (b *Browser) SendMessage(ctx context.Context, addr netip.AddrPort, data []byte) error {
	message, err := sbwire.SendMessage{Addr: addr, Data: data}.Append(nil)
	if err != nil {
		return &Error{Op: "send message", Err: err}
	}
	return b.exchange(ctx, "send message", message, nil, nil)
}

// ServerInfo asks the master for everything that it knows of a server. OpenSpy and Crymp answer; the others are silent.
func (b *Browser) ServerInfo(ctx context.Context, addr netip.AddrPort) (Server, error) {
	const op = "server info"
	message, err := sbwire.InfoRequest{Addr: addr}.Append(nil)
	if err != nil {
		return Server{}, &Error{Op: op, Err: err}
	}
	var server Server
	err = b.exchange(ctx, op, message, func(m sbwire.Message) bool {
		push, ok := m.(sbwire.PushServer)
		// An update that happens to come first has values of the list's keys only; the answer has rules, or nothing.
		return ok && push.Entry.Addr == addr && push.Entry.Flags&(sbwire.FlagHasKeys|sbwire.FlagHasRules) != sbwire.FlagHasKeys
	}, func(m sbwire.Message) (bool, error) {
		push := m.(sbwire.PushServer)
		if push.Entry.Flags&sbwire.FlagHasRules == 0 {
			return true, ErrNoData
		}
		server = new(namer).server(&push.Entry)
		return true, nil
	})
	return server, err
}

// MapLoop asks the master which maps a server plays next. No living master is known to answer.
func (b *Browser) MapLoop(ctx context.Context, addr netip.AddrPort) (MapLoop, error) {
	const op = "map loop"
	message, err := sbwire.MapLoopRequest{Addr: addr}.Append(nil)
	if err != nil {
		return MapLoop{}, &Error{Op: op, Err: err}
	}
	var loop MapLoop
	err = b.exchange(ctx, op, message, func(m sbwire.Message) bool {
		answer, ok := m.(sbwire.MapLoop)
		return ok && answer.Addr == addr
	}, func(m sbwire.Message) (bool, error) {
		loop = MapLoop(m.(sbwire.MapLoop))
		return true, nil
	})
	return loop, err
}

// PlayerSearch says which player is looked for.
type PlayerSearch struct {
	Name     string
	AllGames bool // not only in the game of the Config
	Prefix   bool // the name may go on
	Suffix   bool // the name may have something in front
	Anywhere bool // the name may be anywhere in the player's
	Max      int  // at most so many players, up to 10,000; 0 means 100
}

// Player is one who was found.
type Player struct {
	Nick     string
	Addr     netip.AddrPort // of the server
	LastSeen time.Time
	Game     string // empty unless all games were searched
}

// maxSearchResults bounds what a search may bring.
const maxSearchResults = 10_000

// FindPlayers asks the master on which servers a player is, and yields the answers as they come. Answers do not say which
// search they belong to, so there is one at a time on a Browser: another one waits until the loop over this one has ended. No
// living master is known to answer.
func (b *Browser) FindPlayers(ctx context.Context, search PlayerSearch) iter.Seq2[Player, error] {
	return func(yield func(Player, error) bool) {
		if err := b.findPlayers(ctx, search, yield); err != nil && !errors.Is(err, errStop) {
			yield(Player{}, err)
		}
	}
}

func (b *Browser) findPlayers(ctx context.Context, search PlayerSearch, yield func(Player, error) bool) error {
	const op = "player search"
	request := sbwire.PlayerSearchRequest{Name: search.Name, MaxResults: uint32(min(search.Max, maxSearchResults))}
	if search.Max <= 0 {
		request.MaxResults = 100
	}
	for set, option := range map[sbwire.SearchOptions]bool{
		sbwire.SearchAllGames: search.AllGames, sbwire.SearchLeftOfName: search.Prefix,
		sbwire.SearchRightOfName: search.Suffix, sbwire.SearchAnywhereName: search.Anywhere,
	} {
		if option {
			request.Options |= set
		}
	}
	message, err := request.Append(nil)
	if err != nil {
		return &Error{Op: op, Err: err}
	}
	select {
	case b.searching <- struct{}{}:
	case <-ctx.Done():
		return &Error{Op: op, Err: ctx.Err()}
	}
	defer func() { <-b.searching }()
	found := 0
	return b.exchange(ctx, op, message, func(m sbwire.Message) bool {
		_, ok := m.(sbwire.PlayerSearch)
		return ok
	}, func(m sbwire.Message) (bool, error) {
		part := m.(sbwire.PlayerSearch)
		if found += len(part.Players); found > maxSearchResults {
			return true, ErrMalformed
		}
		for _, player := range part.Players {
			if !yield(Player(player), nil) {
				return true, errStop
			}
		}
		return part.Final, nil
	})
}
