package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
	"github.com/relight-sdk/relight/steamdiscovery"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_LAN_APPEARED-engine.EventLANAppeared],
	same[C.RELIGHT_EV_LAN_CHANGED-engine.EventLANChanged],
	same[C.RELIGHT_EV_LAN_GONE-engine.EventLANGone],
	same[C.RELIGHT_EV_LAN_STATE-engine.EventLANState],
	same[C.RELIGHT_EV_LAN_HOST-engine.EventLANHost],
	same[C.RELIGHT_EV_LAN_REPORT-engine.EventLANReport],
	same[C.RELIGHT_EV_LAN_ANNOUNCE-engine.EventLANAnnounce],
	same[C.RELIGHT_SERVICE_REMOTE_CONTROL-steamdiscovery.ServiceRemoteControl],
	same[C.RELIGHT_SERVICE_GAME_STREAMING-steamdiscovery.ServiceGameStreaming],
	same[C.RELIGHT_SERVICE_SITE_LICENSE-steamdiscovery.ServiceSiteLicense],
	same[C.RELIGHT_SERVICE_CONTENT_CACHE-steamdiscovery.ServiceContentCache],
	same[C.RELIGHT_SERVICE_CONTENT_SERVER-steamdiscovery.ServiceContentServer],
	same[C.RELIGHT_SERVICE_MANAGE_DOWNLOADS-steamdiscovery.ServiceManageDownloads],
	same[C.RELIGHT_LAN_64BIT-engine.LAN64Bit],
	same[C.RELIGHT_LAN_SCREEN_LOCKED-engine.LANScreenLocked],
	same[C.RELIGHT_LAN_GAMES_RUNNING-engine.LANGamesRunning],
	same[C.RELIGHT_LAN_BROADCASTING-engine.LANBroadcasting],
	same[C.RELIGHT_LAN_VR_ACTIVE-engine.LANVRActive],
	same[C.RELIGHT_LAN_REMOTE_PLAY-engine.LANRemotePlay],
	same[C.RELIGHT_LAN_STEAM_DECK-engine.LANSteamDeck],
	same[C.RELIGHT_LAN_PASSIVE-engine.LANPassive],
	same[C.RELIGHT_LAN_SILENT-engine.LANSilent],
	same[C.RELIGHT_OS_WINDOWS7-steamdiscovery.OSWindows7],
	same[C.RELIGHT_OS_WINDOWS10-steamdiscovery.OSWindows10],
	same[C.RELIGHT_OS_WINDOWS11-steamdiscovery.OSWindows11],
	same[C.RELIGHT_OS_LINUX-steamdiscovery.OSLinux],
	same[C.RELIGHT_OS_MAC-steamdiscovery.OSMac],
	same[C.RELIGHT_OS_ANDROID-steamdiscovery.OSAndroid],
	same[C.RELIGHT_OS_IOS-steamdiscovery.OSIOS],
	same[C.RELIGHT_GONE_SAID_OFFLINE-steamdiscovery.SaidOffline],
	same[C.RELIGHT_GONE_FELL_SILENT-steamdiscovery.FellSilent],
	same[C.RELIGHT_GONE_RESTARTED-steamdiscovery.WasRestarted],
	same[C.RELIGHT_LAN_IDLE-steamdiscovery.DiscovererIdle],
	same[C.RELIGHT_LAN_SEARCHING-steamdiscovery.DiscovererSearching],
	same[C.RELIGHT_LAN_TRACKING-steamdiscovery.DiscovererTracking],
	same[C.RELIGHT_LAN_NO_NETWORK-steamdiscovery.DiscovererNoNetwork],
	same[C.RELIGHT_LAN_CLOSED-steamdiscovery.DiscovererClosed],
	same[C.RELIGHT_ANNOUNCE_IDLE-steamdiscovery.AnnouncerIdle],
	same[C.RELIGHT_ANNOUNCE_ANNOUNCING-steamdiscovery.AnnouncerAnnouncing],
	same[C.RELIGHT_ANNOUNCE_OFFLINE-steamdiscovery.AnnouncerOffline],
	same[C.RELIGHT_ANNOUNCE_FAILED-steamdiscovery.AnnouncerFailed],
}

var lanCodes = codes{
	C.RELIGHT_ENOINTERFACE: [1]string{"RELIGHT_ENOINTERFACE"}[C.RELIGHT_ENOINTERFACE-engine.ErrNoInterface],
}

// The sizes in version 1.
const (
	discoverConfigSize = unsafe.Sizeof(C.relight_lan_discover_config{})
	lanStatusSize      = unsafe.Sizeof(C.relight_lan_status{})
	announceConfigSize = unsafe.Sizeof(C.relight_lan_announce_config{})
)

//export relight_lan_discover
func relight_lan_discover(config *C.relight_lan_discover_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	c, err := take((*C.relight_lan_discover_config)(unsafe.Pointer(config)), discoverConfigSize)
	if err == nil && handle == nil {
		err = invalid("there is no place for the handle")
	}
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewDiscovery(engine.DiscoverConfig{
		Options:    options(c.queue, c.log_level),
		Flags:      uint32(c.flags),
		ClientID:   uint64(c.client_id),
		Interfaces: text(c.interfaces), Targets: text(c.targets), PassiveAddr: text(c.passive_addr),
		Port: uint32(c.port), MaxHosts: int(min(c.max_hosts, 1<<30)),
		Interval: milliseconds(c.interval_ms), SearchTime: milliseconds(c.search_ms), OpenLimit: milliseconds(c.open_timeout_ms),
	})
	return opened(h, err, handle)
}

//export relight_lan_search
func relight_lan_search(handle C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return call(engine.Find[*engine.Discovery], handle, func(o *engine.Discovery) error { return o.Search() })
}

//export relight_lan_hosts
func relight_lan_hosts(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Discovery], handle, request, func(o *engine.Discovery) (engine.Request, error) { return o.Hosts() })
}

//export relight_lan_diagnose
func relight_lan_diagnose(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Discovery], handle, request, func(o *engine.Discovery) (engine.Request, error) { return o.Diagnose() })
}

//export relight_lan_announce
func relight_lan_announce(config *C.relight_lan_announce_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	c, err := take((*C.relight_lan_announce_config)(unsafe.Pointer(config)), announceConfigSize)
	if err == nil && handle == nil {
		err = invalid("there is no place for the handle")
	}
	var status engine.LANStatus
	if err == nil && c.status != nil {
		status, err = lanStatus(c.status)
	}
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewAnnouncement(engine.AnnounceConfig{
		Options:  options(c.queue, c.log_level),
		Flags:    uint32(c.flags),
		ClientID: uint64(c.client_id), InstanceID: uint64(c.instance_id),
		Addr: text(c.addr), Interfaces: text(c.interfaces), Targets: text(c.targets),
		Port: uint32(c.port), OpenLimit: milliseconds(c.open_timeout_ms),
		Status: status,
	})
	return opened(h, err, handle)
}

//export relight_lan_update
func relight_lan_update(handle C.uint64_t, status *C.relight_lan_status_in) (code C.int32_t) {
	defer guard(handle, &code)
	s, err := lanStatus(status)
	if err != nil {
		return result(handle, err)
	}
	return call(engine.Find[*engine.Announcement], handle, func(o *engine.Announcement) error { return o.Update(s) })
}

// lanStatus copies a status of the caller's.
func lanStatus(in *C.relight_lan_status_in) (engine.LANStatus, error) {
	s, err := take((*C.relight_lan_status)(unsafe.Pointer(in)), lanStatusSize)
	if err != nil {
		return engine.LANStatus{}, err
	}
	status := engine.LANStatus{
		Flags: uint32(s.flags), Name: text(s.name), OS: int32(s.os),
		Enabled: uint32(s.services), Supported: uint32(s.supported_services), ConnectPort: uint32(s.connect_port),
		Version: int32(s.version), MinVersion: int32(s.min_version),
	}
	switch {
	case s.steam_id_count > maxSteamIDs:
		return status, invalid("more than 16 accounts")
	case s.steam_id_count > 0 && s.steam_ids == nil:
		return status, invalid("steam_ids is NULL")
	case s.steam_id_count > 0:
		for _, id := range unsafe.Slice(s.steam_ids, s.steam_id_count) {
			status.SteamIDs = append(status.SteamIDs, uint64(id))
		}
	}
	return status, nil
}

// maxSteamIDs is how many accounts a status can have.
const maxSteamIDs = 16
