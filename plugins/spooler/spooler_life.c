/* spooler_life.c - the process that runs the tasks of one directory.
 *
 * It keeps the tasks it learnt of in a queue in memory, and looks at the whole directory at the start, when names were
 * lost, and at the frequency.  Tasks run from a timer of the loop: an order to end, and the signals for the spooler,
 * which the kernel handles in the same loop, are heard between two tasks, at least once a millisecond. */
#include "spooler.h"

#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "spool_figures.h"
#include "spool_news.h"
#include "spool_tries.h"
#include "spooler_turn.h"

#define RECYCLE 17   /* the exit status of who has served its time */
#define AGAIN_S 1    /* until the next look after one that failed */
#define STALE_S 3600 /* what is written aside and left for so long is nobody's */
#define FAR_S 86400  /* no timer is set for longer */

struct life {
	const struct spooler *spooler;
	const struct spooler_options *options;
	struct spool_dir dir;
	struct spool_queue *queue;
	struct spool_news news;
	struct spooler_turn turn;
	struct uwsgi_watch names; /* of the news */
	struct uwsgi_timer work;  /* armed for the next task's time */
	struct uwsgi_timer regular;
	int done, status;
	bool looked;		    /* at the whole directory, as it is now */
	int look_error, hand_error; /* of the last look, so that each is told once */
};

/* What a row of the API asks; there is one life in a process. */
static const struct life *this_life;

const char *spooler_task_in_hand(void)
{
	return this_life && this_life->turn.hand ? spool_hand_has(this_life->turn.hand) : NULL;
}

#define SAY(life, ...) SPOOLER_SAY((life)->spooler, __VA_ARGS__)

/* ---- finding tasks ---- */

static void arm(struct life *life)
{
	int64_t next = spool_queue_next(life->queue);
	atomic_store(&life->turn.figures->next, next == SPOOL_NEVER ? 0 : next);
	if (next == SPOOL_NEVER || life->status)
		return;
	int64_t now_us = (int64_t)uwsgi_micros(), far = now_us / 1000000 + FAR_S;
	int64_t due_us = (next < far ? next : far) * 1000000;
	uwsgi_loop_timer(uwsgi_loop(), &life->work, due_us > now_us ? (uint64_t)(due_us - now_us) / 1000 + 1 : 0);
}

/* What is in hand is noted in the directory, as it is now. */
static void open_hand(struct life *life)
{
	int failed = life->turn.hand ? 0 : spooler_turn_begin(&life->turn);
	if (failed && failed != life->hand_error)
		SAY(life, "cannot write to the directory: %s; a death of this process is not counted against its task",
		    strerror(-failed));
	life->hand_error = failed;
}

static void look(struct life *life)
{
	if (life->dir.fd != -1 && spool_dir_is_gone(&life->dir)) {
		spool_hand_close(&life->turn.hand, &life->dir);
		spool_dir_close(&life->dir);
	}
	int failed = spool_news_look(&life->news);
	life->looked = !failed;
	if (failed && failed != life->look_error)
		SAY(life, "cannot look for tasks: %s; it is tried again every second", strerror(-failed));
	life->look_error = failed;
	if (life->dir.fd != -1) {
		open_hand(life);
		int64_t stale = (int64_t)(uwsgi_micros() / 1000000) - STALE_S;
		spool_tries_sweep(&life->dir, stale);
		spool_dir_sweep(&life->dir, stale);
	}
	uwsgi_loop_timer(uwsgi_loop(), &life->regular, 1000 * (uint64_t)(failed ? AGAIN_S : spooler_pause()));
	arm(life);
}

/* Where nobody is to look, it may be said otherwise later, names may not be told, and that the directory is gone is
 * told by nobody.  The clock may have been set. */
static void on_regular(struct uwsgi_timer *timer)
{
	struct life *life = timer->data;
	if (!life->looked || life->news.fd == -1 || spooler_frequency() > 0 || spool_dir_is_gone(&life->dir))
		look(life);
	else {
		arm(life);
		uwsgi_loop_timer(uwsgi_loop(), timer, 1000 * (uint64_t)spooler_pause());
	}
}

static void on_names(struct uwsgi_watch *watch, unsigned events)
{
	struct life *life = watch->data;
	(void)events;
	if (spool_news_take(&life->news))
		look(life);
	else
		arm(life);
}

/* ---- running them ---- */

static void take_turn(struct life *life, struct spool_entry *entry)
{
	struct spooler_turned turned = spooler_turn_take(&life->turn, entry);
	life->done += turned.ran;
	if (turned.stays)
		spool_queue_wait(life->queue, entry, turned.due);
	else
		spool_queue_forget(life->queue, entry);
}

static void on_work(struct uwsgi_timer *timer)
{
	struct life *life = timer->data;
	struct spool_entry *entry = spool_queue_take(life->queue, (int64_t)(uwsgi_micros() / 1000000));
	if (entry && life->dir.fd == -1)
		spool_queue_forget(life->queue, entry); /* found again when the directory is */
	else if (entry)
		take_turn(life, entry);
	if (life->options->max_tasks > 0 && life->done >= life->options->max_tasks) {
		SAY(life, "maximum number of tasks reached (%d) recycling ...", life->options->max_tasks);
		life->status = RECYCLE;
		uwsgi_loop_stop(uwsgi_loop());
	}
	arm(life);
}

/* ---- its life ---- */

static void listen(struct life *life)
{
	int failed = spool_news_open(&life->news, &life->dir, life->queue);
	life->names = (struct uwsgi_watch){ life->news.fd, on_names, life };
	if (!failed)
		failed = uwsgi_loop_add(uwsgi_loop(), &life->names, UWSGI_READ);
	if (!failed)
		return;
	SAY(life, "new tasks are not told (inotify: %s): they are looked for every %d seconds", strerror(-failed),
	    spooler_pause());
	spool_news_close(&life->news);
}

static void begin(struct life *life)
{
	listen(life);
	look(life);
}

/* A large body comes and goes with each task: the memory for the next one is not given back in between. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 512 << 10);
	mallopt(M_TRIM_THRESHOLD, 2 << 20);
}

int spooler_run(int number)
{
	const struct spooler *spooler = spooler_of(&number);
	const struct spooler_options *options = spooler_options();
	struct life life = {
		.spooler = spooler,
		.options = options,
		.dir = { .path = spooler->path, .spares = spooler->spares, .fd = -1 },
		.queue = spool_queue_create(options->ordered),
		.turn = { .pid = (int)getpid(),
			  .spooler = spooler,
			  .options = options,
			  .figures = &spooler->figures[number - 1] },
		.work = { .fn = on_work, .data = &life },
		.regular = { .fn = on_regular, .data = &life },
	};
	life.turn.dir = &life.dir;
	life.turn.job = (struct spool_job){ .fd = -1, .most = (size_t)options->max_size };
	if (!life.queue)
		return 1;
	uwsgi_log("spawned the uWSGI spooler on dir %s with pid %d\n", spooler->path, (int)getpid());
	keep_memory();
	this_life = &life;
	uwsgi_task_limit(options->harakiri);
	begin(&life);
	uwsgi_loop_run(uwsgi_loop());
	this_life = NULL;
	spooler_turn_end(&life.turn);
	spool_news_close(&life.news);
	spool_dir_close(&life.dir);
	spool_queue_destroy(&life.queue);
	return life.status;
}
