/* A game in C: it logs in, opens a server, finds that in the list, joins it, chats with a buddy and downloads a depot, all
 * from one loop that never waits. It ends by itself, with 0 if all of that came about.
 *
 * "make c" runs it. The back end is in the environment: RELIGHT_GPCM and so on, which build/backend sets; RELIGHT_DIR is where
 * the depot goes. */
#include "relight.h"

#include <stdio.h>
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#define sleep_ms(ms) Sleep(ms)
#else
#include <time.h>
static void sleep_ms(long ms)
{
	struct timespec moment;
	moment.tv_sec = 0;
	moment.tv_nsec = ms * 1000000;
	nanosleep(&moment, NULL);
}
#endif

enum { JOINED = 1, CHATTED = 2, DOWNLOADED = 4, ALL = 7 };

static struct {
	uint64_t group;    /* collects the events of all the others */
	uint64_t presence, host, browser, socket, depot;
	char natneg[3][64];
	int connecting, done, failed;
} game;

static const char *setting(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

/* C89 has nothing for 64 bits. */
static uint64_t number(const char *digits)
{
	uint64_t n = 0;
	for (; *digits >= '0' && *digits <= '9'; digits++)
		n = n * 10 + (uint64_t)(*digits - '0');
	return n;
}

/* A call that must not fail: says why it did. */
static void must(const char *what, uint64_t handle, int32_t result)
{
	char words[512];
	if (result >= 0)
		return;
	relight_error_text(handle, words, sizeof words, NULL);
	fprintf(stderr, "%s: %s: %s\n", what, relight_code_name(result), words);
	game.failed = 1;
}

/* Lets the one loop have a handle's events. */
static void follow(const char *what, int32_t result, const uint64_t *handle)
{
	must(what, 0, result);
	if (result == RELIGHT_OK)
		must(what, game.group, relight_group_add(game.group, *handle));
}

/* The three addresses of NatNeg are one text, with commas. */
static void split_natneg(void)
{
	const char *at = setting("RELIGHT_NATNEG");
	int i;
	for (i = 0; i < 3; i++) {
		size_t n = strcspn(at, ",");
		if (n < sizeof game.natneg[i])
			memcpy(game.natneg[i], at, n);
		at += n + (at[n] == ',');
	}
}

static void log_in(void)
{
	relight_presence_config config;
	RELIGHT_INIT(config);
	config.game = setting("RELIGHT_GAME");
	config.addr = setting("RELIGHT_GPCM");
	config.search_addr = setting("RELIGHT_GPSP");
	config.login = RELIGHT_LOGIN_UNIQUENICK;
	config.uniquenick = setting("RELIGHT_NICK");
	config.password = setting("RELIGHT_PASSWORD");
	config.flags = RELIGHT_PRESENCE_RECONNECT | RELIGHT_PRESENCE_FETCH_PROFILES;
	follow("login", relight_presence_login(&config, &game.presence), &game.presence);
}

static void open_server(void)
{
	relight_host_config config;
	RELIGHT_INIT(config);
	config.game = setting("RELIGHT_GAME");
	config.secret = setting("RELIGHT_SECRET");
	config.addr = setting("RELIGHT_MASTER");
	config.available_addr = setting("RELIGHT_AVAILABLE");
	config.bind = "127.0.0.1:0";
	config.local_ips = "127.0.0.1";
	config.natneg1 = game.natneg[0];
	config.natneg2 = game.natneg[1];
	config.natneg3 = game.natneg[2];
	config.flags = RELIGHT_HOST_NATNEG;
	follow("open a server", relight_host_open(&config, &game.host), &game.host);
	must("hostname", game.host, relight_host_set(game.host, "hostname", "A game in C"));
	must("mapname", game.host, relight_host_set(game.host, "mapname", "dm_bay"));
	must("numplayers", game.host, relight_host_set(game.host, "numplayers", "0"));
	must("maxplayers", game.host, relight_host_set(game.host, "maxplayers", "16"));
	must("commit", game.host, relight_host_commit(game.host));
}

static void open_browser(void)
{
	relight_browser_config config;
	RELIGHT_INIT(config);
	config.game = setting("RELIGHT_GAME");
	config.secret = setting("RELIGHT_SECRET");
	config.addr = setting("RELIGHT_LIST");
	config.natneg1 = game.natneg[0];
	config.natneg2 = game.natneg[1];
	config.natneg3 = game.natneg[2];
	follow("open the list", relight_browser_open(&config, &game.browser), &game.browser);
}

static void download(void)
{
	relight_depot_config config;
	int32_t result;
	RELIGHT_INIT(config);
	config.servers = setting("RELIGHT_CDN");
	config.depot = (uint32_t)strtoul(setting("RELIGHT_DEPOT"), NULL, 10);
	config.manifest = number(setting("RELIGHT_MANIFEST"));
	config.key = setting("RELIGHT_DEPOT_KEY");
	config.dir = setting("RELIGHT_DIR")[0] ? setting("RELIGHT_DIR") : "depot";
	result = relight_depot_open(&config, &game.depot);
	if (result == RELIGHT_EUNSUPPORTED) {
		printf("depot     left out of this library\n");
		game.done |= DOWNLOADED;
		return;
	}
	follow("download", result, &game.depot);
}

static void on_presence(const relight_event *ev)
{
	int64_t buddy = (int64_t)number(setting("RELIGHT_BUDDY_PROFILE"));
	switch (ev->type) {
	case RELIGHT_EV_PRESENCE_READY:
		printf("login     %s is profile %ld\n", ev->name, (long)ev->id);
		must("status", game.presence, relight_presence_set_status(game.presence, RELIGHT_STATUS_ONLINE, "Trying C", "", NULL));
		must("message", game.presence, relight_presence_send_message(game.presence, buddy, "Is there room?", NULL));
		break;
	case RELIGHT_EV_PRESENCE_BUDDY:
		if (ev->name[0]) /* else it follows when the profile has come */
			printf("buddy     %s: status %d, %s\n", ev->name, (int)ev->status, ev->text);
		break;
	case RELIGHT_EV_PRESENCE_MESSAGE:
		printf("message   %s: %s\n", ev->name, ev->text);
		game.done |= CHATTED;
		break;
	}
}

static void on_host(const relight_event *ev)
{
	switch (ev->type) {
	case RELIGHT_EV_HOST_STATE:
		if (ev->status == RELIGHT_HOST_STEP_LISTED && !game.browser) {
			printf("server    listed at %s\n", ev->address);
			open_browser();
		} else if (ev->code != RELIGHT_OK) {
			printf("server    %s: %s\n", relight_code_name(ev->code), ev->text);
		}
		break;
	case RELIGHT_EV_PACKET: /* the game's own protocol */
		printf("server    %.*s from %s\n", (int)ev->data_size, (const char *)ev->data, ev->address);
		must("answer", game.host, relight_send(game.host, ev->address, "welcome", 7));
		break;
	}
}

static void on_browser(const relight_event *ev)
{
	switch (ev->type) {
	case RELIGHT_EV_BROWSER_SERVER:
		if (strcmp(ev->name, "A game in C") != 0 || game.connecting)
			break;
		game.connecting = 1;
		printf("list      %s, %s, %ld/%ld\n", ev->name, ev->text, (long)ev->number, (long)ev->total);
		follow("join", relight_browser_connect(game.browser, ev->address, 0, &game.socket, NULL), &game.socket);
		break;
	case RELIGHT_EV_BROWSER_CONNECTED:
		printf("join      %s, after %ld ms\n", ev->name, (long)ev->total);
		must("hello", game.socket, relight_send(game.socket, ev->address, "hello", 5));
		break;
	}
}

static void on_depot(const relight_event *ev)
{
	if (ev->type != RELIGHT_EV_DEPOT_DONE)
		return;
	printf("depot     %ld of %ld files, %ld bytes fetched\n", (long)ev->number, (long)ev->total, (long)ev->id);
	if (ev->number == ev->total)
		game.done |= DOWNLOADED;
}

static void on_event(const relight_event *ev)
{
	if (ev->type == RELIGHT_EV_FAILED || (ev->type == RELIGHT_EV_CLOSED && ev->code != RELIGHT_OK)) {
		fprintf(stderr, "%s: %s\n", relight_code_name(ev->code), ev->text);
		game.failed = 1;
	} else if (ev->handle == game.presence) {
		on_presence(ev);
	} else if (ev->handle == game.host) {
		on_host(ev);
	} else if (ev->handle == game.browser) {
		on_browser(ev);
	} else if (ev->handle == game.depot) {
		on_depot(ev);
	} else if (ev->handle == game.socket && ev->type == RELIGHT_EV_PACKET) {
		printf("join      the server says: %.*s\n", (int)ev->data_size, (const char *)ev->data);
		game.done |= JOINED;
	}
}

int main(void)
{
	relight_counter *pending;
	relight_event ev;
	relight_live live;
	int frames;

	if (relight_abi_version() != RELIGHT_ABI_VERSION) {
		fprintf(stderr, "this library has another interface\n");
		return 1;
	}
	must("group", 0, relight_group_open(&game.group));
	pending = relight_pending(game.group);
	split_natneg();
	log_in();
	open_server();
	download();

	RELIGHT_INIT(ev);
	for (frames = 0; frames < 60 * 60 && game.done != ALL && !game.failed; frames++) {
		if (*pending)
			while (relight_poll(game.group, &ev) == RELIGHT_EVENT)
				on_event(&ev);
		sleep_ms(16); /* here the game draws */
	}

	must("shutdown", 0, relight_shutdown(5000));
	RELIGHT_INIT(live);
	must("live", 0, relight_live_counts(&live));
	if (game.done != ALL || game.failed || live.handles || live.goroutines || live.c_bytes) {
		fprintf(stderr, "not all came about: %d, after %d frames\n", game.done, frames);
		return 1;
	}
	printf("done      in %d frames, and nothing is left\n", frames);
	return 0;
}
