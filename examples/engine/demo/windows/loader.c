/* loader.c: loads relight.dll as an engine does that has no import library, and checks that it behaves.
 *
 *     x86_64-w64-mingw32-gcc -I../.. -o loader.exe loader.c
 *     loader.exe C:\path\to\relight.dll
 *
 * RELIGHT_GPCM, RELIGHT_NICK and RELIGHT_PASSWORD, if set, name a presence server and an account to log in to. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "relight.h"

/* The functions, as they come out of the DLL. FUNCTION takes a name, a result and parameters from relight.h. */
#define FUNCTIONS \
	FUNCTION(relight_abi_version, int32_t, (void)) \
	FUNCTION(relight_version, relight_cstr *, (void)) \
	FUNCTION(relight_code_name, relight_cstr *, (int32_t)) \
	FUNCTION(relight_error_text, int32_t, (uint64_t, char *, uint32_t, uint32_t *)) \
	FUNCTION(relight_poll, int32_t, (uint64_t, relight_event *)) \
	FUNCTION(relight_poll_many, int32_t, (uint64_t, relight_event *, uint32_t)) \
	FUNCTION(relight_pending, relight_counter *, (uint64_t)) \
	FUNCTION(relight_close, int32_t, (uint64_t)) \
	FUNCTION(relight_shutdown, int32_t, (uint32_t)) \
	FUNCTION(relight_group_open, int32_t, (uint64_t *)) \
	FUNCTION(relight_live_counts, int32_t, (relight_live *)) \
	FUNCTION(relight_presence_login, int32_t, (relight_presence_config_in *, uint64_t *))

#define FUNCTION(name, result, parameters) static result(RELIGHT_CALL *p_##name) parameters;
FUNCTIONS
#undef FUNCTION

/* A struct looks the same in programs of 32 and of 64 bits. This file is compiled for both. */
typedef char event_takes_120_bytes[sizeof(relight_event) == 120 ? 1 : -1];

static int failures;

static void check(int good, const char *what)
{
	printf("%s %s\n", good ? "ok  " : "FAIL", what);
	fflush(stdout);
	failures += !good;
}

static int load(const char *path, HMODULE *dll)
{
	*dll = LoadLibraryA(path);
	if (!*dll) {
		printf("FAIL %s does not load: error %lu\n", path, GetLastError());
		return 0;
	}
#define FUNCTION(name, result, parameters) \
	p_##name = (result(RELIGHT_CALL *) parameters)(void *)GetProcAddress(*dll, #name); \
	if (!p_##name) { \
		printf("FAIL the library has no " #name "\n"); \
		return 0; \
	}
	FUNCTIONS
#undef FUNCTION
	return 1;
}

static void check_handles(void)
{
	relight_event ev, many[4];
	relight_counter *pending;
	relight_live live;
	uint64_t group = 0;
	char text[256], tiny[4];
	uint32_t needed = 0;
	int code;

	RELIGHT_INIT(ev);
	RELIGHT_INIT(many[0]);
	check(p_relight_poll(12345, &ev) == RELIGHT_EHANDLE, "a handle that was never given is an error");
	check(p_relight_error_text(0, text, sizeof text, &needed) == RELIGHT_OK && text[0], "which has a text");
	printf("     \"%s\"\n", text);
	check(p_relight_error_text(0, tiny, sizeof tiny, &needed) == RELIGHT_ERANGE && needed > sizeof tiny && !tiny[3], "which is cut where it does not fit");
	check(!strcmp(p_relight_code_name(RELIGHT_EHANDLE), "RELIGHT_EHANDLE"), "codes have names");

	check(p_relight_group_open(&group) == RELIGHT_OK && group, "a group opens");
	pending = p_relight_pending(group);
	check(pending && *pending == 0, "nothing waits for it");
	check(p_relight_poll(group, &ev) == RELIGHT_OK && p_relight_poll_many(group, many, 4) == RELIGHT_OK, "polling it says so");
	ev.size = 8;
	check(p_relight_poll(group, &ev) == RELIGHT_EINVAL, "a struct that is too small is an error");
	code = p_relight_poll(group, (relight_event *)16);
	check(code == RELIGHT_EPANIC, "a wild pointer makes the library panic, and the program goes on");
	p_relight_error_text(group, text, sizeof text, NULL);
	printf("     %s: \"%s\"\n", p_relight_code_name(code), text);
	check(p_relight_close(group) == RELIGHT_OK && p_relight_close(group) == RELIGHT_EHANDLE, "it closes once");
	RELIGHT_INIT(live);
	check(p_relight_live_counts(&live) == RELIGHT_OK && live.handles == 0, "no handle is left");
}

/* check_login logs in at a server, or is refused by a port that nobody listens on. */
static void check_login(void)
{
	relight_presence_config config;
	relight_counter *pending;
	relight_event ev;
	const char *server = getenv("RELIGHT_GPCM");
	uint64_t handle = 0;
	int i, ready = 0, closed = 0;

	RELIGHT_INIT(config);
	RELIGHT_INIT(ev);
	config.game = "gmtest";
	config.addr = server ? server : "127.0.0.1:9";
	config.login = RELIGHT_LOGIN_UNIQUENICK;
	config.uniquenick = server ? getenv("RELIGHT_NICK") : "ann";
	config.password = server ? getenv("RELIGHT_PASSWORD") : "secret";
	check(p_relight_presence_login(&config, &handle) == RELIGHT_OK, "a login begins");
	pending = p_relight_pending(handle);
	for (i = 0; i < 1500 && !ready && !closed; i++, Sleep(10)) /* a frame */
		while (pending && *pending && p_relight_poll(handle, &ev) == RELIGHT_EVENT) {
			if (ev.type == RELIGHT_EV_PRESENCE_READY) {
				printf("     logged in as %s, profile %ld\n", ev.name, (long)ev.id);
				ready = 1;
			} else if (ev.type == RELIGHT_EV_CLOSED) {
				printf("     %s: \"%s\"\n", p_relight_code_name(ev.code), ev.text);
				closed = 1;
			}
		}
	check(server ? ready : closed, server ? "and ends logged in" : "and fails, as nobody is there");
	check(p_relight_close(handle) == RELIGHT_OK, "it closes");
}

int main(int argc, char **argv)
{
	HMODULE dll;
	DWORD before = GetTickCount();
	if (!load(argc > 1 ? argv[1] : "relight.dll", &dll))
		return 1;
	printf("ok   loaded in %lu ms\n", GetTickCount() - before);
	check(p_relight_abi_version() == RELIGHT_ABI_VERSION, "it has the version of the interface that relight.h has");
	printf("     Relight %s, relight_event takes %u bytes\n", p_relight_version(), (unsigned)sizeof(relight_event));
	check_handles();
	check_login();
	check(p_relight_shutdown(5000) == RELIGHT_OK, "all work ends");
	check(FreeLibrary(dll) != 0, "the library is let go");
	check(p_relight_abi_version() == RELIGHT_ABI_VERSION, "and stays, because Go cannot be unloaded");
	printf(failures ? "%d failures\n" : "all good\n", failures);
	return failures != 0;
}
