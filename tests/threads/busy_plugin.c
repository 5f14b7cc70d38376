/* busy_plugin.c - an application in C for the tests of the threads of a worker: all of it is seen by the sanitizer. */
#include <string.h>
#include <time.h>
#include <uwsgi.h>

#define PIECE 65536
#define PIECES 64

static int load(void)
{
	return 1;
}

static void rest(int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	nanosleep(&time, NULL);
}

static int answer_large(struct uwsgi_request *req)
{
	static const char piece[PIECE];
	int failed = 0;
	for (int i = 0; i < PIECES && !failed; i++)
		failed = uwsgi_response_write(req, piece, sizeof piece);
	return failed;
}

static bool is(struct uwsgi_str path, const char *wanted)
{
	return path.n == strlen(wanted) && !memcmp(path.p, wanted, path.n);
}

static int request(struct uwsgi_request *req)
{
	static const char body[] = "hello";
	struct uwsgi_str path = uwsgi_request_known(req, UWSGI_KEY_PATH_INFO);
	char sink[4096];
	if (is(path, "/upload"))
		while (uwsgi_body_read(req, sink, 1, sizeof sink) > 0)
			;
	if (is(path, "/short"))
		rest(5);
	if (is(path, "/long"))
		rest(100);
	if (is(path, "/late"))
		rest(2500);
	uwsgi_response_status(req, "200 OK", strlen("200 OK"));
	if (is(path, "/large"))
		return answer_large(req);
	return uwsgi_response_body(req, &(struct iovec){ (void *)body, sizeof body - 1 }, 1);
}

struct uwsgi_plugin busy_plugin = { .name = "busy", .load = load, .request = request };
