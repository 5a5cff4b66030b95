/* Everything that is true of every handle, from the side of an engine. C89 and C++98, with threads of POSIX.
 *
 * core GPCM GPSP ROUNDS    tests against a presence server with the buddies ann and bob; says "end" in the end
 * core misuse              reads an event after its handle was closed: a checker of memory must notice
 * core crash FILE          dies in the library, with a crash log */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

/* What only the library for tests has. */
#ifdef __cplusplus
extern "C" {
#endif
int32_t relight_test_panic(uint64_t handle);
int32_t relight_test_panic_soon(uint64_t handle);
int32_t relight_test_flood(uint64_t handle, int64_t count);
void relight_test_crash(void);
#ifdef __cplusplus
}
#endif

static void frame(void)
{
	usleep(1000);
}

static void other_event(const relight_event *ev)
{
	/* What goes into a file or is shown on a screen has no passwords. */
	CHECK(ev->type != RELIGHT_EV_LOG || !strstr(ev->text, "secret"));
}

static void versions_and_codes(void)
{
	CHECK(relight_abi_version() == RELIGHT_ABI_VERSION);
	CHECK(strlen(relight_version()) > 0);
	CHECK(strcmp(relight_code_name(RELIGHT_EHANDLE), "RELIGHT_EHANDLE") == 0);
	CHECK(strcmp(relight_code_name(-9999), "") == 0);
}

static void nonsense(void)
{
	relight_event ev;
	relight_live live;
	relight_presence_config config;
	uint64_t handle = 77;
	uint32_t needed = 0;
	char text[8];
	memset(&ev, 0, sizeof ev);
	memset(&live, 0, sizeof live);
	memset(&config, 0, sizeof config);
	CHECK(relight_group_open(NULL) == RELIGHT_EINVAL);
	CHECK(relight_group_open(&handle) == RELIGHT_OK && handle != 0 && handle != 77);
	CHECK(relight_poll(handle, NULL) == RELIGHT_EINVAL);
	CHECK(relight_poll(handle, &ev) == RELIGHT_EINVAL); /* no size */
	ev.size = sizeof ev - 8;
	CHECK(relight_poll(handle, &ev) == RELIGHT_EINVAL);
	CHECK(relight_live_counts(NULL) == RELIGHT_EINVAL);
	CHECK(relight_live_counts(&live) == RELIGHT_EINVAL);
	CHECK(relight_presence_login(NULL, &handle) == RELIGHT_EINVAL);
	CHECK(relight_presence_login(&config, &handle) == RELIGHT_EINVAL); /* no size */
	config.size = sizeof config;
	CHECK(relight_presence_login(&config, NULL) == RELIGHT_EINVAL);
	CHECK(relight_presence_login(&config, &handle) == RELIGHT_EINVAL); /* no server */
	CHECK(relight_error_text(0, NULL, 0, &needed) == RELIGHT_ERANGE && needed > 10);
	CHECK(relight_error_text(0, text, sizeof text, NULL) == RELIGHT_ERANGE && strcmp(text, "relight") == 0);
	CHECK(relight_cancel(handle, 12345) == RELIGHT_EINVAL);
	CHECK(relight_presence_send_message(handle, 1, "x", NULL) == RELIGHT_EKIND);
	CHECK(relight_crash_log("/no/such/folder/file") == RELIGHT_EFAILED);
	CHECK(relight_set_procs(0) >= 1);
	CHECK(relight_set_procs(2000000000) == RELIGHT_EINVAL && relight_set_procs(-1) == RELIGHT_EINVAL);
	CHECK(relight_poll_many(handle, NULL, 0xFFFFFFFFu) == RELIGHT_EINVAL);
	CHECK(relight_pending(0) == NULL);
	CHECK(relight_close(0) == RELIGHT_EHANDLE);
	CHECK(relight_close((uint64_t)-1) == RELIGHT_EHANDLE);
	CHECK(relight_close(handle) == RELIGHT_OK);
}

static void check_flood(const relight_event *ev, int64_t number)
{
	CHECK(ev->type == 1000 && ev->request == 5 && ev->code == -15 && ev->native == 260 && ev->status == -3);
	CHECK(ev->flags == 0x80000000u && ev->id == -((int64_t)1 << 62) && ev->number == number && ev->total == (int64_t)1 << 52);
	CHECK(ev->time == 1234 && strcmp(ev->text, "text") == 0 && strcmp(ev->address, "192.0.2.1:6500") == 0);
	CHECK(strcmp(ev->name, "caf\303\251") == 0); /* was Latin-1 */
	CHECK(ev->data_size == 3 && memcmp(ev->data, "\0\1\377", 3) == 0);
	CHECK(ev->field_count == 2 && strcmp(ev->fields[0].key, "hostname") == 0 && strcmp(ev->fields[1].value, "12") == 0);
	CHECK(strcmp(ev->fields[0].value, "\346\227\245\346\234\254") == 0);
}

static void events(void)
{
	uint64_t handle, group;
	relight_event ev, batch[8];
	struct {
		relight_event ev;
		uint64_t later[2]; /* of a version to come */
	} larger[2];
	relight_counter *pending, *of_group;
	int i, n;
	double h;
	CHECK(relight_group_open(&handle) == RELIGHT_OK && handle < (uint64_t)1 << 53);
	pending = relight_pending(handle);
	CHECK(pending && *pending == 0);
	RELIGHT_INIT(ev);
	CHECK(relight_poll(handle, &ev) == RELIGHT_OK);

	CHECK(relight_test_flood(handle, 3) == RELIGHT_OK);
	CHECK(*pending == 3);
	CHECK(relight_poll(handle, &ev) == RELIGHT_EVENT && *pending == 2);
	CHECK(ev.handle == handle && ev.size == sizeof ev);
	check_flood(&ev, 1);
	batch[0].size = sizeof ev;
	CHECK(relight_poll_many(handle, batch, 8) == 2 && *pending == 0);
	check_flood(&batch[0], 2);
	check_flood(&batch[1], 3);
	CHECK(relight_poll_many(handle, batch, 0) == RELIGHT_EINVAL);

	/* A caller with larger structs: the stride is the caller's, and what the library does not know stays. */
	memset(larger, 0x55, sizeof larger);
	larger[0].ev.size = sizeof larger[0];
	CHECK(relight_test_flood(handle, 2) == RELIGHT_OK);
	CHECK(relight_poll_many(handle, &larger[0].ev, 2) == 2);
	check_flood(&larger[1].ev, 2);
	CHECK(larger[0].later[1] == larger[1].later[0] && larger[1].later[0] >> 56 == 0x55);

	/* More than the queue holds. */
	CHECK(relight_test_flood(handle, 1030) == RELIGHT_OK && *pending == 1025);
	for (i = 0; i < 1024; i += n) {
		n = relight_poll_many(handle, batch, 8);
		CHECK(n == 8);
	}
	CHECK(relight_poll(handle, &ev) == RELIGHT_EVENT && ev.type == RELIGHT_EV_DROPPED && ev.number == 6 && *pending == 0);
	CHECK(strcmp(ev.text, "") == 0 && strcmp(ev.name, "") == 0 && ev.data && ev.data_size == 0 && ev.field_count == 0);

	/* For engines that pass numbers and strings only. */
	h = (double)handle;
	CHECK(relight_ev_next(h) == 0);
	CHECK(relight_test_flood(handle, 1) == RELIGHT_OK);
	CHECK(relight_ev_next(h) == 1000);
	CHECK(relight_ev_num(h, "type") == 1000 && relight_ev_num(h, "code") == -15 && relight_ev_num(h, "total") == 4503599627370496.0);
	CHECK(relight_ev_num(h, "numplayers") == 12 && relight_ev_num(h, "handle") == h && relight_ev_num(h, "no such key") == 0);
	CHECK(strcmp(relight_ev_str(h, "text"), "text") == 0 && strcmp(relight_ev_str(h, "numplayers"), "12") == 0);
	CHECK(strcmp(relight_ev_str(h, "no such key"), "") == 0 && strcmp(relight_ev_str(h, NULL), "") == 0);
	CHECK(relight_ev_num(h, "field_count") == 2 && relight_ev_num(h, "data_size") == 3 && relight_ev_num(h, "id") < -1e18);
	CHECK(relight_ev_next(0) == RELIGHT_EHANDLE && relight_ev_num(-1, "type") == 0 && strcmp(relight_ev_str(1e300, "x"), "") == 0);

	/* A group counts and gives what its members have. */
	CHECK(relight_group_open(&group) == RELIGHT_OK);
	CHECK(relight_group_add(group, handle) == RELIGHT_EKIND); /* a group, for want of something simpler */
	CHECK(relight_group_add(group, 99999) == RELIGHT_EHANDLE);
	of_group = relight_pending(group);
	CHECK(of_group && of_group != pending);
	CHECK(relight_close(group) == RELIGHT_OK);
	CHECK(relight_close(handle) == RELIGHT_OK);
}

static void use_after_close(void)
{
	uint64_t handle, request = 0;
	relight_event ev;
	char text[200];
	RELIGHT_INIT(ev);
	CHECK(relight_group_open(&handle) == RELIGHT_OK);
	CHECK(relight_test_flood(handle, 3) == RELIGHT_OK);
	CHECK(relight_close(handle) == RELIGHT_OK);
	CHECK(relight_close(handle) == RELIGHT_EHANDLE);
	CHECK(relight_poll(handle, &ev) == RELIGHT_EHANDLE);
	CHECK(relight_poll_many(handle, &ev, 1) == RELIGHT_EHANDLE);
	CHECK(relight_pending(handle) == NULL);
	CHECK(relight_cancel(handle, 1) == RELIGHT_EHANDLE);
	CHECK(relight_group_add(handle, handle) == RELIGHT_EHANDLE);
	CHECK(relight_group_remove(handle, handle) == RELIGHT_EHANDLE);
	CHECK(relight_presence_set_status(handle, 1, "", "", &request) == RELIGHT_EHANDLE && request == 0);
	CHECK(relight_presence_profile(handle, 1, &request) == RELIGHT_EHANDLE);
	CHECK(relight_error_text(handle, text, sizeof text, NULL) == RELIGHT_EHANDLE);
	CHECK(relight_error_text(0, text, sizeof text, NULL) == RELIGHT_OK && strstr(text, "no handle"));
	CHECK(relight_dispatch(handle, NULL, 0, NULL) == RELIGHT_EHANDLE);
	CHECK(relight_ev_next((double)handle) == RELIGHT_EHANDLE);
}

static void panics(void)
{
	uint64_t handle;
	relight_event ev;
	char text[8192];
	RELIGHT_INIT(ev);
	CHECK(relight_group_open(&handle) == RELIGHT_OK);
	CHECK(relight_test_panic(handle) == RELIGHT_EPANIC);
	CHECK(relight_error_text(handle, text, sizeof text, NULL) == RELIGHT_OK && strstr(text, "nil pointer"));
	CHECK(relight_poll(handle, &ev) == RELIGHT_OK); /* goes on */
	CHECK(relight_test_panic_soon(handle) == RELIGHT_OK);
	wait_for(handle, RELIGHT_EV_CLOSED, -1, &ev);
	CHECK(ev.code == RELIGHT_EPANIC && strstr(ev.text, "on purpose"));
	CHECK(relight_test_flood(handle, 1) == RELIGHT_OK && relight_poll(handle, &ev) == RELIGHT_OK); /* over */
	CHECK(relight_close(handle) == RELIGHT_OK);
}

struct seen {
	int all, flood;
	uint64_t close_in_handler;
};

static void on_any(const relight_event *ev, void *user)
{
	struct seen *seen = (struct seen *)user;
	CHECK(strcmp(ev->text, "text") == 0);
	seen->all++;
}

static void on_flood(const relight_event *ev, void *user)
{
	struct seen *seen = (struct seen *)user;
	check_flood(ev, seen->flood + 1);
	seen->flood++;
	if (seen->close_in_handler)
		CHECK(relight_close(seen->close_in_handler) == RELIGHT_OK);
}

static void callbacks(void)
{
	relight_handler handlers[2];
	struct seen seen;
	uint64_t handle;
	memset(&seen, 0, sizeof seen);
	handlers[0].type = 0;
	handlers[0].call = on_any;
	handlers[1].type = 1000;
	handlers[1].call = on_flood;
	CHECK(relight_group_open(&handle) == RELIGHT_OK);
	CHECK(relight_dispatch(handle, handlers, 2, &seen) == 0);
	CHECK(relight_test_flood(handle, 5) == RELIGHT_OK);
	CHECK(relight_dispatch(handle, handlers, 2, &seen) == 5 && seen.all == 5 && seen.flood == 5);
	CHECK(relight_test_flood(handle, 3) == RELIGHT_OK);
	seen.flood = 0;
	seen.close_in_handler = handle;
	CHECK(relight_dispatch(handle, handlers, 2, &seen) == 1);
	CHECK(relight_close(handle) == RELIGHT_EHANDLE);

	/* A handler closes the handle, and another one fits the same event, whose memory is gone. */
	handlers[1] = handlers[0];
	handlers[0].type = 1000;
	handlers[0].call = on_flood;
	memset(&seen, 0, sizeof seen);
	CHECK(relight_group_open(&handle) == RELIGHT_OK);
	CHECK(relight_test_flood(handle, 3) == RELIGHT_OK);
	seen.close_in_handler = handle;
	CHECK(relight_dispatch(handle, handlers, 2, &seen) == 1 && seen.flood == 1 && seen.all == 0);
}

static void *poll_until_closed(void *user)
{
	uint64_t handle = *(uint64_t *)user;
	relight_event evs[4];
	int32_t n, i;
	for (;;) {
		evs[0].size = sizeof evs[0];
		n = relight_poll_many(handle, evs, 4);
		if (n == RELIGHT_EHANDLE)
			return NULL;
		CHECK(n >= 0);
		for (i = 0; i < n; i++)
			CHECK(evs[i].type == 1000 || evs[i].type == RELIGHT_EV_DROPPED);
	}
}

/* What an event points at belongs to one poller at a time; so here nobody looks at it. */
static void threads(int rounds)
{
	int i;
	for (; rounds > 0; rounds--) {
		pthread_t pollers[4];
		uint64_t handle;
		CHECK(relight_group_open(&handle) == RELIGHT_OK);
		for (i = 0; i < 4; i++)
			CHECK(pthread_create(&pollers[i], NULL, poll_until_closed, &handle) == 0);
		for (i = 0; i < 10; i++)
			CHECK(relight_test_flood(handle, 20) == RELIGHT_OK);
		CHECK(relight_close(handle) == RELIGHT_OK);
		for (i = 0; i < 4; i++)
			CHECK(pthread_join(pollers[i], NULL) == 0);
	}
}

static uint64_t login(const char *gpcm, const char *gpsp, const char *who, const char *password)
{
	relight_presence_config config;
	uint64_t handle;
	RELIGHT_INIT(config);
	config.game = "gmtest";
	config.addr = gpcm;
	config.search_addr = gpsp;
	config.login = RELIGHT_LOGIN_UNIQUENICK;
	config.uniquenick = who;
	config.password = password;
	config.flags = RELIGHT_PRESENCE_FETCH_PROFILES;
	config.log_level = 4;
	CHECK(relight_presence_login(&config, &handle) == RELIGHT_OK);
	return handle;
}

/* Waits for an event of a type that belongs to a handle of a group. */
static void wait_in_group(uint64_t group, uint64_t handle, int32_t type, relight_event *ev)
{
	do
		wait_for(group, type, -1, ev);
	while (ev->handle != handle);
}

static void presence(const char *gpcm, const char *gpsp)
{
	relight_presence_query query;
	relight_event ev;
	relight_field field;
	uint64_t group, ann, bob, request;
	int64_t ann_id, bob_id;
	memset(&field, 0, sizeof field);
	RELIGHT_INIT(ev);
	RELIGHT_INIT(query);

	ann = login(gpcm, gpsp, "ann", "wrong");
	CHECK(relight_presence_send_message(ann, 1, "too early", NULL) < 0);
	wait_for(ann, RELIGHT_EV_CLOSED, -1, &ev);
	CHECK(ev.code == RELIGHT_EPASSWORD && ev.native > 0 && strlen(ev.text) > 0);
	CHECK(relight_close(ann) == RELIGHT_OK);

	CHECK(relight_group_open(&group) == RELIGHT_OK);
	ann = login(gpcm, gpsp, "ann", "secret");
	CHECK(relight_group_add(group, ann) == RELIGHT_OK);
	wait_in_group(group, ann, RELIGHT_EV_PRESENCE_READY, &ev);
	ann_id = ev.id;
	CHECK(strcmp(ev.name, "ann") == 0 && ann_id > 0);
	bob = login(gpcm, gpsp, "bob", "secret");
	CHECK(relight_group_add(group, bob) == RELIGHT_OK);
	wait_in_group(group, bob, RELIGHT_EV_PRESENCE_READY, &ev);
	bob_id = ev.id;

	CHECK(relight_presence_set_status(ann, RELIGHT_STATUS_ONLINE, "here", NULL, NULL) == RELIGHT_OK);
	CHECK(relight_presence_set_status(bob, RELIGHT_STATUS_PLAYING, "capture", "gmtest://192.0.2.1:6500", NULL) == RELIGHT_OK);
	do
		wait_in_group(group, ann, RELIGHT_EV_PRESENCE_BUDDY, &ev);
	while (ev.status != RELIGHT_STATUS_PLAYING);
	CHECK(ev.id == bob_id && strcmp(ev.text, "capture") == 0 && strcmp(ev.address, "gmtest://192.0.2.1:6500") == 0);

	/* Sizes that are wrong are found before anything is read or made. */
	CHECK(relight_presence_update_profile(ann, &field, 0xFFFFFFFFu, &request) == RELIGHT_EINVAL);
	CHECK(relight_presence_update_profile(ann, NULL, 1, &request) == RELIGHT_EINVAL);
	CHECK(relight_presence_send_data(ann, bob_id, "x", 0xFFFFFFFFu, &request) == RELIGHT_EINVAL);
	CHECK(relight_presence_send_data(ann, bob_id, NULL, 1, &request) == RELIGHT_EINVAL);

	CHECK(relight_presence_send_message(ann, bob_id, "hello, bob", &request) == RELIGHT_OK && request != 0);
	wait_in_group(group, bob, RELIGHT_EV_PRESENCE_MESSAGE, &ev);
	CHECK(ev.id == ann_id && strcmp(ev.text, "hello, bob") == 0);
	CHECK(relight_presence_send_data(bob, ann_id, "\1\2\3", 3, NULL) == RELIGHT_OK);
	wait_in_group(group, ann, RELIGHT_EV_PRESENCE_DATA, &ev);
	CHECK(ev.data_size == 3 && memcmp(ev.data, "\1\2\3", 3) == 0);

	CHECK(relight_presence_profile(ann, bob_id, &request) == RELIGHT_OK);
	wait_in_group(group, ann, RELIGHT_EV_PRESENCE_PROFILE, &ev);
	CHECK(ev.request == request && strcmp(ev.name, "bob") == 0 && ev.field_count > 1);
	query.kind = RELIGHT_SEARCH_UNIQUENICK;
	query.uniquenick = "bob";
	CHECK(relight_presence_search(ann, &query, &request) == RELIGHT_OK);
	wait_in_group(group, ann, RELIGHT_EV_PRESENCE_MATCH, &ev);
	CHECK(ev.request == request && ev.id == bob_id);

	CHECK(relight_close(bob) == RELIGHT_OK);
	do
		wait_in_group(group, ann, RELIGHT_EV_PRESENCE_BUDDY, &ev);
	while (ev.status != RELIGHT_STATUS_OFFLINE);
	CHECK(relight_group_remove(group, ann) == RELIGHT_OK);
	CHECK(relight_group_remove(group, ann) == RELIGHT_EINVAL);
	/* ann and the group are left to relight_shutdown. */
}

static int misuse(void)
{
	uint64_t handle;
	relight_event ev;
	RELIGHT_INIT(ev);
	CHECK(relight_group_open(&handle) == RELIGHT_OK);
	CHECK(relight_test_flood(handle, 1) == RELIGHT_OK);
	CHECK(relight_poll(handle, &ev) == RELIGHT_EVENT);
	CHECK(relight_close(handle) == RELIGHT_OK);
	return printf("%c\n", ev.text[0]) > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	relight_live live;
	if (argc == 2 && strcmp(argv[1], "misuse") == 0)
		return misuse();
	if (argc == 3 && strcmp(argv[1], "crash") == 0) {
		CHECK(relight_crash_log("") == RELIGHT_OK);
		CHECK(relight_crash_log(argv[2]) == RELIGHT_OK);
		relight_test_crash();
	}
	if (argc != 4)
		return 2;
	versions_and_codes();
	nonsense();
	events();
	use_after_close();
	panics();
	callbacks();
	threads(atoi(argv[3]));
	presence(argv[1], argv[2]);
	RELIGHT_INIT(live);
	CHECK(relight_live_counts(&live) == RELIGHT_OK && live.handles == 2 && live.c_bytes > 0);
	CHECK(relight_shutdown(10000) == RELIGHT_OK);
	CHECK(relight_live_counts(&live) == RELIGHT_OK && live.handles + live.closing + live.goroutines == 0 && live.c_bytes == 0);
	presence(argv[1], argv[2]); /* it can be used again */
	finish();
	return 0;
}
