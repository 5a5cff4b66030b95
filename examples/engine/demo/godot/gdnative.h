/* gdnative.h: as much of Godot 3's GDNative as shim.c needs, for machines of 64 bits. Godot hands over tables of functions;
 * which function stands where is the same from 3.1 to 3.6 (gdnative_api.json of the engine's source). */
#ifndef GDNATIVE_H
#define GDNATIVE_H

#include <stdbool.h>
#include <stdint.h>

typedef void gd_object;
typedef struct { void *opaque; } gd_string, gd_chars, gd_dictionary;
typedef struct { uint64_t opaque[3]; } gd_variant;

/* What every table begins with. */
typedef struct gd_table {
	unsigned type;
	struct { unsigned major, minor; } version;
	const struct gd_table *next;
} gd_table;

enum { GD_EXTENSION_NATIVESCRIPT = 1 };

typedef struct {
	gd_table head;
	unsigned extension_count;
	const gd_table **extensions;
	void (*function[744])(void); /* each of another type: see GD_CALL */
} gd_core;

/* The places of the functions in that table, and their types. */
#define GD_CALL(core, name) ((gd_##name##_function)(core)->function[GD_##name])
enum {
	GD_dictionary_new = 362, GD_dictionary_destroy = 364, GD_dictionary_has = 368, GD_dictionary_get = 374, GD_dictionary_set = 375,
	GD_variant_new_nil = 509, GD_variant_new_int = 512, GD_variant_new_string = 514, GD_variant_new_dictionary = 528,
	GD_variant_as_int = 539, GD_variant_as_string = 541, GD_variant_as_dictionary = 555, GD_variant_destroy = 570,
	GD_chars_data = 572, GD_chars_destroy = 573, GD_string_utf8 = 678, GD_string_from_utf8 = 681, GD_string_destroy = 721
};
typedef void (*gd_dictionary_new_function)(gd_dictionary *);
typedef void (*gd_dictionary_destroy_function)(gd_dictionary *);
typedef bool (*gd_dictionary_has_function)(const gd_dictionary *, const gd_variant *);
typedef gd_variant (*gd_dictionary_get_function)(const gd_dictionary *, const gd_variant *);
typedef void (*gd_dictionary_set_function)(gd_dictionary *, const gd_variant *, const gd_variant *);
typedef void (*gd_variant_new_nil_function)(gd_variant *);
typedef void (*gd_variant_new_int_function)(gd_variant *, int64_t);
typedef void (*gd_variant_new_string_function)(gd_variant *, const gd_string *);
typedef void (*gd_variant_new_dictionary_function)(gd_variant *, const gd_dictionary *);
typedef int64_t (*gd_variant_as_int_function)(const gd_variant *);
typedef gd_string (*gd_variant_as_string_function)(const gd_variant *);
typedef gd_dictionary (*gd_variant_as_dictionary_function)(const gd_variant *);
typedef void (*gd_variant_destroy_function)(gd_variant *);
typedef const char *(*gd_chars_data_function)(const gd_chars *);
typedef void (*gd_chars_destroy_function)(gd_chars *);
typedef gd_chars (*gd_string_utf8_function)(const gd_string *);
typedef gd_string (*gd_string_from_utf8_function)(const char *);
typedef void (*gd_string_destroy_function)(gd_string *);

typedef struct {
	bool in_editor;
	uint64_t core_hash, editor_hash, no_hash;
	void (*report_version_mismatch)(void);
	void (*report_loading_error)(void);
	gd_object *library;
	const gd_core *core;
	const gd_string *path;
} gd_init_options;

typedef struct {
	void *(*function)(gd_object *, void *data);
	void *data;
	void (*free)(void *);
} gd_create;

typedef struct {
	void (*function)(gd_object *, void *data, void *self);
	void *data;
	void (*free)(void *);
} gd_destroy;

typedef struct {
	gd_variant (*function)(gd_object *, void *data, void *self, int count, gd_variant **arguments);
	void *data;
	void (*free)(void *);
} gd_method;

typedef struct { int rpc; } gd_method_attributes;

typedef struct {
	gd_table head;
	void (*register_class)(void *handle, const char *name, const char *base, gd_create, gd_destroy);
	void (*register_tool_class)(void *handle, const char *name, const char *base, gd_create, gd_destroy);
	void (*register_method)(void *handle, const char *class_name, const char *name, gd_method_attributes, gd_method);
} gd_nativescript;

#endif
