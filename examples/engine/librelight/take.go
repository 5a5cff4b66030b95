package main

// #include "../relight.h"
import "C"

import (
	"time"
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

// take copies a struct of the caller's, whose first field says how large it is to the caller. What a later version has
// behind that stays zero; smaller than in version 1 is an error. first is the size in version 1.
func take[T any](in *T, first uintptr) (out T, err error) {
	if in == nil {
		return out, invalid("a struct is NULL")
	}
	size := uintptr(*(*uint32)(unsafe.Pointer(in)))
	if size < first {
		return out, invalid("the size of a struct is not set, or smaller than in version 1")
	}
	size = min(size, unsafe.Sizeof(out))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out)), size), unsafe.Slice((*byte)(unsafe.Pointer(in)), size))
	return out, nil
}

func invalid(text string) error {
	return &engine.Error{Code: engine.ErrInvalid, Text: "relight: " + text}
}

// text copies a string of the caller's; NULL is empty.
func text(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

// constText is text for what the header spells relight_cstr.
func constText(s *C.relight_cstr) string { return text((*C.char)(unsafe.Pointer(s))) }

// milliseconds is a duration of the caller's.
func milliseconds[T ~int32 | ~uint32](ms T) time.Duration {
	return time.Duration(ms) * time.Millisecond
}

// options are what all configurations have.
func options(queue C.uint32_t, logLevel C.int32_t) engine.Options {
	return engine.Options{Queue: int(min(queue, 1<<30)), LogLevel: int(logLevel)}
}

// bytesOf is the caller's bytes, uncopied: whoever keeps them copies them.
func bytesOf(data *C.relight_bytes, size C.uint32_t) []byte {
	if data == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(data)), size)
}

// fieldsOf copies key/value pairs of the caller's.
func fieldsOf(fields *C.relight_field_in, count C.uint32_t) []engine.Field {
	if fields == nil {
		return nil
	}
	out := make([]engine.Field, 0, count)
	for _, field := range unsafe.Slice((*C.relight_field)(unsafe.Pointer(fields)), count) {
		out = append(out, engine.Field{Key: text(field.key), Value: text(field.value)})
	}
	return out
}

// textOut writes a text into the caller's buffer, as relight_error_text says.
func textOut(text string, buffer *C.char, capacity C.uint32_t, needed *C.uint32_t) C.int32_t {
	text = utf8Text(text)
	if needed != nil {
		*needed = C.uint32_t(len(text) + 1)
	}
	if buffer == nil || capacity == 0 {
		return C.RELIGHT_ERANGE
	}
	out := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), capacity)
	out[copy(out[:capacity-1], text)] = 0
	if len(text) >= int(capacity) {
		return C.RELIGHT_ERANGE
	}
	return C.RELIGHT_OK
}
