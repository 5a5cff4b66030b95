package gp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/relight-sdk/relight/internal/backend"
	"github.com/relight-sdk/relight/internal/gscrypt"
	"github.com/relight-sdk/relight/internal/wire/gpwire"
	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Searcher asks the search service (GPSP). It is safe for concurrent use and holds nothing that needs closing: each
// search, and each page of its results, opens a connection of its own, as the protocol has it. Config.SearchTimeout bounds a
// search, all its pages together, and Config.SearchConnections how many connections there are at once.
//
// What can have several results is an iterator: the search begins when it is ranged over, goes on while there is more to
// ask for and somebody takes it, and an error ends the list. Config.MaxResults bounds it.
//
// Errors are an [*Error], like those of a session; what fails here does not concern any session.
type Searcher struct {
	config  Config
	key     func() SessionKey // asked for each search: a session that reconnects gets another
	profile ProfileID
	room    chan struct{} // holds a token for each connection that is open
}

// NewSearcher makes a searcher that is not logged in.
func NewSearcher(config Config) *Searcher {
	config = config.withDefaults()
	return &Searcher{config: config, key: func() SessionKey { return "" }, room: make(chan struct{}, config.SearchConnections)}
}

// Searcher makes a searcher that asks in the name of the session's profile. It works as long as the session does, also after
// a reconnect.
func (s *Session) Searcher() *Searcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	config := s.config
	config.NamespaceID, config.PartnerID = s.namespace, s.partner
	if s.searches == nil {
		s.searches = make(chan struct{}, config.SearchConnections)
	}
	return &Searcher{config: config, key: s.sessionKey, profile: s.state.ProfileID, room: s.searches}
}

func (s *Session) sessionKey() SessionKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key
}

// WithDialer makes a searcher that opens its connections with another function. Nil means a net.Dialer.
func (s *Searcher) WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Searcher {
	config := s.config
	config.DialContext = dial
	return &Searcher{config: config.withDialer(), key: s.key, profile: s.profile, room: s.room}
}

// ProfileQuery is what is known about the profiles that a search looks for. What is empty does not matter; something must
// be given.
type ProfileQuery struct {
	Nick       string
	UniqueNick string
	Email      string
	FirstName  string
	LastName   string
	ICQUIN     int64
}

// Match is a profile that a search found. Searches differ in what they tell; the rest is empty.
type Match struct {
	ProfileID   ProfileID
	Nick        string
	UniqueNick  string
	NamespaceID NamespaceID
	FirstName   string
	LastName    string
	Email       string // "[hidden]" on some servers
	Status      Status // only from PlayersOf
	StatusText  string // only from PlayersOf
}

// NickPair is one profile of an account: its nick, and its unique name if it has one.
type NickPair = gpwire.NickPair

// errNoCriterion refuses a search for everybody.
var errNoCriterion = errors.New("nothing to search for")

// pages yields the results of a search that may take several requests. ask gives those of one, after so many requests and
// results, and whether there are more to ask for. What it asks has the time that is left; what the caller does in between
// does not count.
func pages[T any](s *Searcher, op string, ask func(page *Searcher, asked, taken int) (results []T, more bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		page, taken, more := *s, 0, true
		for asked := 0; more; asked++ {
			start := time.Now()
			var results []T
			var err error
			if results, more, err = ask(&page, asked, taken); err != nil {
				yield(none, err)
				return
			}
			page.config.SearchTimeout -= time.Since(start)
			for _, result := range results {
				if taken++; taken > s.config.MaxResults {
					yield(none, &Error{Op: op, Err: ErrTooManyResults})
					return
				}
				if !yield(result, nil) {
					return
				}
			}
		}
	}
}

// Profiles yields the profiles that fit, asking again while the server has more.
func (s *Searcher) Profiles(ctx context.Context, query ProfileQuery) iter.Seq2[Match, error] {
	const op = "search"
	return func(yield func(Match, error) bool) {
		if query == (ProfileQuery{}) {
			yield(Match{}, &Error{Op: op, Err: errNoCriterion})
			return
		}
		var last []Match
		pages(s, op, func(page *Searcher, _, taken int) ([]Match, bool, error) {
			found, more, err := page.matches(ctx, op, gpwire.ListSearch, &gpwire.Search{
				SessionKey: s.key(), ProfileID: s.profile, NamespaceID: s.config.NamespaceID, PartnerID: s.config.PartnerID,
				Nick: query.Nick, UniqueNick: query.UniqueNick, Email: strings.ToLower(query.Email),
				FirstName: query.FirstName, LastName: query.LastName, ICQUIN: query.ICQUIN, Skip: taken, GameName: s.config.Game,
			})
			if err == nil && last != nil && slices.Equal(last, found) {
				err = &Error{Op: op, Err: fmt.Errorf("%w: the same page comes again and again", ErrProtocol)}
			}
			last = found
			return found, more && len(found) > 0, err
		})(yield)
	}
}

// UniqueNick yields the profiles with a unique name in some namespaces; without any, in Config.NamespaceID. More than 16
// namespaces are asked for one after the other, 16 at a time.
func (s *Searcher) UniqueNick(ctx context.Context, nick string, namespaces ...NamespaceID) iter.Seq2[Match, error] {
	const op = "search uniquenick"
	if len(namespaces) == 0 {
		namespaces = []NamespaceID{s.config.NamespaceID}
	}
	namespaces = slices.Clone(namespaces) // they are asked for later
	return pages(s, op, func(page *Searcher, asked, _ int) ([]Match, bool, error) {
		part, more := part(namespaces, asked, gpwire.MaxNamespaces)
		found, _, err := page.matches(ctx, op, gpwire.ListSearch, &gpwire.SearchUnique{
			SessionKey: s.key(), ProfileID: s.profile, UniqueNick: nick, Namespaces: part, GameName: s.config.Game,
		})
		return found, more, err
	})
}

// part is the nth part of a list that is asked for a part at a time, and whether there are more.
func part[T any](list []T, n, size int) (part []T, more bool) {
	list = list[n*size:]
	return list[:min(size, len(list))], len(list) > size
}

// ValidEmail reports whether an e-mail address belongs to an account.
func (s *Searcher) ValidEmail(ctx context.Context, email string) (bool, error) {
	const op = "check e-mail"
	reply, err := exchange(ctx, s, op, "", &gpwire.ValidEmail{
		Email: strings.ToLower(email), PartnerID: s.config.PartnerID, GameName: s.config.Game,
	}, gpwire.ParseValidReply)
	if err != nil {
		return false, err
	}
	return reply.Valid, nil
}

// Nicks yields the profiles of an account. None means that the e-mail address or the password is wrong: most servers do
// not say which; one that does gives [ErrBadPassword].
func (s *Searcher) Nicks(ctx context.Context, email, password string) iter.Seq2[NickPair, error] {
	const op = "nicks"
	return pages(s, op, func(page *Searcher, _, _ int) ([]NickPair, bool, error) {
		reply, err := exchange(ctx, page, op, gpwire.NicksMarker, &gpwire.Nicks{
			Email: strings.ToLower(email), PassEnc: gscrypt.EncodePassword(password),
			NamespaceID: s.config.NamespaceID, PartnerID: s.config.PartnerID, GameName: s.config.Game,
		}, func(body []byte) (*gpwire.NicksReply, error) {
			reply, err := gpwire.ParseNicksReply(body, s.config.MaxResults)
			if err == nil && reply.Code != 0 && len(reply.Nicks) == 0 {
				return nil, &Error{Refused: true, Code: reply.Code}
			}
			return reply, err
		})
		if err != nil {
			return nil, false, err
		}
		return reply.Nicks, false, nil
	})
}

// Check asks whether an account with this nick exists and the password is right, and returns its profile.
func (s *Searcher) Check(ctx context.Context, nick, email, password string) (ProfileID, error) {
	return s.code(ctx, "check", "cur", &gpwire.Check{
		Nick: nick, Email: strings.ToLower(email), PartnerID: s.config.PartnerID,
		PassEnc: gscrypt.EncodePassword(password), GameName: s.config.Game,
	})
}

// NewUser creates an account without logging in, and returns its profile.
func (s *Searcher) NewUser(ctx context.Context, account Account) (ProfileID, error) {
	const op = "new user"
	if len(account.Password) > gpwire.MaxPassword {
		return 0, &Error{Op: op, Err: textError(&gpwire.LimitError{Length: len(account.Password), Limit: gpwire.MaxPassword})}
	}
	return s.code(ctx, op, "nur", &gpwire.SearchNewUser{
		Nick: account.Nick, Email: account.Email, PassEnc: gscrypt.EncodePassword(account.Password),
		ProductID: s.config.ProductID, NamespaceID: s.config.NamespaceID, UniqueNick: account.UniqueNick,
		CDKey: account.CDKey, PartnerID: s.config.PartnerID, GameName: s.config.Game,
	})
}

// PlayersOf yields who plays a product. OpenSpy does not answer it.
func (s *Searcher) PlayersOf(ctx context.Context, productID ProductID) iter.Seq2[Match, error] {
	return s.list(ctx, "search players", gpwire.ListProductMatch, &gpwire.ProductMatch{
		SessionKey: s.key(), ProfileID: s.profile, ProductID: productID, GameName: s.config.Game,
	})
}

// Others yields who has the session's profile as a buddy.
func (s *Searcher) Others(ctx context.Context) iter.Seq2[Match, error] {
	return s.list(ctx, "others", gpwire.ListOthers, &gpwire.Others{
		SessionKey: s.key(), ProfileID: s.profile, NamespaceID: s.config.NamespaceID, GameName: s.config.Game,
	})
}

// profilesAtOnce is how many profiles one request asks for. The protocol has no limit, but servers read requests into
// buffers of a few KiB.
const profilesAtOnce = 100

// UniqueNicksOf yields the unique names of profiles. More than 100 are asked for one after the other, 100 at a time.
func (s *Searcher) UniqueNicksOf(ctx context.Context, profiles ...ProfileID) iter.Seq2[Match, error] {
	const op = "others list"
	profiles = slices.Clone(profiles) // they are asked for later
	return pages(s, op, func(page *Searcher, asked, _ int) ([]Match, bool, error) {
		part, more := part(profiles, asked, profilesAtOnce)
		found, _, err := page.matches(ctx, op, gpwire.ListOthersList, &gpwire.OthersList{
			SessionKey: s.key(), ProfileID: s.profile, ProfileIDs: part, NamespaceID: s.config.NamespaceID, GameName: s.config.Game,
		})
		return found, more, err
	})
}

// Suggest yields unique names like the preferred one that are free.
func (s *Searcher) Suggest(ctx context.Context, preferred string) iter.Seq2[string, error] {
	const op = "suggest uniquenick"
	return pages(s, op, func(page *Searcher, _, _ int) ([]string, bool, error) {
		reply, err := exchange(ctx, page, op, gpwire.SuggestMarker, &gpwire.SuggestUnique{
			PreferredNick: preferred, NamespaceID: s.config.NamespaceID, GameName: s.config.Game,
		}, func(body []byte) (*gpwire.SuggestReply, error) {
			return gpwire.ParseSuggestReply(body, s.config.MaxResults)
		})
		if err != nil {
			return nil, false, err
		}
		return reply.Nicks, false, nil
	})
}

// BuddiesOf yields the buddies of another profile, at most limit. An owner who hides the list gives [ErrHidden].
func (s *Searcher) BuddiesOf(ctx context.Context, profile ProfileID, limit int) iter.Seq2[ProfileID, error] {
	const op = "profile list"
	return pages(s, op, func(page *Searcher, _, _ int) ([]ProfileID, bool, error) {
		reply, err := exchange(ctx, page, op, gpwire.ProfileListMarker, &gpwire.ProfileList{
			SessionKey: s.key(), ProfileID: s.profile, Of: profile, MaxResults: limit, GameName: s.config.Game,
		}, func(body []byte) (*gpwire.ProfileListReply, error) {
			reply, err := gpwire.ParseProfileListReply(body, s.config.MaxResults)
			if err == nil && reply.Hidden {
				return nil, &Error{Err: ErrHidden}
			}
			return reply, err
		})
		if err != nil {
			return nil, false, err
		}
		return reply.ProfileIDs, false, nil
	})
}

// matches asks for one page of profiles.
func (s *Searcher) matches(ctx context.Context, op string, kind gpwire.ListKind, request gpwire.Message) (found []Match, more bool, err error) {
	list, err := exchange(ctx, s, op, kind.Marker(), request, func(body []byte) (*gpwire.MatchList, error) {
		return gpwire.ParseMatchList(kind, body, s.config.MaxResults)
	})
	if err != nil {
		return nil, false, err
	}
	found = make([]Match, len(list.Matches))
	for i, match := range list.Matches {
		found[i] = Match(match)
	}
	return found, list.More != 0, nil
}

// list is a search for profiles that has one page.
func (s *Searcher) list(ctx context.Context, op string, kind gpwire.ListKind, request gpwire.Message) iter.Seq2[Match, error] {
	return pages(s, op, func(page *Searcher, _, _ int) ([]Match, bool, error) {
		found, _, err := page.matches(ctx, op, kind, request)
		return found, false, err
	})
}

func (s *Searcher) code(ctx context.Context, op, name string, request gpwire.Message) (ProfileID, error) {
	reply, err := exchange(ctx, s, op, "", request, func(body []byte) (*gpwire.CodeReply, error) {
		reply, err := gpwire.ParseCodeReply(name, body)
		if err == nil && reply.Code != 0 {
			return nil, &Error{Refused: true, Code: reply.Code}
		}
		return reply, err
	})
	if err != nil {
		return 0, err
	}
	return reply.ProfileID, nil
}

// exchange runs one search on a connection of its own. An [*Error] of parse needs neither operation nor peer.
func exchange[T any](ctx context.Context, s *Searcher, op, marker string, request gpwire.Message, parse func([]byte) (*T, error)) (*T, error) {
	limit := fmt.Errorf("%s took longer than %v", op, s.config.SearchTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.SearchTimeout, limit)
	defer cancel()
	body, peer, err := s.roundTrip(ctx, op, marker, request)
	if err != nil {
		return nil, &Error{Op: op, Peer: peer, Err: backend.Ended(ctx, err)}
	}
	s.config.Logger.Debug("gp search reply", "peer", peer, "message", gpwire.Mask(body))
	if refusal, ok, err := gpwire.ParseSearchError(body); ok {
		if err != nil {
			return nil, &Error{Op: op, Peer: peer, Err: protocolError(err)}
		}
		return nil, refused(op, StepNone, peer, refusal)
	}
	reply, err := parse(body)
	if refusal, ok := errors.AsType[*Error](err); ok { // the reply itself says no
		refusal.Op, refusal.Peer = op, peer
		return nil, refusal
	}
	if err != nil {
		if _, many := errors.AsType[*gpwire.LimitError](err); many {
			return nil, &Error{Op: op, Peer: peer, Err: fmt.Errorf("%w: %w", ErrTooManyResults, err)}
		}
		return nil, &Error{Op: op, Peer: peer, Err: protocolError(err)}
	}
	return reply, nil
}

// roundTrip sends the request and collects the reply.
func (s *Searcher) roundTrip(ctx context.Context, op, marker string, request gpwire.Message) (body []byte, peer string, err error) {
	b, err := request.Append(nil)
	if err != nil {
		return nil, "", textError(err)
	}
	select {
	case s.room <- struct{}{}:
		defer func() { <-s.room }()
	case <-ctx.Done():
		return nil, "", fmt.Errorf("%d searches are under way: %w", cap(s.room), ctx.Err())
	}
	addrs, err := s.config.locator().Resolve(ctx, backend.GPSP, s.config.Game, s.config.SearchAddr)
	if err != nil {
		return nil, "", err
	}
	conn, addr, err := backend.Dial(ctx, s.config.DialContext, s.config.DialTimeout, addrs)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = conn.Close() }()
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !stop() {
			<-interrupted
		}
	}()
	s.config.Logger.Debug("gp search", "op", op, "peer", addr.String(), "message", gpwire.Mask(b))
	if _, err := conn.Write(b); err != nil {
		return nil, addr.String(), serverClosed(err)
	}
	body, err = s.collect(ctx, conn, marker)
	return body, addr.String(), err
}

// markerGrace is how long a reply whose list has ended may take to say \final\, which some servers leave out.
const markerGrace = 500 * time.Millisecond

// collect reads a reply: up to \final\, or the end of its list, or the close of the connection, whatever comes first
// (servers.md §6).
func (s *Searcher) collect(ctx context.Context, conn net.Conn, marker string) ([]byte, error) {
	splitter := kv.Splitter{Limit: s.config.MaxMessage}
	segment := make([]byte, 4096)
	complete := false
	for {
		n, readErr := conn.Read(segment)
		splitter.Append(segment[:n])
		for {
			body, ok, err := splitter.Next()
			if err != nil {
				return nil, protocolError(err)
			}
			if !ok {
				break
			}
			if string(kv.Command(body).Key) != "ka" {
				return body, nil
			}
		}
		pending := splitter.Pending()
		if marker != "" && !complete {
			// Only what is new can hold the marker, and what is just before it.
			whole := []byte(`\` + marker + `\`)
			complete = bytes.Contains(pending[max(0, len(pending)-n-len(whole)):], whole)
			if complete && ctx.Err() == nil {
				_ = conn.SetReadDeadline(time.Now().Add(markerGrace))
			}
		}
		if readErr == nil {
			continue
		}
		// UniSpy glues the marker to the last value and closes (servers.md §5.1.4). A list without its marker is cut, and so
		// is a reply without \final\ that is no list.
		if complete || marker != "" && errors.Is(readErr, io.EOF) && bytes.HasSuffix(pending, []byte(marker)) {
			return pending, nil
		}
		if errors.Is(readErr, os.ErrDeadlineExceeded) {
			return nil, readErr
		}
		return nil, serverClosed(readErr)
	}
}
