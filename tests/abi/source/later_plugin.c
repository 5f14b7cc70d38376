/* later_plugin.c - a plugin as a later kernel's headers would build it: its own note, and a table with one more field.
 *
 * LATER_MAJOR and LATER_MINOR say for which ABI; LATER_FIELD is what the new field holds; LATER is the name. */
#define UWSGI_KERNEL /* this header's note is not the one we want */
#include <uwsgi.h>

struct later_plugin {
	struct uwsgi_plugin now;
	uintptr_t later;
};

static const struct uwsgi_abi_note note __attribute__((used, section(".note.uwsgi"), aligned(4))) = {
	sizeof UWSGI_ABI_NOTE_NAME,
	sizeof(struct uwsgi_abi),
	UWSGI_ABI_NOTE_TYPE,
	UWSGI_ABI_NOTE_NAME,
	{
		.major = LATER_MAJOR,
		.minor = LATER_MINOR,
		.pointer_size = sizeof(void *),
		.plugin_size = sizeof(struct later_plugin),
		.option_size = sizeof(struct uwsgi_option),
		.hook_size = sizeof(struct uwsgi_hook),
		.service_size = sizeof(struct uwsgi_service),
		.api_fn_size = sizeof(struct uwsgi_api_fn),
		.api_const_size = sizeof(struct uwsgi_api_const),
		.protocol_size = sizeof(struct uwsgi_protocol),
		.config_format_size = sizeof(struct uwsgi_config_format),
		.kind_size = sizeof(struct uwsgi_kind),
	},
};

/* The first thing that would run of a plugin that is loaded. */
__attribute__((constructor)) static void begin(void)
{
	uwsgi_log("a constructor ran\n");
}

static int init(void)
{
	uwsgi_log("a later plugin is at work\n");
	return 0;
}

struct later_plugin LATER = { .now = { .name = "later", .init = init }, .later = LATER_FIELD };
