/* log_pipe.c - see log_pipe.h.
 *
 * BUGS: a message of more than PIPE_BUF bytes is several packets.  They are put together again, but one that was
 * written while the pipe was full may have a line of somebody else in it. */
#include "log_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uwsgi/loop.h>

#include "handover.h"
#include "log.h"

enum end { LINES_READ, LINES_WRITE, REQUESTS_READ, REQUESTS_WRITE, WAKE, FIRST_STDOUT, FIRST_STDERR, ENDS };

/* What the next image finds them by. */
static const char *const names[ENDS] = {
	[LINES_READ] = "log: read lines",
	[LINES_WRITE] = "log: write lines",
	[REQUESTS_READ] = "log: read requests",
	[REQUESTS_WRITE] = "log: write requests",
	[WAKE] = "log: wake the reader",
	[FIRST_STDOUT] = "log: standard output of the start",
	[FIRST_STDERR] = "log: standard error of the start",
};

#define PIPE_SIZE (1024 * 1024)
#define BATCH_MAX 65536
#define REST_MS 100	 /* for the rest of a long message */
#define FAREWELL_MS 5000 /* for the reader to write what there is */

/* What the reader is told, as the number that is added to the eventfd. */
#define TELL_REOPEN 1u
#define TELL_ROTATE (1u << 20)

/* What the reader is not done with, of lines and of requests; for its successor.  Zero behind the bytes. */
struct held {
	char bytes[2][BATCH_MAX];
};

static struct {
	int (*reader)(int number); /* NULL: nobody asked for it */
	bool open, reading, ending;
	int fd[ENDS];
	int guard[2]; /* the master's ends, which do not block, of lines and of requests; -1: not the master */
	struct held *held;
	int of;	       /* the reader's last batch: 0 or 1 */
	size_t len;    /* and how much of it there was */
	uint64_t told; /* not reported yet */
} pipes = { .guard = { -1, -1 } };

void uwsgi_log_collect(int (*reader)(int number))
{
	pipes.reader = reader;
}

/* ---- making it ---- */

static int open_pipe(int fds[2])
{
	if (pipe2(fds, O_DIRECT | O_CLOEXEC) == -1)
		return -errno;
	(void)fcntl(fds[1], F_SETPIPE_SZ,
		    PIPE_SIZE); /* as large as this user may have it: a packet takes a page of it */
	return 0;
}

/* Take over what the image before kept.  False: it had no pipes. */
static bool claim_all(struct handover *h)
{
	bool there = true;
	for (int i = 0; i < ENDS; i++)
		there &= handover_claim(h, names[i], &pipes.fd[i], NULL);
	return there;
}

static int keep_all(struct handover *h)
{
	int failed = 0;
	for (int i = 0; i < ENDS && !failed; i++)
		failed = handover_keep(h, names[i], pipes.fd[i], "");
	return failed;
}

static int open_all(void)
{
	int *fd = pipes.fd;
	int failed = open_pipe(&fd[LINES_READ]);
	if (!failed)
		failed = open_pipe(&fd[REQUESTS_READ]);
	if (failed)
		return failed;
	fd[WAKE] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fd[FIRST_STDOUT] = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	fd[FIRST_STDERR] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return fd[WAKE] == -1 || fd[FIRST_STDOUT] == -1 || fd[FIRST_STDERR] == -1 ? -errno : 0;
}

/* A child may wait for its log. */
static void unguard(void)
{
	log_guard(STDERR_FILENO, -1);
	for (int i = 0; i < 2; i++) {
		if (pipes.guard[i] != -1)
			close(pipes.guard[i]);
		pipes.guard[i] = -1;
	}
}

/* The flag belongs to the open pipe, not to the descriptor: what must not block has to be opened again. */
static int guard(void)
{
	static const enum end ends[2] = { LINES_WRITE, REQUESTS_WRITE };
	for (int i = 0; i < 2; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/self/fd/%d", pipes.fd[ends[i]]);
		pipes.guard[i] = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		/* open(2) takes O_DIRECT for files only */
		if (pipes.guard[i] == -1 || fcntl(pipes.guard[i], F_SETFL, O_NONBLOCK | O_DIRECT) == -1)
			return -errno;
	}
	log_guard(pipes.guard[0], pipes.fd[FIRST_STDERR]);
	return pthread_atfork(NULL, NULL, unguard) ? -ENOMEM : 0;
}

static int divert(void)
{
	int failed = guard();
	if (failed)
		return failed;
	bool done =
		dup2(pipes.fd[LINES_WRITE], STDOUT_FILENO) != -1 && dup2(pipes.fd[LINES_WRITE], STDERR_FILENO) != -1;
	return done ? 0 : -errno;
}

static int restore(void)
{
	const int *fd = pipes.fd;
	bool failed = dup2(fd[FIRST_STDOUT], STDOUT_FILENO) == -1 || dup2(fd[FIRST_STDERR], STDERR_FILENO) == -1;
	unguard();
	return failed ? -errno : 0;
}

int log_pipe_begin(struct handover *handover)
{
	bool again = claim_all(handover);
	if (!again && !pipes.reader)
		return 0;
	pipes.held = handover_memory(handover, "log: held by the reader", sizeof *pipes.held);
	if (!pipes.held)
		return -ENOMEM;
	int failed = again ? 0 : open_all();
	if (!failed && !again)
		failed = keep_all(handover);
	if (failed)
		return failed;
	fflush(stdout);
	pipes.ending = !pipes.reader; /* old processes still write to it; what they say comes at the end */
	pipes.open = true;
	return pipes.reader ? divert() : restore();
}

bool log_pipe_takes_requests(void)
{
	return pipes.open && pipes.reader;
}

/* Without their ids. */
static void write_requests(int fd, const char *text, size_t len)
{
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) + 1 : len;
		const char *tab = memchr(text, '\t', n);
		size_t skip = tab ? (size_t)(tab - text) + 1 : 0;
		log_write_all(fd, text + skip, n - skip);
		text += n;
		len -= n;
	}
}

void log_pipe_put_requests(const char *text, size_t len)
{
	bool guarded = pipes.guard[1] != -1;
	int failed = log_write_all(guarded ? pipes.guard[1] : pipes.fd[REQUESTS_WRITE], text, len);
	if (failed == -EAGAIN)
		write_requests(pipes.fd[FIRST_STDERR], text, len);
}

/* ---- reading ---- */

/* Bytes a predecessor was not done with. */
static size_t held_len(const char *bytes)
{
	size_t len = BATCH_MAX;
	while (len && !bytes[len - 1])
		len--;
	return len;
}

static void begin_reading(void)
{
	pipes.reading = true;
	restore();
	fcntl(pipes.fd[LINES_READ], F_SETFL, O_NONBLOCK);
	fcntl(pipes.fd[REQUESTS_READ], F_SETFL, O_NONBLOCK);
}

static ssize_t read_packet(int fd, char *to, size_t room)
{
	ssize_t n;
	do
		n = read(fd, to, room);
	while (n == -1 && errno == EINTR);
	return n;
}

/* Read what is there, as far as it fits, and end it with a newline.  0: nothing. */
static size_t fill(int fd, char *bytes)
{
	size_t len = 0;
	while (len + PIPE_BUF < BATCH_MAX) {
		ssize_t n = read_packet(fd, bytes + len, BATCH_MAX - 1 - len);
		if (n > 0) {
			len += (size_t)n;
			if (n < PIPE_BUF && bytes[len - 1] != '\n')
				bytes[len++] = '\n';
			continue;
		}
		/* a packet that is full and ends in no newline has its rest in the next one, which may have to wait */
		struct pollfd more = { .fd = fd, .events = POLLIN };
		if (!len || bytes[len - 1] == '\n' || poll(&more, 1, REST_MS) <= 0)
			break;
	}
	if (len && bytes[len - 1] != '\n')
		bytes[len++] = '\n';
	return len;
}

/* The next batch of either pipe: what a predecessor held first.  False: there is none. */
static bool take(struct uwsgi_log_batch *batch_r)
{
	static const enum end ends[2] = { LINES_READ, REQUESTS_READ };
	static const enum uwsgi_log_kind kinds[2] = { UWSGI_LOG_LINES, UWSGI_LOG_REQUESTS };
	static int first;
	first = !first; /* neither waits for ever for the other */
	for (int i = 0; i < 2; i++) {
		int of = i ^ first;
		char *bytes = pipes.held->bytes[of];
		size_t len = bytes[0] ? held_len(bytes) : 0;
		if (!len)
			len = fill(pipes.fd[ends[of]], bytes);
		if (!len)
			continue;
		pipes.of = of;
		pipes.len = len;
		*batch_r = (struct uwsgi_log_batch){ kinds[of], bytes, len };
		return true;
	}
	return false;
}

static void be_told(void)
{
	uint64_t more;
	if (read(pipes.fd[WAKE], &more, sizeof more) != sizeof more)
		return;
	pipes.told += more;
}

/* One thing that was told, if any. */
static bool report(struct uwsgi_log_batch *batch_r)
{
	if (!pipes.told)
		return false;
	*batch_r = (struct uwsgi_log_batch){ pipes.told >= TELL_ROTATE ? UWSGI_LOG_ROTATE : UWSGI_LOG_REOPEN, "", 0 };
	pipes.told = 0;
	return true;
}

int uwsgi_log_next(struct uwsgi_log_batch *batch_r, int timeout_ms)
{
	if (!pipes.reading)
		begin_reading();
	memset(pipes.held->bytes[pipes.of], 0, pipes.len);
	pipes.len = 0;
	for (bool waited = false;; waited = true) {
		be_told();
		if (report(batch_r) || take(batch_r))
			return 1;
		if (pipes.ending)
			return -EPIPE;
		if (waited)
			return 0;
		struct pollfd fds[] = { { .fd = pipes.fd[LINES_READ], .events = POLLIN },
					{ .fd = pipes.fd[REQUESTS_READ], .events = POLLIN },
					{ .fd = pipes.fd[WAKE], .events = POLLIN } };
		poll(fds, 3, timeout_ms);
	}
}

/* ---- telling ---- */

static int tell(uint64_t what)
{
	if (!pipes.open)
		return -ENOTCONN;
	return write(pipes.fd[WAKE], &what, sizeof what) == -1 ? -errno : 0;
}

int uwsgi_log_reopen(void)
{
	return tell(TELL_REOPEN);
}

int uwsgi_log_rotate(void)
{
	return tell(TELL_ROTATE);
}

/* ---- the end ---- */

/* A child that reads to the end; the time it takes is limited. */
static void read_on(void)
{
	uint64_t give_up_ms = uwsgi_now_ms() + FAREWELL_MS;
	pid_t pid = fork();
	if (pid == 0)
		_exit(pipes.reader(0));
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
		if (uwsgi_now_ms() >= give_up_ms) {
			uwsgi_log("uwsgi: the log cannot be written to its end; the rest follows here\n");
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		poll(NULL, 0, 10); /* SIGCHLD ends it early */
	}
}

void log_pipe_end(void)
{
	struct uwsgi_log_batch batch;
	if (!pipes.open)
		return;
	restore();
	pipes.ending = true;
	if (pipes.reader)
		read_on();
	if (uwsgi_log_file())
		log_to_file(uwsgi_log_file(), false); /* it may have been rotated since the start */
	while (uwsgi_log_next(&batch, 0) == 1)
		if (batch.kind == UWSGI_LOG_REQUESTS)
			write_requests(STDERR_FILENO, batch.text, batch.len);
		else
			log_write_all(STDERR_FILENO, batch.text, batch.len);
	pipes.open = false;
}
