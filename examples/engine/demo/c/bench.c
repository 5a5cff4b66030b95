/* bench.c: what the library costs a game. Linux; "make bench" runs it on a back end whose list has 1,000 servers.
 *
 *     bench LIBRARY [SMALL-LIBRARY [LIBRARY-WITH-TEST-HOOKS]]
 *
 * The first is measured; of the second only the size is told. The third has relight_test_flood, which fills a queue. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "relight.h"

#define FUNCTIONS \
	FUNCTION(relight_abi_version, int32_t, (void)) \
	FUNCTION(relight_version, relight_cstr *, (void)) \
	FUNCTION(relight_error_text, int32_t, (uint64_t, char *, uint32_t, uint32_t *)) \
	FUNCTION(relight_poll, int32_t, (uint64_t, relight_event *)) \
	FUNCTION(relight_poll_many, int32_t, (uint64_t, relight_event *, uint32_t)) \
	FUNCTION(relight_pending, relight_counter *, (uint64_t)) \
	FUNCTION(relight_close, int32_t, (uint64_t)) \
	FUNCTION(relight_shutdown, int32_t, (uint32_t)) \
	FUNCTION(relight_group_open, int32_t, (uint64_t *)) \
	FUNCTION(relight_presence_login, int32_t, (relight_presence_config_in *, uint64_t *)) \
	FUNCTION(relight_browser_open, int32_t, (relight_browser_config_in *, uint64_t *))

#define FUNCTION(name, result, parameters) static result(*p_##name) parameters;
FUNCTIONS
#undef FUNCTION

enum { BATCH = 1000, ROUNDS = 50, FRAMES = 600, SERVERS = 1000 };

static int32_t (*flood)(uint64_t, int64_t); /* puts so many events into the queue of a handle */
static relight_event events[BATCH];

static double now(void) /* microseconds */
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* used is the time in which this thread ran, in microseconds: without what other programs took. */
static double used(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void wait_us(double us)
{
	struct timespec t;
	t.tv_sec = (time_t)(us / 1e6);
	t.tv_nsec = (long)(fmod(us, 1e6) * 1e3);
	nanosleep(&t, NULL);
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static void row(const char *what, const char *unit, double value) { printf("| %s | %.*f %s |\n", what, value < 10 ? 2 : value < 100 ? 1 : 0, value, unit); }

/* resident is the memory of this process in MB. */
static double resident(void)
{
	long total = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
		die("/proc/self/statm", "cannot be read");
	fclose(f);
	return pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static double megabytes(const char *path)
{
	struct stat s;
	if (stat(path, &s) != 0)
		die(path, "is not there");
	return s.st_size / 1e6;
}

static void *load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		die(path, dlerror());
#define FUNCTION(name, result, parameters) \
	p_##name = (result(*) parameters)dlsym(library, #name); \
	if (!p_##name) \
		die(#name, "is missing");
	FUNCTIONS
#undef FUNCTION
	if (p_relight_abi_version() != RELIGHT_ABI_VERSION)
		die(path, "has another version of the interface");
	return library;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof values[0], by_size);
	return values[n / 2];
}

static void bench_calls(uint64_t handle)
{
	enum { SLICES = 41, CALLS = 50000 }; /* other programs disturb some of the slices */
	static double call[SLICES], poll[SLICES], look[SLICES];
	relight_counter *pending = p_relight_pending(handle);
	relight_event ev;
	uint32_t seen = 0;
	double before;
	int i, n;

	RELIGHT_INIT(ev);
	for (n = 0; n < SLICES; n++) {
		before = now();
		for (i = 0; i < CALLS; i++)
			p_relight_abi_version();
		call[n] = (now() - before) * 1e3 / CALLS;
		before = now();
		for (i = 0; i < CALLS; i++)
			p_relight_poll(handle, &ev);
		poll[n] = (now() - before) * 1e3 / CALLS;
		before = now();
		for (i = 0; i < CALLS; i++)
			seen += *pending;
		look[n] = (now() - before) * 1e3 / CALLS;
	}
	row("a call that does nothing", "ns", median(call, SLICES));
	row("poll of an empty queue", "ns", median(poll, SLICES));
	row("a look at the pending counter", "ns", median(look, SLICES));
	if (seen)
		die("pending", "counts what is not there");
}

static void bench_events(uint64_t handle)
{
	static double one[ROUNDS], many[ROUNDS];
	relight_counter *pending = p_relight_pending(handle);
	relight_event ev;
	double before;
	int i, n;

	RELIGHT_INIT(ev);
	RELIGHT_INIT(events[0]);
	for (i = 0; i < ROUNDS; i++) {
		flood(handle, BATCH);
		while (*pending < BATCH)
			wait_us(100);
		before = now();
		for (n = 0; p_relight_poll(handle, &ev) == RELIGHT_EVENT; n++)
			;
		one[i] = now() - before;
		if (n != BATCH)
			die("poll", "events are missing");
		flood(handle, BATCH);
		while (*pending < BATCH)
			wait_us(100);
		before = now();
		n = p_relight_poll_many(handle, events, BATCH);
		many[i] = now() - before;
		if (n != BATCH)
			die("poll_many", "events are missing");
	}
	row("1,000 events with relight_poll, each with two fields", "us", median(one, ROUNDS));
	row("1,000 events with one relight_poll_many", "us", median(many, ROUNDS));
}

/* bench_frames does what a game does in its frames, and tells how long that takes. */
static void bench_frames(uint64_t handle, const char *what)
{
	static double took[FRAMES], ran[FRAMES];
	relight_counter *pending = p_relight_pending(handle);
	double next = now(), before, cpu;
	long seen = 0;
	char text[128];
	int i, n;

	RELIGHT_INIT(events[0]);
	for (i = 0; i < FRAMES; i++) {
		next += 1e6 / 60;
		cpu = used();
		before = now();
		if (*pending)
			while ((n = p_relight_poll_many(handle, events, 64)) > 0)
				seen += n;
		took[i] = now() - before;
		ran[i] = used() - cpu;
		if (next > now())
			wait_us(next - now());
	}
	qsort(took, FRAMES, sizeof took[0], by_size);
	qsort(ran, FRAMES, sizeof ran[0], by_size);
	snprintf(text, sizeof text, "a frame at 60 fps, %s (%.1f events a frame): median", what, (double)seen / FRAMES);
	row(text, "us", took[FRAMES / 2]);
	row("... 99th percentile", "us", took[FRAMES * 99 / 100]);
	row("... the longest of 600", "us", took[FRAMES - 1]);
	row("... the longest of 600, in CPU time of its thread", "us", ran[FRAMES - 1]);
}

static uint64_t login(void)
{
	relight_presence_config config;
	relight_event ev;
	uint64_t handle;
	int i;

	RELIGHT_INIT(config);
	RELIGHT_INIT(ev);
	config.game = getenv("RELIGHT_GAME");
	config.addr = getenv("RELIGHT_GPCM");
	config.search_addr = getenv("RELIGHT_GPSP");
	config.uniquenick = getenv("RELIGHT_NICK");
	config.password = getenv("RELIGHT_PASSWORD");
	config.login = RELIGHT_LOGIN_UNIQUENICK;
	if (p_relight_presence_login(&config, &handle) < 0)
		die("relight_presence_login", "cannot begin");
	for (i = 0; i < 5000; i++, wait_us(1000))
		while (p_relight_poll(handle, &ev) == RELIGHT_EVENT) {
			if (ev.type == RELIGHT_EV_PRESENCE_READY)
				return handle;
			if (ev.type == RELIGHT_EV_CLOSED)
				die("login", ev.text);
		}
	die("login", "takes too long");
	return 0;
}

static uint64_t browser(uint32_t flags)
{
	relight_browser_config config;
	uint64_t handle;

	RELIGHT_INIT(config);
	config.flags = flags;
	config.game = getenv("RELIGHT_GAME");
	config.secret = getenv("RELIGHT_SECRET");
	config.addr = getenv("RELIGHT_LIST");
	config.ask_every_ms = -1; /* there are no servers behind the list */
	if (p_relight_browser_open(&config, &handle) < 0)
		die("relight_browser_open", "cannot begin");
	return handle;
}

/* browse opens a list and waits until it is there. */
static uint64_t browse(void)
{
	relight_event ev;
	int i, servers = 0;
	double before = now(), first = 0;
	uint64_t handle = browser(0);

	RELIGHT_INIT(ev);
	for (i = 0; i < 10000; i++, wait_us(1000))
		while (p_relight_poll(handle, &ev) == RELIGHT_EVENT) {
			if (ev.type != RELIGHT_EV_BROWSER_SERVER || ev.status != 1)
				continue;
			if (servers++ == 0)
				first = now() - before;
			if (servers == SERVERS) {
				row("from asking for the list to the first server", "ms", first / 1e3);
				row("... to all 1,000, polled once a millisecond", "ms", (now() - before) / 1e3);
				return handle;
			}
		}
	die("list", "takes too long");
	return 0;
}

int main(int argc, char **argv)
{
	double before, memory, loaded;
	uint64_t group, session, list;
	void *hooked;

	if (argc < 2)
		die("usage", "bench LIBRARY [SMALL-LIBRARY [LIBRARY-WITH-TEST-HOOKS]]");
	printf("| what | cost |\n|---|---|\n");
	memory = resident();
	before = now();
	load(argv[1]);
	loaded = now();
	if (p_relight_group_open(&group) < 0)
		die("relight_group_open", "fails");
	row("loading the library, up to the end of the first call", "ms", (loaded - before) / 1e3);
	wait_us(200e3);
	row("memory, loaded and idle", "MB", resident() - memory);
	session = login();
	wait_us(200e3);
	row("memory, logged in to presence", "MB", resident() - memory);
	row("size of the library", "MB", megabytes(argv[1]));
	if (argc > 2)
		row("size without Steam depots", "MB", megabytes(argv[2]));
	bench_calls(group);
	bench_frames(session, "logged in and nothing happens");
	list = browse();
	bench_frames(list, "list of 1,000 servers that change");
	row("memory, with that list", "MB", resident() - memory);
	p_relight_close(list);
	p_relight_close(session);
	p_relight_close(group);
	p_relight_shutdown(5000);

	if (argc > 3) {
		hooked = load(argv[3]);
		flood = (int32_t(*)(uint64_t, int64_t))dlsym(hooked, "relight_test_flood");
		if (!flood)
			die(argv[3], "has no hooks");
		list = browser(RELIGHT_BROWSER_NO_LIST); /* nothing happens there by itself */
		bench_events(list);
		p_relight_close(list);
		p_relight_shutdown(5000);
	}
	return 0;
}
