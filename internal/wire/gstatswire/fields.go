package gstatswire

import (
	"strconv"

	"github.com/relight-sdk/relight/internal/wire/kv"
)

// fields reads the pairs of a message; those in front of the data, if it has any.
type fields struct {
	command string
	pairs   []byte
}

func (f fields) text(key string) string {
	value, _ := kv.Get(f.pairs, key)
	return string(value)
}

func (f fields) has(key string) bool {
	_, ok := kv.Get(f.pairs, key)
	return ok
}

func (f fields) number(key string) (int64, error) {
	value, ok := kv.Get(f.pairs, key)
	if !ok {
		return 0, &FieldError{Message: f.command, Field: key, Err: ErrMissing}
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0, &FieldError{Message: f.command, Field: key, Err: ErrNotNumber}
	}
	return n, nil
}

// int32 reads a number that both sides keep in 32 bits; a larger unsigned one is the same bits.
func (f fields) int32(key string) (int32, error) {
	n, err := f.number(key)
	if err == nil && (n < -1<<31 || n > 1<<32-1) {
		err = &FieldError{Message: f.command, Field: key, Err: ErrNotNumber}
	}
	if err != nil {
		return 0, err
	}
	return int32(uint32(n)), nil
}

// optional is int32 with 0 for what is missing.
func (f fields) optional(key string) (int32, error) {
	if !f.has(key) {
		return 0, nil
	}
	return f.int32(key)
}

// reader reads fields until the first mistake.
type reader struct {
	fields
	err error
}

func (r *reader) int32(key string) int32 {
	n, err := r.fields.int32(key)
	r.keep(err)
	return n
}

func (r *reader) optional(key string) int32 {
	n, err := r.fields.optional(key)
	r.keep(err)
	return n
}

// needed reads a text that may be empty but not missing.
func (r *reader) needed(key string) string {
	if !r.has(key) {
		r.keep(&FieldError{Message: r.command, Field: key, Err: ErrMissing})
	}
	return r.text(key)
}

// connection reads the number of a connection. dwc sends ten random digits; the original keeps the lower bits of what is too
// large.
func (r *reader) connection() int32 {
	n, err := r.number(sessionAlone)
	r.keep(err)
	return int32(uint32(n))
}

func (r *reader) time(key string) int64 {
	if !r.has(key) {
		return 0
	}
	n, err := r.number(key)
	r.keep(err)
	return n
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}
