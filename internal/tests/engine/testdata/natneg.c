/* natneg SERVER1 SERVER2 SERVER3
 *
 * Two players in one program, one on the game's socket and one on the library's, open a path to each other, speak over it, and
 * find out about their NAT; and what fails. */
#define _POSIX_C_SOURCE 200809L
#include "socket.h"

static game_socket game;
static int steps;

static void frame(void) { socket_frame(&game); }

static void other_event(const relight_event *ev)
{
	if (ev->type == RELIGHT_EV_SEND)
		socket_send(&game, ev->address, ev->data, ev->data_size);
	if (ev->type == RELIGHT_EV_NATNEG_STEP && ev->id == 7 && ev->name[0])
		steps++;
}

/* The events of a handle that does not get what the program waits for are taken in the frames, too. */
static void take(uint64_t handle)
{
	relight_event ev;
	RELIGHT_INIT(ev);
	while (relight_poll(handle, &ev) == RELIGHT_EVENT)
		other_event(&ev);
}

int main(int argc, char **argv)
{
	relight_natneg_config config;
	relight_event ev;
	uint64_t guest = 0, host = 0, request = 0, answer = 0;
	char guest_address[64], host_address[64];
	int i;

	CHECK(argc == 4);
	socket_open(&game);
	RELIGHT_INIT(config);
	config.game = "gmtest";
	CHECK(relight_natneg_open(&config, &guest) == RELIGHT_EINVAL);
	config.server1 = argv[1];
	config.server2 = argv[2];
	config.server3 = argv[3];
	config.bind = game.address;
	config.flags = RELIGHT_NATNEG_ENGINE_SOCKET;
	MUST(0, relight_natneg_open(&config, &guest));
	game.fed[game.fed_count++] = guest;
	config.flags = 0;
	config.bind = "127.0.0.1:0";
	MUST(0, relight_natneg_open(&config, &host));
	MUST(guest, relight_socket_address(guest, guest_address, sizeof guest_address, NULL));
	MUST(host, relight_socket_address(host, host_address, sizeof host_address, NULL));
	CHECK(strcmp(guest_address, game.address) == 0);

	CHECK(relight_natneg_negotiate(guest, 7, 2, "", NULL) == RELIGHT_EINVAL);
	CHECK(relight_natneg_negotiate(guest, 7, 0, "nowhere", NULL) == RELIGHT_EINVAL);
	MUST(host, relight_natneg_negotiate(host, 7, RELIGHT_NATNEG_HOST, NULL, &answer));
	MUST(guest, relight_natneg_negotiate(guest, 7, RELIGHT_NATNEG_GUEST, host_address, &request));
	wait_for(guest, RELIGHT_EV_NATNEG_CONNECTED, -1, &ev);
	CHECK(ev.request == request && ev.id == 7 && strcmp(ev.address, host_address) == 0 && ev.total > 0);
	CHECK(relight_ev_num((double)guest, "total") == (double)ev.total);
	CHECK(relight_ev_str((double)guest, "ping_ms")[0]);
	for (i = 0; i < 30000 && *relight_pending(host) == 0; i++) {
		take(guest);
		frame();
	}
	wait_for(host, RELIGHT_EV_NATNEG_CONNECTED, -1, &ev);
	CHECK(ev.request == answer && strcmp(ev.address, guest_address) == 0);
	CHECK(steps > 2);

	/* Over the path. */
	socket_send(&game, host_address, "hello", 5);
	wait_for(host, RELIGHT_EV_PACKET, -1, &ev);
	CHECK(ev.data_size == 5 && memcmp(ev.data, "hello", 5) == 0 && strcmp(ev.address, guest_address) == 0);
	MUST(host, relight_send(host, ev.address, "welcome", 7));
	for (i = 0; i < 30000 && game.strange_size != 7; i++) {
		take(guest);
		frame();
	}
	CHECK(game.strange_size == 7 && memcmp(game.strange, "welcome", 7) == 0 && strcmp(game.strange_from, host_address) == 0);
	MUST(host, relight_natneg_drop(host, answer));
	CHECK(relight_natneg_drop(host, answer) == RELIGHT_EINVAL);
	say("connected", "");

	/* Nobody comes, and the game does not wait. */
	MUST(host, relight_natneg_negotiate(host, 8, RELIGHT_NATNEG_GUEST, "", &request));
	wait_for(host, RELIGHT_EV_NATNEG_STEP, RELIGHT_NATNEG_STEP_WAIT, &ev);
	CHECK(ev.request == request);
	MUST(host, relight_cancel(host, request));
	wait_for(host, RELIGHT_EV_FAILED, -1, &ev);
	CHECK(ev.request == request && ev.code == RELIGHT_ECANCELED && ev.text[0]);

	/* The NAT. */
	MUST(host, relight_natneg_detect(host, &request));
	wait_for(host, RELIGHT_EV_NATNEG_NAT, -1, &ev);
	CHECK(ev.request == request && ev.text[0] && ev.address[0]);
	say("nat", ev.text);
	MUST(host, relight_natneg_diagnose(host, NULL));
	wait_for(host, RELIGHT_EV_NATNEG_REPORT, -1, &ev);
	CHECK(strstr(ev.text, argv[1]) != NULL);

	MUST(host, relight_close(host));
	CHECK(relight_natneg_negotiate(host, 7, 0, "", NULL) == RELIGHT_EHANDLE);
	finish(); /* closes the other one */
	close(game.fd);
	return 0;
}
