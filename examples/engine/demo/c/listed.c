/* The shortest way to a server in the list: it hosts one, waits until the master lists it, finds it in the list that players
 * see, and closes both. Everything it knows is in relight.h.
 *
 * "make listed" runs it. The back end is in the environment, which build/backend sets: RELIGHT_GAME, RELIGHT_SECRET,
 * RELIGHT_MASTER, RELIGHT_AVAILABLE, RELIGHT_LIST. With a real one, RELIGHT_DOMAIN is enough in place of the last three. */
#include "relight.h"

#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#define frame() Sleep(5)
#else
#include <time.h>
static void frame(void)
{
	struct timespec moment;
	moment.tv_sec = 0;
	moment.tv_nsec = 5000000;
	nanosleep(&moment, NULL);
}
#endif

static const char *setting(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

static int failed(const char *what, uint64_t handle, int32_t result)
{
	char words[512];
	if (result >= 0)
		return 0;
	relight_error_text(handle, words, sizeof words, NULL);
	fprintf(stderr, "%s: %s: %s\n", what, relight_code_name(result), words);
	return 1;
}

int main(void)
{
	relight_host_config server;
	relight_browser_config list;
	relight_event ev;
	relight_counter *pending;
	uint64_t all, host, browser = 0;
	int listed = 0, found = 0;

	if (relight_abi_version() != RELIGHT_ABI_VERSION)
		return 1;
	RELIGHT_INIT(server);
	server.game = setting("RELIGHT_GAME");
	server.secret = setting("RELIGHT_SECRET");
	server.domain = setting("RELIGHT_DOMAIN");
	server.addr = setting("RELIGHT_MASTER");
	server.available_addr = setting("RELIGHT_AVAILABLE");
	if (failed("host", 0, relight_host_open(&server, &host)))
		return 1;
	relight_host_set(host, "hostname", "Listed from C");
	relight_host_set(host, "mapname", "dm_bay");
	relight_host_set(host, "numplayers", "0");
	relight_host_set(host, "maxplayers", "16");
	if (failed("commit", host, relight_host_commit(host)))
		return 1;

	RELIGHT_INIT(list);
	list.game = server.game;
	list.secret = server.secret;
	list.domain = server.domain;
	list.addr = setting("RELIGHT_LIST");

	relight_group_open(&all); /* one loop for both */
	relight_group_add(all, host);
	pending = relight_pending(all);
	RELIGHT_INIT(ev);
	while (!found) {
		frame(); /* a game draws one here */
		if (!*pending)
			continue;
		while (relight_poll(all, &ev) == RELIGHT_EVENT) {
			switch (ev.type) {
			case RELIGHT_EV_HOST_STATE:
				if (ev.code != RELIGHT_OK)
					printf("master    %s: %s\n", ev.name, ev.text);
				if (ev.status != RELIGHT_HOST_STEP_LISTED || listed)
					break;
				listed = 1;
				printf("listed    by the master at %s\n", ev.address);
				if (failed("list", 0, relight_browser_open(&list, &browser)))
					return 1;
				relight_group_add(all, browser);
				break;
			case RELIGHT_EV_BROWSER_SERVER:
				if (strcmp(ev.name, "Listed from C") == 0 && !found) {
					found = 1;
					printf("found     %s, %s, %ld/%ld\n", ev.name, ev.text, (long)ev.number, (long)ev.total);
				}
				break;
			case RELIGHT_EV_CLOSED:
				fprintf(stderr, "over: %s\n", ev.text);
				return 1;
			}
		}
	}
	return relight_shutdown(5000) == RELIGHT_OK ? 0 : 1; /* closes everything, and says goodbye to the master */
}
