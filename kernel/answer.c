/* answer.c - one request, answered: by the plugin of its modifier, or with a status alone. */
#include "answer.h"

#include "attendant.h"
#include "body.h"
#include "harakiri.h"
#include "recycle.h"
#include "reqlog.h"
#include "request.h"
#include "request_id.h"
#include "response.h"

#include <string.h>
#include <uwsgi/log.h>

static void account(struct core *core, struct request *req)
{
	struct proc_slot *slot = core->serve->slot;
	uint64_t took = request_age_us(req);
	core->requests++;
	atomic_fetch_add_explicit(&slot->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->delta_requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->running_us, took, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->tx_bytes, req->pub.body_size + req->pub.head_size, memory_order_relaxed);
	if (reqlog_wants(req, took))
		reqlog_request(core->serve->log, req, took, proc_total_requests(core->serve->table));
}

static void name_request(const struct core *core, struct request *req)
{
	if (core->serve->ids.header.n)
		request_id_give(&core->serve->ids, req);
}

void answer_refuse(struct core *core, struct conn *c, int status)
{
	struct request *req = &core->req;
	if (!req->pub.http_version)
		req->pub.http_version = 11;
	if (!req->pub.started_us)
		req->pub.started_us = uwsgi_micros();
	name_request(core, req);
	uwsgi_response_error(&req->pub, status);
	account(core, req);
	c->closing = c->unread = true;
}

size_t answer_run(struct core *core, struct conn *c, char *bytes, size_t len)
{
	struct serve *s = core->serve;
	struct request *req = &core->req;
	struct uwsgi_request *pub = &req->pub;
	const struct uwsgi_plugin *plugin = s->handlers[pub->modifier1];
	if (!s->settings->keep_alive)
		pub->keep_alive = false;
	c->phase = CONN_RUN;
	atomic_store_explicit(&c->deadline, 0, memory_order_relaxed);
	size_t take = len;
	if (pub->body == UWSGI_BODY_LENGTH && (int64_t)take > pub->content_length)
		take = (size_t)pub->content_length;
	else if (pub->body == UWSGI_BODY_CHUNKED)
		take = c->decoded;
	else if (pub->body == UWSGI_BODY_NONE)
		take = 0;
	body_begin(req, bytes, take);
	name_request(core, req);
	atomic_fetch_add(&s->slot->busy_cores, 1); /* before a look at who sleeps */
	attendant_begin(s);
	harakiri_begin(core);
	if (plugin) {
		request_set_current(req);
		plugin->request(pub);
		request_set_current(NULL);
	} else {
		uwsgi_log("-- unavailable modifier requested: %d --\n", pub->modifier1);
		uwsgi_response_error(pub, 500);
	}
	bool keep = response_finish(req);
	if (!harakiri_end(core))
		keep = false;
	atomic_fetch_sub_explicit(&s->slot->busy_cores, 1, memory_order_relaxed);
	account(core, req);
	c->requests++;
	/* a body nobody read: what is buffered is skipped, what is still on its way ends the connection */
	if (pub->body == UWSGI_BODY_CHUNKED ? !req->body_done : req->unread > (int64_t)req->ready)
		c->unread = true;
	if (!keep || c->unread)
		c->closing = true;
	c->phase = CONN_IDLE;
	c->seen = c->decoded = 0;
	c->continued = false;
	memset(c->decoder, 0, sizeof c->decoder);
	recycle_after_request(s);
	return take;
}
