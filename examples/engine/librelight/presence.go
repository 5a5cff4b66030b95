package main

// #include "../relight.h"
import "C"

import (
	"unsafe"

	"github.com/relight-sdk/relight/examples/engine/internal/engine"
	"github.com/relight-sdk/relight/gp"
)

var _ = []struct{}{
	same[C.RELIGHT_EV_PRESENCE_STATE-engine.EventPresenceState],
	same[C.RELIGHT_EV_PRESENCE_READY-engine.EventPresenceReady],
	same[C.RELIGHT_EV_PRESENCE_BUDDY-engine.EventPresenceBuddy],
	same[C.RELIGHT_EV_PRESENCE_REMOVED-engine.EventPresenceRemoved],
	same[C.RELIGHT_EV_PRESENCE_MESSAGE-engine.EventPresenceMessage],
	same[C.RELIGHT_EV_PRESENCE_DATA-engine.EventPresenceData],
	same[C.RELIGHT_EV_PRESENCE_ASKED-engine.EventPresenceAsked],
	same[C.RELIGHT_EV_PRESENCE_ACCEPTED-engine.EventPresenceAccepted],
	same[C.RELIGHT_EV_PRESENCE_REVOKED-engine.EventPresenceRevoked],
	same[C.RELIGHT_EV_PRESENCE_INVITED-engine.EventPresenceInvited],
	same[C.RELIGHT_EV_PRESENCE_PROFILE-engine.EventPresenceProfile],
	same[C.RELIGHT_EV_PRESENCE_MATCH-engine.EventPresenceMatch],
	same[C.RELIGHT_EV_PRESENCE_TICKET-engine.EventPresenceTicket],
	same[C.RELIGHT_EV_PRESENCE_ERROR-engine.EventPresenceError],
	same[C.RELIGHT_LOGIN_NONE-engine.LoginNone],
	same[C.RELIGHT_LOGIN_UNIQUENICK-engine.LoginUniqueNick],
	same[C.RELIGHT_LOGIN_NICK-engine.LoginNick],
	same[C.RELIGHT_LOGIN_TOKEN-engine.LoginToken],
	same[C.RELIGHT_LOGIN_TICKET-engine.LoginTicket],
	same[C.RELIGHT_LOGIN_REGISTER-engine.LoginRegister],
	same[C.RELIGHT_PRESENCE_RECONNECT-engine.PresenceReconnect],
	same[C.RELIGHT_PRESENCE_FETCH_PROFILES-engine.PresenceFetchProfiles],
	same[C.RELIGHT_PRESENCE_ACCEPT_UNVERIFIED-engine.PresenceAcceptUnverified],
	same[C.RELIGHT_PRESENCE_TICKET_IS_PASSWORD-engine.PresenceTicketIsPassword],
	same[C.RELIGHT_SEARCH_PROFILES-engine.SearchProfiles],
	same[C.RELIGHT_SEARCH_UNIQUENICK-engine.SearchUniqueNick],
	same[C.RELIGHT_SEARCH_NICKS-engine.SearchNicks],
	same[C.RELIGHT_SEARCH_CHECK-engine.SearchCheck],
	same[C.RELIGHT_SEARCH_EMAIL-engine.SearchEmail],
	same[C.RELIGHT_SEARCH_SUGGEST-engine.SearchSuggest],
	same[C.RELIGHT_SEARCH_PLAYERS-engine.SearchPlayers],
	same[C.RELIGHT_SEARCH_OTHERS-engine.SearchOthers],
	same[C.RELIGHT_STATUS_OFFLINE-gp.Offline],
	same[C.RELIGHT_STATUS_ONLINE-gp.Online],
	same[C.RELIGHT_STATUS_PLAYING-gp.Playing],
	same[C.RELIGHT_STATUS_STAGING-gp.Staging],
	same[C.RELIGHT_STATUS_CHATTING-gp.Chatting],
	same[C.RELIGHT_STATUS_AWAY-gp.Away],
	same[C.RELIGHT_STEP_NONE-gp.StepNone],
	same[C.RELIGHT_STEP_RESOLVING-gp.StepResolving],
	same[C.RELIGHT_STEP_CONNECTING-gp.StepConnecting],
	same[C.RELIGHT_STEP_GREETING-gp.StepGreeting],
	same[C.RELIGHT_STEP_REGISTERING-gp.StepRegistering],
	same[C.RELIGHT_STEP_LOGGING_IN-gp.StepLoggingIn],
	same[C.RELIGHT_STEP_CONNECTED-gp.StepConnected],
	same[C.RELIGHT_STEP_RECONNECTING-gp.StepReconnecting],
	same[C.RELIGHT_STEP_CLOSED-gp.StepClosed],
}

var presenceCodes = codes{
	C.RELIGHT_EPASSWORD:  [1]string{"RELIGHT_EPASSWORD"}[C.RELIGHT_EPASSWORD-engine.ErrPassword],
	C.RELIGHT_ENICK:      [1]string{"RELIGHT_ENICK"}[C.RELIGHT_ENICK-engine.ErrNick],
	C.RELIGHT_EEMAIL:     [1]string{"RELIGHT_EEMAIL"}[C.RELIGHT_EEMAIL-engine.ErrEmail],
	C.RELIGHT_ETICKET:    [1]string{"RELIGHT_ETICKET"}[C.RELIGHT_ETICKET-engine.ErrTicket],
	C.RELIGHT_EPROOF:     [1]string{"RELIGHT_EPROOF"}[C.RELIGHT_EPROOF-engine.ErrProof],
	C.RELIGHT_EINUSE:     [1]string{"RELIGHT_EINUSE"}[C.RELIGHT_EINUSE-engine.ErrInUse],
	C.RELIGHT_ENOTBUDDY:  [1]string{"RELIGHT_ENOTBUDDY"}[C.RELIGHT_ENOTBUDDY-engine.ErrNotBuddy],
	C.RELIGHT_EOFFLINE:   [1]string{"RELIGHT_EOFFLINE"}[C.RELIGHT_EOFFLINE-engine.ErrOffline],
	C.RELIGHT_EBLOCKED:   [1]string{"RELIGHT_EBLOCKED"}[C.RELIGHT_EBLOCKED-engine.ErrBlocked],
	C.RELIGHT_EELSEWHERE: [1]string{"RELIGHT_EELSEWHERE"}[C.RELIGHT_EELSEWHERE-engine.ErrElsewhere],
	C.RELIGHT_EUNCERTAIN: [1]string{"RELIGHT_EUNCERTAIN"}[C.RELIGHT_EUNCERTAIN-engine.ErrUncertain],
}

// The sizes in version 1.
const (
	presenceConfigSize = unsafe.Sizeof(C.relight_presence_config{})
	presenceQuerySize  = unsafe.Sizeof(C.relight_presence_query{})
)

//export relight_presence_login
func relight_presence_login(config *C.relight_presence_config_in, handle *C.uint64_t) (code C.int32_t) {
	defer guard(0, &code)
	if handle == nil {
		return result(0, invalid("there is no place for the handle"))
	}
	c, err := take((*C.relight_presence_config)(unsafe.Pointer(config)), presenceConfigSize)
	if err != nil {
		return result(0, err)
	}
	h, err := library.NewPresence(engine.PresenceConfig{
		Options:   options(c.queue, c.log_level),
		Login:     engine.Login(c.login),
		Flags:     uint32(c.flags),
		ProductID: int32(c.product_id), NamespaceID: int32(c.namespace_id), PartnerID: int32(c.partner_id),
		Game: text(c.game), Domain: text(c.domain), Host: text(c.host), Addr: text(c.addr), SearchAddr: text(c.search_addr),
		UniqueNick: text(c.uniquenick), Nick: text(c.nick), Email: text(c.email), Password: text(c.password),
		Token: text(c.token), Challenge: text(c.challenge), Ticket: text(c.ticket), CDKey: text(c.cdkey),
		LoginTimeout: milliseconds(c.login_timeout_ms), OperationTimeout: milliseconds(c.operation_timeout_ms),
		SearchTimeout: milliseconds(c.search_timeout_ms), KeepAlive: milliseconds(c.keepalive_ms),
		ReconnectFirst: milliseconds(c.reconnect_first_ms), ReconnectMax: milliseconds(c.reconnect_max_ms),
		ReconnectAttempts: int(min(c.reconnect_attempts, 1<<30)), MaxResults: int(min(c.max_results, 1<<30)),
	})
	return opened(h, err, handle)
}

//export relight_presence_set_status
func relight_presence_set_status(handle C.uint64_t, status C.int32_t, words, location *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.SetStatus(gp.Status(status), constText(words), constText(location))
	})
}

//export relight_presence_roster
func relight_presence_roster(handle C.uint64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Roster()
	})
}

//export relight_presence_send_message
func relight_presence_send_message(handle C.uint64_t, to C.int64_t, words *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.SendMessage(gp.ProfileID(to), constText(words))
	})
}

//export relight_presence_send_data
func relight_presence_send_data(handle C.uint64_t, to C.int64_t, data *C.relight_bytes, size C.uint32_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		bytes, err := bytesOf(data, size)
		if err != nil {
			return 0, err
		}
		return p.SendData(gp.ProfileID(to), string(bytes))
	})
}

//export relight_presence_invite
func relight_presence_invite(handle C.uint64_t, to C.int64_t, product C.int32_t, location *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Invite(gp.ProfileID(to), gp.ProductID(product), constText(location))
	})
}

//export relight_presence_ask_buddy
func relight_presence_ask_buddy(handle C.uint64_t, profile C.int64_t, reason *C.relight_cstr, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.AskBuddy(gp.ProfileID(profile), constText(reason))
	})
}

//export relight_presence_accept
func relight_presence_accept(handle C.uint64_t, profile C.int64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Accept(gp.ProfileID(profile))
	})
}

//export relight_presence_deny
func relight_presence_deny(handle C.uint64_t, profile C.int64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Deny(gp.ProfileID(profile))
	})
}

//export relight_presence_remove_buddy
func relight_presence_remove_buddy(handle C.uint64_t, profile C.int64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.RemoveBuddy(gp.ProfileID(profile))
	})
}

//export relight_presence_revoke
func relight_presence_revoke(handle C.uint64_t, profile C.int64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Revoke(gp.ProfileID(profile))
	})
}

//export relight_presence_block
func relight_presence_block(handle C.uint64_t, profile C.int64_t, blocked C.int32_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Block(gp.ProfileID(profile), blocked != 0)
	})
}

//export relight_presence_profile
func relight_presence_profile(handle C.uint64_t, profile C.int64_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Profile(gp.ProfileID(profile))
	})
}

//export relight_presence_update_profile
func relight_presence_update_profile(handle C.uint64_t, fields *C.relight_field_in, count C.uint32_t, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		pairs, err := fieldsOf(fields, count)
		if err != nil {
			return 0, err
		}
		return p.UpdateProfile(pairs)
	})
}

//export relight_presence_search
func relight_presence_search(handle C.uint64_t, query *C.relight_presence_query_in, request *C.uint64_t) (code C.int32_t) {
	defer guard(handle, &code)
	q, err := take((*C.relight_presence_query)(unsafe.Pointer(query)), presenceQuerySize)
	if err != nil {
		return result(handle, err)
	}
	return ask(engine.Find[*engine.Presence], handle, request, func(p *engine.Presence) (engine.Request, error) {
		return p.Search(engine.PresenceQuery{
			Kind: engine.Search(q.kind), ProductID: int32(q.product_id), ICQUIN: int64(q.icquin),
			Nick: text(q.nick), UniqueNick: text(q.uniquenick), Email: text(q.email), Password: text(q.password),
			FirstName: text(q.firstname), LastName: text(q.lastname),
		})
	})
}
