package sb

import (
	"context"
	"errors"
	"iter"
	"math"
	"net/netip"

	"github.com/relight-sdk/relight/internal/wire/sbwire"
)

// Query says which servers are wanted and what is to be told of them. The zero value asks for all of them with the fields
// of [DefaultFields].
type Query struct {
	// Filter is an SQL-like condition, such as "numplayers > 0 and mapname like 'dm%'", at most 511 bytes. The empty filter
	// means all servers, except to wfc-server, which then lists none.
	Filter string
	// Where is a condition that is built: see [Expr]. With a Filter, too, both must be met.
	Where Expr
	// Fields are the keys that are wanted, at most 255 bytes in all; none means DefaultFields: some masters do not survive
	// an empty list.
	Fields []string
	// Limit ends the list after so many servers; 0 means no limit.
	Limit int
	// Groups asks for the game's groups (rooms) instead of servers: see Server.GroupID.
	Groups bool
	// NoCache asks the master not to answer from its cache.
	NoCache bool
	// Plain gives up the fields of servers that can be queried directly; ask those themselves, with QueryAll.
	Plain bool
	// Text asks a master of the older protocol for addresses as text. The compact form, which is the default, is known to
	// all of them, but carries IPv4 only.
	Text bool
	// SourceIP pretends to ask from another IPv4 address; masters that do not trust us ignore it.
	SourceIP netip.Addr
}

// DefaultFields are asked for if a Query names none.
func DefaultFields() []string {
	return []string{"hostname", "gamever", "hostport", "mapname", "gametype", "numplayers", "maxplayers", "password"}
}

// options of the request; plain is what every living master answers (spec servers.md §4.1).
func (q Query) options(base sbwire.Options) (full, plain sbwire.Options) {
	if q.Groups {
		base |= sbwire.OptionGroups
	}
	plain, full = base, base
	if !q.Plain {
		full |= sbwire.OptionFieldsForAll
	}
	if q.NoCache {
		full |= sbwire.OptionNoCache
	}
	switch {
	case q.SourceIP.IsValid():
		full |= sbwire.OptionSourceIP // not with a limit: DWC reads one of the two
	case q.Limit > 0:
		full |= sbwire.OptionLimit
	}
	return full, plain
}

// filter is what the master is told.
func (q Query) filter() (string, error) {
	where, err := q.Where.Filter()
	switch {
	case err != nil || q.Filter == "":
		return where, err
	case where == "":
		return q.Filter, nil
	}
	return "(" + q.Filter + ") and (" + where + ")", nil
}

// request makes the list request.
func (b *Browser) request(query Query, options sbwire.Options) (sbwire.ListRequest, error) {
	if b.config.Game == "" || b.config.Secret == "" {
		return sbwire.ListRequest{}, joined(ErrNotConfigured, errors.New("the name of the game or its secret is missing"))
	}
	filter, err := query.filter()
	if err != nil {
		return sbwire.ListRequest{}, joined(ErrNotConfigured, err)
	}
	fields := query.Fields
	if len(fields) == 0 {
		fields = DefaultFields()
	}
	return sbwire.ListRequest{
		GameVersion: b.config.GameVersion,
		QueryFor:    b.config.Game,
		QueryFrom:   b.config.From,
		Challenge:   b.config.Challenge(),
		Filter:      filter,
		Fields:      fields,
		Options:     options,
		SourceIP:    query.SourceIP,
		MaxServers:  uint32(min(max(query.Limit, 0), math.MaxInt32)),
	}, nil
}

// List asks the master and yields the servers while they arrive. An error comes last; servers that came before it are
// good. Leaving the loop closes the connection.
//
// A master that answers nothing at all to the options of the query, as UniSpy does, is asked again for a plain list.
func (b *Browser) List(ctx context.Context, query Query) iter.Seq2[Server, error] {
	if b.config.Protocol == QR1 {
		return b.oldList(ctx, query)
	}
	return func(yield func(Server, error) bool) {
		full, plain := query.options(0)
		err := b.list(ctx, b.newTracker("list"), query, full, yield)
		if full != plain && errors.Is(err, errMute) && ctx.Err() == nil {
			b.config.Logger.Info("list master does not answer these options, asking for a plain list", "options", uint32(full))
			err = b.list(ctx, b.newTracker("list"), query, plain, yield)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Server{}, err)
		}
	}
}

// errStop says that the loop over the list was left.
var errStop = errors.New("stop")

func (b *Browser) list(ctx context.Context, track *tracker, query Query, options sbwire.Options, yield func(Server, error) bool) error {
	l, err := b.open(ctx, track, query, options)
	if err != nil {
		return err
	}
	defer l.close()
	defer context.AfterFunc(ctx, func() { l.conn.Close() })()
	var element, head sbwire.Element
	var namer namer
	for count := 0; ; {
		if err := l.nextOfList(ctx, &element); err != nil {
			return err
		}
		// With a wrong secret the head is nonsense. It is believed once something that makes sense has followed.
		if count == 0 && (element.Kind == sbwire.KindServer || element.Kind == sbwire.KindEnd) {
			b.learn(l, &head, query)
		}
		switch element.Kind {
		case sbwire.KindHead:
			head = element
		case sbwire.KindServer:
			if count++; !yield(namer.server(&element.Server), nil) || count == query.Limit {
				return errStop
			}
		case sbwire.KindEnd:
			return nil
		}
	}
}

// Group is a room of players in front of a game.
type Group struct {
	ID         uint32
	Name       string
	Waiting    int // players in the room
	MaxWaiting int
	Servers    int
	Players    int // on the servers
	Server     Server
}

// Groups yields the groups of the game, like List.
func (b *Browser) Groups(ctx context.Context) iter.Seq2[Group, error] {
	query := Query{Groups: true, Plain: true, Fields: []string{"hostname", "numwaiting", "maxwaiting", "numservers", "numplayers"}}
	return func(yield func(Group, error) bool) {
		for server, err := range b.List(ctx, query) {
			group := Group{ID: server.GroupID(), Name: server.Name(), Players: server.NumPlayers(), Server: server}
			group.Waiting, _ = server.Int("numwaiting")
			group.MaxWaiting, _ = server.Int("maxwaiting")
			group.Servers, _ = server.Int("numservers")
			if !yield(group, err) {
				return
			}
		}
	}
}
