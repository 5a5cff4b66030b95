/* shim.c: Relight as a class of GDScript, for Godot 3. Every method is a few lines over a function of relight.h; an engine
 * that wants more of them adds more of these.
 *
 *     var relight = preload("res://relight.gdns").new()
 *     var session = relight.presence_login({"game": "gmtest", "domain": "example.net", ...})    # 0: see error_text(0)
 *     func _process(delta):
 *         while true:
 *             var event = relight.poll(session)       # a Dictionary, or null
 *             if event == null: break
 */
#include <stddef.h>
#include <stdio.h>

#include "gdnative.h"
#include "relight.h"

static const gd_core *core;
static const gd_nativescript *nativescript;

/* ---- Godot's values ---- */

static gd_variant nil_value(void)
{
	gd_variant v;
	GD_CALL(core, variant_new_nil)(&v);
	return v;
}

static gd_variant int_value(int64_t n)
{
	gd_variant v;
	GD_CALL(core, variant_new_int)(&v, n);
	return v;
}

static gd_variant text_value(const char *text)
{
	gd_variant v;
	gd_string s = GD_CALL(core, string_from_utf8)(text);
	GD_CALL(core, variant_new_string)(&v, &s);
	GD_CALL(core, string_destroy)(&s);
	return v;
}

static gd_variant dictionary_value(gd_dictionary *d)
{
	gd_variant v;
	GD_CALL(core, variant_new_dictionary)(&v, d);
	GD_CALL(core, dictionary_destroy)(d);
	return v;
}

/* set puts a value into a dictionary, and lets go of it. */
static void set(gd_dictionary *d, const char *key, gd_variant value)
{
	gd_variant name = text_value(key);
	GD_CALL(core, dictionary_set)(d, &name, &value);
	GD_CALL(core, variant_destroy)(&name);
	GD_CALL(core, variant_destroy)(&value);
}

static int64_t int_argument(int count, gd_variant **arguments, int n)
{
	return n < count ? GD_CALL(core, variant_as_int)(arguments[n]) : 0;
}

/* chars_of is the UTF-8 of a value. The caller destroys it. */
static gd_chars chars_of(const gd_variant *v)
{
	gd_string s = GD_CALL(core, variant_as_string)(v);
	gd_chars c = GD_CALL(core, string_utf8)(&s);
	GD_CALL(core, string_destroy)(&s);
	return c;
}

/* ---- configurations from dictionaries ---- */

typedef struct {
	const char *name;
	size_t offset;
	bool text; /* or a number of 32 bits */
} slot;

enum { MAX_SLOTS = 32 };

/* fill sets what the dictionary has of a configuration. The texts stay with the caller until release. */
static void fill(void *config, const slot *slots, const gd_variant *values, gd_chars *texts)
{
	gd_dictionary d = GD_CALL(core, variant_as_dictionary)(values);
	int i;
	for (i = 0; slots[i].name; i++) {
		gd_variant key = text_value(slots[i].name), value;
		char *place = (char *)config + slots[i].offset;
		texts[i].opaque = NULL;
		if (GD_CALL(core, dictionary_has)(&d, &key)) {
			value = GD_CALL(core, dictionary_get)(&d, &key);
			if (slots[i].text) {
				texts[i] = chars_of(&value);
				*(const char **)place = GD_CALL(core, chars_data)(&texts[i]);
			} else {
				*(int32_t *)place = (int32_t)GD_CALL(core, variant_as_int)(&value);
			}
			GD_CALL(core, variant_destroy)(&value);
		}
		GD_CALL(core, variant_destroy)(&key);
	}
	GD_CALL(core, dictionary_destroy)(&d);
}

static void release(const slot *slots, gd_chars *texts)
{
	int i;
	for (i = 0; slots[i].name; i++)
		if (slots[i].text)
			GD_CALL(core, chars_destroy)(&texts[i]);
}

#define TEXT(type, name) { #name, offsetof(type, name), true }
#define NUMBER(type, name) { #name, offsetof(type, name), false }

static const slot presence_slots[] = {
	TEXT(relight_presence_config, game), TEXT(relight_presence_config, domain), TEXT(relight_presence_config, addr),
	TEXT(relight_presence_config, search_addr), TEXT(relight_presence_config, uniquenick), TEXT(relight_presence_config, password),
	NUMBER(relight_presence_config, login), NUMBER(relight_presence_config, flags), { NULL, 0, false }
};

static const slot browser_slots[] = {
	TEXT(relight_browser_config, game), TEXT(relight_browser_config, secret), TEXT(relight_browser_config, domain),
	TEXT(relight_browser_config, addr), TEXT(relight_browser_config, filter), TEXT(relight_browser_config, natneg1),
	TEXT(relight_browser_config, natneg2), TEXT(relight_browser_config, natneg3), NUMBER(relight_browser_config, flags),
	NUMBER(relight_browser_config, ask_every_ms), { NULL, 0, false }
};

/* ---- methods ---- */

#define METHOD(name) static gd_variant name(gd_object *object, void *data, void *self, int count, gd_variant **arguments)
#define UNUSED (void)object, (void)data, (void)self, (void)count, (void)arguments

METHOD(version)
{
	UNUSED;
	return text_value(relight_version());
}

METHOD(error_text)
{
	char text[512];
	UNUSED;
	relight_error_text((uint64_t)int_argument(count, arguments, 0), text, sizeof text, NULL);
	return text_value(text);
}

METHOD(presence_login)
{
	relight_presence_config config;
	gd_chars texts[MAX_SLOTS];
	uint64_t handle = 0;
	UNUSED;
	RELIGHT_INIT(config);
	if (count > 0)
		fill(&config, presence_slots, arguments[0], texts);
	relight_presence_login(&config, &handle);
	if (count > 0)
		release(presence_slots, texts);
	return int_value((int64_t)handle);
}

METHOD(presence_set_status)
{
	gd_chars text;
	int32_t result;
	UNUSED;
	if (count < 3)
		return int_value(RELIGHT_EINVAL);
	text = chars_of(arguments[2]);
	result = relight_presence_set_status((uint64_t)int_argument(count, arguments, 0), (int32_t)int_argument(count, arguments, 1),
		GD_CALL(core, chars_data)(&text), "", NULL);
	GD_CALL(core, chars_destroy)(&text);
	return int_value(result);
}

METHOD(presence_send_message)
{
	gd_chars text;
	int32_t result;
	UNUSED;
	if (count < 3)
		return int_value(RELIGHT_EINVAL);
	text = chars_of(arguments[2]);
	result = relight_presence_send_message((uint64_t)int_argument(count, arguments, 0), int_argument(count, arguments, 1),
		GD_CALL(core, chars_data)(&text), NULL);
	GD_CALL(core, chars_destroy)(&text);
	return int_value(result);
}

METHOD(browser_open)
{
	relight_browser_config config;
	gd_chars texts[MAX_SLOTS];
	uint64_t handle = 0;
	UNUSED;
	RELIGHT_INIT(config);
	if (count > 0)
		fill(&config, browser_slots, arguments[0], texts);
	relight_browser_open(&config, &handle);
	if (count > 0)
		release(browser_slots, texts);
	return int_value((int64_t)handle);
}

/* browser_connect makes a socket, whose handle the event has. */
METHOD(browser_connect)
{
	gd_chars address;
	uint64_t own;
	int32_t result;
	UNUSED;
	if (count < 2)
		return int_value(RELIGHT_EINVAL);
	address = chars_of(arguments[1]);
	result = relight_browser_connect((uint64_t)int_argument(count, arguments, 0), GD_CALL(core, chars_data)(&address), 0, &own, NULL);
	GD_CALL(core, chars_destroy)(&address);
	return int_value(result);
}

/* poll gives the next event as a dictionary, with its key/value pairs in a dictionary of their own. */
METHOD(poll)
{
	relight_event ev;
	gd_dictionary d, fields;
	uint32_t i;
	UNUSED;
	RELIGHT_INIT(ev);
	if (relight_poll((uint64_t)int_argument(count, arguments, 0), &ev) != RELIGHT_EVENT)
		return nil_value();
	GD_CALL(core, dictionary_new)(&d);
	set(&d, "type", int_value(ev.type));
	set(&d, "request", int_value((int64_t)ev.request));
	set(&d, "code", int_value(ev.code));
	set(&d, "status", int_value(ev.status));
	set(&d, "flags", int_value(ev.flags));
	set(&d, "id", int_value(ev.id));
	set(&d, "number", int_value(ev.number));
	set(&d, "total", int_value(ev.total));
	set(&d, "time", int_value(ev.time));
	set(&d, "text", text_value(ev.text));
	set(&d, "name", text_value(ev.name));
	set(&d, "address", text_value(ev.address));
	GD_CALL(core, dictionary_new)(&fields);
	for (i = 0; i < ev.field_count; i++)
		set(&fields, ev.fields[i].key, text_value(ev.fields[i].value));
	set(&d, "fields", dictionary_value(&fields));
	return dictionary_value(&d);
}

METHOD(close)
{
	UNUSED;
	return int_value(relight_close((uint64_t)int_argument(count, arguments, 0)));
}

METHOD(shutdown)
{
	UNUSED;
	return int_value(relight_shutdown((uint32_t)int_argument(count, arguments, 0)));
}

/* constants gives the numbers of relight.h by their names, without the prefix. */
METHOD(constants)
{
	gd_dictionary d;
	UNUSED;
	GD_CALL(core, dictionary_new)(&d);
#define CONSTANT(name) set(&d, #name, int_value(RELIGHT_##name))
	CONSTANT(EV_CLOSED);
	CONSTANT(EV_FAILED);
	CONSTANT(EV_PRESENCE_READY);
	CONSTANT(EV_PRESENCE_BUDDY);
	CONSTANT(EV_PRESENCE_MESSAGE);
	CONSTANT(EV_PRESENCE_ERROR);
	CONSTANT(EV_BROWSER_SERVER);
	CONSTANT(EV_BROWSER_REMOVED);
	CONSTANT(EV_BROWSER_STATE);
	CONSTANT(EV_BROWSER_LISTED);
	CONSTANT(EV_BROWSER_CONNECTED);
	CONSTANT(PATH_LAN);
	CONSTANT(PATH_DIRECT);
	CONSTANT(PATH_NATNEG);
	CONSTANT(LOGIN_UNIQUENICK);
	CONSTANT(PRESENCE_RECONNECT);
	CONSTANT(PRESENCE_FETCH_PROFILES);
	CONSTANT(STATUS_OFFLINE);
	CONSTANT(STATUS_ONLINE);
	CONSTANT(STATUS_PLAYING);
	CONSTANT(STATUS_STAGING);
	CONSTANT(STATUS_CHATTING);
	CONSTANT(STATUS_AWAY);
	return dictionary_value(&d);
}

/* ---- what Godot calls ---- */

static void *create(gd_object *object, void *data)
{
	(void)object, (void)data;
	return NULL;
}

static void destroy(gd_object *object, void *data, void *self) { (void)object, (void)data, (void)self; }

static void add(void *handle, const char *name, gd_variant (*function)(gd_object *, void *, void *, int, gd_variant **))
{
	gd_method method = { function, NULL, NULL };
	gd_method_attributes attributes = { 0 };
	nativescript->register_method(handle, "Relight", name, attributes, method);
}

void relight_gdnative_init(gd_init_options *options)
{
	unsigned i;
	core = options->core;
	for (i = 0; i < core->extension_count; i++)
		if (core->extensions[i]->type == GD_EXTENSION_NATIVESCRIPT)
			nativescript = (const gd_nativescript *)core->extensions[i];
}

void relight_gdnative_terminate(void *options) { (void)options; }

void relight_nativescript_init(void *handle)
{
	gd_create make = { create, NULL, NULL };
	gd_destroy unmake = { destroy, NULL, NULL };
	if (relight_abi_version() != RELIGHT_ABI_VERSION) {
		fprintf(stderr, "Relight: the library has version %d of the interface, not %d\n", relight_abi_version(), RELIGHT_ABI_VERSION);
		return; /* the class does not exist then */
	}
	nativescript->register_class(handle, "Relight", "Reference", make, unmake);
	add(handle, "version", version);
	add(handle, "constants", constants);
	add(handle, "error_text", error_text);
	add(handle, "presence_login", presence_login);
	add(handle, "presence_set_status", presence_set_status);
	add(handle, "presence_send_message", presence_send_message);
	add(handle, "browser_open", browser_open);
	add(handle, "browser_connect", browser_connect);
	add(handle, "poll", poll);
	add(handle, "close", close);
	add(handle, "shutdown", shutdown);
}
