package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

var _ = []struct{}{
	same[C.RELIGHT_CDKEY_REJECT_UNANSWERED-engine.KeysRejectUnanswered],
	same[C.RELIGHT_CDKEY_ALLOW_DUPLICATES-engine.KeysAllowDuplicates],
}

// keysConfigSize is the size of relight_cdkey_config in version 1.
const keysConfigSize = unsafe.Sizeof(C.relight_cdkey_config{})

//export relight_host_check_keys
func relight_host_check_keys(handle C.uint64_t, config *C.relight_cdkey_config_in, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	c, err := take((*C.relight_cdkey_config)(unsafe.Pointer(config)), keysConfigSize)
	if err != nil {
		return result(handle, err)
	}
	keys := engine.KeysConfig{Flags: uint32(c.flags), Domain: text(c.domain), Host: text(c.host), Addr: text(c.addr)}
	for i, product := range c.products {
		keys.Products[i] = int32(product)
	}
	return ask(engine.Find[*engine.Host], handle, request, func(o *engine.Host) (engine.Request, error) { return o.CheckKeys(keys) })
}

//export relight_host_authenticate
func relight_host_authenticate(handle C.uint64_t, product C.int32_t, ip, challenge, response *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Host], handle, request, func(o *engine.Host) (engine.Request, error) {
		return o.Authenticate(int(product), constText(ip), constText(challenge), constText(response))
	})
}

//export relight_host_player_left
func relight_host_player_left(handle C.uint64_t, player C.int64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.PlayerLeft(int64(player)) })
}

//export relight_host_prove
func relight_host_prove(handle C.uint64_t, proof C.int64_t, response *C.relight_cstr) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.Prove(int64(proof), constText(response)) })
}

//export relight_cdkey_challenge
func relight_cdkey_challenge(buffer *C.char, capacity C.uint32_t, needed *C.uint32_t) (code C.int32_t) {
	defer guard(0, &code)
	return textOut(engine.NewChallenge(), buffer, capacity, needed)
}

//export relight_cdkey_respond
func relight_cdkey_respond(key, challenge *C.relight_cstr, proof C.int32_t, buffer *C.char, capacity C.uint32_t, needed *C.uint32_t) (code C.int32_t) {
	defer guard(0, &code)
	response, err := engine.Respond(constText(key), constText(challenge), proof != 0)
	if err != nil {
		return result(0, err)
	}
	return textOut(response, buffer, capacity, needed)
}
