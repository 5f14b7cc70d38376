/* layout.c - where every field of every public struct is in ABI 1.1, on machines with 64-bit pointers.
 *
 * Compiling this file is the test.  A field that is added goes to the end of its struct and gets its line here, with
 * the struct's new size; a line that must change means a new major. */
#include <uwsgi.h>

#if UINTPTR_MAX == UINT64_MAX

#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type " has another size")
#define AT(type, field, bytes) _Static_assert(offsetof(struct type, field) == (bytes), #type "." #field " has moved")

_Static_assert(UWSGI_ABI_MAJOR == 1, "a new major has a new layout");

/* <uwsgi/plugin.h> */
SIZE(uwsgi_config_format, 24);
AT(uwsgi_config_format, name, 0);
AT(uwsgi_config_format, suffixes, 8);
AT(uwsgi_config_format, parse, 16);

SIZE(uwsgi_plugin, 184);
AT(uwsgi_plugin, name, 0);
AT(uwsgi_plugin, alias, 8);
AT(uwsgi_plugin, modifier1, 16);
AT(uwsgi_plugin, data, 24);
AT(uwsgi_plugin, on_load, 32);
AT(uwsgi_plugin, init, 40);
AT(uwsgi_plugin, options, 48);
AT(uwsgi_plugin, hooks, 56);
AT(uwsgi_plugin, services, 64);
AT(uwsgi_plugin, api, 72);
AT(uwsgi_plugin, api_consts, 80);
AT(uwsgi_plugin, protocols, 88);
AT(uwsgi_plugin, config_formats, 96);
AT(uwsgi_plugin, kinds, 104);
AT(uwsgi_plugin, needs, 112);
AT(uwsgi_plugin, strict, 120);
AT(uwsgi_plugin, load, 128);
AT(uwsgi_plugin, post_fork, 136);
AT(uwsgi_plugin, thread_init, 144);
AT(uwsgi_plugin, thread_exit, 152);
AT(uwsgi_plugin, request, 160);
AT(uwsgi_plugin, atexit, 168);
AT(uwsgi_plugin, worker, 176);

/* <uwsgi/abi.h> */
SIZE(uwsgi_abi, 48);
AT(uwsgi_abi, major, 0);
AT(uwsgi_abi, minor, 4);
AT(uwsgi_abi, pointer_size, 8);
AT(uwsgi_abi, plugin_size, 12);
AT(uwsgi_abi, option_size, 16);
AT(uwsgi_abi, hook_size, 20);
AT(uwsgi_abi, service_size, 24);
AT(uwsgi_abi, api_fn_size, 28);
AT(uwsgi_abi, api_const_size, 32);
AT(uwsgi_abi, protocol_size, 36);
AT(uwsgi_abi, config_format_size, 40);
AT(uwsgi_abi, kind_size, 44);

SIZE(uwsgi_abi_note, 68);
AT(uwsgi_abi_note, name_size, 0);
AT(uwsgi_abi_note, desc_size, 4);
AT(uwsgi_abi_note, type, 8);
AT(uwsgi_abi_note, name, 12);
AT(uwsgi_abi_note, abi, 20);

/* <uwsgi/api.h> */
SIZE(uwsgi_api_fn, 40);
AT(uwsgi_api_fn, name, 0);
AT(uwsgi_api_fn, sig, 8);
AT(uwsgi_api_fn, doc, 16);
AT(uwsgi_api_fn, call, 24);
AT(uwsgi_api_fn, flags, 32);

SIZE(uwsgi_api_const, 32);
AT(uwsgi_api_const, name, 0);
AT(uwsgi_api_const, number, 8);
AT(uwsgi_api_const, text, 16);
AT(uwsgi_api_const, doc, 24);

SIZE(uwsgi_fn, 24);
AT(uwsgi_fn, call, 0);
AT(uwsgi_fn, retain, 8);
AT(uwsgi_fn, release, 16);

SIZE(uwsgi_value, 24);
AT(uwsgi_value, type, 0);
AT(uwsgi_value, flags, 1);
AT(uwsgi_value, room, 4);
AT(uwsgi_value, u, 8);

SIZE(uwsgi_param, 48);
AT(uwsgi_param, name, 0);
AT(uwsgi_param, type, 16);
AT(uwsgi_param, star, 17);
AT(uwsgi_param, optional, 18);
AT(uwsgi_param, nullable, 19);
AT(uwsgi_param, value, 24);

SIZE(uwsgi_function, 40);
AT(uwsgi_function, row, 0);
AT(uwsgi_function, owner, 8);
AT(uwsgi_function, count, 16);
AT(uwsgi_function, plain, 20);
AT(uwsgi_function, required, 24);
AT(uwsgi_function, returns, 28);
AT(uwsgi_function, returns_none, 29);
AT(uwsgi_function, params, 32);

SIZE(uwsgi_call, 304);
AT(uwsgi_call, args, 0);
AT(uwsgi_call, count, 8);
AT(uwsgi_call, error, 12);
AT(uwsgi_call, request, 16);
AT(uwsgi_call, result, 24);
AT(uwsgi_call, text, 48);

/* <uwsgi/base.h> */
SIZE(uwsgi_str, 16);
AT(uwsgi_str, p, 0);
AT(uwsgi_str, n, 8);

/* <uwsgi/hook.h> */
SIZE(uwsgi_hook, 24);
AT(uwsgi_hook, name, 0);
AT(uwsgi_hook, fn, 8);
AT(uwsgi_hook, priority, 16);

/* <uwsgi/loop.h> */
SIZE(uwsgi_watch, 24);
AT(uwsgi_watch, fd, 0);
AT(uwsgi_watch, fn, 8);
AT(uwsgi_watch, data, 16);

SIZE(uwsgi_timer, 32);
AT(uwsgi_timer, fn, 0);
AT(uwsgi_timer, data, 8);
AT(uwsgi_timer, at_ms, 16);
AT(uwsgi_timer, slot, 24);

/* <uwsgi/option.h> */
SIZE(uwsgi_strings, 16);
AT(uwsgi_strings, v, 0);
AT(uwsgi_strings, n, 8);

SIZE(uwsgi_option, 72);
AT(uwsgi_option, name, 0);
AT(uwsgi_option, letter, 8);
AT(uwsgi_option, type, 9);
AT(uwsgi_option, arg, 10);
AT(uwsgi_option, flags, 12);
AT(uwsgi_option, value, 16);
AT(uwsgi_option, help, 24);
AT(uwsgi_option, group, 32);
AT(uwsgi_option, alias_of, 40);
AT(uwsgi_option, apply, 48);
AT(uwsgi_option, data, 56);
AT(uwsgi_option, claims, 64);

/* <uwsgi/proc.h> */
SIZE(uwsgi_kind, 48);
AT(uwsgi_kind, name, 0);
AT(uwsgi_kind, flags, 8);
AT(uwsgi_kind, count, 16);
AT(uwsgi_kind, run, 24);
AT(uwsgi_kind, stop_ms, 32);
AT(uwsgi_kind, mercy, 40);

SIZE(uwsgi_proc_info, 176);
AT(uwsgi_proc_info, kind, 0);
AT(uwsgi_proc_info, number, 8);
AT(uwsgi_proc_info, pid, 12);
AT(uwsgi_proc_info, generation, 16);
AT(uwsgi_proc_info, state, 20);
AT(uwsgi_proc_info, accepting, 24);
AT(uwsgi_proc_info, requests, 32);
AT(uwsgi_proc_info, delta_requests, 40);
AT(uwsgi_proc_info, exceptions, 48);
AT(uwsgi_proc_info, signals, 56);
AT(uwsgi_proc_info, respawns, 64);
AT(uwsgi_proc_info, harakiris, 72);
AT(uwsgi_proc_info, running_us, 80);
AT(uwsgi_proc_info, tx_bytes, 88);
AT(uwsgi_proc_info, last_spawn_us, 96);
AT(uwsgi_proc_info, avg_us, 104);
AT(uwsgi_proc_info, rss_bytes, 112);
AT(uwsgi_proc_info, vsz_bytes, 120);
AT(uwsgi_proc_info, head_timeouts, 128);
AT(uwsgi_proc_info, body_timeouts, 136);
AT(uwsgi_proc_info, send_timeouts, 144);
AT(uwsgi_proc_info, idle_timeouts, 152);
AT(uwsgi_proc_info, signal_failures, 160);
AT(uwsgi_proc_info, last_signal_us, 168);

/* <uwsgi/request.h> */
SIZE(uwsgi_key, 16);
AT(uwsgi_key, name, 0);
AT(uwsgi_key, len, 8);
AT(uwsgi_key, id, 10);

SIZE(uwsgi_var, 40);
AT(uwsgi_var, key, 0);
AT(uwsgi_var, name, 8);
AT(uwsgi_var, value, 24);

SIZE(uwsgi_protocol, 32);
AT(uwsgi_protocol, name, 0);
AT(uwsgi_protocol, flags, 8);
AT(uwsgi_protocol, parse, 16);
AT(uwsgi_protocol, decode, 24);

SIZE(uwsgi_request, 184);
AT(uwsgi_request, vars, 0);
AT(uwsgi_request, nvars, 8);
AT(uwsgi_request, known, 12);
AT(uwsgi_request, modifier1, 74);
AT(uwsgi_request, modifier2, 75);
AT(uwsgi_request, http_version, 76);
AT(uwsgi_request, body, 77);
AT(uwsgi_request, is_head, 78);
AT(uwsgi_request, keep_alive, 79);
AT(uwsgi_request, expect_continue, 80);
AT(uwsgi_request, content_length, 88);
AT(uwsgi_request, socket, 96);
AT(uwsgi_request, protocol, 104);
AT(uwsgi_request, remote_addr, 112);
AT(uwsgi_request, remote_port, 128);
AT(uwsgi_request, core, 132);
AT(uwsgi_request, started_us, 136);
AT(uwsgi_request, status, 144);
AT(uwsgi_request, header_count, 148);
AT(uwsgi_request, head_size, 152);
AT(uwsgi_request, body_size, 160);
AT(uwsgi_request, headers_sent, 168);
AT(uwsgi_request, broken, 169);
AT(uwsgi_request, data, 176);

/* <uwsgi/log.h> */
SIZE(uwsgi_log_batch, 24);
AT(uwsgi_log_batch, kind, 0);
AT(uwsgi_log_batch, text, 8);
AT(uwsgi_log_batch, len, 16);

/* <uwsgi/service.h> */
SIZE(uwsgi_service, 24);
AT(uwsgi_service, name, 0);
AT(uwsgi_service, ops, 8);
AT(uwsgi_service, size, 16);

/* <uwsgi/socket.h> */
SIZE(uwsgi_socket, 40);
AT(uwsgi_socket, fd, 0);
AT(uwsgi_socket, index, 4);
AT(uwsgi_socket, name, 8);
AT(uwsgi_socket, protocol, 16);
AT(uwsgi_socket, vars, 24);
AT(uwsgi_socket, nvars, 32);
AT(uwsgi_socket, is_unix, 36);
AT(uwsgi_socket, handover, 37);

/* <uwsgi/signal.h>, <uwsgi/source.h> */
SIZE(uwsgi_signal_info, 104);
AT(uwsgi_signal_info, target, 0);
AT(uwsgi_signal_info, raised, 64);
AT(uwsgi_signal_info, handled, 72);
AT(uwsgi_signal_info, failed, 80);
AT(uwsgi_signal_info, refused, 88);
AT(uwsgi_signal_info, last_us, 96);
SIZE(uwsgi_source, 296);
AT(uwsgi_source, type, 0);
AT(uwsgi_source, number, 1);
AT(uwsgi_source, cron, 2);
AT(uwsgi_source, period_ms, 16);
AT(uwsgi_source, times, 24);
AT(uwsgi_source, timeout_ms, 32);
AT(uwsgi_source, path, 40);

/* Numbers that plugins were compiled with. */
_Static_assert(UWSGI_KEY_REQUEST_METHOD == 0 && UWSGI_KEY_HTTP_UPGRADE == 30, "known keys are appended to");
_Static_assert(UWSGI_OPT_CALL == 8 && UWSGI_ARG_OPTIONAL == 3, "kinds of options are appended to");
_Static_assert(UWSGI_T_ANY == 11 && UWSGI_ENOTIMPL == 5, "types and errors are appended to");
_Static_assert(UWSGI_LOG_ROTATE == 3, "kinds of processes and batches are appended to");
_Static_assert(UWSGI_PROC_STOPPING == 4 && UWSGI_BODY_CHUNKED == 2, "states are appended to");

#endif
