/* attendant.c - see attendant.h: a thread that looks at the worker every moment while it has requests, and sleeps while
 * it has none, so that no request wakes it but the first after a pause.
 *
 * The worker is stuck when all its cores are busy at two looks and no request ended in between.  Then every connection
 * between two requests on which something has come is handed to the other workers. */
#include "attendant.h"

#include "conn.h"
#include "handed.h"
#include "turn.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uwsgi/log.h>

#define LOOK_MS 20	/* between two looks */
#define CONNS_PER_MS 10 /* ... and longer with many connections: to look at one takes a system call */
#define PAUSE_LOOKS 10	/* without a request, before it sleeps */

struct attendant {
	struct serve *serve;
	struct core core; /* which has no thread of requests: a name for the connections it holds */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t requests; /* at the last look */
	bool was_full;	   /* all cores were busy at the last look */
	int quiet;	   /* looks since a core was busy */
};

static bool has_news(const struct conn *c)
{
	char byte;
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* An event came while it was held: a core has to look. */
static void give_back(struct serve *s, struct conn *c)
{
	uint64_t one = 1;
	c->next = atomic_load(&s->returned);
	while (!atomic_compare_exchange_weak(&s->returned, &c->next, c))
		;
	(void)!write(s->wake_fd, &one, sizeof one);
}

static void attend(struct core *core, struct conn *c)
{
	struct serve *s = core->serve;
	if (c->phase == CONN_IDLE && has_news(c) && handed_give(s, c))
		return;
	if (!turn_release(c))
		give_back(s, c);
}

/* Look at the worker; is it stuck? */
static bool is_stuck(struct attendant *a)
{
	const struct serve *s = a->serve;
	int busy = atomic_load(&s->slot->busy_cores);
	uint64_t requests = atomic_load(&s->slot->requests);
	bool full = busy >= s->core_count, stuck = full && a->was_full && requests == a->requests;
	a->quiet = busy || requests != a->requests ? 0 : a->quiet + 1;
	a->was_full = full;
	a->requests = requests;
	return stuck;
}

/* Sleep until a core begins a request, when none does: it may have begun before it could know. */
static void sleep_through_pause(struct attendant *a)
{
	struct serve *s = a->serve;
	pthread_mutex_lock(&a->lock);
	atomic_store(&s->attendant_sleeps, true);
	if (atomic_load(&s->slot->busy_cores))
		atomic_store(&s->attendant_sleeps, false);
	while (atomic_load(&s->attendant_sleeps))
		pthread_cond_wait(&a->wake, &a->lock);
	pthread_mutex_unlock(&a->lock);
	a->quiet = 0;
}

static void *watch(void *arg)
{
	struct attendant *a = arg;
	struct serve *s = a->serve;
	for (;;) {
		int ms = LOOK_MS + atomic_load(&s->open) / CONNS_PER_MS;
		nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
		if (is_stuck(a) && atomic_load(&s->open) > s->core_count && conn_may_move(s))
			conn_sweep(&a->core, UINT64_MAX, attend);
		if (a->quiet > PAUSE_LOOKS)
			sleep_through_pause(a);
	}
	return NULL;
}

void attendant_wake(struct serve *s)
{
	struct attendant *a = s->attendant;
	pthread_mutex_lock(&a->lock);
	atomic_store(&s->attendant_sleeps, false);
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

void attendant_start(struct serve *s)
{
	static struct attendant attendant; /* one worker a process */
	struct attendant *a = &attendant;
	pthread_t thread;
	sigset_t all, before;
	if (!s->hands_on || s->settings->processes < 2)
		return;
	*a = (struct attendant){ .serve = s, .core = { .serve = s, .index = s->core_count } };
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	s->attendant = a;
	sigfillset(&all); /* signals are for the threads that handle them */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&thread, NULL, watch, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		pthread_detach(thread);
	else
		uwsgi_log("uwsgi: worker %d has no thread that hands connections on: %s; they wait behind long "
			  "requests\n",
			  s->slot->number, strerror(failed));
}
