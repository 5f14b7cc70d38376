/* stats_server.h - what the files of this plugin share. */
#ifndef STATS_SERVER_H
#define STATS_SERVER_H

#include <uwsgi.h>

/* How it answers, as the options say. */
struct stats_form {
	bool http;     /* a head goes before the map, whatever the client says */
	bool minified; /* no white space */
	bool any_page; /* a page of another site may read it in a browser */
};

/* ---- stats_address.c: pure ---- */

#define STATS_ADDRESS_MAX 256
/* The address to bind: where `text` names a port and no host, that of this machine alone, unless `everywhere`. */
const char *stats_address(const char *text, bool everywhere, char buffer[STATS_ADDRESS_MAX]);

/* ---- stats_text.c: pure ---- */

/* A value as JSON, in memory for free(), with its length.  NULL: memory is out. */
char *stats_json(const struct uwsgi_value *value, bool minified, size_t *len_r);
/* What the client gets: `json` alone, or as a response of HTTP.  In memory for free(); NULL: memory is out. */
char *stats_answer(const char *json, size_t json_len, bool http, bool any_page, size_t *len_r);
/* Is this the beginning of a request of HTTP? */
bool stats_is_http(const char *bytes, size_t len);

/* ---- stats_client.c ---- */

/* Answer whoever connects to the descriptor, in the loop of the master.  0 or a negative errno. */
int stats_serve(int fd, const struct stats_form *form);
/* The loop is left: nobody is heard any longer. */
void stats_hurry(void);
/* In what the master forks: close what is open here. */
void stats_forget(void);

#endif
