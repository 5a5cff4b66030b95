package engine

// EventType says what an event is about, and which of its slots mean what: the tables of relight.h. Each subsystem has a
// hundred numbers, in the order of their names in relight.h.
type EventType int32

// The events of every subsystem.
const (
	EventDone    EventType = 1
	EventFailed  EventType = 2
	EventDropped EventType = 3
	EventClosed  EventType = 4
	EventLog     EventType = 5
)

// Handle names an object towards the engine. It is never used again and stays below 2^53, so that it fits a double.
type Handle uint64

// Request names something that was asked for, until the event that answers it was taken. It is like a Handle.
type Request uint64

// Event is something that the engine is told. The slots are general; relight.h has, for each type, what is in them.
type Event struct {
	Type    EventType
	Handle  Handle // set by the queue
	Request Request
	Code    Code
	Native  int32 // the server's own number, if a server refused
	Status  int32
	Flags   uint32

	ID, Number, Total int64
	Time              int64 // milliseconds since 1970

	Text, Name, Address string
	Data                []byte
	Fields              []Field

	// final answers a request: the queue has room for it in any case, and the request's place is free once it is taken.
	final bool
	// bulk leaves half of the queue to what is more important: datagrams.
	bulk bool
}

// Field is one of the key/value pairs of an event.
type Field struct{ Key, Value string }

// weight is how much memory an event holds beyond itself.
func (e *Event) weight() int {
	n := len(e.Text) + len(e.Name) + len(e.Address) + len(e.Data)
	for _, field := range e.Fields {
		n += 32 + len(field.Key) + len(field.Value)
	}
	return n
}

// failed makes an event out of an error.
func (e *Error) event(kind EventType) Event {
	return Event{Type: kind, Code: e.Code, Native: e.Native, Text: e.Text}
}
