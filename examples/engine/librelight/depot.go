package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_DEPOT_PROGRESS-engine.EventDepotProgress],
	same[C.RELIGHT_EV_DEPOT_FILE-engine.EventDepotFile],
	same[C.RELIGHT_EV_DEPOT_RETRY-engine.EventDepotRetry],
	same[C.RELIGHT_EV_DEPOT_PROBLEM-engine.EventDepotProblem],
	same[C.RELIGHT_EV_DEPOT_ENTRY-engine.EventDepotEntry],
	same[C.RELIGHT_EV_DEPOT_DONE-engine.EventDepotDone],
	same[C.RELIGHT_EV_DEPOT_REPORT-engine.EventDepotReport],
	same[C.RELIGHT_DEPOT_DOWNLOAD-engine.DepotDownload],
	same[C.RELIGHT_DEPOT_VERIFY-engine.DepotVerify],
	same[C.RELIGHT_DEPOT_PLAN-engine.DepotPlan],
	same[C.RELIGHT_DEPOT_DIAGNOSE-engine.DepotDiagnose],
	same[C.RELIGHT_DEPOT_WEB_API-engine.DepotWebAPI],
	same[C.RELIGHT_DEPOT_DETECT_CACHE-engine.DepotDetectCache],
	same[C.RELIGHT_DEPOT_HASH_FILES-engine.DepotHashFiles],
	same[C.RELIGHT_DEPOT_STATELESS-engine.DepotStateless],
	same[C.RELIGHT_DEPOT_SKIP_SPACE-engine.DepotSkipSpace],
	same[C.RELIGHT_DEPOT_PREALLOCATE-engine.DepotPreallocate],
	same[C.RELIGHT_DEPOT_TELL_FILES-engine.DepotTellFiles],
	same[C.RELIGHT_DEPOT_TELL_EXTRA-engine.DepotTellExtra],
	same[C.RELIGHT_ENTRY_OK-engine.EntryOK],
	same[C.RELIGHT_ENTRY_MISSING-engine.EntryMissing],
	same[C.RELIGHT_ENTRY_WRONG_SIZE-engine.EntryWrongSize],
	same[C.RELIGHT_ENTRY_WRONG_BYTES-engine.EntryWrongBytes],
	same[C.RELIGHT_ENTRY_WRONG_KIND-engine.EntryWrongKind],
	same[C.RELIGHT_ENTRY_PLAYERS-engine.EntryPlayers],
	same[C.RELIGHT_ENTRY_EXTRA-engine.EntryExtra],
	same[C.RELIGHT_ENTRY_WRITE-engine.EntryWrite],
	same[C.RELIGHT_ENTRY_REPAIR-engine.EntryRepair],
	same[C.RELIGHT_ENTRY_MOVE-engine.EntryMove],
	same[C.RELIGHT_ENTRY_REMOVE-engine.EntryRemove],
}

var depotCodes = codes{
	C.RELIGHT_ENOSPACE:     [1]string{"RELIGHT_ENOSPACE"}[C.RELIGHT_ENOSPACE-engine.ErrNoSpace],
	C.RELIGHT_ELOCKED:      [1]string{"RELIGHT_ELOCKED"}[C.RELIGHT_ELOCKED-engine.ErrLocked],
	C.RELIGHT_ECORRUPT:     [1]string{"RELIGHT_ECORRUPT"}[C.RELIGHT_ECORRUPT-engine.ErrCorrupt],
	C.RELIGHT_EMANIFEST:    [1]string{"RELIGHT_EMANIFEST"}[C.RELIGHT_EMANIFEST-engine.ErrManifest],
	C.RELIGHT_ENOTFOUND:    [1]string{"RELIGHT_ENOTFOUND"}[C.RELIGHT_ENOTFOUND-engine.ErrNotFound],
	C.RELIGHT_EFORBIDDEN:   [1]string{"RELIGHT_EFORBIDDEN"}[C.RELIGHT_EFORBIDDEN-engine.ErrForbidden],
	C.RELIGHT_EFILESFAILED: [1]string{"RELIGHT_EFILESFAILED"}[C.RELIGHT_EFILESFAILED-engine.ErrFilesFailed],
	C.RELIGHT_ENOCONTENT:   [1]string{"RELIGHT_ENOCONTENT"}[C.RELIGHT_ENOCONTENT-engine.ErrNoContent],
}

// depotConfigSize is the size of relight_depot_config in version 1.
const depotConfigSize = unsafe.Sizeof(C.relight_depot_config{})

//export relight_depot_open
func relight_depot_open(config *C.relight_depot_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	if handle == nil {
		return result(0, invalid("there is no place for the handle"))
	}
	c, err := take((*C.relight_depot_config)(unsafe.Pointer(config)), depotConfigSize)
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewDepot(engine.DepotConfig{
		Options: options(c.queue, c.log_level),
		Action:  engine.DepotAction(c.action), Flags: uint32(c.flags),
		Depot: uint32(c.depot), Manifest: uint64(c.manifest), RequestCode: uint64(c.request_code),
		Key: text(c.key), Dir: text(c.dir), ManifestFile: text(c.manifest_file),
		Servers: text(c.servers), ServerLists: text(c.server_lists), Folder: text(c.folder), Cache: text(c.cache), Files: text(c.files),
		BytesPerSecond: int64(c.bytes_per_second), Connections: int(min(c.connections, 1024)), Decoders: int(min(c.decoders, 1024)),
		ProgressInterval: milliseconds(c.progress_ms),
	})
	return opened(h, err, handle)
}
