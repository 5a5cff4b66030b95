package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
	"github.com/relight-sdk/relight/natneg"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_NATNEG_STEP-engine.EventNatNegStep],
	same[C.RELIGHT_EV_NATNEG_CONNECTED-engine.EventNatNegConnected],
	same[C.RELIGHT_EV_NATNEG_NAT-engine.EventNatNegNAT],
	same[C.RELIGHT_EV_NATNEG_REPORT-engine.EventNatNegReport],
	same[C.RELIGHT_NATNEG_ENGINE_SOCKET-engine.NatNegEngineSocket],
	same[C.RELIGHT_NATNEG_FAIL_FAST-engine.NatNegFailFast],
	same[C.RELIGHT_NATNEG_ANY_SOURCE-engine.NatNegAnySource],
	same[C.RELIGHT_NATNEG_GUEST-natneg.Guest],
	same[C.RELIGHT_NATNEG_HOST-natneg.Host],
	same[C.RELIGHT_NATNEG_STEP_SETUP-natneg.StepSetup],
	same[C.RELIGHT_NATNEG_STEP_RESOLVE-natneg.StepResolve],
	same[C.RELIGHT_NATNEG_STEP_INIT-natneg.StepInit],
	same[C.RELIGHT_NATNEG_STEP_WAIT-natneg.StepWait],
	same[C.RELIGHT_NATNEG_STEP_PING-natneg.StepPing],
	same[C.RELIGHT_NATNEG_STEP_CONNECTED-natneg.StepConnected],
	same[C.RELIGHT_NATNEG_STEP_KEPT-natneg.StepKept],
	same[C.RELIGHT_NATNEG_STEP_DONE-natneg.StepDone],
	same[C.RELIGHT_NATNEG_STEP_FAILED-natneg.StepFailed],
	same[C.RELIGHT_NAT_NONE-natneg.NATNone],
	same[C.RELIGHT_NAT_FIREWALL_ONLY-natneg.NATFirewallOnly],
	same[C.RELIGHT_NAT_FULL_CONE-natneg.NATFullCone],
	same[C.RELIGHT_NAT_RESTRICTED_CONE-natneg.NATRestrictedCone],
	same[C.RELIGHT_NAT_PORT_RESTRICTED-natneg.NATPortRestricted],
	same[C.RELIGHT_NAT_SYMMETRIC-natneg.NATSymmetric],
	same[C.RELIGHT_NAT_UNKNOWN-natneg.NATUnknown],
}

var natnegCodes = codes{
	C.RELIGHT_ENOSERVERS:    [1]string{"RELIGHT_ENOSERVERS"}[C.RELIGHT_ENOSERVERS-engine.ErrNoServers],
	C.RELIGHT_ESOMESERVERS:  [1]string{"RELIGHT_ESOMESERVERS"}[C.RELIGHT_ESOMESERVERS-engine.ErrSomeServers],
	C.RELIGHT_EPEERABSENT:   [1]string{"RELIGHT_EPEERABSENT"}[C.RELIGHT_EPEERABSENT-engine.ErrPeerAbsent],
	C.RELIGHT_EPEERINIT:     [1]string{"RELIGHT_EPEERINIT"}[C.RELIGHT_EPEERINIT-engine.ErrPeerInit],
	C.RELIGHT_EINCOMPATIBLE: [1]string{"RELIGHT_EINCOMPATIBLE"}[C.RELIGHT_EINCOMPATIBLE-engine.ErrIncompatible],
	C.RELIGHT_EPEERSILENT:   [1]string{"RELIGHT_EPEERSILENT"}[C.RELIGHT_EPEERSILENT-engine.ErrPeerSilent],
	C.RELIGHT_ECOOKIEINUSE:  [1]string{"RELIGHT_ECOOKIEINUSE"}[C.RELIGHT_ECOOKIEINUSE-engine.ErrCookieInUse],
}

// natnegConfigSize is the size of relight_natneg_config in version 1.
const natnegConfigSize = unsafe.Sizeof(C.relight_natneg_config{})

//export relight_natneg_open
func relight_natneg_open(config *C.relight_natneg_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	c, err := take((*C.relight_natneg_config)(unsafe.Pointer(config)), natnegConfigSize)
	if err == nil && handle == nil {
		err = invalid("there is no place for the handle")
	}
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewNatNeg(engine.NatNegConfig{
		Options:  options(c.queue, c.log_level),
		Flags:    uint32(c.flags),
		Version:  int(c.version),
		SocketOf: engine.Handle(c.socket_of),
		Game:     text(c.game), Domain: text(c.domain), Host: text(c.host),
		Servers: [3]string{text(c.server1), text(c.server2), text(c.server3)},
		Bind:    text(c.bind), LocalIP: text(c.local_ip),
		Resolve: milliseconds(c.resolve_timeout_ms), Init: milliseconds(c.init_timeout_ms), Connect: milliseconds(c.connect_timeout_ms),
		Ping: milliseconds(c.ping_timeout_ms), Detect: milliseconds(c.detect_timeout_ms), Keep: milliseconds(c.keepalive_ms),
	})
	return opened(h, err, handle)
}

//export relight_natneg_negotiate
func relight_natneg_negotiate(handle C.uint64_t, cookie C.uint32_t, role C.int32_t, candidates *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.NatNeg], handle, request, func(o *engine.NatNeg) (engine.Request, error) {
		return o.Negotiate(uint32(cookie), int(role), constText(candidates))
	})
}

//export relight_natneg_drop
func relight_natneg_drop(handle C.uint64_t, request C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.NatNeg], handle, func(o *engine.NatNeg) error { return o.Drop(engine.Request(request)) })
}

//export relight_natneg_detect
func relight_natneg_detect(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.NatNeg], handle, request, func(o *engine.NatNeg) (engine.Request, error) { return o.DetectNAT() })
}

//export relight_natneg_diagnose
func relight_natneg_diagnose(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.NatNeg], handle, request, func(o *engine.NatNeg) (engine.Request, error) { return o.Diagnose() })
}
