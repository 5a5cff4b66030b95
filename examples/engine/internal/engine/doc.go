// Package engine is the shared library without C: handles, queues of events, requests, and a session for each subsystem
// on top of the SDK's packages. ../../librelight lets C call it, ../../relight.h says what C sees.
//
// # How it works
//
// A [Library] is a table of handles. Each handle is an object of a subsystem that embeds an [Object], which has the queue,
// the requests and the goroutines. Nothing that the engine calls waits: what takes time is a goroutine of the object, and
// its result an event. Closing a handle takes it out of the table, cancels the context of its goroutines and returns; they
// end by themselves, and Library.Shutdown can wait for them.
//
// # How a subsystem is added
//
// Presence is the example: presence.go, presenceconfig.go and presenceevents.go here, presence.go in ../../librelight, and
// the block "presence" in relight.h.
//
//  1. In the subsystem's block of relight.h: its errors and events, from its own hundred of numbers, with the table of what is
//     in the slots of each event; the configuration (size, queue, log_level first; pointers with RELIGHT_POINTER; fields so
//     ordered that 8-byte fields and pointers are at multiples of 8 and the whole is one too); a comment for each function:
//     what, units, limits, errors, which event answers.
//
//  2. Here: the same numbers as constants, a Config with [Options] in it, a type that embeds *[Object], and a function that
//     opens it:
//
//     handle, err := open(l, config.Options, presenceCode, func(o *Object) *Presence { ... })
//     presence.run(func(ctx context.Context) { ... })
//
//     open puts the object into the table; presenceCode makes codes of the SDK's errors (zero: [commonCode] decides).
//     Configurations are checked before open, so that errors of the caller are answered at once.
//
//  3. What happens becomes events: o.emit drops when the queue is full (news that the next news replaces), o.put waits for
//     room (results of which none may be lost; call it from a goroutine of the object only). o.end(err) is the last event,
//     when the object is over by itself; the engine still closes the handle.
//
//  4. What the engine asks for is a request: o.request(inOrder, f) runs f in a goroutine and emits its answer: EventDone, or
//     the event that f returns, or EventFailed. In order means one after the other, as messages have to be. f gets a context
//     that ends with Cancel and with the handle. Several results are events with the Request set, emitted or put by f, before
//     the answer.
//
//  5. All goroutines are started by run or request, which turn a panic into the object's last event. A bare go statement is
//     a panic that ends the game.
//
//  6. o.logger(config.LogLevel) is the *slog.Logger for the SDK's Config.
//
//  7. In ../../librelight: one file with the list that compares the numbers, the list of codes (named in codeTexts), and
//     thin exports, which look like each other: defer guard, take for a struct, text or constText for strings, then opened,
//     or call or ask with Find for the handle. A type with const in it has a typedef in relight.h, because cgo cannot spell it.
//
//  8. A subsystem with a UDP socket embeds a *[socket], of its own or of the engine's (SocketConfig.share): its protocols use the
//     view, and relight_feed, relight_send and relight_socket_address work for it. Events that carry datagrams are bulk: they
//     fill half of the queue at most.
//
// Tests beside this package use the standard library only. What needs C is in internal/tests/engine of the repository.
package engine
