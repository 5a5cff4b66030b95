/* What the C programs of these tests share: a game with a loop, and checks that end it. A program says on its output what it has
 * reached, a line each, and ends with 0. */
#ifndef CHECK_H
#define CHECK_H

#include "relight.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) ((condition) ? (void)0 : failed(__FILE__, __LINE__, #condition))

static void failed(const char *file, int line, const char *what)
{
	char words[512];
	relight_error_text(0, words, sizeof words, NULL);
	fprintf(stderr, "%s:%d: %s (%s)\n", file, line, what, words);
	exit(1);
}

/* Checks a result, and says what the library says about it. */
#define MUST(handle, call) must(__FILE__, __LINE__, #call, handle, call)

static void must(const char *file, int line, const char *what, uint64_t handle, int32_t result)
{
	char words[512];
	if (result >= 0)
		return;
	relight_error_text(handle, words, sizeof words, NULL);
	fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, what, relight_code_name(result), words);
	exit(1);
}

/* A frame of the game: it waits a moment, and does what else the game does. Each program has its own. */
static void frame(void);

/* What the programs do with events for which they do not wait; they may be left alone. */
static void other_event(const relight_event *ev);

/* Plays frames until a handle has an event of a type, and of that status unless it is negative. */
static void wait_for(uint64_t handle, int32_t type, int32_t status, relight_event *ev)
{
	const volatile uint32_t *pending = relight_pending(handle);
	int frames;
	CHECK(pending != NULL);
	for (frames = 0; frames < 30000; frames++) {
		while (*pending) {
			RELIGHT_INIT(*ev);
			if (relight_poll(handle, ev) != RELIGHT_EVENT)
				break;
			if (ev->type == type && (status < 0 || ev->status == status))
				return;
			if ((ev->type == RELIGHT_EV_FAILED || ev->type == RELIGHT_EV_CLOSED) && type != ev->type) {
				fprintf(stderr, "instead of event %d: %s: %s\n", (int)type, relight_code_name(ev->code), ev->text);
				exit(1);
			}
			other_event(ev);
		}
		frame();
	}
	fprintf(stderr, "event %d of handle %d never came\n", (int)type, (int)handle);
	exit(1);
}

static void say(const char *word, const char *rest)
{
	printf("%s %s\n", word, rest);
	fflush(stdout);
}

/* Closes everything, and checks that nothing is left. */
static void finish(void)
{
	relight_live live;
	MUST(0, relight_shutdown(10000));
	RELIGHT_INIT(live);
	MUST(0, relight_live_counts(&live));
	CHECK(live.handles == 0 && live.closing == 0 && live.goroutines == 0 && live.c_bytes == 0);
	say("end", "");
}

#endif
