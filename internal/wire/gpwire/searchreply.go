package gpwire

import (
	"bytes"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Match is one profile that a search found. Kinds of searches fill in different fields.
type Match struct {
	ProfileID   ProfileID
	Nick        string
	UniqueNick  string
	NamespaceID NamespaceID
	FirstName   string
	LastName    string
	Email       string
	Status      Status // of ProductMatch
	StatusText  string // of ProductMatch
}

// MatchList is the reply to a search that finds profiles: Search and SearchUnique (\bsr\), ProductMatch (\psr\), Others
// and OthersList.
type MatchList struct {
	Kind    ListKind
	Matches []Match
	More    int // more matches exist; Search only
}

// The keys that end the lists that are no [MatchList].
const (
	NicksMarker       = "ndone"
	SuggestMarker     = "usdone"
	ProfileListMarker = "pldone"
)

// ListKind is how a list of matches is written.
type ListKind struct {
	command string // of a list that has one of its own
	item    string // starts an entry
	marker  string // ends the list
}

// The kinds of lists (spec gp.md §8).
var (
	ListSearch       = ListKind{item: "bsr", marker: "bsrdone"}
	ListProductMatch = ListKind{item: "psr", marker: "psrdone"}
	ListOthers       = ListKind{command: "others", item: "o", marker: "odone"}
	ListOthersList   = ListKind{command: "otherslist", item: "o", marker: "oldone"}
)

// Marker is the key that ends the list: some servers send no \final\ behind it.
func (k ListKind) Marker() string { return k.marker }

// Append writes the reply with its \final\.
func (l *MatchList) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	if l.Kind.command != "" {
		m.Pair(l.Kind.command, "")
	}
	for i := range l.Matches {
		match := &l.Matches[i]
		m.Int(l.Kind.item, int64(match.ProfileID))
		switch l.Kind {
		case ListSearch:
			m.Pair("nick", match.Nick)
			m.Pair("uniquenick", match.UniqueNick)
			m.Int("namespaceid", int64(match.NamespaceID))
			m.Pair("firstname", match.FirstName)
			m.Pair("lastname", match.LastName)
			m.Pair("email", match.Email)
		case ListProductMatch:
			m.Pair("status", match.StatusText)
			m.Pair("nick", match.Nick)
			m.Int("statuscode", int64(match.Status))
		case ListOthers:
			m.Pair("nick", match.Nick)
			m.Pair("uniquenick", match.UniqueNick)
			m.Pair("first", match.FirstName)
			m.Pair("last", match.LastName)
			m.Pair("email", match.Email)
		case ListOthersList:
			m.Pair("uniquenick", match.UniqueNick)
		}
	}
	m.Pair(l.Kind.marker, "")
	if l.Kind == ListSearch {
		m.Int("more", int64(l.More))
	}
	return m.Final()
}

// ParseMatchList reads a reply of one kind, with or without its marker, at most limit matches of it. Keys that are not
// known are skipped.
func ParseMatchList(kind ListKind, body []byte, limit int) (*MatchList, error) {
	list := &MatchList{Kind: kind}
	fail := func(key string, err error) (*MatchList, error) {
		return nil, &FieldError{Message: kind.name(), Field: key, Err: err}
	}
	started, done := kind.command == "", false
	for key, value := range kv.All(body) {
		name := string(key)
		switch {
		case !started:
			if name != kind.command {
				return fail(name, ErrMalformed)
			}
			started = true
			continue
		case done:
			if name == "more" && kind == ListSearch {
				var err error
				if list.More, err = parseNumber[int](value); err != nil {
					return fail(name, err)
				}
			}
			continue
		case name == kind.marker:
			done = true
			continue
		case name == kind.item:
			if len(list.Matches) >= limit {
				return fail(name, &LimitError{Length: limit + 1, Limit: limit})
			}
			id, err := parseNumber[ProfileID](value)
			if err != nil {
				return fail(name, err)
			}
			list.Matches = append(list.Matches, Match{ProfileID: id})
			continue
		case len(list.Matches) == 0:
			return fail(name, ErrMalformed) // something before the first entry: not this kind of reply
		}
		if err := list.Matches[len(list.Matches)-1].set(name, value); err != nil {
			return fail(name, err)
		}
	}
	if !started {
		return fail(kind.command, ErrMissing)
	}
	if !done && len(list.Matches) > 0 {
		last := &list.Matches[len(list.Matches)-1]
		last.UniqueNick, _ = trimMarker(last.UniqueNick, kind.marker)
	}
	if !done && len(list.Matches) == 0 {
		return fail(kind.marker, ErrMissing)
	}
	return list, nil
}

func (k ListKind) name() string {
	if k.command != "" {
		return k.command
	}
	return k.item
}

func (m *Match) set(key string, value []byte) (err error) {
	switch key {
	case "nick":
		m.Nick = string(value)
	case "uniquenick":
		m.UniqueNick = string(value)
	case "namespaceid":
		m.NamespaceID, err = parseNumber[NamespaceID](value)
	case "firstname", "first":
		m.FirstName = string(value)
	case "lastname", "last":
		m.LastName = string(value)
	case "email":
		m.Email = string(value)
	case "status":
		m.StatusText = string(value)
	case "statuscode":
		m.Status, err = parseNumber[Status](value)
	}
	return err
}

// ValidReply is the reply to [ValidEmail]: \vr\.
type ValidReply struct {
	Valid bool
}

// Append writes the reply with its \final\.
func (r *ValidReply) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	if r.Valid {
		m.Pair("vr", "1")
	} else {
		m.Pair("vr", "0")
	}
	return m.Final()
}

// ParseValidReply reads the reply to [ValidEmail]. Anything that does not start with 0 is valid.
func ParseValidReply(body []byte) (*ValidReply, error) {
	value, ok := kv.Get(body, "vr")
	if !ok {
		return nil, &FieldError{Message: "vr", Field: "vr", Err: ErrMissing}
	}
	return &ValidReply{Valid: !bytes.HasPrefix(value, []byte("0"))}, nil
}

// NickPair is one profile of an account.
type NickPair struct {
	Nick       string
	UniqueNick string
}

// NicksReply is the reply to [Nicks]: \nr\. Code is 0, or an error's, as OpenSpy and kr4uzi have it.
type NicksReply struct {
	Code  ErrorCode
	Nicks []NickPair
}

// Append writes the reply with its \final\.
func (r *NicksReply) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	m.Int("nr", int64(r.Code))
	for _, nick := range r.Nicks {
		m.Pair("nick", nick.Nick)
		m.Pair("uniquenick", nick.UniqueNick)
	}
	m.Pair("ndone", "")
	return m.Final()
}

// ParseNicksReply reads the reply to [Nicks], at most limit nicks of it.
func ParseNicksReply(body []byte, limit int) (*NicksReply, error) {
	fail := func(key string, err error) (*NicksReply, error) {
		return nil, &FieldError{Message: "nr", Field: key, Err: err}
	}
	reply := &NicksReply{}
	started := false
	for key, value := range kv.All(body) {
		switch name := string(key); {
		case !started:
			if name != "nr" {
				return fail(name, ErrMalformed)
			}
			started = true
			// The SDK does not look at the number, and servers put a count or anything else there: only what is an error
			// code counts.
			if n, err := parseNumber[ErrorCode](value); err == nil && n.Class() == ErrorLogin {
				reply.Code = n
			}
		case name == "ndone":
			return reply, nil
		case name == "nick":
			if len(reply.Nicks) >= limit {
				return fail(name, &LimitError{Length: limit + 1, Limit: limit})
			}
			reply.Nicks = append(reply.Nicks, NickPair{Nick: string(value)})
		case name == "uniquenick" && len(reply.Nicks) > 0:
			reply.Nicks[len(reply.Nicks)-1].UniqueNick = string(value)
		}
	}
	if !started {
		return fail("nr", ErrMissing)
	}
	return reply, nil
}

// CodeReply is the reply to [Check] (\cur\) and to [SearchNewUser] (\nur\).
type CodeReply struct {
	Name      string // "cur" or "nur"
	Code      ErrorCode
	ProfileID ProfileID // 0 if missing
}

// Append writes the reply with its \final\.
func (r *CodeReply) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	m.Int(r.Name, int64(r.Code))
	if r.ProfileID != 0 {
		m.Int("pid", int64(r.ProfileID))
	}
	return m.Final()
}

// ParseCodeReply reads the reply called name.
func ParseCodeReply(name string, body []byte) (*CodeReply, error) {
	fail := func(key string, err error) (*CodeReply, error) {
		return nil, &FieldError{Message: name, Field: key, Err: err}
	}
	reply := &CodeReply{Name: name}
	value, ok := kv.Get(body, name)
	if !ok {
		return fail(name, ErrMissing)
	}
	var err error
	if reply.Code, err = parseNumber[ErrorCode](value); err != nil || len(value) == 0 {
		return fail(name, ErrNotNumber)
	}
	if value, ok = kv.Get(body, "pid"); !ok && reply.Code == 0 {
		return fail("pid", ErrMissing)
	}
	if reply.ProfileID, err = parseNumber[ProfileID](value); err != nil {
		return fail("pid", err)
	}
	return reply, nil
}

// SuggestReply is the reply to [SuggestUnique]: \us\.
type SuggestReply struct {
	Nicks []string
}

// Append writes the reply with its \final\.
func (r *SuggestReply) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	m.Int("us", int64(len(r.Nicks)))
	for _, nick := range r.Nicks {
		m.Pair("nick", nick)
	}
	m.Pair("usdone", "")
	return m.Final()
}

// ParseSuggestReply reads the reply to [SuggestUnique], at most limit nicks of it. The count is not relied on.
func ParseSuggestReply(body []byte, limit int) (*SuggestReply, error) {
	fail := func(key string, err error) (*SuggestReply, error) {
		return nil, &FieldError{Message: "us", Field: key, Err: err}
	}
	reply := &SuggestReply{}
	started := false
	for key, value := range kv.All(body) {
		switch name := string(key); {
		case !started:
			if name != "us" {
				return fail(name, ErrMalformed)
			}
			started = true
		case name == "usdone":
			return reply, nil
		case name == "nick":
			if len(reply.Nicks) >= limit {
				return fail(name, &LimitError{Length: limit + 1, Limit: limit})
			}
			reply.Nicks = append(reply.Nicks, string(value))
		}
	}
	if !started {
		return fail("us", ErrMissing)
	}
	return reply, nil
}

// ProfileListReply is the reply to [ProfileList].
type ProfileListReply struct {
	Hidden     bool // the owner does not show the list
	ProfileIDs []ProfileID
}

// Append writes the reply with its \final\.
func (r *ProfileListReply) Append(b []byte) ([]byte, error) {
	m := kv.Build(b)
	m.Pair("profilelist", "")
	if r.Hidden {
		m.Pair("hidden", "1")
	} else {
		m.Int("count", int64(len(r.ProfileIDs)))
		for _, id := range r.ProfileIDs {
			m.Int("o", int64(id))
		}
	}
	m.Pair("pldone", "")
	return m.Final()
}

// ParseProfileListReply reads the reply to [ProfileList], at most limit profiles of it.
func ParseProfileListReply(body []byte, limit int) (*ProfileListReply, error) {
	fail := func(key string, err error) (*ProfileListReply, error) {
		return nil, &FieldError{Message: "profilelist", Field: key, Err: err}
	}
	reply := &ProfileListReply{}
	started := false
	for key, value := range kv.All(body) {
		switch name := string(key); {
		case !started:
			if name != "profilelist" {
				return fail(name, ErrMalformed)
			}
			started = true
		case name == "pldone":
			return reply, nil
		case name == "hidden":
			reply.Hidden = true
		case name == "o":
			if len(reply.ProfileIDs) >= limit {
				return fail(name, &LimitError{Length: limit + 1, Limit: limit})
			}
			id, err := parseNumber[ProfileID](value)
			if err != nil {
				return fail(name, err)
			}
			reply.ProfileIDs = append(reply.ProfileIDs, id)
		}
	}
	if !started {
		return fail("profilelist", ErrMissing)
	}
	return reply, nil
}
