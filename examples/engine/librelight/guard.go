package main

// #include "../relight.h"
import "C"

import "github.com/relight-sdk/relight/examples/engine/internal/engine"

// guard keeps a panic from crossing into C, where it would end the game. Every export that does more than
// return a constant defers it.
func guard(handle C.uint64_t, result *C.int32_t) {
	if p := recover(); p != nil {
		*result = C.int32_t(library.Panicked(engine.Handle(handle), p))
	}
}

// result is what a call returns: zero, or the code of the error, whose text is kept for relight_error_text.
func result(handle C.uint64_t, err error) C.int32_t {
	if err == nil {
		return C.RELIGHT_OK
	}
	return C.int32_t(library.Fail(engine.Handle(handle), err))
}

// opened is result for calls that give a new handle.
func opened(handle engine.Handle, err error, out *C.uint64_t) C.int32_t {
	if err != nil {
		return result(0, err)
	}
	*out = C.uint64_t(handle)
	return C.RELIGHT_OK
}

// asked is result for calls that begin a request; the caller may not care for its number.
func asked(handle C.uint64_t, request engine.Request, err error, out *C.uint64_t) C.int32_t {
	if err != nil {
		return result(handle, err)
	}
	if out != nil {
		*out = C.uint64_t(request)
	}
	return C.RELIGHT_OK
}

// finder is [engine.Find] for one kind of handle.
type finder[T any] func(*engine.Library, engine.Handle) (T, error)

// call is the body of an export that does something to a handle at once.
func call[T any](find finder[T], handle C.uint64_t, do func(T) error) C.int32_t {
	found, err := find(library, engine.Handle(handle))
	if err == nil {
		err = do(found)
	}
	return result(handle, err)
}

// ask is the body of an export that begins a request.
func ask[T any](find finder[T], handle C.uint64_t, request *C.uint64_t, do func(T) (engine.Request, error)) C.int32_t {
	found, err := find(library, engine.Handle(handle))
	if err != nil {
		return result(handle, err)
	}
	r, err := do(found)
	return asked(handle, r, err, request)
}
