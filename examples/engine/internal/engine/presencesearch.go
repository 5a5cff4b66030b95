package engine

import (
	"context"
	"iter"
	"strconv"

	"github.com/relight-sdk/relight/gp"
)

// Search is a kind of search.
type Search int32

// The searches.
const (
	SearchProfiles   Search = 0
	SearchUniqueNick Search = 1
	SearchNicks      Search = 2
	SearchCheck      Search = 3
	SearchEmail      Search = 4
	SearchSuggest    Search = 5
	SearchPlayers    Search = 6
	SearchOthers     Search = 7
)

// PresenceQuery is what relight_presence_query says.
type PresenceQuery struct {
	Kind                                                   Search
	ProductID                                              int32
	ICQUIN                                                 int64
	Nick, UniqueNick, Email, Password, FirstName, LastName string
}

// Search looks for players.
func (p *Presence) Search(query PresenceQuery) (Request, error) {
	searcher := p.searcher
	if session := p.session.Load(); session != nil {
		searcher = session.Searcher()
	}
	switch query.Kind {
	case SearchProfiles:
		return p.matches(func(ctx context.Context) iter.Seq2[gp.Match, error] {
			return searcher.Profiles(ctx, gp.ProfileQuery{
				Nick: query.Nick, UniqueNick: query.UniqueNick, Email: query.Email,
				FirstName: query.FirstName, LastName: query.LastName, ICQUIN: query.ICQUIN,
			})
		})
	case SearchUniqueNick:
		return p.matches(func(ctx context.Context) iter.Seq2[gp.Match, error] {
			return searcher.UniqueNick(ctx, query.UniqueNick)
		})
	case SearchPlayers:
		return p.matches(func(ctx context.Context) iter.Seq2[gp.Match, error] {
			return searcher.PlayersOf(ctx, gp.ProductID(query.ProductID))
		})
	case SearchOthers:
		if p.session.Load() == nil {
			return 0, errorf(ErrState, "relight: who has this player as a buddy is told only after RELIGHT_EV_PRESENCE_READY")
		}
		return p.matches(searcher.Others)
	case SearchNicks:
		return results(p, func(ctx context.Context) iter.Seq2[gp.NickPair, error] {
			return searcher.Nicks(ctx, query.Email, query.Password)
		},
			func(pair gp.NickPair) Event {
				return matchEvent(gp.Match{Nick: pair.Nick, UniqueNick: pair.UniqueNick})
			})
	case SearchSuggest:
		return results(p, func(ctx context.Context) iter.Seq2[string, error] { return searcher.Suggest(ctx, query.UniqueNick) },
			func(name string) Event { return matchEvent(gp.Match{UniqueNick: name}) })
	case SearchCheck:
		return p.request(false, func(ctx context.Context, _ Request) (Event, error) {
			id, err := searcher.Check(ctx, query.Nick, query.Email, query.Password)
			return Event{ID: int64(id)}, err
		})
	case SearchEmail:
		return p.request(false, func(ctx context.Context, _ Request) (Event, error) {
			valid, err := searcher.ValidEmail(ctx, query.Email)
			if valid {
				return Event{Number: 1}, err
			}
			return Event{}, err
		})
	}
	return 0, errorf(ErrInvalid, "relight: there is no search of kind %d", query.Kind)
}

func (p *Presence) matches(search func(context.Context) iter.Seq2[gp.Match, error]) (Request, error) {
	return results(p, search, matchEvent)
}

// results begins a request that tells each result, waiting for the engine to take them.
func results[T any](p *Presence, search func(context.Context) iter.Seq2[T, error], tell func(T) Event) (Request, error) {
	return p.request(false, func(ctx context.Context, request Request) (Event, error) {
		var count int64
		for found, err := range search(ctx) {
			if err != nil {
				return Event{}, err
			}
			event := tell(found)
			event.Request = request
			if !p.put(ctx, event) {
				return Event{}, context.Cause(ctx)
			}
			count++
		}
		return Event{Number: count}, nil
	})
}

func matchEvent(m gp.Match) Event {
	var fields fieldList
	fields.add("nick", m.Nick)
	fields.add("uniquenick", m.UniqueNick)
	if m.NamespaceID > 0 {
		fields.add("namespace", strconv.Itoa(int(m.NamespaceID)))
	}
	fields.add("firstname", m.FirstName)
	fields.add("lastname", m.LastName)
	fields.add("email", m.Email)
	name := m.UniqueNick
	if name == "" {
		name = m.Nick
	}
	return Event{Type: EventPresenceMatch, ID: int64(m.ProfileID), Name: name, Status: int32(m.Status), Text: m.StatusText, Fields: fields}
}
