/* writer.c - the life of the process that writes the log: take a batch, decide for each line, encode it, write it.
 *
 * A line goes to every logger a matching route names, and when there is none, to every logger without an id.  Lines of
 * requests go to the request loggers when there are any, and are like other lines otherwise. */
#include "writer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "encoder.h"
#include "route.h"
#include "sink.h"

#define ENCODED_MAX 262144
#define ENCODERS_MAX 8
#define TICK_MS 1000

struct logger {
	const char *id; /* NULL: none */
	struct sink *sink;
	const struct encoder *encoders[ENCODERS_MAX];
	size_t encoder_count;
};

/* Loggers and routes of the lines, and of the requests. */
struct side {
	struct logger *loggers;
	size_t count;
	struct routes routes;
};

struct touch {
	const char *path;
	int64_t mtime;
	enum uwsgi_log_kind what;
};

static struct {
	const struct writer_options *options;
	struct side lines, requests;
	struct routes drains, filters;
	struct touch *touches;
	size_t touch_count;
	uint64_t tick_ms; /* when the clock is looked at next */
} writer;

static volatile sig_atomic_t told_to_end;

/* ---- configuration ---- */

/* "[ID ]NAME:ARGS": an id is what a space ends before the first colon. */
static int add_logger(struct side *side, const char *text)
{
	const char *space = strchr(text, ' '), *colon = strchr(text, ':');
	bool has_id = space && (!colon || space < colon);
	struct logger logger = { .id = has_id ? strndup(text, (size_t)(space - text)) : NULL,
				 .sink = sink_create(has_id ? space + 1 : text) };
	if (!logger.sink || (has_id && !logger.id))
		return -EINVAL;
	side->loggers[side->count++] = logger;
	return 0;
}

static int add_loggers(struct side *side, const struct uwsgi_strings *from)
{
	int failed = 0;
	side->loggers = calloc(from->n + 1, sizeof *side->loggers); /* and room for one nobody asked for */
	for (size_t i = 0; side->loggers && i < from->n && !failed; i++)
		failed = add_logger(side, from->v[i]);
	return side->loggers ? failed : -ENOMEM;
}

static bool has_logger(const struct side *side, const char *id)
{
	for (size_t i = 0; i < side->count; i++)
		if (side->loggers[i].id && !strcmp(side->loggers[i].id, id))
			return true;
	return false;
}

/* "NAME[:ID][ ARGS]" or "NAME:ARGS": what follows the colon is an id when a logger has it. */
static int add_encoder(struct side *side, const char *option, const char *text)
{
	size_t n = strcspn(text, ": ");
	char *name = strndup(text, n);
	const char *arg = text[n] ? text + n + 1 : "";
	char *id = text[n] == ':' ? strndup(arg, strcspn(arg, " ")) : NULL;
	if (id && has_logger(side, id)) {
		arg += strlen(id);
		arg += *arg == ' ';
	} else {
		free(id);
		id = NULL;
	}
	const struct encoder *encoder = encoder_create(name, arg);
	if (!encoder)
		uwsgi_cause("%s = %s: unable to find the encoder %s", option, text, name);
	free(name);
	for (size_t i = 0; encoder && i < side->count; i++) {
		struct logger *logger = &side->loggers[i];
		if (id && (!logger->id || strcmp(logger->id, id)))
			continue;
		if (logger->encoder_count == ENCODERS_MAX) {
			uwsgi_cause("%s = %s: a logger has at most %d encoders", option, text, ENCODERS_MAX);
			return -E2BIG;
		}
		logger->encoders[logger->encoder_count++] = encoder;
	}
	free(id);
	return encoder ? 0 : -ENOENT;
}

static int add_encoders(struct side *side, const char *option, const struct uwsgi_strings *from)
{
	int failed = 0;
	for (size_t i = 0; i < from->n && !failed; i++)
		failed = add_encoder(side, option, from->v[i]);
	return failed;
}

static int add_routes(struct side *side, const char *option, const struct uwsgi_strings *from)
{
	int failed = routes_create(&side->routes, option, from, true);
	for (size_t i = 0; i < side->routes.n && !failed; i++)
		if (!has_logger(side, side->routes.v[i].id)) {
			uwsgi_cause("%s = %s: no logger has the id %s", option, from->v[i], side->routes.v[i].id);
			failed = -ENOENT;
		}
	return failed;
}

static int add_touches(const struct uwsgi_strings *from, enum uwsgi_log_kind what)
{
	struct touch *all = realloc(writer.touches, (writer.touch_count + from->n + 1) * sizeof *all);
	if (!all)
		return -ENOMEM;
	writer.touches = all;
	for (size_t i = 0; i < from->n; i++)
		all[writer.touch_count++] = (struct touch){ from->v[i], sink_mtime(from->v[i]), what };
	return 0;
}

static bool is_wanted(const struct writer_options *o)
{
	return o->master || o->threaded || o->reopen || o->loggers.n || o->request_loggers.n || o->encoders.n ||
	       o->request_encoders.n || o->routes.n || o->request_routes.n || o->drains.n || o->filters.n ||
	       o->touch_reopen.n || o->touch_rotate.n || o->max_bytes;
}

int writer_create(const struct writer_options *o)
{
	writer.options = o;
	if (!is_wanted(o))
		return 0;
	int failed = add_loggers(&writer.lines, &o->loggers);
	if (!failed)
		failed = add_loggers(&writer.requests, &o->request_loggers);
	if (!failed)
		failed = add_routes(&writer.lines, "log-route", &o->routes);
	if (!failed)
		failed = add_routes(&writer.requests, "log-req-route", &o->request_routes);
	if (!failed)
		failed = routes_create(&writer.drains, "log-drain", &o->drains, false);
	if (!failed)
		failed = routes_create(&writer.filters, "log-filter", &o->filters, false);
	if (!failed)
		failed = add_touches(&o->touch_reopen, UWSGI_LOG_REOPEN);
	if (!failed)
		failed = add_touches(&o->touch_rotate, UWSGI_LOG_ROTATE);
	if (!failed && !writer.lines.count)
		writer.lines.count = 1; /* its sink is opened by the writer: logto2 comes after this */
	if (!failed)
		failed = add_encoders(&writer.lines, "log-encoder", &o->encoders);
	if (!failed)
		failed = add_encoders(&writer.requests, "log-req-encoder", &o->request_encoders);
	return failed ? failed : 1;
}

/* ---- a line ---- */

static void give(struct logger *logger, struct record record)
{
	static char encoded[2][ENCODED_MAX];
	for (size_t i = 0; i < logger->encoder_count; i++)
		encoder_run(logger->encoders[i], &record, encoded[i & 1], ENCODED_MAX - 1);
	if (record.newline) {
		/* behind it: in the batch that is where it was, in the buffer there is room */
		((char *)record.text.p)[record.text.n++] = '\n';
	}
	sink_put(logger->sink, record.text.p, record.text.n);
}

static void dispatch(struct side *side, const struct record *record)
{
	bool routed = false;
	for (size_t i = 0; i < side->routes.n; i++) {
		if (!route_matches(&side->routes.v[i], record->text.p, record->text.n))
			continue;
		routed = true;
		for (size_t j = 0; j < side->count; j++)
			if (side->loggers[j].id && !strcmp(side->loggers[j].id, side->routes.v[i].id))
				give(&side->loggers[j], *record);
	}
	for (size_t j = 0; j < side->count && !routed; j++)
		if (!side->loggers[j].id)
			give(&side->loggers[j], *record);
}

static void one_line(char *text, size_t len, bool request, uint64_t now_us)
{
	struct record record = { .newline = true, .request_id = { "", 0 }, .now_us = now_us };
	char *tab = request ? memchr(text, '\t', len) : NULL;
	if (tab) {
		record.request_id = (struct uwsgi_str){ text, (size_t)(tab - text) };
		len -= (size_t)(tab + 1 - text);
		text = tab + 1;
	}
	if (len > (size_t)writer.options->line_max)
		len = (size_t)writer.options->line_max;
	record.text = (struct uwsgi_str){ text, len };
	if (routes_match(&writer.drains, text, len) || (writer.filters.n && !routes_match(&writer.filters, text, len)))
		return;
	dispatch(request && writer.requests.count ? &writer.requests : &writer.lines, &record);
}

/* ---- its life ---- */

/* Where lines go when nothing else is said: where they would go without this process. */
static int open_default(void)
{
	struct logger *first = &writer.lines.loggers[0];
	if (!first->sink)
		first->sink = sink_default(uwsgi_log_file(), writer.options->max_bytes, writer.options->backup);
	return first->sink ? 0 : -ENOMEM;
}

static void each_sink(void (*fn)(struct sink *sink, int arg), int arg)
{
	struct side *sides[] = { &writer.lines, &writer.requests };
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < sides[s]->count; i++)
			fn(sides[s]->loggers[i].sink, arg);
}

static void flush(struct sink *sink, int arg)
{
	(void)arg;
	sink_flush(sink);
	if (sink->type->tick)
		sink->type->tick(sink);
}

static void tell(struct sink *sink, int what)
{
	if (sink->type->told)
		sink->type->told(sink, (enum uwsgi_log_kind)what);
}

static void end(struct sink *sink, int arg)
{
	(void)arg;
	sink_flush(sink);
	if (sink->type->close)
		sink->type->close(sink);
}

static void write_batch(const struct uwsgi_log_batch *batch)
{
	static char text[SINK_BUFFER + 1]; /* lines are changed where they are; the batch is a successor's, if we die */
	uint64_t now_us = uwsgi_micros();
	memcpy(text, batch->text, batch->len);
	for (char *line = text, *last = text + batch->len; line < last;) {
		char *newline = memchr(line, '\n', (size_t)(last - line));
		one_line(line, (size_t)(newline - line), batch->kind == UWSGI_LOG_REQUESTS, now_us);
		line = newline + 1;
	}
}

static void look_at_touches(void)
{
	for (size_t i = 0; i < writer.touch_count; i++) {
		struct touch *touch = &writer.touches[i];
		int64_t mtime = sink_mtime(touch->path);
		if (mtime != touch->mtime && mtime)
			each_sink(tell, (int)touch->what);
		touch->mtime = mtime;
	}
}

static void tick(void)
{
	uint64_t now_ms = uwsgi_now_ms();
	if (now_ms < writer.tick_ms)
		return;
	writer.tick_ms = now_ms + TICK_MS;
	look_at_touches();
}

/* Only the master may end it: a key of the terminal or a service manager tells everybody, and the others still talk. */
static void on_signal(int signum, siginfo_t *info, void *context)
{
	(void)signum;
	(void)context;
	if (info->si_code == SI_USER && info->si_pid == uwsgi_master_pid())
		told_to_end = 1;
}

static void mind_signals(void)
{
	static const int ends[] = { SIGTERM, SIGINT };
	static const int ignored[] = { SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGTSTP };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		sigaction(ends[i], &action, NULL);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
}

/* What came between its birth and mind_signals is lost; the process table knows. */
static bool was_told_to_end(int number)
{
	struct uwsgi_proc_info me;
	return uwsgi_proc_get(uwsgi_my_kind(), number, &me, sizeof me) == 0 && me.state == UWSGI_PROC_STOPPING;
}

int writer_run(int number)
{
	struct uwsgi_log_batch batch;
	mind_signals();
	if (was_told_to_end(number))
		told_to_end = 1;
	int got = uwsgi_log_next(&batch, 0);
	if (open_default())
		return 1;
	each_sink(tell, UWSGI_LOG_REOPEN); /* a predecessor may have moved them */
	/* what there is when it is told to end is written first */
	for (; got != -EPIPE && !(got == 0 && told_to_end); got = uwsgi_log_next(&batch, told_to_end ? 0 : TICK_MS)) {
		if (got == 1 && (batch.kind == UWSGI_LOG_REOPEN || batch.kind == UWSGI_LOG_ROTATE))
			each_sink(tell, (int)batch.kind);
		else if (got == 1)
			write_batch(&batch);
		each_sink(flush, 0);
		tick();
	}
	each_sink(end, 0);
	return 0;
}
