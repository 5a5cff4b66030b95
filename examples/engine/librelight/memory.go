package main

// #include <stdlib.h>
// #include "../relight.h"
import "C"

import (
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

// bytesOfC counts the memory that C lends to events.
var bytesOfC atomic.Int64

// counters are the places where the numbers of waiting events are. They are never freed, since the engine may look at one
// at any time, but given to another handle.
var counters struct {
	sync.Mutex
	free  []*uint32
	block unsafe.Pointer // the newest, which begins with where the one before it is: leak checkers follow that
}

// counterSize keeps counters from sharing a line of the processor's cache, so that handles do not slow one another down.
const counterSize = 64

func newCounter() *uint32 {
	counters.Lock()
	defer counters.Unlock()
	if n := len(counters.free); n > 0 {
		last := counters.free[n-1]
		counters.free = counters.free[:n-1]
		return last
	}
	block := C.calloc(16, counterSize)
	if block == nil {
		panic("no memory for counters")
	}
	*(*unsafe.Pointer)(block) = counters.block
	counters.block = block
	for i := 2; i < 16; i++ {
		counters.free = append(counters.free, (*uint32)(unsafe.Add(block, counterSize*i)))
	}
	return (*uint32)(unsafe.Add(block, counterSize))
}

func discardCounter(counter *uint32) {
	counters.Lock()
	defer counters.Unlock()
	counters.free = append(counters.free, counter)
}

const (
	eventSize = int(unsafe.Sizeof(C.relight_event{}))
	fieldSize = int(unsafe.Sizeof(C.relight_field{}))
	// keptMemory is how much a handle keeps when the events of a poll took more.
	keptMemory = 64 << 10
)

// memory is where the events of the last poll of a handle are: one block of C's. It begins with a zero byte, to which all
// empty texts point.
type memory struct {
	block unsafe.Pointer
	size  int
	used  int
	last  C.relight_event
}

func newMemory() engine.Memory { return new(memory) }

// Free gives the block back.
func (m *memory) Free() {
	C.free(m.block)
	bytesOfC.Add(-int64(m.size))
	*m = memory{}
}

// reserve makes room for the events of a poll; what the last one returned is gone.
func (m *memory) reserve(events []engine.Event) {
	need := 8
	for i := range events {
		event := &events[i]
		need += fieldSize * len(event.Fields)
		need += textSize(event.Text) + textSize(event.Name) + textSize(event.Address) + len(event.Data) + 8
		for _, field := range event.Fields {
			need += textSize(field.Key) + textSize(field.Value)
		}
	}
	if need > m.size || m.size > keptMemory && need <= keptMemory {
		size := max(need+need/2, 1024)
		m.Free()
		m.block = C.malloc(C.size_t(size))
		if m.block == nil {
			panic("no memory for events")
		}
		m.size = size
		bytesOfC.Add(int64(size))
	}
	*(*byte)(m.block) = 0
	m.used = 8
}

// textSize is how much room a text takes at most: a byte that is not UTF-8 becomes two.
func textSize(s string) int {
	if s == "" {
		return 0
	}
	return len(s) + invalidBytes(s) + 1
}

// invalidBytes counts the bytes of a text if it is not UTF-8, and is zero if it is.
func invalidBytes(s string) int {
	if utf8.ValidString(s) {
		return 0
	}
	return len(s)
}

// utf8Text is a text as UTF-8: one in another encoding is taken as Latin-1, as the games of the time have it.
func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// text copies a text into the block, with a NUL behind it.
func (m *memory) text(s string) *C.char {
	if s == "" {
		return (*C.char)(m.block)
	}
	s = utf8Text(s)
	at := unsafe.Add(m.block, m.used)
	copy(unsafe.Slice((*byte)(at), len(s)), s)
	*(*byte)(unsafe.Add(at, len(s))) = 0
	m.used += len(s) + 1
	return (*C.char)(at)
}

// event copies an event into the block, and gives what C sees of it.
func (m *memory) event(event *engine.Event) C.relight_event {
	out := C.relight_event{
		_type:   C.int32_t(event.Type),
		handle:  C.uint64_t(event.Handle),
		request: C.uint64_t(event.Request),
		code:    C.int32_t(event.Code),
		native:  C.int32_t(event.Native),
		status:  C.int32_t(event.Status),
		flags:   C.uint32_t(event.Flags),
		id:      C.int64_t(event.ID),
		number:  C.int64_t(event.Number),
		total:   C.int64_t(event.Total),
		time:    C.int64_t(event.Time),
	}
	if n := len(event.Fields); n > 0 {
		m.used = (m.used + 7) &^ 7
		out.fields = (*C.relight_field)(unsafe.Add(m.block, m.used))
		out.field_count = C.uint32_t(n)
		m.used += n * fieldSize
		for i, field := range unsafe.Slice(out.fields, n) {
			field = C.relight_field{key: m.text(event.Fields[i].Key), value: m.text(event.Fields[i].Value)}
			*(*C.relight_field)(unsafe.Add(unsafe.Pointer(out.fields), i*fieldSize)) = field
		}
	}
	out.data = m.block
	if n := len(event.Data); n > 0 {
		out.data = unsafe.Add(m.block, m.used)
		copy(unsafe.Slice((*byte)(out.data), n), event.Data)
		out.data_size = C.uint32_t(n)
		*(*byte)(unsafe.Add(out.data, n)) = 0 // for who reads it as a text
		m.used += n + 1
	}
	out.text = m.text(event.Text)
	out.name = m.text(event.Name)
	out.address = m.text(event.Address)
	return out
}

// store copies events into the block and what C sees of them to where the caller wants it, stride bytes apart.
func (m *memory) store(to unsafe.Pointer, stride int, events []engine.Event) {
	m.reserve(events)
	size := min(stride, eventSize)
	for i := range events {
		m.last = m.event(&events[i])
		m.last.size = C.uint32_t(stride)
		copy(unsafe.Slice((*byte)(unsafe.Add(to, i*stride)), size), unsafe.Slice((*byte)(unsafe.Pointer(&m.last)), size))
	}
}
