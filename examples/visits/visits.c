/* visits.c - a plugin with one option, one hook and one function that Python can call.
 *
 * uwsgi.visits("/about") counts a visit of a page and returns how many there were, in all workers together. */
#include <stdatomic.h>
#include <string.h>
#include <uwsgi.h>

#define PAGES 64
#define PATH_MAX_BYTES 128

/* Shared by all workers: made once, before the first fork. */
struct page {
	char path[PATH_MAX_BYTES];
	uint64_t count;
};
static struct page *pages;
static struct uwsgi_lock *lock;

static int start_at; /* --visits-start */

static const struct uwsgi_option options[] = {
	{ "visits-start", .type = UWSGI_OPT_INT, .value = &start_at, .group = "visits",
	  .help = "number the count of a page begins with" },
	{ 0 },
};

static int visits_init(void)
{
	pages = uwsgi_shm_alloc(PAGES * sizeof *pages);
	lock = uwsgi_lock_create("visits");
	return pages && lock ? 0 : -1;
}

static void on_start(const char *kind, int number)
{
	uwsgi_log("visits: %s %d counts from %d\n", kind, number, start_at);
}

static const struct uwsgi_hook hooks[] = {
	UWSGI_HOOK(UWSGI_HOOK_PROCESS_START, uwsgi_hook_process, on_start),
	{ 0 },
};

/* The page of that path, or a free one; NULL when all are taken. */
static struct page *find(struct uwsgi_str path)
{
	for (int i = 0; i < PAGES; i++) {
		if (!pages[i].path[0]) {
			memcpy(pages[i].path, path.p, path.n);
			pages[i].count = (uint64_t)start_at;
		}
		if (strlen(pages[i].path) == path.n && !memcmp(pages[i].path, path.p, path.n))
			return &pages[i];
	}
	return NULL;
}

static int visits(struct uwsgi_call *c)
{
	struct uwsgi_str path = uwsgi_arg_str(c, 0);
	if (!path.n || path.n >= PATH_MAX_BYTES)
		return uwsgi_fail(c, UWSGI_EVALUE, "a path has 1 to %d bytes", PATH_MAX_BYTES - 1);
	uwsgi_lock_take(lock);
	struct page *page = find(path);
	if (page)
		uwsgi_ret_int(c, (int64_t)++page->count);
	uwsgi_lock_give(lock);
	return page ? 0 : uwsgi_fail(c, UWSGI_ERUNTIME, "more than %d pages", PAGES);
}

static const struct uwsgi_api_fn api[] = {
	{ "visits", "(path: text) -> int", "Count a visit of a page; how many there were, in all workers.", visits, 0 },
	{ 0 },
};

struct uwsgi_plugin visits_plugin = {
	.name = "visits",
	.init = visits_init,
	.options = options,
	.hooks = hooks,
	.api = api,
};
