/* harakiri.c - the deadline of each request, and the thread that keeps them.
 *
 * A late request cannot be stopped, only parted from: its client is told, the log says what it was doing, and the
 * worker is replaced.  A thread of its own does that, the watchdog, so that it happens while the only core is stuck in
 * code that never lets go.  It sleeps until the earliest deadline it knows of; a request that begins later cannot be
 * due earlier, so no request ever has to wake it.
 *
 * Core and watchdog meet in one word, the core's clock.  The core sets ANSWERED before the head of its response leaves,
 * the watchdog LATE before it writes to the client: whoever comes second sees that the other was first.  HELD keeps a
 * core from going on to its next request while the watchdog reads this one. */
#include "harakiri.h"

#include "hook.h"
#include "option.h"
#include "recycle.h"
#include "request.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/log.h>
#include <uwsgi/shm.h>

#define NEVER UINT64_MAX

struct watchdog {
	struct serve *serve;
	pthread_mutex_t lock; /* held while it looks; a core it holds waits here */
	pthread_cond_t sooner;
	unsigned tries; /* how often it found somebody late */
};

/* ---- options ---- */

#define FIELD(NAME) ((void *)offsetof(struct harakiri_settings, NAME))
/* clang-format off */
static const struct uwsgi_option rows[] = {
	{ "harakiri", 't', UWSGI_OPT_INT, .value = FIELD(seconds), .group = "requests", .help = "answer 504 to a request that runs longer than that many seconds, log what it was doing and replace its worker" },
	{ "harakiri-verbose", .type = UWSGI_OPT_BOOL, .value = FIELD(verbose), .group = "requests", .help = "log where in the system the threads of late requests are" },
	{ "harakiri-no-arh", .type = UWSGI_OPT_BOOL, .value = FIELD(no_arh), .group = "requests", .help = "accepted: the deadline includes what runs after the request" },
	{ "no-harakiri-arh", .alias_of = "harakiri-no-arh" },
	{ "no-harakiri-after-req-hook", .alias_of = "harakiri-no-arh" },
	{ 0 },
};
/* clang-format on */

struct harakiri_settings *harakiri_register(struct option_registry *options)
{
	struct harakiri_settings *settings = uwsgi_shm_alloc(sizeof *settings);
	if (!settings || option_register(options, "the kernel", rows, sizeof *rows, settings))
		return NULL;
	return settings;
}

/* ---- what the log says ---- */

/* What a client sent, with control bytes made harmless. */
static void printable(char *to, size_t size, struct uwsgi_str from)
{
	size_t n = from.n < size - 1 ? from.n : size - 1;
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)from.p[i] < ' ' || from.p[i] == 127 ? '?' : from.p[i];
	to[n] = '\0';
}

static void log_request(const struct core *core)
{
	const struct uwsgi_request *pub = &core->req.pub;
	char address[64], method[32], uri[1024];
	struct uwsgi_str peer = uwsgi_request_known(pub, UWSGI_KEY_REMOTE_ADDR);
	printable(address, sizeof address, peer.p ? peer : pub->remote_addr);
	printable(method, sizeof method, uwsgi_request_known(pub, UWSGI_KEY_REQUEST_METHOD));
	printable(uri, sizeof uri, uwsgi_request_known(pub, UWSGI_KEY_REQUEST_URI));
	uwsgi_log("HARAKIRI [core %d] %s - %s %s since %llu\n", core->index, address, method, uri,
		  (unsigned long long)(pub->started_us / 1000000));
}

/* A line of /proc/self/task/TID, for the operator who asks where in the system a thread waits. */
static void log_task_file(const struct core *core, const char *name)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)core->tid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
	if (fd != -1)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	uwsgi_log("HARAKIRI [core %d] %s: %s\n", core->index, name, n > 0 ? text : strerror(errno));
}

/* ---- the client of a late request ---- */

/* Its answer was not begun: this is it. */
static void answer(const struct core *core)
{
	const struct conn *c = core->req.conn;
	static const char body[] = "Gateway Timeout\n";
	char text[256], rest[4096];
	int n = snprintf(text, sizeof text,
			 "HTTP/1.%d 504 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n%s",
			 core->req.pub.http_version < 11 ? 0 : 1, status_phrase(504), sizeof body - 1,
			 core->req.pub.is_head ? "" : body);
	(void)!send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(c->fd, SHUT_WR);
	/* bytes nobody read would turn the close into a reset that destroys the answer on its way */
	for (int i = 0; i < 64 && recv(c->fd, rest, sizeof rest, MSG_DONTWAIT) > 0; i++)
		;
}

/* Its answer was begun: the client must not take what it got for all of it. */
static void cut(const struct core *core)
{
	const struct request *req = &core->req;
	int fd = req->conn->fd;
	bool ends_by_itself = req->chunked || req->has_length || req->no_body;
	/* only a reset tells the end of the connection from the end of the body */
	if (ends_by_itself || connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)) == -1)
		shutdown(fd, SHUT_RDWR);
}

static int visit_stuck(uwsgi_hook_fn *fn, void *data)
{
	const struct core *core = data;
	((uwsgi_hook_stuck *)fn)(core->index, (int)core->tid);
	return 0;
}

/* ---- looking ---- */

static bool is_late(uint64_t clock, uint64_t now_ms)
{
	return clock && !(clock & CLOCK_LATE) && clock_due_ms(clock) <= now_ms;
}

static bool somebody_is_late(const struct serve *s, uint64_t now_ms)
{
	for (int i = 0; i < s->core_count; i++)
		if (is_late(atomic_load(&s->cores[i].clock), now_ms))
			return true;
	return false;
}

/* Hold every core that has a deadline, and make late what is. */
static void hold(struct serve *s, uint64_t now_ms)
{
	for (int i = 0; i < s->core_count; i++) {
		struct core *core = &s->cores[i];
		uint64_t clock = atomic_load(&core->clock), flags;
		do
			flags = is_late(clock, now_ms) ? CLOCK_HELD | CLOCK_LATE : CLOCK_HELD;
		while (clock && !atomic_compare_exchange_weak(&core->clock, &clock, clock | flags));
		core->held = clock;
	}
}

static void tell_log(struct watchdog *w)
{
	struct serve *s = w->serve;
	uwsgi_log("*** HARAKIRI ON WORKER %d (pid: %d, try: %u) ***\n", s->slot->number, (int)getpid(), ++w->tries);
	uwsgi_log("HARAKIRI !!! worker %d status !!!\n", s->slot->number);
	for (int i = 0; i < s->core_count; i++) {
		if (!s->cores[i].held)
			continue;
		log_request(&s->cores[i]);
		if (s->harakiri->verbose) {
			log_task_file(&s->cores[i], "syscall");
			log_task_file(&s->cores[i], "wchan");
		}
	}
	uwsgi_log("HARAKIRI !!! end of worker %d status !!!\n", s->slot->number);
}

/* Part from every request that is late now.  Needs the lock. */
static void part_from_late(struct watchdog *w, uint64_t now_ms)
{
	struct serve *s = w->serve;
	hold(s, now_ms);
	tell_log(w);
	for (int i = 0; i < s->core_count; i++) {
		struct core *core = &s->cores[i];
		if (is_late(core->held, now_ms)) {
			atomic_fetch_add(&s->late, 1);
			atomic_fetch_add(&s->slot->harakiris, 1);
			if (core->held & CLOCK_ANSWERED)
				cut(core);
			else
				answer(core);
			hook_each(s->hooks, UWSGI_HOOK_WORKER_STUCK, visit_stuck, core);
		}
		atomic_fetch_and(&core->clock, ~(uint64_t)CLOCK_HELD);
	}
}

/* When to look again. */
static uint64_t next_look(const struct serve *s, uint64_t now_ms)
{
	/* a request that begins after this cannot be due earlier */
	uint64_t next = s->harakiri->seconds ? now_ms + (uint64_t)s->harakiri->seconds * 1000 : NEVER;
	for (int i = 0; i < s->core_count; i++) {
		uint64_t clock = atomic_load(&s->cores[i].clock);
		if (clock && !(clock & CLOCK_LATE) && clock_due_ms(clock) < next)
			next = clock_due_ms(clock);
	}
	return next;
}

static void sleep_until(struct watchdog *w, uint64_t at_ms)
{
	struct timespec at = { .tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000 };
	if (at_ms == NEVER)
		pthread_cond_wait(&w->sooner, &w->lock);
	else
		pthread_cond_timedwait(&w->sooner, &w->lock, &at);
}

static void *watch(void *arg)
{
	struct watchdog *w = arg;
	struct serve *s = w->serve;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		uint64_t now = uwsgi_now_ms(), evil = recycle_watch(s, now);
		if (somebody_is_late(s, now))
			part_from_late(w, now);
		if (atomic_load(&s->late)) {
			pthread_mutex_unlock(&w->lock);
			s->on_late(s);
			pthread_mutex_lock(&w->lock);
			continue;
		}
		uint64_t next = next_look(s, now);
		sleep_until(w, evil < next ? evil : next);
	}
	return NULL;
}

int harakiri_start(struct serve *s)
{
	if (s->watchdog)
		return 0;
	struct watchdog *w = calloc(1, sizeof *w);
	pthread_condattr_t monotonic;
	pthread_t thread;
	sigset_t all, before;
	if (!w)
		return -ENOMEM;
	w->serve = s;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->sooner, &monotonic);
	/* signals are for the threads that handle them */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&thread, NULL, watch, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		free(w);
		return -failed;
	}
	pthread_detach(thread);
	s->watchdog = w;
	return 0;
}

/* ---- the core's side ---- */

bool harakiri_end(struct core *core)
{
	if (!atomic_load_explicit(&core->clock, memory_order_relaxed))
		return true;
	uint64_t was = atomic_exchange(&core->clock, 0);
	if (!(was & (CLOCK_HELD | CLOCK_LATE)))
		return true;
	struct serve *s = core->serve;
	pthread_mutex_lock(&s->watchdog->lock); /* it may be at this request */
	pthread_mutex_unlock(&s->watchdog->lock);
	if (was & CLOCK_LATE)
		atomic_fetch_sub(&s->late, 1);
	return !(was & CLOCK_LATE);
}

int uwsgi_request_deadline(struct uwsgi_request *pub, int seconds)
{
	struct core *core = request_of(pub)->core;
	struct serve *s = core->serve;
	uint64_t due_ms = core->due_ms, user_ms = uwsgi_now_ms() + (seconds > 0 ? (uint64_t)seconds * 1000 : 0);
	pthread_mutex_lock(&s->lock); /* two cores may want the first watchdog */
	int failed = seconds ? harakiri_start(s) : 0;
	pthread_mutex_unlock(&s->lock);
	if (failed)
		return failed;
	if (seconds && (!due_ms || user_ms < due_ms))
		due_ms = user_ms;
	uint64_t clock = atomic_load(&core->clock), next;
	do {
		if (clock & CLOCK_LATE)
			return 0;
		next = clock_of(due_ms) | (clock & CLOCK_HELD);
		if (due_ms && pub->headers_sent)
			next |= CLOCK_ANSWERED;
	} while (!atomic_compare_exchange_weak(&core->clock, &clock, next));
	if (!seconds)
		return 0;
	pthread_mutex_lock(&s->watchdog->lock);
	pthread_cond_signal(&s->watchdog->sooner);
	pthread_mutex_unlock(&s->watchdog->lock);
	return 0;
}
