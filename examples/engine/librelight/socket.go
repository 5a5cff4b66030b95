package main

// #include "../relight.h"
import "C"

import (
	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_SEND-engine.EventSend],
	same[C.RELIGHT_EV_PACKET-engine.EventPacket],
}

//export relight_feed
func relight_feed(handle C.uint64_t, from *C.relight_cstr, data *C.relight_bytes, size C.uint32_t) (code C.int32_t) {
	defer guard(handle, &code)
	ours := false
	code = call(engine.Find[engine.Datagrams], handle, func(d engine.Datagrams) error {
		bytes, err := bytesOf(data, size)
		if err == nil {
			ours, err = d.Feed(bytes, constText(from))
		}
		return err
	})
	if ours {
		return C.RELIGHT_TAKEN
	}
	return code
}

//export relight_send
func relight_send(handle C.uint64_t, to *C.relight_cstr, data *C.relight_bytes, size C.uint32_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[engine.Datagrams], handle, func(d engine.Datagrams) error {
		bytes, err := bytesOf(data, size)
		if err == nil {
			err = d.Send(bytes, constText(to))
		}
		return err
	})
}

//export relight_socket_address
func relight_socket_address(handle C.uint64_t, buffer *C.char, capacity C.uint32_t, needed *C.uint32_t) (code C.int32_t) {
	defer guard(handle, &code)
	d, err := engine.Find[engine.Datagrams](library, engine.Handle(handle))
	if err != nil {
		return result(handle, err)
	}
	return textOut(d.Address(), buffer, capacity, needed)
}
