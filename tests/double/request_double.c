/* request_double.c - the part of the kernel's request that parsers call, in its simplest form. */
#include "request_double.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void request_double_init(struct request_double *d)
{
	memset(d, 0, sizeof *d);
	d->req.vars = d->vars;
	d->req.remote_addr = (struct uwsgi_str){ "127.0.0.1", 9 };
	d->req.remote_port = 40000;
}

void request_double_fini(struct request_double *d)
{
	for (unsigned i = 0; i < d->nallocs; i++)
		free(d->allocs[i]);
	d->nallocs = 0;
}

int uwsgi_request_add_var(struct uwsgi_request *req, const struct uwsgi_key *key, struct uwsgi_str name,
			  struct uwsgi_str value)
{
	if (req->nvars == DOUBLE_VARS_MAX)
		return -E2BIG;
	req->vars[req->nvars++] = (struct uwsgi_var){ key, name, value };
	if (key && key->id < UWSGI_KEY_KNOWN)
		req->known[key->id] = (uint16_t)req->nvars;
	return 0;
}

void *uwsgi_request_alloc(struct uwsgi_request *req, size_t size)
{
	struct request_double *d = (struct request_double *)req;

	if (d->nallocs == DOUBLE_ALLOCS_MAX || d->allocated + size > DOUBLE_MEMORY_MAX)
		return NULL;
	d->allocated += size;
	return d->allocs[d->nallocs++] = malloc(size);
}

char *request_double_dump(const struct request_double *d, char *out, size_t size)
{
	const struct uwsgi_request *req = &d->req;
	size_t n = 0;

	for (unsigned i = 0; i < req->nvars && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%.*s=%.*s\n", (int)req->vars[i].name.n, req->vars[i].name.p,
				      (int)req->vars[i].value.n, req->vars[i].value.p);
	if (n < size)
		snprintf(out + n, size - n, "body=%d/%lld version=%d keep=%d expect=%d head=%d\n", req->body,
			 (long long)req->content_length, req->http_version, req->keep_alive, req->expect_continue,
			 req->is_head);
	return out;
}
