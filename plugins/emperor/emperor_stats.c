/* emperor_stats.c - what the Emperor tells of himself: one JSON object for each connection.
 *
 * It is written by a child, so that a slow reader holds nobody up.  Names and meanings are those of uWSGI 2.0. */
#include "emperor_vassal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITER_S 10 /* how long a child may take */
#define STATS_MODE 0600

static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < 0x20)
			fprintf(out, "\\u%04x", *at);
		else
			fputc(*at, out);
	fputc('"', out);
}

static void put_vassal(FILE *out, const struct vassal *v)
{
	fputs("{\"id\":", out);
	put_text(out, v->name);
	fprintf(out, ",\"pid\":%d,\"first_run\":%lld,\"last_run\":%lld,\"last_mod\":%lld", (int)v->pid,
		(long long)v->first_run, (long long)v->last_run, (long long)v->mark.mtime.tv_sec);
	fprintf(out, ",\"ready\":%d,\"loyal\":%d,\"cursed\":%d,\"uid\":%u,\"gid\":%u,\"respawns\":%u,\"on_demand\":",
		v->ready, v->loyal, v->state == ENDING, v->mark.uid, v->mark.gid, v->lives ? v->lives - 1 : 0);
	put_text(out, v->address ? v->address : "");
	fputc('}', out);
}

/* Those whose start is put off. */
static void put_blacklisted(FILE *out, const struct vassal *v)
{
	fputs("{\"id\":", out);
	put_text(out, v->name);
	fprintf(out, ",\"attempt\":%u}", v->deaths);
}

static void put_list(FILE *out, const char *name, const struct vassals *all, bool blacklisted,
		     void (*put)(FILE *out, const struct vassal *v))
{
	const char *separator = "";
	fprintf(out, ",\"%s\":[", name);
	for (const struct vassal *v = all->first; v; v = v->next) {
		if (blacklisted && !v->deaths)
			continue;
		fputs(separator, out);
		put(out, v);
		separator = ",";
	}
	fputc(']', out);
}

static void put_all(FILE *out, const struct vassals *all)
{
	const struct emperor_options *o = all->options;
	fprintf(out, "{\"pid\":%d,\"uid\":%u,\"gid\":%u,\"emperor_tyrant\":%d,\"emperor\":[", (int)all->emperor,
		getuid(), getgid(), o->tyrant);
	for (size_t i = 0; i < o->watch.n; i++) {
		fputs(i ? "," : "", out);
		put_text(out, o->watch.v[i]);
	}
	fputc(']', out);
	put_list(out, "vassals", all, false, put_vassal);
	put_list(out, "blacklist", all, true, put_blacklisted);
	fputs("}\n", out);
}

static _Noreturn void write_all(int fd, const struct vassals *all)
{
	if (fork())
		_exit(0);
	signal(SIGALRM, SIG_DFL);
	alarm(WRITER_S);
	FILE *out = fdopen(fd, "w");
	if (out)
		put_all(out, all);
	_exit(out && fclose(out) == 0 ? 0 : 1);
}

static void on_connection(struct uwsgi_watch *watch, unsigned events)
{
	(void)events;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd == -1)
		return;
	pid_t helper = fork();
	if (helper == 0)
		write_all(fd, watch->data);
	close(fd);
	while (helper > 0 && waitpid(helper, NULL, 0) == -1 && errno == EINTR)
		;
}

int stats_open(struct uwsgi_watch *watch, const char *address, struct vassals *all)
{
	int fd = demand_bind(address, NULL, STATS_MODE);
	if (fd < 0)
		return fd;
	*watch = (struct uwsgi_watch){ .fd = fd, .fn = on_connection, .data = all };
	return uwsgi_loop_add(uwsgi_loop(), watch, UWSGI_READ);
}
