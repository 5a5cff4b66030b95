/* host own|engine MASTER NATNEG1 NATNEG2 NATNEG3 VALIDATION
 *
 * A game server that is listed, lets a player in, has CD keys checked, speaks with the player and leaves: on a socket of the
 * library's or on its own. */
#define _POSIX_C_SOURCE 200809L
#include "socket.h"

static game_socket game;

static void frame(void) { socket_frame(&game); }

static char greeting_from[64];

static void other_event(const relight_event *ev)
{
	if (ev->type == RELIGHT_EV_SEND)
		socket_send(&game, ev->address, ev->data, ev->data_size);
	if (ev->type == RELIGHT_EV_PACKET && ev->data_size == 5 && memcmp(ev->data, "hello", 5) == 0)
		strcpy(greeting_from, ev->address);
	if (ev->type == RELIGHT_EV_DROPPED)
		failed(__FILE__, __LINE__, "events were dropped");
}

int main(int argc, char **argv)
{
	relight_host_config config;
	relight_cdkey_config keys;
	relight_event ev;
	uint64_t host = 0, request = 0;
	char text[512], response[128], player[64];
	uint32_t needed = 0;
	int64_t id;
	int i, engine;

	CHECK(argc == 7);
	CHECK(relight_abi_version() == RELIGHT_ABI_VERSION);
	engine = strcmp(argv[1], "engine") == 0;
	game.fd = -1;
	RELIGHT_INIT(config);
	CHECK(relight_host_open(&config, &host) == RELIGHT_EINVAL);
	config.game = "gmtest";
	config.secret = "HA6zkS";
	config.addr = argv[2];
	config.natneg1 = argv[3];
	config.natneg2 = argv[4];
	config.natneg3 = argv[5];
	config.flags = RELIGHT_HOST_NATNEG;
	config.bind = "127.0.0.1:0";
	if (engine) {
		socket_open(&game);
		config.bind = game.address;
		config.flags |= RELIGHT_HOST_ENGINE_SOCKET;
	}
	CHECK(relight_host_open(NULL, &host) == RELIGHT_EINVAL);
	CHECK(relight_host_open(&config, NULL) == RELIGHT_EINVAL);
	config.size = 8;
	CHECK(relight_host_open(&config, &host) == RELIGHT_EINVAL);
	config.size = sizeof config;
	MUST(0, relight_host_open(&config, &host));
	if (engine)
		game.fed[game.fed_count++] = host;

	/* What the server says of itself. */
	MUST(host, relight_host_set(host, "hostname", "from C"));
	MUST(host, relight_host_set(host, "mapname", "dm_bay"));
	for (i = 0; i < 4; i++) {
		sprintf(text, "player %d", i);
		MUST(host, relight_host_set_player(host, (uint32_t)i, "player_", text));
		MUST(host, relight_host_set_player(host, (uint32_t)i, "score_", "7"));
	}
	CHECK(relight_host_set_player(host, 9, "player_", "far") == RELIGHT_EINVAL);
	MUST(host, relight_host_set_team(host, 0, "team_t", "red"));
	MUST(host, relight_host_remove_player(host, 3));
	CHECK(relight_host_set(host, "", "x") == RELIGHT_EINVAL);
	CHECK(relight_host_set(host, NULL, NULL) == RELIGHT_EINVAL);
	CHECK(relight_host_clear(host, 64) == RELIGHT_EINVAL);
	MUST(host, relight_host_commit(host));

	wait_for(host, RELIGHT_EV_HOST_STATE, RELIGHT_HOST_STEP_LISTED, &ev);
	CHECK(strcmp(ev.address, argv[2]) == 0 && ev.code == RELIGHT_OK && ev.name[0]);
	CHECK(relight_socket_address(host, text, 4, &needed) == RELIGHT_ERANGE && needed > 4);
	MUST(host, relight_socket_address(host, text, sizeof text, NULL));
	say("listed", text);

	/* A player behind NAT, of whom the master tells. */
	wait_for(host, RELIGHT_EV_HOST_JOINING, -1, &ev);
	id = ev.id;
	wait_for(host, RELIGHT_EV_HOST_JOINED, -1, &ev);
	CHECK(ev.id == id && ev.total > 0 && ev.field_count >= 3);
	strcpy(player, ev.address);
	say("joined", player);

	/* The game's own packets. */
	for (i = 0; i < 30000 && !greeting_from[0]; i++) {
		const volatile uint32_t *pending = relight_pending(host);
		RELIGHT_INIT(ev);
		while (*pending && relight_poll(host, &ev) == RELIGHT_EVENT)
			other_event(&ev);
		frame();
		if (game.strange_size == 5 && memcmp(game.strange, "hello", 5) == 0)
			strcpy(greeting_from, game.strange_from);
	}
	CHECK(strcmp(greeting_from, player) == 0);
	if (engine) {
		CHECK(relight_send(host, player, "welcome", 7) == RELIGHT_ESTATE);
		socket_send(&game, player, "welcome", 7);
	} else {
		CHECK(relight_feed(host, player, "hello", 5) == RELIGHT_ESTATE);
		CHECK(relight_send(host, "nowhere", "welcome", 7) == RELIGHT_EINVAL);
		MUST(host, relight_send(host, player, "welcome", 7));
	}

	/* A CD key. */
	CHECK(relight_host_authenticate(host, 0, "", "x", "y", &request) == RELIGHT_ESTATE);
	RELIGHT_INIT(keys);
	keys.products[0] = 11057;
	keys.addr = argv[6];
	MUST(host, relight_host_check_keys(host, &keys, &request));
	wait_for(host, RELIGHT_EV_DONE, -1, &ev);
	CHECK(ev.request == request && strcmp(ev.address, argv[6]) == 0);
	MUST(0, relight_cdkey_challenge(text, sizeof text, NULL));
	MUST(0, relight_cdkey_respond("GOOD-KEY", text, 0, response, sizeof response, NULL));
	MUST(host, relight_host_authenticate(host, 0, "127.0.0.1", text, response, &request));
	wait_for(host, RELIGHT_EV_HOST_PLAYER, 1, &ev);
	CHECK(ev.request == request && strlen(ev.name) == 32);
	MUST(host, relight_host_player_left(host, ev.id));
	MUST(0, relight_cdkey_respond("BAD-KEY", text, 0, response, sizeof response, NULL));
	MUST(host, relight_host_authenticate(host, 0, "127.0.0.1", text, response, &request));
	wait_for(host, RELIGHT_EV_FAILED, -1, &ev);
	CHECK(ev.request == request && ev.code == RELIGHT_EREFUSED && ev.text[0]);
	CHECK(relight_host_prove(host, 5, response) == RELIGHT_EEXPIRED);

	/* How it stands. */
	MUST(host, relight_host_state(host, &request));
	wait_for(host, RELIGHT_EV_HOST_REPORT, 1, &ev);
	CHECK(ev.request == request && strstr(ev.text, argv[2]) != NULL && ev.address[0]);
	MUST(host, relight_host_diagnose(host, NULL));
	wait_for(host, RELIGHT_EV_HOST_REPORT, 1, &ev);
	say("healthy", "");

	MUST(host, relight_host_stop(host, &request));
	wait_for(host, RELIGHT_EV_DONE, -1, &ev);
	CHECK(ev.request == request);
	say("stopped", "");
	MUST(host, relight_close(host));
	CHECK(relight_close(host) == RELIGHT_EHANDLE);
	CHECK(relight_host_commit(host) == RELIGHT_EHANDLE);
	CHECK(relight_feed(host, "127.0.0.1:1", "x", 1) == RELIGHT_EHANDLE);
	CHECK(relight_host_commit(0) == RELIGHT_EHANDLE);
	if (engine)
		close(game.fd);
	finish();
	return 0;
}
