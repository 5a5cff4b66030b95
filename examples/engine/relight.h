/* relight.h: GameSpy presence, servers, browsing and NAT negotiation, and Steam depots, for game engines.
 *
 * This file is all there is to read, and the contract: the library is built against it. It is C89, C99 and C++98. The
 * shortest program that hosts a server and finds it is demo/c/listed.c.
 *
 *     relight_presence_config config;
 *     const volatile uint32_t *pending;
 *     relight_event ev;
 *     uint64_t handle;
 *
 *     if (relight_abi_version() != RELIGHT_ABI_VERSION) return;     // an older library is in the way
 *     RELIGHT_INIT(config);
 *     config.game = "gmtest"; config.domain = "example.net";
 *     config.login = RELIGHT_LOGIN_UNIQUENICK; config.uniquenick = "ann"; config.password = "...";
 *     if (relight_presence_login(&config, &handle) < 0) return;
 *     pending = relight_pending(handle);
 *     RELIGHT_INIT(ev);
 *     for (;;) {                                                    // once a frame
 *         if (*pending)                                             // a read of memory, not a call
 *             while (relight_poll(handle, &ev) == RELIGHT_EVENT)
 *                 if (ev.type == RELIGHT_EV_PRESENCE_MESSAGE) show(ev.id, ev.text);
 *     }
 *     relight_close(handle);                                        // logs out
 *
 * The rules, which hold for every function:
 *
 * - Nothing blocks, and every function may be called from any thread. What takes time gets a request number, and an event
 *   carries that number back: RELIGHT_EV_DONE, or the event that the function names, or RELIGHT_EV_FAILED. Exactly one
 *   event answers a request, unless the handle ends first. Only relight_shutdown waits.
 * - The library never calls the engine. Events wait in a queue for each handle until they are polled.
 * - A handle is a number, never 0, below 2^53, never used again. A closed handle gives RELIGHT_EHANDLE, never a crash.
 * - Functions return RELIGHT_OK (0), RELIGHT_EVENT (1) or a count where it says so, or a negative RELIGHT_E... code.
 *   relight_error_text has the words. Codes, events and fields are added as time goes by, never changed or removed.
 * - Strings that go in end with NUL, are UTF-8, and are copied before the call returns; NULL is the same as "". Strings
 *   that come out in an event are UTF-8 (what a server sent in another encoding was taken as Latin-1), are never NULL, and
 *   are good until the next poll of the same handle or until it is closed. The engine frees nothing of the library's.
 * - Structs begin with their size, set by the caller: RELIGHT_INIT(s) clears one and sets it. In a configuration, what is
 *   zero has the default that its comment says.
 * - One thread at a time should poll a handle and look at what the event points at: the next poll, by whichever thread, and
 *   relight_close reuse that memory.
 * - Times are milliseconds since 1970 UTC, and durations milliseconds (..._ms). Addresses are text: "192.0.2.1:6500",
 *   "[2001:db8::1]:6500", and, where the comment says so, "host.example.net:6500".
 *
 * Loading: the library brings Go's runtime along, some five threads and 12 MB. Load it while nothing moves on the screen; after
 * the engine has installed its handlers for crashes, because the runtime passes on what is not its own to those that were
 * there before; and after fork or daemon, because threads do not survive those. It cannot be unloaded: Linux and Windows keep it
 * in memory, on macOS load it with RTLD_NODELETE; relight_shutdown ends its work. On Linux it needs glibc, not musl. The
 * variables GOMAXPROCS, GOGC, GOMEMLIMIT, GODEBUG and GOTRACEBACK of the process apply to it.
 */
#ifndef RELIGHT_H
#define RELIGHT_H

#if defined(_MSC_VER) && _MSC_VER < 1600
typedef __int32 int32_t;
typedef unsigned __int32 uint32_t;
typedef __int64 int64_t;
typedef unsigned __int64 uint64_t;
#else
#include <stdint.h>
#endif
#include <string.h>

#if defined(_WIN32) && !defined(_WIN64)
#define RELIGHT_CALL __cdecl
#else
#define RELIGHT_CALL
#endif

#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
#define RELIGHT_INLINE static inline
#elif defined(__GNUC__)
#define RELIGHT_INLINE static __inline__
#elif defined(_MSC_VER)
#define RELIGHT_INLINE static __inline
#else
#define RELIGHT_INLINE static
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A pointer in a struct takes 8 bytes everywhere, so that a struct looks the same to programs of 32 and 64 bits. */
#if defined(_WIN64) || defined(__LP64__) || defined(__x86_64__) || defined(__aarch64__)
#define RELIGHT_POINTER(type, name) type name
#else
#define RELIGHT_POINTER(type, name) type name; uint32_t name##_high
#endif

/* Clears a struct and sets its size. */
#define RELIGHT_INIT(s) (memset(&(s), 0, sizeof(s)), (s).size = (uint32_t)sizeof(s))

/* Names for what Go's compiler cannot spell. */
typedef const char relight_cstr;
typedef const void relight_bytes;
typedef const volatile uint32_t relight_counter;

/* ==== core: events 1-99, errors -1 to -99 ======================================================================== */

/* The version of this interface. Compare it with relight_abi_version() before anything else: a library with another
 * number must not be used. Within one number functions are added, and fields at the end of structs; nothing else changes. */
#define RELIGHT_ABI_VERSION 1

/* Results. */
#define RELIGHT_OK 0            /* done, or nothing there */
#define RELIGHT_EVENT 1         /* there is an event */

#define RELIGHT_EINVAL (-1)     /* an argument makes no sense, or a struct is smaller than in version 1 */
#define RELIGHT_EHANDLE (-2)    /* no such handle: it was never given, or is closed */
#define RELIGHT_EKIND (-3)      /* a handle of another kind */
#define RELIGHT_ERANGE (-4)     /* the buffer is too small */
#define RELIGHT_EPANIC (-5)     /* an error in the library, which goes on; please report the text */
#define RELIGHT_EUNSUPPORTED (-6) /* left out of this build, or this platform has it not */
#define RELIGHT_ESTATE (-7)     /* not now: for instance before RELIGHT_EV_PRESENCE_READY */
#define RELIGHT_EFULL (-8)      /* too much at once: 4096 handles, or 256 requests of a handle whose answers nobody polled */
#define RELIGHT_ECANCELED (-9)  /* by relight_cancel or relight_close */
#define RELIGHT_ETIMEOUT (-10)  /* nobody answered in time */
#define RELIGHT_ENETWORK (-11)  /* name not found, connection refused or lost, no route ... */
#define RELIGHT_EPROTOCOL (-12) /* the other side does not keep to the protocol */
#define RELIGHT_EREFUSED (-13)  /* the other side said no: ev.native is its number, ev.text its words */
#define RELIGHT_EENDED (-14)    /* the handle is over (RELIGHT_EV_CLOSED): only relight_close makes sense */
#define RELIGHT_EFAILED (-15)   /* anything else; the text says what */

/* Events of every kind of handle.
 *
 *   event                 slots of relight_event that mean something
 *   RELIGHT_EV_DONE       request; others as the function says. The request was carried out.
 *   RELIGHT_EV_FAILED     request, code, native, text. The request was not carried out.
 *   RELIGHT_EV_DROPPED    number: how many events are missing here, because the queue was full. Answers to requests and
 *                         RELIGHT_EV_CLOSED are never dropped.
 *   RELIGHT_EV_CLOSED     code, native, text: why the handle is over, RELIGHT_OK if it was told to. It is the last event:
 *                         requests without an answer get none. The handle must still be closed.
 *   RELIGHT_EV_LOG        status (1 error, 2 warning, 3 information, 4 debug), text, time. Only if log_level asks for it. */
#define RELIGHT_EV_DONE 1
#define RELIGHT_EV_FAILED 2
#define RELIGHT_EV_DROPPED 3
#define RELIGHT_EV_CLOSED 4
#define RELIGHT_EV_LOG 5

/* One of the key/value pairs of an event. */
typedef struct relight_field {
	RELIGHT_POINTER(const char *, key);
	RELIGHT_POINTER(const char *, value);
} relight_field;

typedef const relight_field relight_field_in;

/* One event. What is not named for its type is zero or "". */
typedef struct relight_event {
	uint32_t size;          /* set by the caller: sizeof(relight_event) */
	int32_t type;           /* RELIGHT_EV_... */
	uint64_t handle;        /* whose event it is: of interest in a group */
	uint64_t request;       /* what it answers or belongs to, or 0 */
	int32_t code;           /* RELIGHT_OK or an error */
	int32_t native;         /* the server's own error number, if a server refused */
	int32_t status;         /* a state or kind */
	uint32_t flags;
	int64_t id;             /* whom or what it is about */
	int64_t number;
	int64_t total;
	int64_t time;
	RELIGHT_POINTER(const char *, text);
	RELIGHT_POINTER(const char *, name);
	RELIGHT_POINTER(const char *, address);
	RELIGHT_POINTER(const void *, data);
	uint32_t data_size;     /* bytes of data */
	uint32_t field_count;
	RELIGHT_POINTER(const relight_field *, fields); /* of field_count pairs */
} relight_event;

/* Does not compile where structs would not look as the library expects. */
typedef char relight_layout_check[sizeof(relight_event) == 120 ? 1 : -1];

/* What exists, for tests and debug screens. */
typedef struct relight_live {
	uint32_t size;          /* set by the caller */
	uint32_t handles;       /* open */
	uint32_t closing;       /* closed, with work that has not ended */
	uint32_t goroutines;    /* of the library's own making */
	uint64_t c_bytes;       /* of C memory, for events that were polled */
} relight_live;

/* The version of the interface that the library was built with. */
int32_t RELIGHT_CALL relight_abi_version(void);

/* The version of the library, for people. The text is static. */
relight_cstr *RELIGHT_CALL relight_version(void);

/* The name of a code, as "RELIGHT_ETIMEOUT", or "" if there is none. The text is static. */
relight_cstr *RELIGHT_CALL relight_code_name(int32_t code);

/* What the last call with this handle that failed said; handle 0 is for calls without a handle or with one that does not
 * exist. The text goes into the caller's buffer with a NUL at its end. If it does not fit, as much as does is there, and the
 * result is RELIGHT_ERANGE. needed, unless NULL, gets the bytes that the whole takes, NUL included. */
int32_t RELIGHT_CALL relight_error_text(uint64_t handle, char *buffer, uint32_t capacity, uint32_t *needed);

/* Takes the next event of a handle: RELIGHT_EVENT, RELIGHT_OK if there is none, or an error. ev->size must be set. What
 * the event points at is good until the next poll of the same handle. */
int32_t RELIGHT_CALL relight_poll(uint64_t handle, relight_event *ev);

/* Takes up to n events at once, at least 1, into an array whose first element has its size set. Returns how many, or an error. All of
 * them are good until the next poll of the same handle. */
int32_t RELIGHT_CALL relight_poll_many(uint64_t handle, relight_event *evs, uint32_t n);

/* Where the library counts the events that wait for a handle; NULL for a handle that does not exist. Reading it costs next
 * to nothing, a call into the library much more (on Windows above all): look there first, every frame. The memory lives as
 * long as the process; after the handle is closed it may count for another. */
relight_counter *RELIGHT_CALL relight_pending(uint64_t handle);

/* Ends what a handle stands for and makes the handle invalid. It returns at once; saying goodbye to servers goes on behind
 * it. RELIGHT_EHANDLE if that was done before. */
int32_t RELIGHT_CALL relight_close(uint64_t handle);

/* Ends a request early: its answer is RELIGHT_EV_FAILED with RELIGHT_ECANCELED, unless another was there first.
 * RELIGHT_EINVAL if it is not under way. */
int32_t RELIGHT_CALL relight_cancel(uint64_t handle, uint64_t request);

/* Makes a handle that collects the events of others: one counter to look at and one poll for all sessions of a game. */
int32_t RELIGHT_CALL relight_group_open(uint64_t *group);

/* Lets a group collect the events of a handle, which leaves the group that it was in. Its events are then taken by polling
 * the group (ev.handle says whose they are), and can still be taken by polling itself. */
int32_t RELIGHT_CALL relight_group_add(uint64_t group, uint64_t handle);

/* Undoes relight_group_add. Closing the group does so for all, and closing a handle for that one. */
int32_t RELIGHT_CALL relight_group_remove(uint64_t group, uint64_t handle);

/* Closes every handle and waits until all work has ended: RELIGHT_OK, or RELIGHT_ETIMEOUT. Call it before the process ends
 * or a script engine forgets the library; the library can be used again afterwards. */
int32_t RELIGHT_CALL relight_shutdown(uint32_t timeout_ms);

/* Counts what exists. */
int32_t RELIGHT_CALL relight_live_counts(relight_live *live);

/* Writes what ends the process inside the library to a file, which is made at once, or longer if it exists; games with a
 * window have no stderr. What is caught does not end it: an error of the library in a call, which is RELIGHT_EPANIC, or in work
 * that a handle began, which is RELIGHT_EV_CLOSED with RELIGHT_EPANIC. What cannot be caught is an error in a goroutine that
 * such work starts in turn (most sessions have one or two), a stack or memory used up, and a pointer or size from the caller
 * that is wrong. "" ends the log. */
int32_t RELIGHT_CALL relight_crash_log(const char *path);

/* Bounds how many threads run the library's code at the same time, 1 to 1024, and returns what it was before; 0 only asks. The
 * default, one for each processor, is best unless the game has pinned its threads: with 1 the worst case gets worse. */
int32_t RELIGHT_CALL relight_set_procs(int32_t n);

/* For script engines that can only pass numbers and strings: relight_ev_next polls as relight_poll does and returns the
 * event's type, 0 if there is none, or a negative error. The others tell of that event, by the name of a slot ("type",
 * "handle", "request", "code", "native", "status", "flags", "id", "number", "total", "time", "text", "name", "address",
 * "data", "data_size", "field_count") or the key of a field; what is not there is 0 or "". They also work after
 * relight_poll, and after relight_poll_many for the last of its events. A string is good until the next poll. */
double RELIGHT_CALL relight_ev_next(double handle);
double RELIGHT_CALL relight_ev_num(double handle, const char *key);
relight_cstr *RELIGHT_CALL relight_ev_str(double handle, const char *key);

/* For ports of games that expect callbacks inside a "think" call: polls what waits now and calls, on this thread, the
 * handlers whose type fits; type 0 fits all. Returns how many events there were, or an error. A handler may close the handle:
 * then no other handler gets the event. It must not poll the handle. */
typedef struct relight_handler {
	int32_t type;
	void (*call)(const relight_event *ev, void *user);
} relight_handler;

RELIGHT_INLINE int32_t relight_dispatch(uint64_t handle, const relight_handler *handlers, uint32_t count, void *user)
{
	relight_counter *pending = relight_pending(handle);
	relight_event ev;
	uint32_t left, i;
	int32_t result, events = 0;
	if (!pending)
		return RELIGHT_EHANDLE;
	RELIGHT_INIT(ev);
	for (left = *pending; left > 0; left--) {
		result = relight_poll(handle, &ev);
		if (result < 0)
			return events > 0 ? events : result;
		if (result == RELIGHT_OK)
			break;
		events++;
		for (i = 0; i < count; i++)
			if (handlers[i].type == 0 || handlers[i].type == ev.type) {
				handlers[i].call(&ev, user);
				if (!relight_pending(handle))
					return events; /* closed, and what ev points at is gone */
			}
	}
	return events;
}

/* ==== end of core ================================================================================================ */

/* ==== presence: events 100-199, errors -100 to -199 ============================================================== */

/* Log in to a presence server (GPCM), see buddies, exchange messages, look up players (GPSP). One handle is one login. */

/* Errors. They answer a login (in RELIGHT_EV_CLOSED) or a request. */
#define RELIGHT_EPASSWORD (-100)  /* wrong password */
#define RELIGHT_ENICK (-101)      /* no such nick, profile or unique nick */
#define RELIGHT_EEMAIL (-102)     /* no such e-mail address */
#define RELIGHT_ETICKET (-103)    /* the token or ticket is not valid (any more) */
#define RELIGHT_EPROOF (-104)     /* the server cannot prove that it knows the password: see RELIGHT_PRESENCE_ACCEPT_UNVERIFIED */
#define RELIGHT_EINUSE (-105)     /* the nick or e-mail address is taken */
#define RELIGHT_ENOTBUDDY (-106)  /* that profile is no buddy */
#define RELIGHT_EOFFLINE (-107)   /* the buddy is offline */
#define RELIGHT_EBLOCKED (-108)   /* one of the two has blocked the other */
#define RELIGHT_EELSEWHERE (-109) /* the profile was logged in elsewhere, which ends this login */
#define RELIGHT_EUNCERTAIN (-110) /* the connection was lost on the way: the server may have carried the request out */

/* Ways to log in: relight_presence_config.login. */
#define RELIGHT_LOGIN_NONE 0       /* not at all: the handle can only search */
#define RELIGHT_LOGIN_UNIQUENICK 1 /* uniquenick, password */
#define RELIGHT_LOGIN_NICK 2       /* nick, email, password */
#define RELIGHT_LOGIN_TOKEN 3      /* token, challenge: what a partner gave to prove who the player is */
#define RELIGHT_LOGIN_TICKET 4     /* ticket: of RELIGHT_EV_PRESENCE_READY or RELIGHT_EV_PRESENCE_TICKET */
#define RELIGHT_LOGIN_REGISTER 5   /* email, nick, password and, if there are any, uniquenick, cdkey: makes the account first */

/* Flags: relight_presence_config.flags. */
#define RELIGHT_PRESENCE_RECONNECT 1          /* get a lost connection back, for ever or reconnect_attempts times */
#define RELIGHT_PRESENCE_FETCH_PROFILES 2     /* ask for the profiles of buddies and requesters, so that they have names */
#define RELIGHT_PRESENCE_ACCEPT_UNVERIFIED 4  /* accept servers with a wrong proof (UniSpy and dumbspy send one) */
#define RELIGHT_PRESENCE_TICKET_IS_PASSWORD 8 /* with RELIGHT_LOGIN_TICKET: what OpenSpy checks */

/* What players do: relight_presence_set_status, ev.status of RELIGHT_EV_PRESENCE_BUDDY. */
#define RELIGHT_STATUS_OFFLINE 0
#define RELIGHT_STATUS_ONLINE 1
#define RELIGHT_STATUS_PLAYING 2
#define RELIGHT_STATUS_STAGING 3
#define RELIGHT_STATUS_CHATTING 4
#define RELIGHT_STATUS_AWAY 5

/* Where a session stands: ev.status of RELIGHT_EV_PRESENCE_STATE. */
#define RELIGHT_STEP_NONE 0
#define RELIGHT_STEP_RESOLVING 1    /* looking up the server's name */
#define RELIGHT_STEP_CONNECTING 2
#define RELIGHT_STEP_GREETING 3     /* waiting for the server's challenge */
#define RELIGHT_STEP_REGISTERING 4  /* making the account */
#define RELIGHT_STEP_LOGGING_IN 5
#define RELIGHT_STEP_CONNECTED 6    /* logged in */
#define RELIGHT_STEP_RECONNECTING 7 /* waiting for the next try */
#define RELIGHT_STEP_CLOSED 8

/* Events. Profiles are numbers (ev.id); a name is the unique nick, or else the nick, or "" while it is not known.
 *
 *   RELIGHT_EV_PRESENCE_STATE    status: step; text: why; address: the server; number: which try to reconnect is next; time:
 *                                when that is
 *   RELIGHT_EV_PRESENCE_READY    logged in. id: own profile; name: own unique nick; text: ticket ("" if the server gave none)
 *   RELIGHT_EV_PRESENCE_BUDDY    how a buddy is now: after each change, and for each buddy that becomes known. id; name;
 *                                status; text: what they say about it; address: location, as "gmtest://192.0.2.1:6500".
 *                                request: of relight_presence_roster, or 0
 *   RELIGHT_EV_PRESENCE_REMOVED  id: no buddy any more
 *   RELIGHT_EV_PRESENCE_MESSAGE  id: from; name; text; time
 *   RELIGHT_EV_PRESENCE_DATA     id: from; name; data, data_size; time: sent by relight_presence_send_data
 *   RELIGHT_EV_PRESENCE_ASKED    id wants this player as a buddy; name; text: reason; time. Answer with
 *                                relight_presence_accept or relight_presence_deny. Some servers repeat it at each login.
 *   RELIGHT_EV_PRESENCE_ACCEPTED id accepted this player's request; name; time
 *   RELIGHT_EV_PRESENCE_REVOKED  id removed this player from their list; name; time
 *   RELIGHT_EV_PRESENCE_INVITED  id asks to join a game; name; number: product id; address: location, may be ""; time
 *   RELIGHT_EV_PRESENCE_PROFILE  answers relight_presence_profile. id; name; fields: nick, uniquenick, email, firstname,
 *                                lastname, homepage, zipcode, countrycode, birthday (yyyy-mm-dd), sex (m, f), icquin, aim,
 *                                place, longitude, latitude; those that the server tells
 *   RELIGHT_EV_PRESENCE_MATCH    one result of a search; RELIGHT_EV_DONE follows. request; id; name; status and text (only
 *                                of RELIGHT_SEARCH_PLAYERS); fields: nick, uniquenick, namespace, firstname, lastname, email
 *   RELIGHT_EV_PRESENCE_TICKET   text: a newer ticket for RELIGHT_LOGIN_TICKET. It is a secret.
 *   RELIGHT_EV_PRESENCE_ERROR    code, native, text: the server refused something that has no answer, such as a message to
 *                                somebody who is no buddy. The session goes on.
 *
 * RELIGHT_EV_CLOSED ends the handle: with the reason why the login failed or the session was lost. */
#define RELIGHT_EV_PRESENCE_STATE 100
#define RELIGHT_EV_PRESENCE_READY 101
#define RELIGHT_EV_PRESENCE_BUDDY 102
#define RELIGHT_EV_PRESENCE_REMOVED 103
#define RELIGHT_EV_PRESENCE_MESSAGE 104
#define RELIGHT_EV_PRESENCE_DATA 105
#define RELIGHT_EV_PRESENCE_ASKED 106
#define RELIGHT_EV_PRESENCE_ACCEPTED 107
#define RELIGHT_EV_PRESENCE_REVOKED 108
#define RELIGHT_EV_PRESENCE_INVITED 109
#define RELIGHT_EV_PRESENCE_PROFILE 110
#define RELIGHT_EV_PRESENCE_MATCH 111
#define RELIGHT_EV_PRESENCE_TICKET 112
#define RELIGHT_EV_PRESENCE_ERROR 113

/* Needed: game, one of domain, host and addr, and what the way to log in names. */
typedef struct relight_presence_config {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t queue;               /* how many events may wait; 0 is 1024 */
	int32_t log_level;            /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	int32_t login;                /* RELIGHT_LOGIN_... */
	uint32_t flags;               /* a sum of RELIGHT_PRESENCE_... */
	int32_t product_id;           /* the number that the game has at GameSpy; 0 works with living servers */
	int32_t namespace_id;         /* where unique nicks are unique; 0 is 1, GameSpy's own; -1 is a game without them */
	int32_t partner_id;           /* whose accounts; 0 is GameSpy, 10 IGN, 11 Nintendo */
	RELIGHT_POINTER(const char *, game);        /* name of the game at GameSpy, as "gmtest" */
	RELIGHT_POINTER(const char *, domain);      /* "example.net" gives gpcm.example.net and gpsp.example.net */
	RELIGHT_POINTER(const char *, host);        /* one host for all services; wins over domain */
	RELIGHT_POINTER(const char *, addr);        /* host:port of the connection manager; wins over both */
	RELIGHT_POINTER(const char *, search_addr); /* host:port of the search service; wins over both */
	RELIGHT_POINTER(const char *, uniquenick);  /* at most 20 bytes */
	RELIGHT_POINTER(const char *, nick);        /* at most 30 bytes */
	RELIGHT_POINTER(const char *, email);       /* at most 50 bytes */
	RELIGHT_POINTER(const char *, password);    /* at most 30 bytes */
	RELIGHT_POINTER(const char *, token);       /* at most 255 bytes, like the next two */
	RELIGHT_POINTER(const char *, challenge);
	RELIGHT_POINTER(const char *, ticket);
	RELIGHT_POINTER(const char *, cdkey);       /* at most 64 bytes */
	uint32_t login_timeout_ms;    /* 0 is 30 000 */
	uint32_t operation_timeout_ms; /* for the answer to one request; 0 is 15 000 */
	uint32_t search_timeout_ms;   /* 0 is 30 000 */
	int32_t keepalive_ms;         /* silence after which a keep-alive is sent; 0 is 120 000, negative never */
	uint32_t reconnect_first_ms;  /* wait before the first try to reconnect, doubled with each; 0 is 1000 */
	uint32_t reconnect_max_ms;    /* the longest wait; 0 is 120 000 */
	uint32_t reconnect_attempts;  /* tries in a row that may fail; 0 is no limit */
	uint32_t max_results;         /* of one search; 0 is 10 000 */
} relight_presence_config;

typedef const relight_presence_config relight_presence_config_in;

/* Begins to log in. Events: RELIGHT_EV_PRESENCE_STATE at each step, then RELIGHT_EV_PRESENCE_READY, or RELIGHT_EV_CLOSED
 * with the reason why not. relight_close logs out. */
int32_t RELIGHT_CALL relight_presence_login(relight_presence_config_in *config, uint64_t *handle);

/* Publishes what the player does (RELIGHT_STATUS_...), in words (at most 255 bytes), and where, for games, as
 * "gmtest://192.0.2.1:6500" (the same). Answered by RELIGHT_EV_DONE when it was sent. request may be NULL, here and in all
 * functions. RELIGHT_ESTATE before RELIGHT_EV_PRESENCE_READY, here and in all functions but the searches. */
int32_t RELIGHT_CALL relight_presence_set_status(uint64_t handle, int32_t status, const char *text, const char *location, uint64_t *request);

/* Asks to be told of all buddies and open requests again: a RELIGHT_EV_PRESENCE_BUDDY or RELIGHT_EV_PRESENCE_ASKED for each,
 * with this request in it, then RELIGHT_EV_DONE with number: buddies, total: both together. Changes come without asking. */
int32_t RELIGHT_CALL relight_presence_roster(uint64_t handle, uint64_t *request);

/* Sends a buddy a message to read, of at most 3500 bytes, in UTF-8. Answered by RELIGHT_EV_DONE when it was sent; a server that
 * refuses it says so in RELIGHT_EV_PRESENCE_ERROR. Messages arrive in the order of the calls. */
int32_t RELIGHT_CALL relight_presence_send_message(uint64_t handle, int64_t to, const char *text, uint64_t *request);

/* Sends data to the game of another player: at most 3500 bytes, none of them a backslash or 0. Like a message otherwise; the
 * other game gets RELIGHT_EV_PRESENCE_DATA. */
int32_t RELIGHT_CALL relight_presence_send_data(uint64_t handle, int64_t to, relight_bytes *data, uint32_t size, uint64_t *request);

/* Asks another player to join a game; location has at most 255 bytes and may be "". Like a message otherwise. */
int32_t RELIGHT_CALL relight_presence_invite(uint64_t handle, int64_t to, int32_t product_id, const char *location, uint64_t *request);

/* Asks another player to become a buddy; reason has at most 1024 bytes. RELIGHT_EV_DONE when it was sent,
 * RELIGHT_EV_PRESENCE_ACCEPTED when the other has accepted, maybe days later. */
int32_t RELIGHT_CALL relight_presence_ask_buddy(uint64_t handle, int64_t profile, const char *reason, uint64_t *request);

/* Answers RELIGHT_EV_PRESENCE_ASKED. The protocol has no word for no: deny forgets the request. RELIGHT_EV_DONE, or
 * RELIGHT_EV_FAILED with RELIGHT_EINVAL if that profile did not ask. */
int32_t RELIGHT_CALL relight_presence_accept(uint64_t handle, int64_t profile, uint64_t *request);
int32_t RELIGHT_CALL relight_presence_deny(uint64_t handle, int64_t profile, uint64_t *request);

/* Takes a buddy from this player's list; takes this player from somebody else's list. RELIGHT_EV_DONE when it was sent. */
int32_t RELIGHT_CALL relight_presence_remove_buddy(uint64_t handle, int64_t profile, uint64_t *request);
int32_t RELIGHT_CALL relight_presence_revoke(uint64_t handle, int64_t profile, uint64_t *request);

/* Keeps somebody from seeing and reaching this player (blocked 1), or lets them again (0). RELIGHT_EV_DONE when it was sent. */
int32_t RELIGHT_CALL relight_presence_block(uint64_t handle, int64_t profile, int32_t blocked, uint64_t *request);

/* Asks for a profile, the player's own too. Answered by RELIGHT_EV_PRESENCE_PROFILE; at once if the server told of it within ten
 * minutes. */
int32_t RELIGHT_CALL relight_presence_profile(uint64_t handle, int64_t profile, uint64_t *request);

/* Changes the player's own profile and account: count pairs with the keys nick, uniquenick, firstname, lastname, homepage,
 * zipcode, countrycode (two letters), birthday (yyyy-mm-dd), sex (m, f or ""), icquin, aim, email, password.
 * RELIGHT_EINVAL for another key. RELIGHT_EV_DONE when it was sent. */
int32_t RELIGHT_CALL relight_presence_update_profile(uint64_t handle, relight_field_in *fields, uint32_t count, uint64_t *request);

/* Searches: relight_presence_query.kind, and which fields each looks at. Results are RELIGHT_EV_PRESENCE_MATCH (servers differ in
 * what they tell), then RELIGHT_EV_DONE with number: results. Results are never dropped: they wait for room in the queue. */
#define RELIGHT_SEARCH_PROFILES 0   /* those of nick, uniquenick, email, firstname, lastname, icquin that are given must fit */
#define RELIGHT_SEARCH_UNIQUENICK 1 /* uniquenick: who has it */
#define RELIGHT_SEARCH_NICKS 2      /* email, password: the profiles of that account */
#define RELIGHT_SEARCH_CHECK 3      /* nick, email, password: no matches, RELIGHT_EV_DONE has the profile in id */
#define RELIGHT_SEARCH_EMAIL 4      /* email: no matches, RELIGHT_EV_DONE has number 1 if it belongs to an account, else 0 */
#define RELIGHT_SEARCH_SUGGEST 5    /* uniquenick: names like it that are free */
#define RELIGHT_SEARCH_PLAYERS 6    /* product_id: who plays it; OpenSpy does not answer */
#define RELIGHT_SEARCH_OTHERS 7     /* who has this player as a buddy: only after RELIGHT_EV_PRESENCE_READY */

typedef struct relight_presence_query {
	uint32_t size;                /* set by RELIGHT_INIT */
	int32_t kind;                 /* RELIGHT_SEARCH_... */
	int64_t icquin;
	int32_t product_id;
	int32_t reserved;
	RELIGHT_POINTER(const char *, nick);
	RELIGHT_POINTER(const char *, uniquenick);
	RELIGHT_POINTER(const char *, email);
	RELIGHT_POINTER(const char *, password);
	RELIGHT_POINTER(const char *, firstname);
	RELIGHT_POINTER(const char *, lastname);
} relight_presence_query;

typedef const relight_presence_query relight_presence_query_in;

int32_t RELIGHT_CALL relight_presence_search(uint64_t handle, relight_presence_query_in *query, uint64_t *request);

/* ==== end of presence ============================================================================================ */

/* ==== host: events 200-299, errors -200 to -299 ================================================================== */

/* List a game server at a master (QR2), answer the queries of server browsers, let players behind NAT in, and check their
 * CD keys. One handle is one game server.
 *
 *     relight_host_config config;
 *     RELIGHT_INIT(config);
 *     config.game = "gmtest"; config.secret = "HA6zkS"; config.domain = "example.net"; config.bind = "0.0.0.0:7777";
 *     if (relight_host_open(&config, &host) < 0) return;
 *     relight_host_set(host, "hostname", "Friday night");
 *     relight_host_set_player(host, 0, "player_", "ann");
 *     relight_host_commit(host);
 *
 * The socket. A master lists the address that a host's packets come from, and players are to join there: host and game share
 * one socket. There are two ways:
 *
 * - A socket of its own: config.bind says where. What arrives and is the game's comes as RELIGHT_EV_PACKET, and the game sends
 *   with relight_send. If the engine does not poll, further packets are lost, as in any socket whose buffer is full.
 * - The engine's socket: the flag RELIGHT_HOST_ENGINE_SOCKET, and config.bind is that socket's address. The engine gives each
 *   datagram that it receives to relight_feed, and sends what RELIGHT_EV_SEND says. Poll every 50 ms or more often, since
 *   answers to masters are among the latter; answers to queries are, too. If datagrams fill half of the queue, further ones
 *   are lost, and RELIGHT_EV_DROPPED says so.
 *
 * These four also hold for handles of relight_natneg_open and for the sockets of relight_browser_connect:
 *
 *   RELIGHT_EV_SEND       address, data, data_size: the engine sends these bytes to that address, from its socket
 *   RELIGHT_EV_PACKET     address, data, data_size: these bytes came from that address, for the game */
#define RELIGHT_EV_SEND 200
#define RELIGHT_EV_PACKET 201

/* relight_feed: the datagram was the library's. */
#define RELIGHT_TAKEN 1

/* Gives a datagram to the library that the engine has received on its socket. from is "ip:port". RELIGHT_TAKEN if it was for
 * the library; RELIGHT_OK if not: then it is the game's, or that of another handle on the same socket. RELIGHT_ESTATE if
 * the handle has a socket of its own. The bytes are not kept. Answers are events of this handle when the call returns. */
int32_t RELIGHT_CALL relight_feed(uint64_t handle, const char *from, const void *data, uint32_t data_size);

/* Sends a datagram of the game's from the handle's own socket. to is "ip:port". At most 65 507 bytes. RELIGHT_ENETWORK if the
 * system does not take it; RELIGHT_ESTATE if the socket is the engine's. */
int32_t RELIGHT_CALL relight_send(uint64_t handle, const char *to, const void *data, uint32_t data_size);

/* The address of the handle's socket, as "0.0.0.0:7777": with the port that it got if it was bound to port 0. Buffer as with
 * relight_error_text. */
int32_t RELIGHT_CALL relight_socket_address(uint64_t handle, char *buffer, uint32_t capacity, uint32_t *needed);

/* Errors. */
#define RELIGHT_ENOTCONFIRMED (-200)  /* the master does not accept the answer to its challenge: most often, secret is wrong */
#define RELIGHT_EUNAVAILABLE (-201)   /* the back end does not serve the game any more */
#define RELIGHT_EUNAVAILABLENOW (-202) /* nor for now; it is asked again every minute */
#define RELIGHT_ETOOBIG (-203)        /* what was committed does not fit into the eight datagrams of an answer */
#define RELIGHT_ESAMEMASTER (-204)    /* two masters have one address; it is reported to once */
#define RELIGHT_EBADRESPONSE (-210)   /* what the player sent is no response to a challenge */
#define RELIGHT_EKEYINUSE (-211)      /* a player with this CD key is on this server */
#define RELIGHT_EOTHERKEY (-212)      /* the proof is about another CD key */
#define RELIGHT_EEXPIRED (-213)       /* nobody waits for that proof any more */

/* Flags: relight_host_config.flags. */
#define RELIGHT_HOST_ENGINE_SOCKET 1      /* the engine has the socket */
#define RELIGHT_HOST_NOT_PUBLIC 2         /* for the LAN only: nothing is sent to masters; needs neither secret nor domain */
#define RELIGHT_HOST_NATNEG 4             /* let players behind NAT in: negotiations are answered without the game's doing */
#define RELIGHT_HOST_REQUIRE_CHALLENGE 8  /* clients must verify their address before they query, even if no master asks for it */
#define RELIGHT_HOST_SKIP_AVAILABILITY 16 /* do not ask the availability service first */
#define RELIGHT_HOST_NO_QR1 32            /* leave questions of the older protocol, \basic\ and so on, to the game */

/* Where a host is with a master: ev.status of RELIGHT_EV_HOST_STATE. */
#define RELIGHT_HOST_STEP_IDLE 0
#define RELIGHT_HOST_STEP_RESOLVING 1     /* looking for the master's address */
#define RELIGHT_HOST_STEP_UNRESOLVED 2    /* not found; tried again */
#define RELIGHT_HOST_STEP_UNAVAILABLE 3   /* the back end does not serve the game */
#define RELIGHT_HOST_STEP_HEARTBEAT 4     /* heartbeats are sent, nothing came back yet */
#define RELIGHT_HOST_STEP_NO_ANSWER 5     /* three heartbeats got no answer; one a minute follows */
#define RELIGHT_HOST_STEP_ANSWERED 6      /* the challenge is answered; not confirmed yet */
#define RELIGHT_HOST_STEP_LISTED 7        /* the master lists the server */
#define RELIGHT_HOST_STEP_FORGOTTEN 8     /* it did, and has forgotten it: it is told again */
#define RELIGHT_HOST_STEP_REFUSED 9       /* it does not want to: ev.text has its words */
#define RELIGHT_HOST_STEP_STOPPED 10      /* the goodbye was sent */

/* Parts of what is told: relight_host_clear. */
#define RELIGHT_PART_SERVER 1
#define RELIGHT_PART_PLAYERS 2
#define RELIGHT_PART_TEAMS 4

/* Events. A cookie (ev.id) is the number of a negotiation, as in relight_natneg_negotiate.
 *
 *   RELIGHT_EV_HOST_STATE    a new step with a master. status: step; name: master; address: its address, "" while unknown;
 *                            code: RELIGHT_OK, or why the server is not listed; text: the same in words
 *   RELIGHT_EV_HOST_ADDRESS  address: this server's, as master name sees it
 *   RELIGHT_EV_HOST_MESSAGE  data: what a game client sent through master name
 *   RELIGHT_EV_HOST_JOINING  a player asked to be let in through NAT. id: cookie; name: master
 *   RELIGHT_EV_HOST_JOINED   the path is open. id: cookie; address: the player's; the rest as in RELIGHT_EV_NATNEG_CONNECTED
 *   RELIGHT_EV_HOST_JOIN_FAILED  id: cookie; code, text: why
 *   RELIGHT_EV_HOST_REPORT   answers relight_host_state and relight_host_diagnose. text: lines to read; status: 1 if a master
 *                            lists the server, or if nothing was found wrong, else 0; address: as seen from outside, or ""
 *   RELIGHT_EV_HOST_PLAYER   answers relight_host_authenticate: the player may come in. id: player, for
 *                            relight_host_player_left; status: 1 if the validation server said so, 2 if it said nothing; name:
 *                            the hash of the CD key, for ban lists
 *   RELIGHT_EV_HOST_PROOF    somebody else came with the key of player id: this one has to prove it. text: challenge, to be
 *                            sent to the player's game for relight_cdkey_respond; number: proof, for relight_host_prove;
 *                            time: until when. A game that does not care leaves it alone. */
#define RELIGHT_EV_HOST_STATE 210
#define RELIGHT_EV_HOST_ADDRESS 211
#define RELIGHT_EV_HOST_MESSAGE 212
#define RELIGHT_EV_HOST_JOINING 213
#define RELIGHT_EV_HOST_JOINED 214
#define RELIGHT_EV_HOST_JOIN_FAILED 215
#define RELIGHT_EV_HOST_REPORT 216
#define RELIGHT_EV_HOST_PLAYER 220
#define RELIGHT_EV_HOST_PROOF 221

/* Needed: game; and, unless it is not public, secret and one of domain, host and addr. */
typedef struct relight_host_config {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t queue;               /* how many events may wait; 0 is 1024 */
	int32_t log_level;            /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	uint32_t flags;               /* a sum of RELIGHT_HOST_... flags */
	RELIGHT_POINTER(const char *, game);           /* name of the game at GameSpy, as "gmtest"; at most 57 bytes */
	RELIGHT_POINTER(const char *, secret);         /* the game's secret key; at most 63 bytes */
	RELIGHT_POINTER(const char *, domain);         /* "example.net" gives gmtest.master.example.net */
	RELIGHT_POINTER(const char *, host);           /* one host for all services; wins over domain */
	RELIGHT_POINTER(const char *, addr);           /* host or host:port of the master; wins over both */
	RELIGHT_POINTER(const char *, available_addr); /* of the availability service; "": as the others say */
	RELIGHT_POINTER(const char *, masters);        /* further masters, host or host:port, separated by commas */
	RELIGHT_POINTER(const char *, bind);           /* ip:port of the socket; "" is 0.0.0.0 and any free port, but the engine's
	                                                  has one, which is needed */
	RELIGHT_POINTER(const char *, public_addr);    /* ip:port to tell the masters as our own, for port forwards; "": as they see it */
	RELIGHT_POINTER(const char *, natneg1);        /* the three matchup servers; "": from domain and host */
	RELIGHT_POINTER(const char *, natneg2);
	RELIGHT_POINTER(const char *, natneg3);
	RELIGHT_POINTER(const char *, keys);           /* numbers, 50 to 253, by which browsers ask for the game's own keys, as
	                                                  "50=fog,51=skin_" */
	RELIGHT_POINTER(const char *, quiet_keys);     /* keys that change all the time, separated by commas: their change alone is not
	                                                  told to masters; "" is timeelapsed,roundelapsed */
	RELIGHT_POINTER(const char *, local_ips);      /* of this machine, told to masters, separated by commas; "": found out */
	uint32_t host_port;           /* told to players in place of the key hostport; 0: not */
	uint32_t local_port;          /* told to masters as the query port, as a container's host has it; 0: the socket's own */
	int32_t answer_rate;          /* bytes of answers a second to one address; 0 is 16 384, negative no limit */
	uint32_t heartbeat_size;      /* largest heartbeat in bytes, 256 to 1400; 0 is 1400 */
	uint32_t resolve_timeout_ms;  /* for a name; 0 is 5000 */
	uint32_t reserved;            /* 0 */
} relight_host_config;

typedef const relight_host_config relight_host_config_in;

/* Opens the socket and begins to list the server. Queries are answered from the first relight_host_commit on. Events:
 * RELIGHT_EV_HOST_STATE at each step with each master; a master that refuses or is silent does not end the handle. RELIGHT_EINVAL
 * or RELIGHT_ENETWORK (the port is taken) at once. relight_close says goodbye to the masters by itself, but not over the
 * engine's socket: there, relight_host_stop comes before. */
int32_t RELIGHT_CALL relight_host_open(relight_host_config_in *config, uint64_t *handle);

/* Sets a key of the server in the draft, as "hostname", "mapname", "gametype", "gamever", "numplayers", "maxplayers", "gamemode"
 * ("openstaging", "openplaying", "closedplaying", "exiting"), "password", "hostport", or one of the game's own. The draft stays
 * between commits: only what has changed is to be set again. */
int32_t RELIGHT_CALL relight_host_set(uint64_t handle, const char *key, const char *value);

/* Sets a key of a player in the draft: "player_", "score_", "skill_", "ping_", "team_", "deaths_", "pid_", or one of the
 * game's own that ends in _. Rows count from 0, and the one behind the last is a new player; RELIGHT_EFULL behind 256. */
int32_t RELIGHT_CALL relight_host_set_player(uint64_t handle, uint32_t row, const char *key, const char *value);

/* The same for a team: "team_t", "score_t", or one of the game's own that ends in _t. */
int32_t RELIGHT_CALL relight_host_set_team(uint64_t handle, uint32_t row, const char *key, const char *value);

/* Takes a player out of the draft; those behind move up. */
int32_t RELIGHT_CALL relight_host_remove_player(uint64_t handle, uint32_t row);

/* Empties parts of the draft: a sum of RELIGHT_PART_... */
int32_t RELIGHT_CALL relight_host_clear(uint64_t handle, uint32_t parts);

/* Makes the draft what queries are answered with, and tells the masters if a server key has changed. If it fails
 * (RELIGHT_ETOOBIG, RELIGHT_EINVAL) the old answers stay. */
int32_t RELIGHT_CALL relight_host_commit(uint64_t handle);

/* Says goodbye to masters and to the validation server; queries are answered until the handle is closed. RELIGHT_EV_DONE
 * answers, behind the last RELIGHT_EV_SEND of it. */
int32_t RELIGHT_CALL relight_host_stop(uint64_t handle, uint64_t *request);

/* Tells how it stands: with each master, what was counted, what was dropped and why. RELIGHT_EV_HOST_REPORT answers. */
int32_t RELIGHT_CALL relight_host_state(uint64_t handle, uint64_t *request);

/* Finds out why the server is or is not listed, step by step, with advice. It waits until each master has said yes or no, or
 * was silent for long enough: up to 45 s. RELIGHT_EV_HOST_REPORT answers. */
int32_t RELIGHT_CALL relight_host_diagnose(uint64_t handle, uint64_t *request);

/* Flags: relight_cdkey_config.flags. */
#define RELIGHT_CDKEY_REJECT_UNANSWERED 1 /* players about whom the validation server says nothing stay outside */
#define RELIGHT_CDKEY_ALLOW_DUPLICATES 2  /* several players with one key may be on this server */

/* Needed: the first product. */
typedef struct relight_cdkey_config {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t flags;               /* a sum of RELIGHT_CDKEY_... */
	int32_t products[4];          /* GameSpy's numbers of the products whose keys are checked; 0 is none */
	RELIGHT_POINTER(const char *, domain); /* "example.net" gives key.example.net; with host and addr "": those of the host */
	RELIGHT_POINTER(const char *, host);
	RELIGHT_POINTER(const char *, addr);   /* of the validation server, host or host:port; wins over both */
} relight_cdkey_config;

typedef const relight_cdkey_config relight_cdkey_config_in;

/* Finds the validation server, once for each host. RELIGHT_EV_DONE answers, with its address in address; from then on players
 * can be authenticated. */
int32_t RELIGHT_CALL relight_host_check_keys(uint64_t handle, relight_cdkey_config_in *config, uint64_t *request);

/* Has a player's CD key checked. product: 0 is the first one; ip: the player's address without port, or ""; challenge: of
 * relight_cdkey_challenge; response: what the player's game made of it with relight_cdkey_respond. RELIGHT_EV_HOST_PLAYER answers,
 * or RELIGHT_EV_FAILED with RELIGHT_EREFUSED, RELIGHT_EBADRESPONSE, RELIGHT_EKEYINUSE or RELIGHT_ETIMEOUT, within six
 * seconds. */
int32_t RELIGHT_CALL relight_host_authenticate(uint64_t handle, int32_t product, const char *ip, const char *challenge,
	const char *response, uint64_t *request);

/* A player has left. */
int32_t RELIGHT_CALL relight_host_player_left(uint64_t handle, int64_t player);

/* Passes a player's proof on: proof is ev.number of RELIGHT_EV_HOST_PROOF. RELIGHT_EEXPIRED if it is too late. */
int32_t RELIGHT_CALL relight_host_prove(uint64_t handle, int64_t proof, const char *response);

/* Makes a challenge for a player, text that nobody can guess. Buffer as with relight_error_text; 64 bytes are enough. */
int32_t RELIGHT_CALL relight_cdkey_challenge(char *buffer, uint32_t capacity, uint32_t *needed);

/* The game client's side: the response to a challenge, which shows that the player has the key and does not tell it. proof is 1
 * for the challenge of a RELIGHT_EV_HOST_PROOF, else 0. Buffer as with relight_error_text; 73 bytes are enough. */
int32_t RELIGHT_CALL relight_cdkey_respond(const char *key, const char *challenge, int32_t proof, char *buffer, uint32_t capacity,
	uint32_t *needed);

/* ==== end of host ================================================================================================ */

/* ==== browser: events 300-399, errors -300 to -399 =============================================================== */

/* A live list of game servers, from a list master or from the local network; what each of them says of itself; and a way to
 * one of them. One handle is one list: open another one for another filter, or for the LAN beside the internet. */

/* Errors. Silence of a master or server is RELIGHT_ETIMEOUT. */
#define RELIGHT_EINCOMPLETE (-300)  /* the master closed the connection in the middle of a list */
#define RELIGHT_ENODATA (-301)      /* the master answered, but knows nothing of that server */
#define RELIGHT_EHIDDEN (-302)      /* the master hides that server's address: it cannot be asked, only joined */
#define RELIGHT_EUNREACHABLE (-303) /* no way to that server works; the text says what was tried */

/* Flags: relight_browser_config.flags. */
#define RELIGHT_BROWSER_LAN 1      /* search the local network and ask no master */
#define RELIGHT_BROWSER_OLD_GAME 2 /* a game of the QR1 protocol, until about 2004 */
#define RELIGHT_BROWSER_NO_LIST 4  /* keep no list: the handle only answers requests */

/* What is known about reaching a server: ev.flags. */
#define RELIGHT_SERVER_DIRECT 1 /* it takes packets from strangers */
#define RELIGHT_SERVER_NATNEG 2 /* it can be joined through NAT negotiation */
#define RELIGHT_SERVER_HIDDEN 4 /* address is no address, but names the server to the master */

/* Ways to a server: ev.status of RELIGHT_EV_BROWSER_CONNECTED. */
#define RELIGHT_PATH_LAN 1
#define RELIGHT_PATH_DIRECT 2
#define RELIGHT_PATH_NATNEG 3

/* Events. A server is named by its address in calls, and by ev.id in tables of the engine's: the number stays the same, is
 * below 2^53, and has no other meaning.
 *
 *   RELIGHT_EV_BROWSER_SERVER    status: 1 it is new, 2 something about it is. id; address; name: hostname; text: mapname;
 *                                number: players; total: most players; time: round trip in ms, 0 if it is not known;
 *                                flags: RELIGHT_SERVER_...; code: why it did not answer, RELIGHT_OK if it did or was not
 *                                asked; fields: all that is known, with the game's own names
 *   RELIGHT_EV_BROWSER_REMOVED   id; address; name: it is listed no more. text, number, total, time, flags, code: as they were
 *                                Neither of the two is ever dropped, nor is RELIGHT_EV_BROWSER_LISTED. While the engine does
 *                                not poll, changes of one server become one.
 *   RELIGHT_EV_BROWSER_STATE     text: how it stands with the list, in words; status: 1 while the list is being asked for;
 *                                address: the master; number: servers in the list by now; code, native: why there is no
 *                                newer list, or RELIGHT_OK. The library tries again by itself.
 *   RELIGHT_EV_BROWSER_LISTED    a list came to its end, and its servers were told. number: servers in it; address: the master
 *   RELIGHT_EV_BROWSER_PLAYER    one player of a queried server; RELIGHT_EV_BROWSER_INFO follows. request; id: the server;
 *                                number: from 0; total: how many; name; fields, as player_, score_, ping_
 *   RELIGHT_EV_BROWSER_TEAM      the same of a team; fields, as team_t, score_t
 *   RELIGHT_EV_BROWSER_INFO      answers relight_browser_query and relight_browser_info; as RELIGHT_EV_BROWSER_SERVER
 *   RELIGHT_EV_BROWSER_GROUP     one room of the game; RELIGHT_EV_DONE with number, the count, follows. request; id; name;
 *                                number: players who wait in it; total: the most; fields
 *   RELIGHT_EV_BROWSER_CONNECTED answers relight_browser_connect. id: the server; address: where the game's packets go;
 *                                status: RELIGHT_PATH_...; name: its name; number: the handle of the socket, if one was
 *                                made; total: ms that it took; text: a line for each way that was tried
 *   RELIGHT_EV_BROWSER_REPORT    answers relight_browser_diagnose. text: lines to read; status: 1 if all is well */
#define RELIGHT_EV_BROWSER_SERVER 300
#define RELIGHT_EV_BROWSER_REMOVED 301
#define RELIGHT_EV_BROWSER_STATE 302
#define RELIGHT_EV_BROWSER_LISTED 303
#define RELIGHT_EV_BROWSER_PLAYER 304
#define RELIGHT_EV_BROWSER_TEAM 305
#define RELIGHT_EV_BROWSER_INFO 306
#define RELIGHT_EV_BROWSER_GROUP 307
#define RELIGHT_EV_BROWSER_CONNECTED 308
#define RELIGHT_EV_BROWSER_REPORT 309

/* Needed for a master's list: game, secret and one of domain, host and addr. The LAN needs nothing. */
typedef struct relight_browser_config {
	uint32_t size;              /* set by RELIGHT_INIT */
	uint32_t queue;             /* how many events may wait; 0 is 1024 */
	int32_t log_level;          /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	uint32_t flags;             /* a sum of RELIGHT_BROWSER_... */
	RELIGHT_POINTER(const char *, game);       /* name of the game at GameSpy, as "gmtest" */
	RELIGHT_POINTER(const char *, from);       /* name of the game that the secret belongs to, if that is another one */
	RELIGHT_POINTER(const char *, secret);     /* the game's secret key; it is never sent */
	RELIGHT_POINTER(const char *, domain);     /* "example.net" gives gmtest.ms8.example.net */
	RELIGHT_POINTER(const char *, host);       /* one host for all services; wins over domain */
	RELIGHT_POINTER(const char *, addr);       /* host:port of the list master; wins over both */
	RELIGHT_POINTER(const char *, filter);     /* which servers, as "numplayers > 0 and mapname like 'dm%'"; "" is all */
	RELIGHT_POINTER(const char *, fields);     /* what the master shall tell, separated by commas; "" is the usual */
	RELIGHT_POINTER(const char *, broadcast);  /* LAN: where the question goes, separated by commas; "" is everywhere */
	RELIGHT_POINTER(const char *, natneg_host); /* one host of all matchup servers; "" goes by domain or host */
	RELIGHT_POINTER(const char *, natneg1);    /* host:port of a matchup server, like the next two; wins over the host */
	RELIGHT_POINTER(const char *, natneg2);
	RELIGHT_POINTER(const char *, natneg3);
	int32_t ask_every_ms;       /* servers are asked when they are listed and then so often; 0 is 10 000, negative not at all */
	uint32_t relist_every_ms;   /* the list is asked for anew where the master does not push; 0 is 60 000, on the LAN 15 000 */
	uint32_t retry_after_ms;    /* behind a master that said no; 0 is 10 000 */
	uint32_t connect_timeout_ms; /* to find and reach the master; 0 is 5000 */
	uint32_t reply_timeout_ms;  /* the longest silence of a master that owes something; 0 is 5000 */
	uint32_t natneg_timeout_ms; /* for a server behind a NAT to show up at the matchup server; 0 is 12 000 */
	uint32_t query_timeout_ms;  /* for a server to answer, before it is asked again, a little longer each time; 0 is 500 */
	uint32_t query_attempts;    /* how often a server is asked that does not answer, at most 8; 0 is 4 */
	uint32_t first_port;        /* LAN: query ports that are tried; 0 is 6500 */
	uint32_t last_port;         /* 0 is first_port + 100, at most first_port + 500 */
} relight_browser_config;

typedef const relight_browser_config relight_browser_config_in;

/* Begins to keep a list. Events: RELIGHT_EV_BROWSER_STATE, a RELIGHT_EV_BROWSER_SERVER for each server as it arrives,
 * RELIGHT_EV_BROWSER_LISTED at the end of the list, then what changes, until relight_close. */
int32_t RELIGHT_CALL relight_browser_open(relight_browser_config_in *config, uint64_t *handle);

/* Wants the list anew, now: the player has pressed a button. RELIGHT_EV_BROWSER_LISTED tells that it is there. */
int32_t RELIGHT_CALL relight_browser_refresh(uint64_t handle);

/* Says which server the player looks at: it is asked every 2 s. "" is none. */
int32_t RELIGHT_CALL relight_browser_focus(uint64_t handle, const char *address);

/* Asks one server for everything. Answer: RELIGHT_EV_BROWSER_INFO, behind the players and teams. */
int32_t RELIGHT_CALL relight_browser_query(uint64_t handle, const char *address, uint64_t *request);

/* Asks the master for everything that it knows of a server; few masters answer. Answer: RELIGHT_EV_BROWSER_INFO. */
int32_t RELIGHT_CALL relight_browser_info(uint64_t handle, const char *address, uint64_t *request);

/* Has the master relay bytes to a server, which gets them as RELIGHT_EV_HOST_MESSAGE if it runs this library. Answer:
 * RELIGHT_EV_DONE with the server's id, which says that they were sent, not that they arrived. */
int32_t RELIGHT_CALL relight_browser_message(uint64_t handle, const char *address, const void *data, uint32_t size, uint64_t *request);

/* Asks for the rooms of the game: RELIGHT_EV_BROWSER_GROUP each. Answer: RELIGHT_EV_DONE. */
int32_t RELIGHT_CALL relight_browser_groups(uint64_t handle, uint64_t *request);

/* Finds a way to a server that works: over the LAN, directly, or by NAT negotiation, in this order. socket is the handle of a
 * host or of a NAT negotiation whose socket the game plays on. If it is 0 a socket is made, and *own, its handle, is the
 * engine's to close: relight_send and RELIGHT_EV_PACKET carry the game's packets. own may be NULL otherwise. Answer:
 * RELIGHT_EV_BROWSER_CONNECTED. */
int32_t RELIGHT_CALL relight_browser_connect(uint64_t handle, const char *address, uint64_t socket, uint64_t *own, uint64_t *request);

/* Goes through the steps of getting a list and says what works and what does not; it takes seconds. Answer:
 * RELIGHT_EV_BROWSER_REPORT. */
int32_t RELIGHT_CALL relight_browser_diagnose(uint64_t handle, const char *filter, uint64_t *request);

/* ==== end of browser ============================================================================================= */

/* ==== natneg: events 400-499, errors -400 to -499 ================================================================ */

/* Open a path between two players behind NATs (NatNeg). One handle is one socket, on which any number of negotiations run, each
 * with a cookie of its own: a number that both sides know, and nobody else uses at the same time. A server browser that
 * joins a listed server, and a host with RELIGHT_HOST_NATNEG, do it by themselves; this is for games with an arrangement of
 * their own.
 *
 * The socket is its own, the engine's, or a host's: see relight_feed, relight_send, RELIGHT_EV_SEND and RELIGHT_EV_PACKET. */

/* Errors: why a negotiation failed. */
#define RELIGHT_ENOSERVERS (-400)    /* no matchup server was found, or none answers */
#define RELIGHT_ESOMESERVERS (-401)  /* some of them do not answer, and the partner's address never came */
#define RELIGHT_EPEERABSENT (-402)   /* the partner did not come */
#define RELIGHT_EPEERINIT (-403)     /* the servers miss packets of one side */
#define RELIGHT_EINCOMPATIBLE (-404) /* the two NATs do not go together, as is known */
#define RELIGHT_EPEERSILENT (-405)   /* the partner's address is known, but nothing gets through */
#define RELIGHT_ECOOKIEINUSE (-406)  /* another negotiation with this cookie is under way on this socket */

/* Flags: relight_natneg_config.flags. */
#define RELIGHT_NATNEG_ENGINE_SOCKET 1 /* the engine has the socket */
#define RELIGHT_NATNEG_FAIL_FAST 2     /* give up at the first sign that it will not work, after two seconds in a step */
#define RELIGHT_NATNEG_ANY_SOURCE 4    /* for back ends whose servers answer from other addresses than they have */

/* Roles. */
#define RELIGHT_NATNEG_GUEST 0 /* who connects */
#define RELIGHT_NATNEG_HOST 1  /* who is connected to */

/* Where a negotiation is: ev.status of RELIGHT_EV_NATNEG_STEP. */
#define RELIGHT_NATNEG_STEP_SETUP 0
#define RELIGHT_NATNEG_STEP_RESOLVE 1   /* looking for the matchup servers' addresses */
#define RELIGHT_NATNEG_STEP_INIT 2      /* telling them of our ports */
#define RELIGHT_NATNEG_STEP_WAIT 3      /* waiting for the partner */
#define RELIGHT_NATNEG_STEP_PING 4      /* knocking at the partner's addresses */
#define RELIGHT_NATNEG_STEP_CONNECTED 5
#define RELIGHT_NATNEG_STEP_KEPT 6      /* the path is kept open: keepalive_ms */
#define RELIGHT_NATNEG_STEP_DONE 7      /* nothing more is sent */
#define RELIGHT_NATNEG_STEP_FAILED 8

/* What stands before this machine: ev.status of RELIGHT_EV_NATNEG_NAT. */
#define RELIGHT_NAT_NONE 0
#define RELIGHT_NAT_FIREWALL_ONLY 1
#define RELIGHT_NAT_FULL_CONE 2
#define RELIGHT_NAT_RESTRICTED_CONE 3
#define RELIGHT_NAT_PORT_RESTRICTED 4
#define RELIGHT_NAT_SYMMETRIC 5
#define RELIGHT_NAT_UNKNOWN 6

/* Events.
 *
 *   RELIGHT_EV_NATNEG_STEP       how a negotiation comes along; also behind RELIGHT_EV_NATNEG_CONNECTED, when the partner's
 *                                address changes while the path is kept open. request; id: cookie; status: step; name: the
 *                                step in words; address: the partner's, or ""; code, text: what is likely to be wrong, long
 *                                before the time limit
 *   RELIGHT_EV_NATNEG_CONNECTED  answers relight_natneg_negotiate. id: cookie; address: the partner's, send there; number: round
 *                                trip in ms; total: how long it took in ms; name: how the address was found; fields:
 *                                resolve_ms, connect_ms, ping_ms (of the steps), guess (what the servers thought),
 *                                seen_as (our own address, if a server told)
 *   RELIGHT_EV_NATNEG_NAT        answers relight_natneg_detect. status: RELIGHT_NAT_...; name: the same in words; text: a sentence;
 *                                address: as seen from outside; flags: 1 if a listed server is found where the master saw
 *                                it; total: how long it took in ms; fields: mapping, filtering, scheme, promiscuity,
 *                                port_preservation, hairpin, step, private
 *   RELIGHT_EV_NATNEG_REPORT     answers relight_natneg_diagnose. text: lines to read; status: 1 if nothing is wrong, else 0 */
#define RELIGHT_EV_NATNEG_STEP 400
#define RELIGHT_EV_NATNEG_CONNECTED 401
#define RELIGHT_EV_NATNEG_NAT 402
#define RELIGHT_EV_NATNEG_REPORT 403

/* Needed: game, and one of domain, host and the servers. */
typedef struct relight_natneg_config {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t queue;               /* how many events may wait; 0 is 1024 */
	int32_t log_level;            /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	uint32_t flags;               /* a sum of RELIGHT_NATNEG_... flags */
	uint64_t socket_of;           /* a host whose socket is used: packets are events of the host, and it is the host that is fed;
	                                 0: none */
	RELIGHT_POINTER(const char *, game);     /* name of the game at GameSpy; at most 49 bytes */
	RELIGHT_POINTER(const char *, domain);   /* "example.net" gives gmtest.natneg1.example.net and so on */
	RELIGHT_POINTER(const char *, host);     /* one host for all three servers; wins over domain */
	RELIGHT_POINTER(const char *, server1);  /* host or host:port of each; wins over both */
	RELIGHT_POINTER(const char *, server2);
	RELIGHT_POINTER(const char *, server3);
	RELIGHT_POINTER(const char *, bind);     /* ip:port of the socket, as in relight_host_config; not with socket_of */
	RELIGHT_POINTER(const char *, local_ip); /* told to the servers, for a partner behind the same NAT; "": found out */
	uint32_t version;             /* of the protocol: 2, 3 or 4; 0 is 3 */
	uint32_t resolve_timeout_ms;  /* for the servers' names; 0 is 5000 */
	uint32_t init_timeout_ms;     /* for the first server to answer; 0 is 2000, or 6000 if there is one address for all three */
	uint32_t connect_timeout_ms;  /* for the servers to name the partner; 0 is 15 000 */
	uint32_t ping_timeout_ms;     /* for the partner to answer; 0 is 6300, or less if that cannot work */
	uint32_t detect_timeout_ms;   /* for relight_natneg_detect; 0 is 10 000 */
	uint32_t keepalive_ms;        /* between packets that keep a path open while the game is silent, 15 000 suits nearly all
	                                 routers; 0: none */
	uint32_t reserved;            /* 0 */
} relight_natneg_config;

typedef const relight_natneg_config relight_natneg_config_in;

/* Opens the socket; nothing is sent yet. */
int32_t RELIGHT_CALL relight_natneg_open(relight_natneg_config_in *config, uint64_t *handle);

/* Opens a path to whoever negotiates with the same cookie and the other role. candidates: further addresses of the partner that
 * the game knows, "ip:port" separated by commas, or "". RELIGHT_EV_NATNEG_CONNECTED or RELIGHT_EV_FAILED answers, within 25 s
 * with the default limits; RELIGHT_EV_NATNEG_STEP comes before. Until 5 s after that, the library goes on answering the
 * partner's late packets: keep feeding and sending. Ends with relight_cancel. */
int32_t RELIGHT_CALL relight_natneg_negotiate(uint64_t handle, uint32_t cookie, int32_t role, const char *candidates,
	uint64_t *request);

/* Ends what goes on behind an open path, as when the partner leaves: late packets, and those of keepalive_ms. request is that of
 * the negotiation. RELIGHT_EINVAL if nothing does. */
int32_t RELIGHT_CALL relight_natneg_drop(uint64_t handle, uint64_t request);

/* Finds out what the NAT before this machine does, with sockets of its own: up to 10 s. Later negotiations of this handle make
 * use of it. RELIGHT_EV_NATNEG_NAT answers. */
int32_t RELIGHT_CALL relight_natneg_detect(uint64_t handle, uint64_t *request);

/* Finds out why players do not reach each other from here, step by step, with advice. RELIGHT_EV_NATNEG_REPORT answers. */
int32_t RELIGHT_CALL relight_natneg_diagnose(uint64_t handle, uint64_t *request);

/* ==== end of natneg ============================================================================================== */

/* ==== lan: events 500-599, errors -500 to -599 =================================================================== */

/* Find Steam clients on the local network, and be found as one: the discovery of Remote Play on UDP port 27036. Sockets are
 * the library's own. Nothing proves who is speaking there: names are for display, not to be trusted. */

/* Errors. */
#define RELIGHT_ENOINTERFACE (-500) /* there is no network to ask on */

/* What a client does for others: ev.number, relight_lan_status.services. A sum. */
#define RELIGHT_SERVICE_REMOTE_CONTROL 1
#define RELIGHT_SERVICE_GAME_STREAMING 2
#define RELIGHT_SERVICE_SITE_LICENSE 4
#define RELIGHT_SERVICE_CONTENT_CACHE 8
#define RELIGHT_SERVICE_CONTENT_SERVER 16
#define RELIGHT_SERVICE_MANAGE_DOWNLOADS 32

/* How a client is: ev.flags, relight_lan_status.flags. A sum. */
#define RELIGHT_LAN_64BIT 1
#define RELIGHT_LAN_SCREEN_LOCKED 2
#define RELIGHT_LAN_GAMES_RUNNING 4
#define RELIGHT_LAN_BROADCASTING 8
#define RELIGHT_LAN_VR_ACTIVE 16
#define RELIGHT_LAN_REMOTE_PLAY 32
#define RELIGHT_LAN_STEAM_DECK 64

/* Steam's numbers for operating systems, some of them: ev.total, relight_lan_status.os. */
#define RELIGHT_OS_WINDOWS7 10
#define RELIGHT_OS_WINDOWS10 16
#define RELIGHT_OS_WINDOWS11 20
#define RELIGHT_OS_LINUX (-203)
#define RELIGHT_OS_MAC (-102)
#define RELIGHT_OS_ANDROID (-500)
#define RELIGHT_OS_IOS (-600)

/* Why a client is gone: ev.status of RELIGHT_EV_LAN_GONE. */
#define RELIGHT_GONE_SAID_OFFLINE 1
#define RELIGHT_GONE_FELL_SILENT 2  /* three questions without an answer */
#define RELIGHT_GONE_RESTARTED 3    /* it appears again next */

/* What a search is doing: ev.status of RELIGHT_EV_LAN_STATE. */
#define RELIGHT_LAN_IDLE 0
#define RELIGHT_LAN_SEARCHING 1     /* nobody has answered yet, or nobody is left */
#define RELIGHT_LAN_TRACKING 2      /* at least one client is known */
#define RELIGHT_LAN_NO_NETWORK 3    /* the last question could not be sent; tried again */
#define RELIGHT_LAN_CLOSED 4

/* What an announcement is doing: ev.status of RELIGHT_EV_LAN_ANNOUNCE. */
#define RELIGHT_ANNOUNCE_IDLE 0
#define RELIGHT_ANNOUNCE_ANNOUNCING 1
#define RELIGHT_ANNOUNCE_OFFLINE 2
#define RELIGHT_ANNOUNCE_FAILED 3   /* ev.text says why */

/* Events. A client is known by its id, a number that it keeps; it can be larger than 2^53, for which poor FFIs use the field
 * client_id.
 *
 *   RELIGHT_EV_LAN_APPEARED  a client is there. id; name; address: where it takes connections; number: services; total:
 *                            operating system; flags: RELIGHT_LAN_...; time: last heard; fields: client_id, instance_id
 *                            (another after a restart), os and services in words, version, heard_at (address), and
 *                            steam_id for each account that is logged in
 *   RELIGHT_EV_LAN_CHANGED   it says something else, or is heard elsewhere. The same slots
 *   RELIGHT_EV_LAN_GONE      it is gone. The same slots, as they were; status: RELIGHT_GONE_...; text: the same in words
 *   RELIGHT_EV_LAN_STATE     status: RELIGHT_LAN_...; code, text: what is wrong
 *   RELIGHT_EV_LAN_HOST      one for each client that is there, before the RELIGHT_EV_DONE of relight_lan_hosts. request; the
 *                            slots of RELIGHT_EV_LAN_APPEARED
 *   RELIGHT_EV_LAN_REPORT    answers relight_lan_diagnose. text: lines to read; status: 1 if nothing is wrong, else 0
 *   RELIGHT_EV_LAN_ANNOUNCE  status: RELIGHT_ANNOUNCE_...; id: client id; number: instance id; name; address: where it
 *                            listens; code, text: what is wrong */
#define RELIGHT_EV_LAN_APPEARED 500
#define RELIGHT_EV_LAN_CHANGED 501
#define RELIGHT_EV_LAN_GONE 502
#define RELIGHT_EV_LAN_STATE 503
#define RELIGHT_EV_LAN_HOST 504
#define RELIGHT_EV_LAN_REPORT 505
#define RELIGHT_EV_LAN_ANNOUNCE 506

/* Flags: relight_lan_discover_config.flags. */
#define RELIGHT_LAN_PASSIVE 1 /* also listen on port 27036 for what is broadcast unasked; shared with a Steam client, which may
                                 miss answers that way */

/* All zeros ask on every network of this machine. */
typedef struct relight_lan_discover_config {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t queue;               /* how many events may wait; 0 is 1024 */
	int32_t log_level;            /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	uint32_t flags;               /* RELIGHT_LAN_PASSIVE or 0 */
	uint64_t client_id;           /* our own, which is ignored if heard; 0 is a random one */
	RELIGHT_POINTER(const char *, interfaces);   /* names of interfaces to ask on, separated by commas; "": all, unless there are
	                                                targets */
	RELIGHT_POINTER(const char *, targets);      /* further addresses to ask, host or host:port, separated by commas */
	RELIGHT_POINTER(const char *, passive_addr); /* where to listen with RELIGHT_LAN_PASSIVE; "" is 0.0.0.0 and the port */
	uint32_t port;                /* where to ask; 0 is 27036 */
	uint32_t max_hosts;           /* in the table; 0 is 1024 */
	uint32_t interval_ms;         /* between questions, behind the first three; 0 is 10 000, at least 100 */
	uint32_t search_ms;           /* how long relight_lan_diagnose takes; 0 is 3000 */
	uint32_t open_timeout_ms;     /* for names in targets; 0 is 5000 */
	uint32_t reserved;            /* 0 */
} relight_lan_discover_config;

typedef const relight_lan_discover_config relight_lan_discover_config_in;

/* Begins to search, and goes on until the handle is closed. Events: RELIGHT_EV_LAN_STATE, RELIGHT_EV_LAN_APPEARED and so on;
 * RELIGHT_EV_CLOSED if there is no network to ask on. */
int32_t RELIGHT_CALL relight_lan_discover(relight_lan_discover_config_in *config, uint64_t *handle);

/* Asks again at once, as when the player presses "refresh". RELIGHT_ESTATE before the first RELIGHT_EV_LAN_STATE. */
int32_t RELIGHT_CALL relight_lan_search(uint64_t handle);

/* Tells who is there: a RELIGHT_EV_LAN_HOST each, then RELIGHT_EV_DONE with how many in number. For games that keep no list of their
 * own, and after RELIGHT_EV_DROPPED. RELIGHT_ESTATE before the first RELIGHT_EV_LAN_STATE. */
int32_t RELIGHT_CALL relight_lan_hosts(uint64_t handle, uint64_t *request);

/* Finds out why nobody is found, step by step, with advice. RELIGHT_EV_LAN_REPORT answers, after search_ms. */
int32_t RELIGHT_CALL relight_lan_diagnose(uint64_t handle, uint64_t *request);

/* What a program says of itself. All zeros: this machine under its own name, without services. */
typedef struct relight_lan_status {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t flags;               /* a sum of RELIGHT_LAN_64BIT and the others */
	int32_t os;                   /* RELIGHT_OS_...; 0: this machine's, and RELIGHT_LAN_64BIT with it */
	uint32_t services;            /* a sum of RELIGHT_SERVICE_... */
	uint32_t supported_services;  /* what it could do; 0: the same */
	uint32_t connect_port;        /* where it takes connections; 0: where it listens */
	int32_t version;              /* of the control protocol; 0 is 8 */
	int32_t min_version;          /* 0 is 6 */
	RELIGHT_POINTER(const char *, name); /* at most 64 bytes, without control characters; "": this machine's */
	RELIGHT_POINTER(const uint64_t *, steam_ids); /* of the accounts that are logged in */
	uint32_t steam_id_count;      /* at most 16 */
	uint32_t reserved;            /* 0 */
} relight_lan_status;

typedef const relight_lan_status relight_lan_status_in;

/* Flags: relight_lan_announce_config.flags. */
#define RELIGHT_LAN_SILENT 1 /* broadcast nothing: only answer those who ask */

/* All zeros announce on every network of this machine. */
typedef struct relight_lan_announce_config {
	uint32_t size;                /* set by RELIGHT_INIT */
	uint32_t queue;               /* how many events may wait; 0 is 1024 */
	int32_t log_level;            /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	uint32_t flags;               /* RELIGHT_LAN_SILENT or 0 */
	uint64_t client_id;           /* names this installation: keep the one of RELIGHT_EV_LAN_ANNOUNCE; 0 is a random one, a
	                                 stranger at each start */
	uint64_t instance_id;         /* names this run; 0 is a random one */
	RELIGHT_POINTER(const char *, addr);       /* ip:port to listen on; "" is 0.0.0.0:27036 */
	RELIGHT_POINTER(const char *, interfaces); /* names of interfaces to broadcast on, separated by commas; "": all, unless
	                                              there are targets */
	RELIGHT_POINTER(const char *, targets);    /* addresses to broadcast to instead, separated by commas */
	RELIGHT_POINTER(relight_lan_status_in *, status); /* NULL: all zeros */
	uint32_t port;                /* where broadcasts go; 0 is 27036 */
	uint32_t open_timeout_ms;     /* for names in targets; 0 is 5000 */
} relight_lan_announce_config;

typedef const relight_lan_announce_config relight_lan_announce_config_in;

/* Makes this program visible as a Steam client until the handle is closed, which says goodbye. RELIGHT_EV_LAN_ANNOUNCE tells
 * when it is; RELIGHT_EV_CLOSED if the port cannot be had. */
int32_t RELIGHT_CALL relight_lan_announce(relight_lan_announce_config_in *config, uint64_t *handle);

/* Changes what is announced, all of it. RELIGHT_EINVAL if that is not possible: then the old stays. */
int32_t RELIGHT_CALL relight_lan_update(uint64_t handle, relight_lan_status_in *status);

/* ==== end of lan ================================================================================================= */

/* ==== depot: events 600-699, errors -600 to -699 ================================================================= */

/* A depot of Steam's content network, or of a mirror of one's own, in a folder: download (which updates and repairs), verify,
 * plan. One handle is one such action and is over, with RELIGHT_EV_CLOSED, when that is done. A download that is closed early
 * is continued by the next one. Left out of small builds: relight_depot_open gives RELIGHT_EUNSUPPORTED there. */

/* Errors. ev.native is the status of HTTP, if there was one. */
#define RELIGHT_ENOSPACE (-600)     /* not enough room on the disk */
#define RELIGHT_ELOCKED (-601)      /* another download works in the folder */
#define RELIGHT_ECORRUPT (-602)     /* a chunk is damaged, or the key is wrong */
#define RELIGHT_EMANIFEST (-603)    /* the manifest cannot be read, is not the one asked for, or is not safe to lay down */
#define RELIGHT_ENOTFOUND (-604)    /* no server has it */
#define RELIGHT_EFORBIDDEN (-605)   /* servers refuse: a request code or token is missing or too old */
#define RELIGHT_EFILESFAILED (-606) /* some files are missing; the next download goes on */
#define RELIGHT_ENOCONTENT (-607)   /* no content server can be used */

/* Actions: relight_depot_config.action. */
#define RELIGHT_DEPOT_DOWNLOAD 0 /* get what is missing or wrong */
#define RELIGHT_DEPOT_VERIFY 1   /* compare, and write nothing */
#define RELIGHT_DEPOT_PLAN 2     /* say what a download would do, and write nothing */
#define RELIGHT_DEPOT_DIAGNOSE 3 /* find out why a download does not work, and write nothing */

/* Flags: relight_depot_config.flags. */
#define RELIGHT_DEPOT_WEB_API 1       /* ask Steam's web API for content servers */
#define RELIGHT_DEPOT_DETECT_CACHE 2  /* look for a LAN cache as Steam's clients do */
#define RELIGHT_DEPOT_HASH_FILES 4    /* read each new file once more, and compare its SHA-1; chunks are compared anyhow */
#define RELIGHT_DEPOT_STATELESS 8     /* keep no memory of versions in the folder: removed files of old versions stay */
#define RELIGHT_DEPOT_SKIP_SPACE 16   /* begin even if the disk has too little room */
#define RELIGHT_DEPOT_PREALLOCATE 32  /* take the room of each file at once */
#define RELIGHT_DEPOT_TELL_FILES 64   /* RELIGHT_EV_DEPOT_FILE for each file */
#define RELIGHT_DEPOT_TELL_EXTRA 128  /* verify: tell of files that the manifest does not have, too */

/* What a file is, or needs: ev.status of RELIGHT_EV_DEPOT_ENTRY. */
#define RELIGHT_ENTRY_OK 0          /* never told */
#define RELIGHT_ENTRY_MISSING 1
#define RELIGHT_ENTRY_WRONG_SIZE 2
#define RELIGHT_ENTRY_WRONG_BYTES 3
#define RELIGHT_ENTRY_WRONG_KIND 4  /* a folder or link in its place, or the other way round */
#define RELIGHT_ENTRY_PLAYERS 5     /* the player's own: it is never touched */
#define RELIGHT_ENTRY_EXTRA 6
#define RELIGHT_ENTRY_WRITE 11      /* to be written */
#define RELIGHT_ENTRY_REPAIR 12     /* to be repaired */
#define RELIGHT_ENTRY_MOVE 13       /* to be renamed */
#define RELIGHT_ENTRY_REMOVE 14     /* to be removed: an older version laid it down */

/* Events. Paths have / between their parts, relative to the folder.
 *
 *   RELIGHT_EV_DEPOT_PROGRESS  five times a second. number: bytes that are right on disk; total: of all files; id: bytes per
 *                              second; time: ms left, 0 if not known; status, name: the step; fields: step_bytes,
 *                              step_bytes_done, files, files_done, chunks, chunks_done, bytes_to_fetch, bytes_fetched,
 *                              retries, elapsed_ms (of a download)
 *   RELIGHT_EV_DEPOT_FILE      name: path; status: 1 complete and in its place, 0 removed
 *   RELIGHT_EV_DEPOT_RETRY     name: chunk; address: the server that sent it damaged; code, text. It is fetched again.
 *   RELIGHT_EV_DEPOT_PROBLEM   name: path; code, text: why it will not be as it should; the rest goes on
 *   RELIGHT_EV_DEPOT_ENTRY     verify, plan. name: path; status: RELIGHT_ENTRY_...; text: in words; number: size on disk, or
 *                              when done; total: size in the manifest, or bytes to fetch; address: where it moves from
 *   RELIGHT_EV_DEPOT_DONE      the sum. number: files that are right; total: of so many; status: of these not right;
 *                              id: bytes that were fetched, or are to be; time: ms that it took; fields, of a download:
 *                              files_kept, files_new, files_failed, files_removed, bytes, bytes_kept, bytes_written,
 *                              bytes_fetched, chunks_fetched, chunks_reused, retries; of a verification: bytes, extra; of a
 *                              plan: bytes, bytes_kept, bytes_to_fetch, space_needed, space_available (-1: not known)
 *   RELIGHT_EV_DEPOT_REPORT    diagnose. text: lines to read; status: 1 if all is well
 *
 * RELIGHT_EV_CLOSED is the last: RELIGHT_OK if all was done. A verification that finds wrong files is RELIGHT_OK, too. */
#define RELIGHT_EV_DEPOT_PROGRESS 600
#define RELIGHT_EV_DEPOT_FILE 601
#define RELIGHT_EV_DEPOT_RETRY 602
#define RELIGHT_EV_DEPOT_PROBLEM 603
#define RELIGHT_EV_DEPOT_ENTRY 604
#define RELIGHT_EV_DEPOT_DONE 605
#define RELIGHT_EV_DEPOT_REPORT 606

/* Needed: dir; one of servers, server_lists, folder and RELIGHT_DEPOT_WEB_API; depot and manifest, or manifest_file; and the
 * key, for everything but a diagnosis. */
typedef struct relight_depot_config {
	uint32_t size;              /* set by RELIGHT_INIT */
	uint32_t queue;             /* how many events may wait; 0 is 1024 */
	int32_t log_level;          /* RELIGHT_EV_LOG up to this level, 1 to 4; 0 is none */
	int32_t action;             /* RELIGHT_DEPOT_DOWNLOAD and so on */
	uint32_t flags;             /* a sum of RELIGHT_DEPOT_WEB_API and so on */
	uint32_t depot;             /* number of the depot */
	uint64_t manifest;          /* number of the version */
	uint64_t request_code;      /* what Steam's servers want for a manifest; it is good for five minutes; 0 is none */
	RELIGHT_POINTER(const char *, key);           /* the depot's key, 64 hexadecimal digits */
	RELIGHT_POINTER(const char *, dir);           /* where the files are or go; it is made if need be */
	RELIGHT_POINTER(const char *, manifest_file); /* read the manifest from this file */
	RELIGHT_POINTER(const char *, servers);       /* content servers, separated by commas: "http://host:port" or "https://..." */
	RELIGHT_POINTER(const char *, server_lists);  /* host:port of servers that tell of others, separated by commas */
	RELIGHT_POINTER(const char *, folder);        /* a mirror on this machine */
	RELIGHT_POINTER(const char *, cache);         /* a LAN cache in front of the servers: "http://10.0.0.5" */
	RELIGHT_POINTER(const char *, files);         /* only files that fit one of these patterns, separated by commas, as "*.pak"
	                                               * or a folder, "maps"; "" is all */
	int64_t bytes_per_second;   /* at most so many are received; 0 is no limit */
	uint32_t connections;       /* chunks that are fetched at once; 0 is 16 */
	uint32_t decoders;          /* chunks that are decompressed at once; 0 is one for each processor */
	uint32_t progress_ms;       /* between RELIGHT_EV_DEPOT_PROGRESS; 0 is 200 */
	uint32_t reserved;
} relight_depot_config;

typedef const relight_depot_config relight_depot_config_in;

/* Begins. relight_close stops it; what is complete stays. */
int32_t RELIGHT_CALL relight_depot_open(relight_depot_config_in *config, uint64_t *handle);

/* ==== end of depot =============================================================================================== */

#ifdef __cplusplus
}
#endif

#endif
