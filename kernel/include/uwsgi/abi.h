/* uwsgi/abi.h - the version of the contract, and the note that carries it.
 *
 * Rules: structs grow at the end only and zero means the old behaviour; each addition is MINOR + 1; anything that
 * breaks an existing plugin is MAJOR + 1.  Every translation unit that includes <uwsgi.h> keeps its own copy of the
 * note (section .note.uwsgi), so an object mixed from two headers is seen as such.
 *
 * Changes
 *   1.0  first version
 *   1.1  uwsgi_plugin.worker and uwsgi_worker_own; uwsgi_proc_recycle, uwsgi_request_deadline; time-outs in
 *        uwsgi_proc_info; hook worker.stuck/1; uwsgi_log_collect, _next, _reopen, _rotate, uwsgi_log_file and
 *        uwsgi_log_seldom;
 *        uwsgi/signal.h and uwsgi/source.h; uwsgi_shm_keep; process kinds SINGLE and LAST; hook master.command/1;
 *        uwsgi_connect and its kin, uwsgi_socket_is_named; uwsgi/task.h; uwsgi_kind.mercy; uwsgi_actions_* */
#ifndef UWSGI_ABI_H
#define UWSGI_ABI_H

#include <uwsgi/api.h>
#include <uwsgi/hook.h>
#include <uwsgi/option.h>
#include <uwsgi/plugin.h>
#include <uwsgi/proc.h>
#include <uwsgi/request.h>
#include <uwsgi/service.h>

#define UWSGI_ABI_MAJOR 1
#ifndef UWSGI_ABI_MINOR
#define UWSGI_ABI_MINOR 1
#endif

#define UWSGI_ABI_NOTE_NAME "uWSGI"
#define UWSGI_ABI_NOTE_TYPE 1

/* What the note says.  Sizes are those of one element, in bytes. */
struct uwsgi_abi {
	uint32_t major, minor;
	uint32_t pointer_size;
	uint32_t plugin_size;
	uint32_t option_size;
	uint32_t hook_size;
	uint32_t service_size;
	uint32_t api_fn_size;
	uint32_t api_const_size;
	uint32_t protocol_size;
	uint32_t config_format_size;
	uint32_t kind_size;
};

#define UWSGI_ABI_INIT                                                                                                 \
	{                                                                                                              \
		UWSGI_ABI_MAJOR, UWSGI_ABI_MINOR, (uint32_t)sizeof(void *), (uint32_t)sizeof(struct uwsgi_plugin),     \
			(uint32_t)sizeof(struct uwsgi_option), (uint32_t)sizeof(struct uwsgi_hook),                    \
			(uint32_t)sizeof(struct uwsgi_service), (uint32_t)sizeof(struct uwsgi_api_fn),                 \
			(uint32_t)sizeof(struct uwsgi_api_const), (uint32_t)sizeof(struct uwsgi_protocol),             \
			(uint32_t)sizeof(struct uwsgi_config_format), (uint32_t)sizeof(struct uwsgi_kind)              \
	}

struct uwsgi_abi_note {
	uint32_t name_size, desc_size, type; /* the ELF note header */
	char name[8];
	struct uwsgi_abi abi;
};

#ifndef UWSGI_KERNEL
#if defined(__has_attribute)
#if __has_attribute(retain)
#define UWSGI_NOTE_RETAIN_ , retain
#endif
#endif
#ifndef UWSGI_NOTE_RETAIN_
#define UWSGI_NOTE_RETAIN_
#endif
static const struct uwsgi_abi_note uwsgi_abi_note_
	__attribute__((used UWSGI_NOTE_RETAIN_, section(".note.uwsgi"),
		       aligned(4))) = { sizeof UWSGI_ABI_NOTE_NAME, (uint32_t)sizeof(struct uwsgi_abi),
					UWSGI_ABI_NOTE_TYPE, UWSGI_ABI_NOTE_NAME, UWSGI_ABI_INIT };
#endif

#endif
