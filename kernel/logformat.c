/* logformat.c - the template of request lines: "%(method) %(uri) => %(status)" becomes a list of pieces.
 *
 * A piece is text, a date, or a variable: a row of the table below, `var.NAME` for a variable of the request, or any
 * other name for one the application set (set_logvar).  The default line is a template too; its few variables that have
 * no public name begin with a dot. */
#include "logformat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uwsgi/log.h>

#define DATE_CTIME "%a %b %e %H:%M:%S %Y"
#define DATE_APACHE "%d/%b/%Y:%H:%M:%S %z"

/* A date, and the second it is of. */
struct date {
	const char *format;
	time_t at;
	size_t len;
	char text[128];
};

/* Text, and what comes behind it.  Small, because a line walks through all of them. */
struct piece {
	char *text;
	size_t len;
	void (*render)(struct piece *piece, struct logline *line, const struct logfacts *facts); /* NULL: nothing */
	char *arg; /* its name, or the format of its date */
	size_t arg_len;
	union { /* what its row or its kind needs */
		enum uwsgi_known_key key;
		uint64_t (*number)(const struct logfacts *facts);
		struct date *date;
	};
	bool dash; /* shows as "-" when it is empty */
};

struct logformat {
	struct piece *pieces;
	size_t count;
	bool dash;	 /* an empty variable is "-" */
	bool strftime;	 /* text is for strftime, too */
	bool has_memory; /* some piece shows the process's memory */
};

/* ---- how a piece is written ---- */

static void render_date(struct piece *p, struct logline *l, const struct logfacts *f)
{
	struct date *date = p->date;
	time_t at = (time_t)(f->req->started_us / 1000000);
	if (at != date->at || !date->len) {
		struct tm tm;
		localtime_r(&at, &tm);
		date->len = strftime(date->text, sizeof date->text, date->format, &tm);
		date->at = at;
	}
	logline_add_field(l, (struct uwsgi_str){ date->text, date->len });
}

static void render_known(struct piece *p, struct logline *l, const struct logfacts *f)
{
	logline_add_field(l, uwsgi_request_known(f->req, p->key));
}

static void render_var(struct piece *p, struct logline *l, const struct logfacts *f)
{
	logline_add_field(l, uwsgi_request_var(f->req, p->arg, p->arg_len));
}

static void render_logvar(struct piece *p, struct logline *l, const struct logfacts *f)
{
	logline_add_field(l, uwsgi_request_logvar(f->req, (struct uwsgi_str){ p->arg, p->arg_len }));
}

static void render_number(struct piece *p, struct logline *l, const struct logfacts *f)
{
	logline_add_number(l, p->number(f));
}

static void render_addr(struct piece *p, struct logline *l, const struct logfacts *f)
{
	bool proxied = f->settings->log_x_forwarded_for;
	struct uwsgi_str addr =
		uwsgi_request_known(f->req, proxied ? UWSGI_KEY_HTTP_X_FORWARDED_FOR : UWSGI_KEY_REMOTE_ADDR);
	(void)p;
	logline_add_field(l, addr.p ? addr : f->req->remote_addr);
}

static void render_request_id(struct piece *p, struct logline *l, const struct logfacts *f)
{
	(void)p;
	logline_add_field(l, f->request_id);
}

/* "0|req: 4" of an application's answer, "-1|req: -1" of the kernel's own. */
static void render_app(struct piece *p, struct logline *l, const struct logfacts *f)
{
	(void)p;
	if (f->failed) {
		logline_add(l, "-1|req: -1", 10);
		return;
	}
	logline_add(l, "0|req: ", 7);
	logline_add_number(l, f->number);
}

static void render_took(struct piece *p, struct logline *l, const struct logfacts *f)
{
	(void)p;
	bool micros = f->settings->log_micros;
	logline_add_number(l, micros ? f->took_us : f->took_us / 1000);
	logline_add(l, micros ? " micros" : " msecs", micros ? 7 : 6);
	if (f->sent_file)
		logline_add(l, " via sendfile()", 15);
}

/* ---- numbers ---- */

#define NUMBER(NAME, EXPRESSION)                                                                                       \
	static uint64_t NAME(const struct logfacts *f)                                                                 \
	{                                                                                                              \
		return (uint64_t)(EXPRESSION);                                                                         \
	}
NUMBER(status, f->req->status)
NUMBER(body_size, f->req->body_size)
NUMBER(head_size, f->req->head_size)
NUMBER(size, f->req->body_size + f->req->head_size)
NUMBER(content_length, f->req->content_length > 0 ? f->req->content_length : 0)
NUMBER(micros, f->took_us)
NUMBER(msecs, f->took_us / 1000)
NUMBER(secs, f->took_us / 1000000)
NUMBER(begun_micros, f->req->started_us)
NUMBER(begun_msecs, f->req->started_us / 1000)
NUMBER(begun_secs, f->req->started_us / 1000000)
NUMBER(ended_secs, (f->req->started_us + f->took_us) / 1000000)
NUMBER(pid, f->pid)
NUMBER(worker, f->worker)
NUMBER(one, f != NULL)
NUMBER(names_and_values, f->req->nvars * 2)
NUMBER(header_count, f->req->header_count)
NUMBER(core, f->req->core)
NUMBER(vsz, f->vsz)
NUMBER(rss, f->rss)
NUMBER(vsz_mib, f->vsz >> 20)
NUMBER(rss_mib, f->rss >> 20)
NUMBER(modifier1, f->req->modifier1)
NUMBER(modifier2, f->req->modifier2)
NUMBER(write_errors, f->req->broken)
NUMBER(read_errors, f->unread)
NUMBER(errors, f->req->broken + f->unread)
NUMBER(total, f->total)

static uint64_t vars_bytes(const struct logfacts *f)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < f->req->nvars; i++)
		bytes += f->req->vars[i].name.n + f->req->vars[i].value.n + 4;
	return bytes;
}

/* ---- the variables ---- */

enum { OF_MEMORY = 1 };

static const struct variable {
	const char *name;
	void (*render)(struct piece *piece, struct logline *line, const struct logfacts *facts);
	enum uwsgi_known_key key;
	uint64_t (*number)(const struct logfacts *facts);
	const char *date;
	int flags;
} variables[] = {
	{ "uri", render_known, .key = UWSGI_KEY_REQUEST_URI },
	{ "method", render_known, .key = UWSGI_KEY_REQUEST_METHOD },
	{ "user", render_known, .key = UWSGI_KEY_REMOTE_USER },
	{ "host", render_known, .key = UWSGI_KEY_HTTP_HOST },
	{ "proto", render_known, .key = UWSGI_KEY_SERVER_PROTOCOL },
	{ "uagent", render_known, .key = UWSGI_KEY_HTTP_USER_AGENT },
	{ "referer", render_known, .key = UWSGI_KEY_HTTP_REFERER },
	{ "addr", render_addr },
	{ "request_id", render_request_id },
	{ "status", render_number, .number = status },
	{ "rsize", render_number, .number = body_size },
	{ "hsize", render_number, .number = head_size },
	{ "size", render_number, .number = size },
	{ "cl", render_number, .number = content_length },
	{ "micros", render_number, .number = micros },
	{ "msecs", render_number, .number = msecs },
	{ "secs", render_number, .number = secs },
	{ "time", render_number, .number = begun_secs },
	{ "tmsecs", render_number, .number = begun_msecs },
	{ "tmicros", render_number, .number = begun_micros },
	{ "epoch", render_number, .number = ended_secs },
	{ "ctime", render_date, .date = DATE_CTIME },
	{ "ltime", render_date, .date = DATE_APACHE },
	{ "ftime", render_date, .date = DATE_APACHE },
	{ "pid", render_number, .number = pid },
	{ "wid", render_number, .number = worker },
	{ "core", render_number, .number = core },
	{ "switches", render_number, .number = one },
	{ "vars", render_number, .number = names_and_values },
	{ "pktsize", render_number, .number = vars_bytes },
	{ "headers", render_number, .number = header_count },
	{ "modifier1", render_number, .number = modifier1 },
	{ "modifier2", render_number, .number = modifier2 },
	{ "werr", render_number, .number = write_errors },
	{ "rerr", render_number, .number = read_errors },
	{ "ioerr", render_number, .number = errors },
	{ "vsz", render_number, .number = vsz, .flags = OF_MEMORY },
	{ "rss", render_number, .number = rss, .flags = OF_MEMORY },
	{ "vszM", render_number, .number = vsz_mib, .flags = OF_MEMORY },
	{ "rssM", render_number, .number = rss_mib, .flags = OF_MEMORY },
	/* of the default line alone */
	{ ".app", render_app },
	{ ".total", render_number, .number = total },
	{ ".took", render_took },
	{ 0 },
};

#define LINE_OF_UWSGI                                                                                                  \
	"[pid: %(pid)|app: %(.app)/%(.total)] %(addr) (%(user)) {%(vars) vars in %(pktsize) bytes} [%(ctime)] "        \
	"%(method) %(uri) => generated %(rsize) bytes in %(.took) (%(proto) %(status)) %(headers) headers in "         \
	"%(hsize) bytes (%(switches) switches on core %(core))"
#define MEMORY_OF_UWSGI "{address space usage: %(vsz) bytes/%(vszM)MB} {rss usage: %(rss) bytes/%(rssM)MB} "

/* ---- reading a template ---- */

static const struct variable *find(const char *name, size_t len)
{
	for (const struct variable *v = variables; v->name; v++)
		if (strlen(v->name) == len && !memcmp(v->name, name, len))
			return v;
	return NULL;
}

/* The piece that is being made: text is collected until something else comes. */
static struct piece *open_piece(struct logformat *format)
{
	if (format->count && !format->pieces[format->count - 1].render)
		return &format->pieces[format->count - 1];
	struct piece *all = realloc(format->pieces, (format->count + 1) * sizeof *all);
	if (!all)
		return NULL;
	format->pieces = all;
	all[format->count] = (struct piece){ .text = NULL };
	return &all[format->count++];
}

static int push_text(struct logformat *format, const char *text, size_t len)
{
	struct piece *piece = open_piece(format);
	char *more = piece ? realloc(piece->text, piece->len + len + 1) : NULL;
	if (!more)
		return -1;
	memcpy(more + piece->len, text, len);
	piece->text = more;
	piece->len += len;
	return 0;
}

/* End the piece with what comes behind its text. */
static int push(struct logformat *format, struct piece what, const char *arg, size_t len)
{
	struct piece *piece = open_piece(format);
	if (!piece)
		return -1;
	what.text = piece->text;
	what.len = piece->len;
	what.arg = strndup(arg, len);
	what.arg_len = len;
	bool date = what.render == render_date;
	if (date && (what.date = calloc(1, sizeof *what.date)))
		what.date->format = what.arg;
	*piece = what;
	return what.arg && (!date || what.date) ? 0 : -1;
}

static bool begins(const char *name, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);
	return len > n && !memcmp(name, prefix, n);
}

static int push_variable(struct logformat *format, const char *name, size_t len)
{
	struct piece piece = { .dash = format->dash };
	const struct variable *v = find(name, len);
	if (v) {
		piece.render = v->render;
		if (v->number)
			piece.number = v->number;
		else
			piece.key = v->key;
		format->has_memory |= v->flags & OF_MEMORY;
		return v->date ? push(format, piece, v->date, strlen(v->date)) : push(format, piece, name, len);
	}
	piece.render = begins(name, len, "var.") ? render_var : render_logvar;
	size_t skip = begins(name, len, "var.") ? 4 : begins(name, len, "uvar.") ? 5 : 0;
	return push(format, piece, name + skip, len - skip);
}

/* Length of the strftime conversion at `text`, which begins with '%'; 0: none. */
static size_t conversion(const char *text)
{
	size_t n = 1 + strspn(text + 1, "_-0^#");
	n += strspn(text + n, "0123456789");
	n += text[n] == 'E' || text[n] == 'O';
	return isalpha((unsigned char)text[n]) || text[n] == '+' ? n + 1 : 0;
}

/* Read the piece that begins with the '%' at `text`.  Its length, or -1. */
static ssize_t read_percent(struct logformat *format, const char *text)
{
	const char *end = text[1] == '(' ? strchr(text, ')') : NULL;
	size_t date = format->strftime ? conversion(text) : 0;
	if (end)
		return push_variable(format, text + 2, (size_t)(end - text) - 2) ? -1 : end + 1 - text;
	if (text[1] == '%')
		return push_text(format, "%", 1) ? -1 : 2;
	if (date)
		return push(format, (struct piece){ .render = render_date }, text, date) ? -1 : (ssize_t)date;
	return push_text(format, text, 1) ? -1 : 1;
}

static struct logformat *compile(const char *text, struct logformat how)
{
	struct logformat *format = malloc(sizeof *format);
	if (!format)
		return NULL;
	*format = how;
	while (*text) {
		size_t plain = strcspn(text, "%");
		ssize_t n = push_text(format, text, plain) ? -1 : 0;
		text += plain;
		if (!n && *text)
			n = read_percent(format, text);
		if (n < 0) {
			logformat_destroy(&format);
			return NULL;
		}
		text += n;
	}
	return format;
}

struct logformat *logformat_compile(const char *text, const struct settings *settings)
{
	return compile(text, (struct logformat){ .dash = true, .strftime = settings->logformat_strftime });
}

struct logformat *logformat_default(const struct settings *settings)
{
	return compile(settings->memory_report ? MEMORY_OF_UWSGI LINE_OF_UWSGI : LINE_OF_UWSGI,
		       (struct logformat){ .dash = false });
}

void logformat_destroy(struct logformat **format)
{
	if (!*format)
		return;
	for (size_t i = 0; i < (*format)->count; i++) {
		struct piece *piece = &(*format)->pieces[i];
		free(piece->text);
		free(piece->arg);
		if (piece->render == render_date)
			free(piece->date);
	}
	free((*format)->pieces);
	free(*format);
	*format = NULL;
}

bool logformat_wants_memory(const struct logformat *format)
{
	return format->has_memory;
}

void logformat_render(struct logformat *format, struct logline *line, const struct logfacts *facts)
{
	for (size_t i = 0; i < format->count; i++) {
		struct piece *piece = &format->pieces[i];
		logline_add(line, piece->text, piece->len);
		size_t before = line->len;
		if (piece->render)
			piece->render(piece, line, facts);
		if (piece->dash && line->len == before)
			logline_add(line, "-", 1);
	}
	line->text[line->len++] = '\n';
}
