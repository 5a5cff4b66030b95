package main

// #include <stdlib.h>
// #include "../relight.h"
import "C"

import (
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

// version is what relight_version says.
const version = "0.1.0"

var versionText = (*C.relight_cstr)(unsafe.Pointer(C.CString(version)))

//export relight_abi_version
func relight_abi_version() C.int32_t { return C.RELIGHT_ABI_VERSION }

//export relight_version
func relight_version() *C.relight_cstr { return versionText }

//export relight_error_text
func relight_error_text(handle C.uint64_t, buffer *C.char, capacity C.uint32_t, needed *C.uint32_t) (code C.int32_t) {
	defer guard(0, &code)
	text, err := library.ErrorText(engine.Handle(handle))
	if err != nil {
		return result(0, err)
	}
	return textOut(text, buffer, capacity, needed)
}

//export relight_poll
func relight_poll(handle C.uint64_t, ev *C.relight_event) (code C.int32_t) {
	defer guard(handle, &code)
	return poll(handle, ev, 1)
}

//export relight_poll_many
func relight_poll_many(handle C.uint64_t, evs *C.relight_event, n C.uint32_t) (code C.int32_t) {
	defer guard(handle, &code)
	return poll(handle, evs, int(min(n, 1<<20)))
}

func poll(handle C.uint64_t, evs *C.relight_event, n int) C.int32_t {
	if evs == nil || int(evs.size) < eventSize || evs.size%8 != 0 || n == 0 {
		return result(handle, invalid("poll needs an array of relight_event whose first has its size set"))
	}
	o, events, err := library.Take(engine.Handle(handle), n)
	if err != nil {
		return result(handle, err)
	}
	if len(events) == 0 {
		return 0
	}
	defer o.Release()
	o.Memory.(*memory).store(unsafe.Pointer(evs), int(evs.size), events)
	return C.int32_t(len(events))
}

//export relight_pending
func relight_pending(handle C.uint64_t) (pending *C.relight_counter) {
	var code C.int32_t
	defer guard(handle, &code)
	counter, err := library.Pending(engine.Handle(handle))
	if err != nil {
		result(handle, err)
		return nil
	}
	return (*C.relight_counter)(unsafe.Pointer(counter))
}

//export relight_close
func relight_close(handle C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return result(0, library.Close(engine.Handle(handle)))
}

//export relight_cancel
func relight_cancel(handle, request C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	o, err := library.Any(engine.Handle(handle))
	if err == nil {
		err = o.Cancel(engine.Request(request))
	}
	return result(handle, err)
}

//export relight_group_open
func relight_group_open(group *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	if group == nil {
		return result(0, invalid("there is no place for the handle"))
	}
	handle, err := library.NewGroup()
	return opened(handle, err, group)
}

//export relight_group_add
func relight_group_add(group, handle C.uint64_t) (code C.int32_t) {
	defer guard(group, &code)
	g, err := engine.Find[*engine.Group](library, engine.Handle(group))
	if err == nil {
		err = g.Add(engine.Handle(handle))
	}
	return result(group, err)
}

//export relight_group_remove
func relight_group_remove(group, handle C.uint64_t) (code C.int32_t) {
	defer guard(group, &code)
	g, err := engine.Find[*engine.Group](library, engine.Handle(group))
	if err == nil {
		err = g.Remove(engine.Handle(handle))
	}
	return result(group, err)
}

//export relight_shutdown
func relight_shutdown(timeout C.uint32_t) (code C.int32_t) {
	defer guard(0, &code)
	return result(0, library.Shutdown(milliseconds(timeout)))
}

//export relight_live_counts
func relight_live_counts(live *C.relight_live) (code C.int32_t) {
	defer guard(0, &code)
	if live == nil || live.size < C.uint32_t(unsafe.Sizeof(*live)) {
		return result(0, invalid("the size of relight_live is not set"))
	}
	counts := library.Live()
	live.handles = C.uint32_t(counts.Handles)
	live.closing = C.uint32_t(counts.Closing)
	live.goroutines = C.uint32_t(counts.Goroutines)
	live.c_bytes = C.uint64_t(bytesOfC.Load())
	return C.RELIGHT_OK
}

//export relight_crash_log
func relight_crash_log(path *C.relight_cstr) (code C.int32_t) {
	defer guard(0, &code)
	name := constText(path)
	if name == "" {
		return result(0, debug.SetCrashOutput(nil, debug.CrashOptions{}))
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return result(0, err)
	}
	defer file.Close() // the runtime has its own duplicate
	return result(0, debug.SetCrashOutput(file, debug.CrashOptions{}))
}

// maxProcs bounds what relight_set_procs takes: the runtime makes room for each, and ends the process if it has none.
const maxProcs = 1024

//export relight_set_procs
func relight_set_procs(n C.int32_t) (code C.int32_t) {
	defer guard(0, &code)
	if n < 0 || n > maxProcs {
		return result(0, invalid("the number of threads is not from 0 to 1024"))
	}
	return C.int32_t(runtime.GOMAXPROCS(int(n)))
}
