/* browser LIST NATNEG1 NATNEG2 NATNEG3
 *
 * A player's game: a list that fills and changes, what one of its servers says of itself, and a way to it. */
#include "check.h"

#include <time.h>

static void frame(void)
{
	struct timespec moment = {0, 2000000};
	nanosleep(&moment, NULL);
}

static int players, servers;

static void other_event(const relight_event *ev)
{
	if (ev->type == RELIGHT_EV_BROWSER_PLAYER) {
		CHECK(ev->name[0] && ev->field_count >= 1 && ev->number == players && ev->request != 0);
		players++;
	}
	if (ev->type == RELIGHT_EV_BROWSER_SERVER)
		servers++;
	if (ev->type == RELIGHT_EV_DROPPED)
		failed(__FILE__, __LINE__, "events were dropped");
}

static const char *field(const relight_event *ev, const char *key)
{
	uint32_t i;
	for (i = 0; i < ev->field_count; i++)
		if (strcmp(ev->fields[i].key, key) == 0)
			return ev->fields[i].value;
	return "";
}

int main(int argc, char **argv)
{
	relight_browser_config config;
	relight_event ev;
	uint64_t browser = 0, socket = 0, request = 0;
	char address[64];

	CHECK(argc == 5);
	CHECK(relight_abi_version() == RELIGHT_ABI_VERSION);
	RELIGHT_INIT(config);
	CHECK(relight_browser_open(&config, &browser) == RELIGHT_EINVAL);
	CHECK(relight_browser_open(NULL, &browser) == RELIGHT_EINVAL);
	config.game = "gmtest";
	config.secret = "HA6zkS";
	config.addr = argv[1];
	config.natneg1 = argv[2];
	config.natneg2 = argv[3];
	config.natneg3 = argv[4];
	config.ask_every_ms = 200;
	CHECK(relight_browser_open(&config, NULL) == RELIGHT_EINVAL);
	MUST(0, relight_browser_open(&config, &browser));

	/* It arrives with what the master knows, and is asked for the rest. */
	do
		wait_for(browser, RELIGHT_EV_BROWSER_SERVER, -1, &ev);
	while (ev.time == 0);
	CHECK(strcmp(ev.name, "From Go") == 0 && strcmp(ev.text, "dm_bay") == 0 && ev.total == 16);
	CHECK(strcmp(field(&ev, "hostname"), "From Go") == 0 && (ev.flags & RELIGHT_SERVER_HIDDEN) == 0);
	strcpy(address, ev.address);
	say("listed", address);

	do /* its round trip changes, too */
		wait_for(browser, RELIGHT_EV_BROWSER_SERVER, 2, &ev);
	while (strcmp(ev.text, "dm_town") != 0);
	say("changed", ev.text);

	CHECK(relight_browser_query(browser, "nobody", &request) == RELIGHT_EINVAL);
	MUST(browser, relight_browser_focus(browser, address));
	MUST(browser, relight_browser_query(browser, address, &request));
	wait_for(browser, RELIGHT_EV_BROWSER_INFO, -1, &ev);
	CHECK(ev.request == request && players == 2 && ev.time > 0);
	say("asked", ev.name);

	MUST(browser, relight_browser_message(browser, address, "\1\2\3", 3, &request));
	wait_for(browser, RELIGHT_EV_DONE, -1, &ev);
	CHECK(ev.request == request);

	/* A way to it, on a socket that is made for it. */
	CHECK(relight_browser_connect(browser, address, 0, NULL, &request) == RELIGHT_EINVAL);
	CHECK(relight_browser_connect(browser, address, browser, NULL, &request) == RELIGHT_EKIND);
	MUST(browser, relight_browser_connect(browser, address, 0, &socket, &request));
	wait_for(browser, RELIGHT_EV_BROWSER_CONNECTED, -1, &ev);
	CHECK((ev.status == RELIGHT_PATH_DIRECT || ev.status == RELIGHT_PATH_NATNEG) && ev.request == request && (uint64_t)ev.number == socket && ev.text[0]);
	say("connected", ev.address);
	strcpy(address, ev.address);
	MUST(socket, relight_send(socket, address, "hello", 5));
	wait_for(socket, RELIGHT_EV_PACKET, -1, &ev);
	CHECK(ev.data_size == 7 && memcmp(ev.data, "welcome", 7) == 0 && strcmp(ev.address, address) == 0);
	MUST(socket, relight_close(socket));
	CHECK(relight_send(socket, address, "hello", 5) == RELIGHT_EHANDLE);
	say("joined", address);

	MUST(browser, relight_browser_diagnose(browser, "", &request));
	wait_for(browser, RELIGHT_EV_BROWSER_REPORT, -1, &ev);
	CHECK(ev.request == request && ev.text[0]);
	say("diagnosed", "");

	wait_for(browser, RELIGHT_EV_BROWSER_REMOVED, -1, &ev);
	say("removed", ev.name);
	MUST(browser, relight_browser_refresh(browser));
	wait_for(browser, RELIGHT_EV_BROWSER_LISTED, -1, &ev);
	CHECK(ev.number == 0);
	MUST(browser, relight_close(browser));
	CHECK(relight_browser_refresh(browser) == RELIGHT_EHANDLE);
	finish();
	return 0;
}
