/* signal_remote.c - a signal for another server, as a packet of the uwsgi protocol.
 *
 *     to it     110, u16 0, the number
 *     from it   255, u16 0, 1 when it is raised there, 0 when it is refused */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uwsgi/signal.h>
#include <uwsgi/socket.h>

static int talk(int fd, uint8_t number, int ms)
{
	const unsigned char packet[4] = { UWSGI_SIGNAL_MODIFIER, 0, 0, number };
	unsigned char answer[4] = { 0 };
	struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1 ||
	    send(fd, packet, sizeof packet, MSG_NOSIGNAL) != sizeof packet)
		return -errno;
	ssize_t n = recv(fd, answer, sizeof answer, MSG_WAITALL);
	if (n == -1)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n != sizeof answer || answer[0] != 255)
		return -EPROTO;
	return answer[3] ? 0 : -EACCES;
}

int uwsgi_signal_send(const char *address, uint8_t number, int ms)
{
	int fd = uwsgi_connect(address, ms);
	if (fd < 0)
		return fd;
	int failed = talk(fd, number, ms);
	close(fd);
	return failed;
}
