/* request.c - a request's variables and memory.
 *
 * Everything is sized once, when the core is made; between two requests only the used part is reset. */
#include "request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OWN_VARS 1 /* room for what the server adds when a client used up all of max-vars */

/* The request the thread is running: functions of the API have no argument to find it by. */
static _Thread_local struct request *current;

int request_create(struct request *req, struct core *core, const struct settings *settings)
{
	*req = (struct request){ .core = core };
	req->arena_cap = 2 * (size_t)settings->buffer_size + ARENA_EXTRA;
	req->arena = malloc(req->arena_cap);
	req->out = malloc(HEAD_MAX + SMALL_BODY);
	req->pub.vars = calloc((size_t)settings->max_vars + OWN_VARS, sizeof *req->pub.vars);
	if (!req->arena || !req->out || !req->pub.vars) {
		request_destroy(req);
		return -ENOMEM;
	}
	return 0;
}

void request_destroy(struct request *req)
{
	free(req->arena);
	free(req->out);
	free(req->pub.vars);
	free(req->logvars);
	buf_free(&req->after);
	*req = (struct request){ 0 };
}

void request_reset(struct request *req, struct conn *conn)
{
	struct request kept = { .core = req->core,
				.conn = conn,
				.arena = req->arena,
				.arena_cap = req->arena_cap,
				.out = req->out,
				.logvars = req->logvars };
	kept.pub.vars = req->pub.vars;
	*req = kept;
	req->pub.socket = conn->socket;
	req->pub.protocol = conn->protocol;
	req->pub.remote_addr = (struct uwsgi_str){ conn->addr, conn->addr_len };
	req->pub.remote_port = conn->port;
	req->pub.core = req->core->index;
}

uint64_t request_age_us(const struct request *req)
{
	uint64_t now = uwsgi_micros();
	return now > req->pub.started_us ? now - req->pub.started_us : 0;
}

void request_set_current(struct request *req)
{
	current = req;
}

struct uwsgi_request *uwsgi_request_current(void)
{
	return current ? &current->pub : NULL;
}

void *uwsgi_request_alloc(struct uwsgi_request *pub, size_t size)
{
	struct request *req = request_of(pub);
	size_t at = (req->arena_used + 7) & ~(size_t)7;
	if (at > req->arena_cap || size > req->arena_cap - at)
		return NULL;
	req->arena_used = at + size;
	return req->arena + at;
}

int uwsgi_request_add_var(struct uwsgi_request *pub, const struct uwsgi_key *key, struct uwsgi_str name,
			  struct uwsgi_str value)
{
	if (pub->nvars >= (unsigned)request_of(pub)->core->serve->settings->max_vars)
		return -E2BIG;
	if (key && key->id < UWSGI_KEY_KNOWN)
		pub->known[key->id] = (uint16_t)(pub->nvars + 1);
	pub->vars[pub->nvars++] = (struct uwsgi_var){ key, name, value };
	return 0;
}

void request_add_own_var(struct uwsgi_request *pub, struct uwsgi_str name, struct uwsgi_str value)
{
	assert(pub->nvars < (unsigned)request_of(pub)->core->serve->settings->max_vars + OWN_VARS);
	pub->vars[pub->nvars++] = (struct uwsgi_var){ uwsgi_key_intern(name.p, name.n), name, value };
}

static struct uwsgi_str find(const struct uwsgi_var *vars, unsigned count, const char *name, size_t len)
{
	while (count--) {
		const struct uwsgi_var *var = &vars[count];
		if (var->name.n == len && !memcmp(var->name.p, name, len))
			return var->value;
	}
	return (struct uwsgi_str){ NULL, 0 };
}

struct uwsgi_str uwsgi_request_var(const struct uwsgi_request *pub, const char *name, size_t len)
{
	struct uwsgi_str value = find(pub->vars, pub->nvars, name, len);
	return value.p || !pub->socket ? value : find(pub->socket->vars, pub->socket->nvars, name, len);
}

struct uwsgi_str uwsgi_request_known(const struct uwsgi_request *pub, enum uwsgi_known_key id)
{
	if (pub->known[id])
		return pub->vars[pub->known[id] - 1].value;
	const struct uwsgi_key *key = uwsgi_key_known(id);
	return pub->socket ? find(pub->socket->vars, pub->socket->nvars, key->name, key->len)
			   : (struct uwsgi_str){ NULL, 0 };
}

void uwsgi_request_log(struct uwsgi_request *pub)
{
	request_of(pub)->log_always = true;
}

static struct logvar *logvar_find(const struct request *req, struct uwsgi_str key)
{
	for (unsigned i = 0; i < req->logvar_count; i++)
		if (req->logvars[i].key_len == key.n && !memcmp(req->logvars[i].key, key.p, key.n))
			return &req->logvars[i];
	return NULL;
}

int uwsgi_request_set_logvar(struct uwsgi_request *pub, struct uwsgi_str key, struct uwsgi_str value)
{
	struct request *req = request_of(pub);
	if (key.n >= LOGVAR_MAX || value.n >= LOGVAR_MAX)
		return -E2BIG;
	if (!req->logvars && !(req->logvars = calloc(LOGVARS_MAX, sizeof *req->logvars)))
		return -ENOMEM;
	struct logvar *var = logvar_find(req, key);
	if (!var && req->logvar_count == LOGVARS_MAX)
		return -E2BIG;
	if (!var)
		var = &req->logvars[req->logvar_count++];
	var->key_len = (uint8_t)key.n;
	var->value_len = (uint8_t)value.n;
	memcpy(var->key, key.p, key.n);
	memcpy(var->value, value.p, value.n);
	return 0;
}

struct uwsgi_str uwsgi_request_logvar(const struct uwsgi_request *pub, struct uwsgi_str key)
{
	const struct logvar *var = logvar_find((const struct request *)pub, key);
	return var ? (struct uwsgi_str){ var->value, var->value_len } : (struct uwsgi_str){ NULL, 0 };
}
