//go:build relighttest

package engine

import "context"

// What tests in C need to bring about. It is not in a library that is built for a game.

// PanicSoon panics in a goroutine of the object.
func (o *Object) PanicSoon() {
	o.run(func(context.Context) { panic("on purpose") })
}

// Flood emits events with numbers from 1.
func (o *Object) Flood(count int64, event Event) {
	for i := range count {
		event.Number = i + 1
		o.emit(event)
	}
}
