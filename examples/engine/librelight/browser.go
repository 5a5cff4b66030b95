package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
	"github.com/relight-sdk/relight/sb"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_BROWSER_SERVER-engine.EventBrowserServer],
	same[C.RELIGHT_EV_BROWSER_REMOVED-engine.EventBrowserRemoved],
	same[C.RELIGHT_EV_BROWSER_STATE-engine.EventBrowserState],
	same[C.RELIGHT_EV_BROWSER_LISTED-engine.EventBrowserListed],
	same[C.RELIGHT_EV_BROWSER_PLAYER-engine.EventBrowserPlayer],
	same[C.RELIGHT_EV_BROWSER_TEAM-engine.EventBrowserTeam],
	same[C.RELIGHT_EV_BROWSER_INFO-engine.EventBrowserInfo],
	same[C.RELIGHT_EV_BROWSER_GROUP-engine.EventBrowserGroup],
	same[C.RELIGHT_EV_BROWSER_CONNECTED-engine.EventBrowserConnected],
	same[C.RELIGHT_EV_BROWSER_REPORT-engine.EventBrowserReport],
	same[C.RELIGHT_BROWSER_LAN-engine.BrowserLAN],
	same[C.RELIGHT_BROWSER_OLD_GAME-engine.BrowserOldGame],
	same[C.RELIGHT_BROWSER_NO_LIST-engine.BrowserNoList],
	same[C.RELIGHT_SERVER_DIRECT-engine.ServerDirect],
	same[C.RELIGHT_SERVER_NATNEG-engine.ServerNatNeg],
	same[C.RELIGHT_SERVER_HIDDEN-engine.ServerHidden],
	same[C.RELIGHT_PATH_LAN-sb.PathLAN],
	same[C.RELIGHT_PATH_DIRECT-sb.PathDirect],
	same[C.RELIGHT_PATH_NATNEG-sb.PathNatNeg],
}

var browserCodes = codes{
	C.RELIGHT_EINCOMPLETE:  [1]string{"RELIGHT_EINCOMPLETE"}[C.RELIGHT_EINCOMPLETE-engine.ErrIncomplete],
	C.RELIGHT_ENODATA:      [1]string{"RELIGHT_ENODATA"}[C.RELIGHT_ENODATA-engine.ErrNoData],
	C.RELIGHT_EHIDDEN:      [1]string{"RELIGHT_EHIDDEN"}[C.RELIGHT_EHIDDEN-engine.ErrHidden],
	C.RELIGHT_EUNREACHABLE: [1]string{"RELIGHT_EUNREACHABLE"}[C.RELIGHT_EUNREACHABLE-engine.ErrUnreachable],
}

// browserConfigSize is the size of relight_browser_config in version 1.
const browserConfigSize = unsafe.Sizeof(C.relight_browser_config{})

//export relight_browser_open
func relight_browser_open(config *C.relight_browser_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	if handle == nil {
		return result(0, invalid("there is no place for the handle"))
	}
	c, err := take((*C.relight_browser_config)(unsafe.Pointer(config)), browserConfigSize)
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewBrowser(engine.BrowserConfig{
		Options: options(c.queue, c.log_level),
		Flags:   uint32(c.flags),
		Ask:     milliseconds(c.ask_every_ms), Relist: milliseconds(c.relist_every_ms), Retry: milliseconds(c.retry_after_ms),
		FirstPort: uint32(c.first_port), LastPort: uint32(c.last_port),
		Game: text(c.game), From: text(c.from), Secret: text(c.secret), Domain: text(c.domain), Host: text(c.host), Addr: text(c.addr),
		Filter: text(c.filter), Fields: text(c.fields), Broadcast: text(c.broadcast), NatNegHost: text(c.natneg_host),
		NatNegServers:  [3]string{text(c.natneg1), text(c.natneg2), text(c.natneg3)},
		ConnectTimeout: milliseconds(c.connect_timeout_ms), ReplyTimeout: milliseconds(c.reply_timeout_ms), NatNegMax: milliseconds(c.natneg_timeout_ms),
		QueryTimeout: milliseconds(c.query_timeout_ms), QueryAttempts: int(min(c.query_attempts, 8)),
	})
	return opened(h, err, handle)
}

func browser(handle C.uint64_t) (*engine.Browser, error) {
	return engine.Find[*engine.Browser](library, engine.Handle(handle))
}

//export relight_browser_refresh
func relight_browser_refresh(handle C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err == nil {
		b.Refresh()
	}
	return result(handle, err)
}

//export relight_browser_focus
func relight_browser_focus(handle C.uint64_t, address *C.relight_cstr) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err == nil {
		err = b.Focus(constText(address))
	}
	return result(handle, err)
}

//export relight_browser_query
func relight_browser_query(handle C.uint64_t, address *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err != nil {
		return result(handle, err)
	}
	r, err := b.Query(constText(address))
	return asked(handle, r, err, request)
}

//export relight_browser_info
func relight_browser_info(handle C.uint64_t, address *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err != nil {
		return result(handle, err)
	}
	r, err := b.Info(constText(address))
	return asked(handle, r, err, request)
}

//export relight_browser_message
func relight_browser_message(handle C.uint64_t, address *C.relight_cstr, data *C.relight_bytes, size C.uint32_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err != nil {
		return result(handle, err)
	}
	bytes, err := bytesOf(data, size)
	if err != nil {
		return result(handle, err)
	}
	r, err := b.Message(constText(address), bytes)
	return asked(handle, r, err, request)
}

//export relight_browser_groups
func relight_browser_groups(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err != nil {
		return result(handle, err)
	}
	r, err := b.Groups()
	return asked(handle, r, err, request)
}

//export relight_browser_connect
func relight_browser_connect(handle C.uint64_t, address *C.relight_cstr, socket C.uint64_t, own, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err != nil {
		return result(handle, err)
	}
	if socket == 0 && own == nil {
		return result(handle, invalid("there is no place for the handle of the socket"))
	}
	h, r, err := b.Connect(constText(address), engine.Handle(socket))
	if err == nil && own != nil {
		*own = C.uint64_t(h)
	}
	return asked(handle, r, err, request)
}

//export relight_browser_diagnose
func relight_browser_diagnose(handle C.uint64_t, filter *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	b, err := browser(handle)
	if err != nil {
		return result(handle, err)
	}
	r, err := b.Diagnose(constText(filter))
	return asked(handle, r, err, request)
}
