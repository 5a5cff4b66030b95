/* depot URL DEPOT MANIFEST KEY DIR
 *
 * A launcher: it downloads a depot with progress, verifies it, and is told why another one cannot be had. */
#include "check.h"

#include <time.h>

static void frame(void)
{
	struct timespec moment = {0, 2000000};
	nanosleep(&moment, NULL);
}

static int64_t progress, total;
static int files;

static void other_event(const relight_event *ev)
{
	if (ev->type == RELIGHT_EV_DEPOT_PROGRESS) {
		CHECK(ev->number <= ev->total && ev->name[0]);
		progress = ev->number;
		total = ev->total;
	}
	if (ev->type == RELIGHT_EV_DEPOT_FILE)
		files++;
	if (ev->type == RELIGHT_EV_DROPPED)
		failed(__FILE__, __LINE__, "events were dropped");
}

int main(int argc, char **argv)
{
	relight_depot_config config;
	relight_event ev;
	uint64_t depot = 0;
	char line[64];

	CHECK(argc == 6);
	CHECK(relight_abi_version() == RELIGHT_ABI_VERSION);
	RELIGHT_INIT(config);
	CHECK(relight_depot_open(&config, &depot) == RELIGHT_EINVAL);
	config.servers = argv[1];
	config.depot = (uint32_t)strtoul(argv[2], NULL, 10);
	config.manifest = strtoul(argv[3], NULL, 10);
	config.key = argv[4];
	config.dir = argv[5];
	config.flags = RELIGHT_DEPOT_TELL_FILES;
	config.progress_ms = 1;
	MUST(0, relight_depot_open(&config, &depot));
	wait_for(depot, RELIGHT_EV_DEPOT_DONE, 0, &ev);
	CHECK(ev.number == ev.total && ev.total == files && ev.id > 0);
	CHECK(progress == total && total > 0);
	sprintf(line, "%d", files);
	wait_for(depot, RELIGHT_EV_CLOSED, -1, &ev);
	CHECK(ev.code == RELIGHT_OK);
	MUST(depot, relight_close(depot));
	say("downloaded", line);

	config.action = RELIGHT_DEPOT_VERIFY;
	MUST(0, relight_depot_open(&config, &depot));
	wait_for(depot, RELIGHT_EV_DEPOT_DONE, 0, &ev);
	CHECK(ev.number == ev.total);
	MUST(depot, relight_close(depot));
	say("verified", line);

	config.action = RELIGHT_DEPOT_DOWNLOAD;
	config.manifest++;
	MUST(0, relight_depot_open(&config, &depot));
	wait_for(depot, RELIGHT_EV_CLOSED, -1, &ev);
	CHECK(ev.code == RELIGHT_ENOTFOUND && ev.native == 404 && ev.text[0]);
	say("missing", ev.text);
	MUST(depot, relight_close(depot));
	finish();
	return 0;
}
