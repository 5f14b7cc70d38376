/* request_id.h - a name for each request, to find its lines in every log it passes.
 *
 * With the option `request-id` a request keeps the id its header brings when it is sane, and gets a new one otherwise.
 * A new one is 32 hex digits: SipHash-2-4, keyed with 16 random bytes of the worker, of a number that never repeats.
 * Nobody who sees ids can tell the next one, and making one costs no system call. */
#ifndef KERNEL_REQUEST_ID_H
#define KERNEL_REQUEST_ID_H

#include "serve.h"

#define REQUEST_ID_MAX 128 /* of a client's */
#define REQUEST_ID_NEW 32  /* of ours */

/* [worker] What its ids are made from.  `header`: the option's value, NULL: no ids.  0 or a negative errno. */
int request_id_init(struct request_ids *ids, const char *header);

/* Is it short enough, and only A-Z a-z 0-9 . _ - ? */
bool request_id_is_sane(struct uwsgi_str id);
/* The id of the n-th number. */
void request_id_make(const uint64_t key[2], uint64_t number, char id_r[REQUEST_ID_NEW]);

/* Name the request: req->id, and UWSGI_REQUEST_ID among its variables. */
void request_id_give(const struct request_ids *ids, struct request *req);

#endif
