/* generation.c - see generation.h: the mechanics only; who starts, serves and ends is decided in crew.c and takeover.c.
 */
#include "generation.h"

#include "handover.h"
#include "trap.h"
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int generation_open(struct kernel *k, struct generation *g, void (*on_message)(struct uwsgi_watch *, unsigned))
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -errno;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	g->child_fd = pair[1];
	g->watch = (struct uwsgi_watch){ .fd = pair[0], .fn = on_message, .data = g };
	int failed = uwsgi_loop_add(k->loop, &g->watch, UWSGI_READ);
	if (!failed)
		return 0;
	close(pair[0]);
	close(pair[1]);
	g->watch.fd = g->child_fd = -1;
	return failed;
}

int generation_fork_zygote(struct kernel *k, struct generation *g, void (*in_child)(void *), void *data)
{
	trap_hold();
	pid_t pid = fork();
	if (pid == 0) {
		in_child(data);
		close(g->watch.fd);
		k->control_fd = g->child_fd;
		k->bus = g->bus;
		k->generation = g->number;
		zygote_main(k);
	}
	int error = errno;
	trap_release();
	if (pid == -1)
		return -error;
	g->zygote = pid;
	return 0;
}

bool generation_receive(struct kernel *k, struct generation *g, struct message *message_r)
{
	if (g->watch.fd == -1)
		return false;
	ssize_t n = read(g->watch.fd, message_r, sizeof *message_r);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		uwsgi_loop_remove(k->loop, &g->watch);
	return n == sizeof *message_r;
}

int generation_order(const struct generation *g, int slot)
{
	struct order order = { slot };
	if (g->watch.fd == -1 || g->zygote <= 0)
		return -ESRCH;
	return write(g->watch.fd, &order, sizeof order) == -1 ? -errno : 0;
}

void generation_drop_orders(const struct generation *g)
{
	struct order order;
	while (g->child_fd != -1 && recv(g->child_fd, &order, sizeof order, MSG_DONTWAIT) > 0)
		;
}

void generation_close(struct kernel *k, struct generation *g)
{
	if (g->watch.fd == -1)
		return;
	uwsgi_loop_remove(k->loop, &g->watch);
	close(g->watch.fd);
	close(g->child_fd);
	g->watch.fd = g->child_fd = -1;
}

/* ---- over a reload ---- */

int generation_keep(struct kernel *k, const struct generation *g)
{
	char name[48], text[96];
	snprintf(name, sizeof name, "generation %u", g->number);
	snprintf(text, sizeof text, "%d %d %d %d %d", (int)g->zygote, g->needs_zygote, g->loaded, g->serving,
		 g->retiring);
	int failed = handover_keep(k->handover, name, g->watch.fd, text);
	snprintf(name, sizeof name, "children of %u", g->number);
	return failed ? failed : handover_keep(k->handover, name, g->child_fd, "");
}

void generation_drop_kept(struct kernel *k, const struct generation *g)
{
	char name[48];
	snprintf(name, sizeof name, "generation %u", g->number);
	handover_drop(k->handover, name);
	snprintf(name, sizeof name, "children of %u", g->number);
	handover_drop(k->handover, name);
}

bool generation_claim(struct kernel *k, struct generation *g, void (*on_message)(struct uwsgi_watch *, unsigned))
{
	char name[48];
	const char *number = handover_unclaimed(k->handover, "generation "), *text;
	int zygote, needs_zygote, loaded, serving, retiring;
	if (!number || sscanf(number, "%u", &g->number) != 1)
		return false;
	snprintf(name, sizeof name, "generation %u", g->number);
	g->watch = (struct uwsgi_watch){ .fd = -1, .fn = on_message, .data = g };
	g->child_fd = -1;
	handover_claim(k->handover, name, &g->watch.fd, &text);
	if (sscanf(text, "%d %d %d %d %d", &zygote, &needs_zygote, &loaded, &serving, &retiring) == 5) {
		g->zygote = zygote;
		g->needs_zygote = needs_zygote;
		g->loaded = loaded;
		g->serving = serving;
		g->retiring = retiring;
	}
	snprintf(name, sizeof name, "children of %u", g->number);
	handover_claim(k->handover, name, &g->child_fd, NULL);
	/* kept anew before the next execve, as it is then */
	generation_drop_kept(k, g);
	if (g->watch.fd != -1)
		uwsgi_loop_add(k->loop, &g->watch, UWSGI_READ);
	return true;
}
