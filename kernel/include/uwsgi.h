/* uwsgi.h - everything a plugin may see of the kernel.
 *
 * A plugin is one shared object that exports one `struct uwsgi_plugin`, named after its file: foobar_plugin.so exports
 * foobar_plugin.  Including this header also places an ELF note in the object (uwsgi/abi.h), which the kernel reads
 * before it loads anything, so a plugin built for another ABI is refused by name and never run.
 *
 * How to read the contracts: [main] the process that was started, before any fork; [master] the supervisor; [zygote]
 * the process of one generation that loads the application; [worker] a process that answers requests; [any] all of
 * them.  Pointers given to a function are borrowed for the call unless its comment says otherwise.  Functions return 0
 * or a count on success and a negative errno on failure. */
#ifndef UWSGI_H
#define UWSGI_H

#include <uwsgi/abi.h>
#include <uwsgi/api.h>
#include <uwsgi/hook.h>
#include <uwsgi/log.h>
#include <uwsgi/loop.h>
#include <uwsgi/option.h>
#include <uwsgi/plugin.h>
#include <uwsgi/proc.h>
#include <uwsgi/request.h>
#include <uwsgi/service.h>
#include <uwsgi/shm.h>
#include <uwsgi/signal.h>
#include <uwsgi/socket.h>
#include <uwsgi/source.h>
#include <uwsgi/stats.h>
#include <uwsgi/task.h>

#endif
