/* lan PEER
 *
 * Finds a Steam client at an address, which changes and goes as the program says how far it is; announces itself, and finds
 * that, too. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <time.h>

static void frame(void)
{
	struct timespec moment = { 0, 2000000 };
	nanosleep(&moment, NULL);
}

static void other_event(const relight_event *ev) { (void)ev; }

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
	relight_lan_discover_config search;
	relight_lan_announce_config announce;
	relight_lan_status status;
	relight_event ev;
	uint64_t found = 0, self = 0, group = 0, request = 0;
	uint64_t accounts[2] = { 76561198000000001u, 76561198000000002u };
	char address[64];
	int64_t id;

	CHECK(argc == 2);
	RELIGHT_INIT(search);
	search.targets = argv[1];
	search.interval_ms = 500;
	search.search_ms = 1000;
	MUST(0, relight_lan_discover(&search, &found));
	wait_for(found, RELIGHT_EV_LAN_APPEARED, -1, &ev);
	CHECK(strcmp(ev.name, "living-room") == 0 && ev.id == 42 && ev.number == RELIGHT_SERVICE_GAME_STREAMING);
	CHECK(strcmp(field(&ev, "client_id"), "42") == 0 && strcmp(field(&ev, "instance_id"), "1") == 0 && ev.address[0]);
	say("appeared", ev.name);
	wait_for(found, RELIGHT_EV_LAN_CHANGED, -1, &ev);
	CHECK(strcmp(ev.name, "kitchen") == 0);
	MUST(found, relight_lan_search(found));
	MUST(found, relight_lan_hosts(found, &request));
	wait_for(found, RELIGHT_EV_LAN_HOST, -1, &ev);
	CHECK(ev.request == request && strcmp(ev.name, "kitchen") == 0);
	wait_for(found, RELIGHT_EV_DONE, -1, &ev);
	CHECK(ev.request == request && ev.number == 1);
	MUST(found, relight_lan_diagnose(found, &request));
	wait_for(found, RELIGHT_EV_LAN_REPORT, 1, &ev);
	CHECK(ev.request == request && ev.text[0]);
	say("changed", ev.name);
	wait_for(found, RELIGHT_EV_LAN_GONE, RELIGHT_GONE_FELL_SILENT, &ev);
	CHECK(ev.id == 42 && ev.text[0]);
	say("gone", "");
	MUST(found, relight_close(found));

	/* Both sides at once, in a group. */
	RELIGHT_INIT(status);
	status.name = "lobby";
	status.services = RELIGHT_SERVICE_GAME_STREAMING | RELIGHT_SERVICE_CONTENT_CACHE;
	status.os = RELIGHT_OS_WINDOWS10;
	status.flags = RELIGHT_LAN_64BIT | RELIGHT_LAN_GAMES_RUNNING;
	status.steam_ids = accounts;
	status.steam_id_count = 2;
	status.connect_port = 27036;
	RELIGHT_INIT(announce);
	announce.addr = "127.0.0.1:0";
	announce.flags = RELIGHT_LAN_SILENT;
	announce.status = &status;
	status.size = 4;
	CHECK(relight_lan_announce(&announce, &self) == RELIGHT_EINVAL);
	status.size = sizeof status;
	status.steam_id_count = 17;
	CHECK(relight_lan_announce(&announce, &self) == RELIGHT_EINVAL);
	status.steam_id_count = 2;
	MUST(0, relight_lan_announce(&announce, &self));
	wait_for(self, RELIGHT_EV_LAN_ANNOUNCE, RELIGHT_ANNOUNCE_ANNOUNCING, &ev);
	id = ev.id;
	strcpy(address, ev.address);
	CHECK(id > 0 && ev.number > 0 && strcmp(ev.name, "lobby") == 0);

	RELIGHT_INIT(search);
	search.targets = address;
	search.interval_ms = 500;
	MUST(0, relight_group_open(&group));
	MUST(group, relight_group_add(group, self));
	MUST(0, relight_lan_discover(&search, &found));
	MUST(group, relight_group_add(group, found));
	wait_for(group, RELIGHT_EV_LAN_APPEARED, -1, &ev);
	CHECK(ev.handle == found && ev.id == id && strcmp(ev.name, "lobby") == 0 && ev.total == RELIGHT_OS_WINDOWS10);
	CHECK(ev.flags == (RELIGHT_LAN_64BIT | RELIGHT_LAN_GAMES_RUNNING) && ev.number == (int64_t)status.services);
	CHECK(strcmp(field(&ev, "steam_id"), "76561198000000001") == 0 && strcmp(ev.address, "127.0.0.1:27036") == 0);
	status.name = "arena";
	status.flags = 0;
	MUST(self, relight_lan_update(self, &status));
	wait_for(group, RELIGHT_EV_LAN_CHANGED, -1, &ev);
	CHECK(strcmp(ev.name, "arena") == 0 && ev.flags == 0);
	status.name = "two\nlines";
	CHECK(relight_lan_update(self, &status) == RELIGHT_EINVAL);
	CHECK(relight_lan_search(self) == RELIGHT_EKIND);
	MUST(self, relight_close(self));
	wait_for(group, RELIGHT_EV_LAN_GONE, RELIGHT_GONE_SAID_OFFLINE, &ev);
	CHECK(ev.id == id);
	finish();
	return 0;
}
