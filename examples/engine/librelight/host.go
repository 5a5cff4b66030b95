package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
	"github.com/relight-sdk/relight/qr2"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_HOST_STATE-engine.EventHostState],
	same[C.RELIGHT_EV_HOST_ADDRESS-engine.EventHostAddress],
	same[C.RELIGHT_EV_HOST_MESSAGE-engine.EventHostMessage],
	same[C.RELIGHT_EV_HOST_JOINING-engine.EventHostJoining],
	same[C.RELIGHT_EV_HOST_JOINED-engine.EventHostJoined],
	same[C.RELIGHT_EV_HOST_JOIN_FAILED-engine.EventHostJoinFailed],
	same[C.RELIGHT_EV_HOST_REPORT-engine.EventHostReport],
	same[C.RELIGHT_EV_HOST_PLAYER-engine.EventHostPlayer],
	same[C.RELIGHT_EV_HOST_PROOF-engine.EventHostProof],
	same[C.RELIGHT_HOST_ENGINE_SOCKET-engine.HostEngineSocket],
	same[C.RELIGHT_HOST_NOT_PUBLIC-engine.HostNotPublic],
	same[C.RELIGHT_HOST_NATNEG-engine.HostNatNeg],
	same[C.RELIGHT_HOST_REQUIRE_CHALLENGE-engine.HostRequireChallenge],
	same[C.RELIGHT_HOST_SKIP_AVAILABILITY-engine.HostSkipAvailability],
	same[C.RELIGHT_HOST_NO_QR1-engine.HostNoQR1],
	same[C.RELIGHT_HOST_STEP_IDLE-qr2.StepIdle],
	same[C.RELIGHT_HOST_STEP_RESOLVING-qr2.StepResolving],
	same[C.RELIGHT_HOST_STEP_UNRESOLVED-qr2.StepUnresolved],
	same[C.RELIGHT_HOST_STEP_UNAVAILABLE-qr2.StepUnavailable],
	same[C.RELIGHT_HOST_STEP_HEARTBEAT-qr2.StepHeartbeat],
	same[C.RELIGHT_HOST_STEP_NO_ANSWER-qr2.StepNoAnswer],
	same[C.RELIGHT_HOST_STEP_ANSWERED-qr2.StepAnswered],
	same[C.RELIGHT_HOST_STEP_LISTED-qr2.StepListed],
	same[C.RELIGHT_HOST_STEP_FORGOTTEN-qr2.StepForgotten],
	same[C.RELIGHT_HOST_STEP_REFUSED-qr2.StepRefused],
	same[C.RELIGHT_HOST_STEP_STOPPED-qr2.StepStopped],
	same[C.RELIGHT_PART_SERVER-engine.PartServer],
	same[C.RELIGHT_PART_PLAYERS-engine.PartPlayers],
	same[C.RELIGHT_PART_TEAMS-engine.PartTeams],
}

var hostCodes = codes{
	C.RELIGHT_ENOTCONFIRMED:   [1]string{"RELIGHT_ENOTCONFIRMED"}[C.RELIGHT_ENOTCONFIRMED-engine.ErrNotConfirmed],
	C.RELIGHT_EUNAVAILABLE:    [1]string{"RELIGHT_EUNAVAILABLE"}[C.RELIGHT_EUNAVAILABLE-engine.ErrUnavailable],
	C.RELIGHT_EUNAVAILABLENOW: [1]string{"RELIGHT_EUNAVAILABLENOW"}[C.RELIGHT_EUNAVAILABLENOW-engine.ErrNotAvailableNow],
	C.RELIGHT_ETOOBIG:         [1]string{"RELIGHT_ETOOBIG"}[C.RELIGHT_ETOOBIG-engine.ErrTooBig],
	C.RELIGHT_ESAMEMASTER:     [1]string{"RELIGHT_ESAMEMASTER"}[C.RELIGHT_ESAMEMASTER-engine.ErrSameMaster],
	C.RELIGHT_EBADRESPONSE:    [1]string{"RELIGHT_EBADRESPONSE"}[C.RELIGHT_EBADRESPONSE-engine.ErrBadResponse],
	C.RELIGHT_EKEYINUSE:       [1]string{"RELIGHT_EKEYINUSE"}[C.RELIGHT_EKEYINUSE-engine.ErrKeyInUse],
	C.RELIGHT_EOTHERKEY:       [1]string{"RELIGHT_EOTHERKEY"}[C.RELIGHT_EOTHERKEY-engine.ErrOtherKey],
	C.RELIGHT_EEXPIRED:        [1]string{"RELIGHT_EEXPIRED"}[C.RELIGHT_EEXPIRED-engine.ErrExpired],
}

// hostConfigSize is the size of relight_host_config in version 1.
const hostConfigSize = unsafe.Sizeof(C.relight_host_config{})

//export relight_host_open
func relight_host_open(config *C.relight_host_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	c, err := take((*C.relight_host_config)(unsafe.Pointer(config)), hostConfigSize)
	if err == nil && handle == nil {
		err = invalid("there is no place for the handle")
	}
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewHost(engine.HostConfig{
		Options: options(c.queue, c.log_level),
		Flags:   uint32(c.flags),
		Game:    text(c.game), Secret: text(c.secret), Domain: text(c.domain), Host: text(c.host), Addr: text(c.addr),
		AvailableAddr: text(c.available_addr), Masters: text(c.masters), Bind: text(c.bind), PublicAddr: text(c.public_addr),
		NatNegServers: [3]string{text(c.natneg1), text(c.natneg2), text(c.natneg3)},
		Keys:          text(c.keys), QuietKeys: text(c.quiet_keys), LocalIPs: text(c.local_ips),
		HostPort: uint32(c.host_port), LocalPort: uint32(c.local_port),
		AnswerRate: int(c.answer_rate), HeartbeatSize: int(min(c.heartbeat_size, 1<<30)),
		ResolveTimeout: milliseconds(c.resolve_timeout_ms),
	})
	return opened(h, err, handle)
}

//export relight_host_set
func relight_host_set(handle C.uint64_t, key, value *C.relight_cstr) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.SetServer(constText(key), constText(value)) })
}

//export relight_host_set_player
func relight_host_set_player(handle C.uint64_t, row C.uint32_t, key, value *C.relight_cstr) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.SetPlayer(uint32(row), constText(key), constText(value)) })
}

//export relight_host_set_team
func relight_host_set_team(handle C.uint64_t, row C.uint32_t, key, value *C.relight_cstr) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.SetTeam(uint32(row), constText(key), constText(value)) })
}

//export relight_host_remove_player
func relight_host_remove_player(handle C.uint64_t, row C.uint32_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.RemovePlayer(uint32(row)) })
}

//export relight_host_clear
func relight_host_clear(handle C.uint64_t, parts C.uint32_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.Clear(uint32(parts)) })
}

//export relight_host_commit
func relight_host_commit(handle C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Host], handle, func(o *engine.Host) error { return o.Commit() })
}

//export relight_host_stop
func relight_host_stop(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Host], handle, request, func(o *engine.Host) (engine.Request, error) { return o.Stop() })
}

//export relight_host_state
func relight_host_state(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Host], handle, request, func(o *engine.Host) (engine.Request, error) { return o.State() })
}

//export relight_host_diagnose
func relight_host_diagnose(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Host], handle, request, func(o *engine.Host) (engine.Request, error) { return o.Diagnose() })
}
