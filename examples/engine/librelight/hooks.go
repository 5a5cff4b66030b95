//go:build relighttest

package main

// #include "../relight.h"
import "C"

import "github.com/relight-sdk/relight/examples/engine/internal/engine"

// Calls that are not in relight.h and that tests declare themselves.

//export relight_test_panic
func relight_test_panic(handle C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	var nothing *engine.Event
	return C.int32_t(nothing.Code)
}

//export relight_test_panic_soon
func relight_test_panic_soon(handle C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	o, err := library.Any(engine.Handle(handle))
	if err == nil {
		o.PanicSoon()
	}
	return result(handle, err)
}

// Emits events of type 1000 with every slot filled.
//
//export relight_test_flood
func relight_test_flood(handle C.uint64_t, count C.int64_t) (code C.int32_t) {
	defer guard(handle, &code)
	o, err := library.Any(engine.Handle(handle))
	if err == nil {
		o.Flood(int64(count), engine.Event{
			Type: 1000, Request: 5, Code: -15, Native: 260, Status: -3, Flags: 1 << 31, ID: -1 << 62, Total: 1 << 52, Time: 1234,
			Text: "text", Name: "caf\xe9", Address: "192.0.2.1:6500", Data: []byte{0, 1, 255},
			Fields: []engine.Field{{Key: "hostname", Value: "日本"}, {Key: "numplayers", Value: "12"}},
		})
	}
	return result(handle, err)
}

// Panics where nobody recovers, which ends the process.
//
//export relight_test_crash
func relight_test_crash() {
	go func() { panic("for the crash log") }()
	select {}
}
