/* plugin_life.c - the moments of a server's life at which every plugin is called: a function here for each. */
#include "plugin_life.h"

#include "cause.h"
#include "plugin.h"

#include <errno.h>
#include <string.h>
#include <uwsgi/log.h>

int plugins_init(const struct plugins *p)
{
	const struct uwsgi_plugin *t;
	for (size_t i = 0; (t = plugins_at(p, i)); i++) {
		int result = t->init ? t->init() : 0;
		if (result >= 0)
			continue;
		if (!t->strict) {
			uwsgi_log("uwsgi: plugin %s: init failed: %s; going on without it\n", t->name,
				  strerror(-result));
			continue;
		}
		if (!cause_get())
			uwsgi_cause("plugin %s: init failed: %s", t->name, strerror(-result));
		return result;
	}
	return 0;
}

int plugins_load_apps(const struct plugins *p)
{
	int apps = 0;
	const struct uwsgi_plugin *t;
	for (size_t i = 0; (t = plugins_at(p, i)); i++) {
		int loaded = t->load ? t->load() : 0;
		if (loaded < 0)
			return loaded;
		apps += loaded;
	}
	return apps;
}

int plugins_post_fork(const struct plugins *p)
{
	const struct uwsgi_plugin *t;
	for (size_t i = 0; (t = plugins_at(p, i)); i++) {
		int failed = t->post_fork ? t->post_fork() : 0;
		if (failed < 0) {
			uwsgi_log("uwsgi: plugin %s: cannot go on after the fork: %s\n", t->name, strerror(-failed));
			return failed;
		}
	}
	return 0;
}

int plugins_worker(const struct plugins *p, int number)
{
	const struct uwsgi_plugin *t;
	for (size_t i = 0; (t = plugins_at(p, i)); i++) {
		int status = t->worker ? t->worker(number) : -ENOENT;
		if (status != -ENOENT)
			return status;
	}
	return -ENOENT;
}

void plugins_thread_init(const struct plugins *p, int core)
{
	const struct uwsgi_plugin *t;
	for (size_t i = 0; (t = plugins_at(p, i)); i++)
		if (t->thread_init)
			t->thread_init(core);
}

void plugins_thread_exit(const struct plugins *p, int core)
{
	for (size_t i = plugins_count(p); i--;)
		if (plugins_at(p, i)->thread_exit)
			plugins_at(p, i)->thread_exit(core);
}

void plugins_atexit(const struct plugins *p)
{
	for (size_t i = plugins_count(p); i--;)
		if (plugins_at(p, i)->atexit)
			plugins_at(p, i)->atexit();
}
