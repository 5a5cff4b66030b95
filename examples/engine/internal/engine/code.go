package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Code is what a call or an event says about its success. Zero is success, errors are negative, and numbers are never
// used again: -1 to -99 belong to every subsystem, the rest to one each, like the numbers of events.
type Code int32

// The codes of every subsystem; relight.h explains them.
const (
	OK             Code = 0
	ErrInvalid     Code = -1
	ErrHandle      Code = -2
	ErrKind        Code = -3
	ErrRange       Code = -4
	ErrPanic       Code = -5
	ErrUnsupported Code = -6
	ErrState       Code = -7
	ErrFull        Code = -8
	ErrCanceled    Code = -9
	ErrTimeout     Code = -10
	ErrNetwork     Code = -11
	ErrProtocol    Code = -12
	ErrRefused     Code = -13
	ErrEnded       Code = -14
	ErrFailed      Code = -15
)

// Error is a call that failed. Native is the server's own number, if a server refused.
type Error struct {
	Code   Code
	Native int32
	Text   string
}

func (e *Error) Error() string { return e.Text }

// errorf makes an error with a code.
func errorf(code Code, format string, arguments ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, arguments...)}
}

// A classifier knows the errors of one package of the SDK. It returns zero for those that it does not know.
type classifier func(error) (code Code, native int32)

// describe makes an error of the interface out of one of the SDK.
func describe(err error, classify classifier) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if classify != nil {
		if code, native := classify(err); code != OK {
			return &Error{Code: code, Native: native, Text: err.Error()}
		}
	}
	return &Error{Code: commonCode(err), Text: err.Error()}
}

func commonCode(err error) Code {
	if errors.Is(err, context.Canceled) {
		return ErrCanceled
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return ErrTimeout
	}
	if errors.Is(err, net.ErrClosed) {
		return ErrEnded
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return ErrNetwork
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return ErrNetwork
	}
	return ErrFailed
}
