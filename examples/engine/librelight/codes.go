package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

// same is indexed with the difference of a number of the header and one of package engine: unless it is zero, this does not
// compile.
var same [1]struct{}

var _ = []struct{}{
	same[C.RELIGHT_EV_DONE-engine.EventDone],
	same[C.RELIGHT_EV_FAILED-engine.EventFailed],
	same[C.RELIGHT_EV_DROPPED-engine.EventDropped],
	same[C.RELIGHT_EV_CLOSED-engine.EventClosed],
	same[C.RELIGHT_EV_LOG-engine.EventLog],
}

// codes are the names of errors. Indexing an array of one name checks the number as same does.
type codes map[engine.Code]string

var coreCodes = codes{
	C.RELIGHT_OK:           [1]string{"RELIGHT_OK"}[C.RELIGHT_OK-engine.OK],
	C.RELIGHT_EVENT:        "RELIGHT_EVENT",
	C.RELIGHT_EINVAL:       [1]string{"RELIGHT_EINVAL"}[C.RELIGHT_EINVAL-engine.ErrInvalid],
	C.RELIGHT_EHANDLE:      [1]string{"RELIGHT_EHANDLE"}[C.RELIGHT_EHANDLE-engine.ErrHandle],
	C.RELIGHT_EKIND:        [1]string{"RELIGHT_EKIND"}[C.RELIGHT_EKIND-engine.ErrKind],
	C.RELIGHT_ERANGE:       [1]string{"RELIGHT_ERANGE"}[C.RELIGHT_ERANGE-engine.ErrRange],
	C.RELIGHT_EPANIC:       [1]string{"RELIGHT_EPANIC"}[C.RELIGHT_EPANIC-engine.ErrPanic],
	C.RELIGHT_EUNSUPPORTED: [1]string{"RELIGHT_EUNSUPPORTED"}[C.RELIGHT_EUNSUPPORTED-engine.ErrUnsupported],
	C.RELIGHT_ESTATE:       [1]string{"RELIGHT_ESTATE"}[C.RELIGHT_ESTATE-engine.ErrState],
	C.RELIGHT_EFULL:        [1]string{"RELIGHT_EFULL"}[C.RELIGHT_EFULL-engine.ErrFull],
	C.RELIGHT_ECANCELED:    [1]string{"RELIGHT_ECANCELED"}[C.RELIGHT_ECANCELED-engine.ErrCanceled],
	C.RELIGHT_ETIMEOUT:     [1]string{"RELIGHT_ETIMEOUT"}[C.RELIGHT_ETIMEOUT-engine.ErrTimeout],
	C.RELIGHT_ENETWORK:     [1]string{"RELIGHT_ENETWORK"}[C.RELIGHT_ENETWORK-engine.ErrNetwork],
	C.RELIGHT_EPROTOCOL:    [1]string{"RELIGHT_EPROTOCOL"}[C.RELIGHT_EPROTOCOL-engine.ErrProtocol],
	C.RELIGHT_EREFUSED:     [1]string{"RELIGHT_EREFUSED"}[C.RELIGHT_EREFUSED-engine.ErrRefused],
	C.RELIGHT_EENDED:       [1]string{"RELIGHT_EENDED"}[C.RELIGHT_EENDED-engine.ErrEnded],
	C.RELIGHT_EFAILED:      [1]string{"RELIGHT_EFAILED"}[C.RELIGHT_EFAILED-engine.ErrFailed],
}

// codeTexts are the names for C: coreCodes and those of each subsystem.
var codeTexts = makeTexts(coreCodes, presenceCodes, browserCodes, hostCodes, natnegCodes, lanCodes, depotCodes)

// texts are static texts for C, all in one block that leak checkers find by this variable.
type texts struct {
	block unsafe.Pointer
	at    map[engine.Code]int
}

// makeTexts makes the block, which begins with the empty text.
func makeTexts(lists ...codes) texts {
	block := []byte{0}
	at := make(map[engine.Code]int)
	for _, list := range lists {
		for code, name := range list {
			at[code] = len(block)
			block = append(append(block, name...), 0)
		}
	}
	return texts{block: C.CBytes(block), at: at}
}

// text is the name of a code; empty if it has none.
func (t texts) text(code engine.Code) *C.relight_cstr {
	return (*C.relight_cstr)(unsafe.Add(t.block, t.at[code]))
}

// noText is the empty text.
func noText() *C.relight_cstr { return (*C.relight_cstr)(codeTexts.block) }

//export relight_code_name
func relight_code_name(number C.int32_t) (name *C.relight_cstr) {
	name = noText()
	var code C.int32_t
	defer guard(0, &code)
	return codeTexts.text(engine.Code(number))
}
