package gstats

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// Results collects what a snapshot of a game tells: whole numbers, numbers and texts, of the game itself, its players and its
// teams. It is the original's buckets, with the same arithmetic. It is safe for concurrent use.
//
// A result has the type that it was first set as, and names are the same whatever their case. The first operation on a result
// sets it, whatever the operation is. What cannot be done, such as to divide a whole number by zero, is left out; [Results.Err]
// tells of it.
type Results struct {
	Scope // of the game itself

	mu      sync.Mutex
	began   time.Time
	order   []*bucket
	buckets map[string]*bucket // by name in lower case
	players int
	teams   int
	err     error
}

// maxResults is how many results a game has at most: what the players of a game bring about is bounded.
const maxResults = 65536

// NewResults makes results of a game that begins now.
func NewResults() *Results {
	r := &Results{began: time.Now(), buckets: make(map[string]*bucket)}
	r.Scope = Scope{results: r}
	return r
}

// Scope is whose results they are: the game's, a player's or a team's.
type Scope struct {
	results *Results
	suffix  string
}

// PlayerResults are the results of a player.
type PlayerResults struct {
	Scope
	Index int // that the player has in the snapshot: players are numbered from 0, and a number is never used again
}

// TeamResults are the results of a team.
type TeamResults struct {
	Scope
	Index int // that the team has in the snapshot
}

// NewPlayer adds a player, whose results are told apart by _0, _1 and so on behind their names, and notes when the player came,
// in seconds since the beginning of the game. The name may be empty and be set later as the text "player".
func (r *Results) NewPlayer(name string) PlayerResults {
	r.mu.Lock()
	index := r.players
	r.players++
	r.mu.Unlock()
	p := PlayerResults{Scope{r, "_" + strconv.Itoa(index)}, index}
	p.Int("ctime").Set(r.seconds())
	p.Text("player").Set(name)
	return p
}

// NewTeam adds a team, whose results are told apart by _t0, _t1 and so on behind their names.
func (r *Results) NewTeam(name string) TeamResults {
	r.mu.Lock()
	index := r.teams
	r.teams++
	r.mu.Unlock()
	t := TeamResults{Scope{r, "_t" + strconv.Itoa(index)}, index}
	t.Int("ctime").Set(r.seconds())
	t.Text("team").Set(name)
	return t
}

// Remove notes when the player left. The results stay.
func (p PlayerResults) Remove() { p.Int("dtime").Set(p.results.seconds()) }

// Remove notes when the team was dissolved. The results stay.
func (t TeamResults) Remove() { t.Int("dtime").Set(t.results.seconds()) }

func (r *Results) seconds() int32 { return int32(time.Since(r.began) / time.Second) }

// Err is the first thing that could not be done: [ErrBucketType], [ErrDivideByZero], [ErrInvalidText] for a name that is empty
// or has a backslash or NUL, or [ErrTooManyNames].
func (r *Results) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Int is the whole number of that name.
func (s Scope) Int(name string) Int { return Int{s, name} }

// Float is the number of that name.
func (s Scope) Float(name string) Float { return Float{s, name} }

// Text is the text of that name.
func (s Scope) Text(name string) Text { return Text{s, name} }

type bucketType int

const (
	typeInt bucketType = iota
	typeFloat
	typeText
)

type bucket struct {
	name  string
	kind  bucketType
	int   int32
	float float64
	text  string
	// count is how many numbers an average is of. As in the original, the first operation counts, and a second Set does not:
	// the next number replaces what was set.
	count int32
}

// use does something with a bucket. fresh says that it was just made. The caller's function reports what could not be done.
func (s Scope) use(name string, kind bucketType, do func(b *bucket, fresh bool) error) {
	r := s.results
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.useLocked(name+s.suffix, name == "", kind, do); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *Results) useLocked(name string, empty bool, kind bucketType, do func(b *bucket, fresh bool) error) error {
	key := strings.ToLower(name)
	b := r.buckets[key]
	switch {
	case b != nil && b.kind != kind:
		return ErrBucketType
	case b != nil:
		return do(b, false)
	case empty || !kv.Valid(name) || strings.Contains(name, "\x01"):
		return ErrInvalidText
	case len(r.order) == maxResults:
		return ErrTooManyNames
	}
	b = &bucket{name: name, kind: kind, count: 1}
	r.buckets[key] = b
	r.order = append(r.order, b)
	return do(b, true)
}

// value reads a bucket, which is not made for that.
func (s Scope) value(name string, kind bucketType) (found bucket) {
	r := s.results
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.buckets[strings.ToLower(name+s.suffix)]; b != nil && b.kind == kind {
		return *b
	}
	return bucket{}
}

// Int is a result that is a whole number of 32 bits, which wraps around.
type Int struct {
	scope Scope
	name  string
}

// Value is what it is now; zero if it was not set.
func (i Int) Value() int32 { return i.scope.value(i.name, typeInt).int }

// Set sets it.
func (i Int) Set(value int32) {
	i.scope.use(i.name, typeInt, func(b *bucket, fresh bool) error {
		b.int = value
		if !fresh {
			b.count = 0
		}
		return nil
	})
}

func (i Int) change(value int32, change func(int32) int32) {
	i.scope.use(i.name, typeInt, func(b *bucket, fresh bool) error {
		if b.int = change(b.int); fresh {
			b.int = value
		}
		return nil
	})
}

// Add adds to it.
func (i Int) Add(value int32) { i.change(value, func(now int32) int32 { return now + value }) }

// Subtract subtracts from it.
func (i Int) Subtract(value int32) { i.change(value, func(now int32) int32 { return now - value }) }

// Multiply multiplies it.
func (i Int) Multiply(value int32) { i.change(value, func(now int32) int32 { return now * value }) }

// Divide divides it, without a fraction. By zero, it does nothing.
func (i Int) Divide(value int32) {
	i.scope.use(i.name, typeInt, func(b *bucket, fresh bool) error {
		switch {
		case fresh:
			b.int = value
		case value == 0:
			return ErrDivideByZero
		default:
			b.int /= value
		}
		return nil
	})
}

// Average takes one more number into an average, without fractions.
func (i Int) Average(value int32) {
	i.scope.use(i.name, typeInt, func(b *bucket, fresh bool) error {
		if fresh {
			b.int = value
			return nil
		}
		b.int = (b.int*b.count + value) / (b.count + 1)
		b.count++
		return nil
	})
}

// Float is a result that is a number. A snapshot tells six places behind the point.
type Float struct {
	scope Scope
	name  string
}

// Value is what it is now; zero if it was not set.
func (f Float) Value() float64 { return f.scope.value(f.name, typeFloat).float }

// Set sets it.
func (f Float) Set(value float64) {
	f.scope.use(f.name, typeFloat, func(b *bucket, fresh bool) error {
		b.float = value
		if !fresh {
			b.count = 0
		}
		return nil
	})
}

func (f Float) change(value float64, change func(float64) float64) {
	f.scope.use(f.name, typeFloat, func(b *bucket, fresh bool) error {
		if b.float = change(b.float); fresh {
			b.float = value
		}
		return nil
	})
}

// Add adds to it.
func (f Float) Add(value float64) { f.change(value, func(now float64) float64 { return now + value }) }

// Subtract subtracts from it.
func (f Float) Subtract(value float64) {
	f.change(value, func(now float64) float64 { return now - value })
}

// Multiply multiplies it.
func (f Float) Multiply(value float64) {
	f.change(value, func(now float64) float64 { return now * value })
}

// Divide divides it. By zero, it becomes infinite, and a snapshot tells inf.
func (f Float) Divide(value float64) {
	f.change(value, func(now float64) float64 { return now / value })
}

// Average takes one more number into an average.
func (f Float) Average(value float64) {
	f.scope.use(f.name, typeFloat, func(b *bucket, fresh bool) error {
		if fresh {
			b.float = value
			return nil
		}
		b.float = (b.float*float64(b.count) + value) / float64(b.count+1)
		b.count++
		return nil
	})
}

// Text is a result that is a text. A backslash in it becomes a slash, as in the original.
type Text struct {
	scope Scope
	name  string
}

// Value is what it is now; empty if it was not set.
func (t Text) Value() string { return t.scope.value(t.name, typeText).text }

// Set sets it.
func (t Text) Set(value string) {
	t.scope.use(t.name, typeText, func(b *bucket, _ bool) error {
		b.text = sanitize(value)
		return nil
	})
}

// Concat appends to it.
func (t Text) Concat(value string) {
	t.scope.use(t.name, typeText, func(b *bucket, _ bool) error {
		b.text += sanitize(value)
		return nil
	})
}

// sanitize makes text fit for a snapshot. The byte that stands for a backslash there would be one to the server.
func sanitize(text string) string {
	return strings.ReplaceAll(kv.Sanitize(text), "\x01", "/")
}

// String is the snapshot, as \name\value, in the order in which the results were set first.
func (r *Results) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, v := range r.order {
		b.WriteString(`\` + v.name + `\`)
		switch v.kind {
		case typeInt:
			b.WriteString(strconv.FormatInt(int64(v.int), 10))
		case typeFloat:
			b.WriteString(formatFloat(v.float))
		case typeText:
			b.WriteString(v.text)
		}
	}
	return b.String()
}

// formatFloat writes a number as C's %f does.
func formatFloat(value float64) string {
	switch {
	case math.IsNaN(value):
		return "nan"
	case math.IsInf(value, 1):
		return "inf"
	case math.IsInf(value, -1):
		return "-inf"
	}
	return strconv.FormatFloat(value, 'f', 6, 64)
}
