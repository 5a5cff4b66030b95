package main

// #include "../relight.h"
import "C"

import (
	"time"
	"unicode/utf8"
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

// bytesOf is the caller's bytes, uncopied: whoever keeps them copies them. Sizes are looked at here, before anybody reads
// what may not be there.
func bytesOf(data *C.relight_bytes, size C.uint32_t) ([]byte, error) {
	switch {
	case size > maxBytes:
		return nil, invalid("more than 65 535 bytes")
	case size > 0 && data == nil:
		return nil, invalid("the data is NULL")
	case size == 0:
		return nil, nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(data)), size), nil
}

// maxBytes is more than what any call sends.
const maxBytes = 65535

// maxFields is how many pairs a call takes: more than any call has keys for. Room for whatever count says would end the
// process where there is none.
const maxFields = 256

// fieldsOf copies key/value pairs of the caller's.
func fieldsOf(fields *C.relight_field_in, count C.uint32_t) ([]engine.Field, error) {
	switch {
	case count > maxFields:
		return nil, invalid("more than 256 pairs")
	case count > 0 && fields == nil:
		return nil, invalid("the pairs are NULL")
	case count == 0:
		return nil, nil
	}
	out := make([]engine.Field, 0, count)
	for _, field := range unsafe.Slice((*C.relight_field)(unsafe.Pointer(fields)), count) {
		out = append(out, engine.Field{Key: text(field.key), Value: text(field.value)})
	}
	return out, nil
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
	fits := min(uint64(capacity)-1, uint64(len(text))) // a capacity may be more than an int of 32 bits holds
	code := C.int32_t(C.RELIGHT_OK)
	if fits < uint64(len(text)) {
		code = C.RELIGHT_ERANGE
		for fits > 0 && !utf8.RuneStart(text[fits]) {
			fits-- // half a character is not UTF-8
		}
	}
	out := unsafe.Slice((*byte)(unsafe.Pointer(buffer)), fits+1)
	copy(out, text[:fits])
	out[fits] = 0
	return code
}
