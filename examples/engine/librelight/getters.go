package main

// #include <stdlib.h>
// #include "../relight.h"
import "C"

import (
	"strconv"
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

//export relight_ev_next
func relight_ev_next(handle C.double) (kind C.double) {
	var code C.int32_t
	h := C.uint64_t(handle)
	defer func() {
		if code != 0 {
			kind = C.double(code)
		}
	}()
	defer guard(h, &code)
	o, events, err := library.Take(engine.Handle(h), 1)
	if err != nil {
		return C.double(result(h, err))
	}
	if len(events) == 0 {
		return 0
	}
	defer o.Release()
	m := o.Memory.(*memory)
	m.reserve(events)
	m.last = m.event(&events[0])
	return C.double(m.last._type)
}

//export relight_ev_num
func relight_ev_num(handle C.double, key *C.relight_cstr) (number C.double) {
	var code C.int32_t
	h := C.uint64_t(handle)
	defer guard(h, &code)
	o, err := library.Hold(engine.Handle(h))
	if err != nil {
		result(h, err)
		return 0
	}
	defer o.Release()
	m := o.Memory.(*memory)
	ev := &m.last
	switch name := constText(key); name {
	case "type":
		return C.double(ev._type)
	case "handle":
		return C.double(ev.handle)
	case "request":
		return C.double(ev.request)
	case "code":
		return C.double(ev.code)
	case "native":
		return C.double(ev.native)
	case "status":
		return C.double(ev.status)
	case "flags":
		return C.double(ev.flags)
	case "id":
		return C.double(ev.id)
	case "number":
		return C.double(ev.number)
	case "total":
		return C.double(ev.total)
	case "time":
		return C.double(ev.time)
	case "data_size":
		return C.double(ev.data_size)
	case "field_count":
		return C.double(ev.field_count)
	default:
		parsed, err := strconv.ParseFloat(text(m.find(name)), 64)
		if err != nil {
			return 0
		}
		return C.double(parsed)
	}
}

//export relight_ev_str
func relight_ev_str(handle C.double, key *C.relight_cstr) (s *C.relight_cstr) {
	var code C.int32_t
	h := C.uint64_t(handle)
	s = noText()
	defer guard(h, &code)
	o, err := library.Hold(engine.Handle(h))
	if err != nil {
		result(h, err)
		return noText()
	}
	defer o.Release()
	if found := o.Memory.(*memory).find(constText(key)); found != nil {
		return (*C.relight_cstr)(unsafe.Pointer(found))
	}
	return noText()
}

// find gives a text of the last event by name; nil if it has none.
func (m *memory) find(name string) *C.char {
	switch name {
	case "text":
		return m.last.text
	case "name":
		return m.last.name
	case "address":
		return m.last.address
	case "data":
		return (*C.char)(m.last.data) // with a NUL behind it
	}
	for _, field := range unsafe.Slice(m.last.fields, m.last.field_count) {
		if text(field.key) == name {
			return field.value
		}
	}
	return nil
}
