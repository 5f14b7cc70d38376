/* backlog.c - see backlog.h.  A TCP socket tells by itself; of a unix socket the kernel of the machine is asked, by the
 * number of its inode. */
#include "backlog.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a listening socket these are the connections nobody accepted, and how many of them fit. */
static struct backlog backlog_of_tcp(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == -1 || info.tcpi_state != TCP_LISTEN)
		return (struct backlog){ 0 };
	return (struct backlog){ true, info.tcpi_unacked, info.tcpi_sacked };
}

static struct backlog read_answer(const char *answer, ssize_t len)
{
	const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
	const struct unix_diag_msg *msg = NLMSG_DATA(head);
	if (len < 0 || !NLMSG_OK(head, (size_t)len) || head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    head->nlmsg_len < NLMSG_SPACE(sizeof *msg) || msg->udiag_state != TCP_LISTEN)
		return (struct backlog){ 0 };
	size_t left = head->nlmsg_len - NLMSG_SPACE(sizeof *msg);
	for (const struct rtattr *a = (const struct rtattr *)(msg + 1); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		struct unix_diag_rqlen queue;
		if (a->rta_type != UNIX_DIAG_RQLEN || RTA_PAYLOAD(a) < sizeof queue)
			continue;
		memcpy(&queue, RTA_DATA(a), sizeof queue);
		return (struct backlog){ true, queue.udiag_rqueue, queue.udiag_wqueue };
	}
	return (struct backlog){ 0 };
}

static struct backlog backlog_of_unix(int fd)
{
	struct stat st;
	_Alignas(struct nlmsghdr) char answer[512];
	int diag = fstat(fd, &st) == -1 ? -1 : socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (diag == -1)
		return (struct backlog){ 0 };
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} question = {
		.head = { .nlmsg_len = sizeof question,
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST },
		.req = { .sdiag_family = AF_UNIX,
			 .udiag_states = 1u << TCP_LISTEN,
			 .udiag_ino = (uint32_t)st.st_ino,
			 .udiag_show = UDIAG_SHOW_RQLEN,
			 .udiag_cookie = { UINT32_MAX, UINT32_MAX } },
	};
	/* it is answered within the call: nothing is waited for */
	ssize_t n = send(diag, &question, sizeof question, 0);
	n = n == -1 ? -1 : recv(diag, answer, sizeof answer, MSG_DONTWAIT);
	close(diag);
	return read_answer(answer, n);
}

struct backlog backlog_of(const struct uwsgi_socket *socket)
{
	if (socket->handover)
		return (struct backlog){ 0 };
	return socket->is_unix ? backlog_of_unix(socket->fd) : backlog_of_tcp(socket->fd);
}

unsigned backlog_of_all(const struct uwsgi_socket *const *sockets, size_t count)
{
	unsigned waiting = 0;
	for (size_t i = 0; i < count; i++)
		waiting += backlog_of(sockets[i]).waiting;
	return waiting;
}
