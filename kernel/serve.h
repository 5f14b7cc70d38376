/* serve.h - what serving requests needs, for all the files of the request path.
 *
 * One `struct serve` a worker process, one `struct core` a thread of it, one `struct conn` a connection, one
 * `struct request` a core. */
#ifndef KERNEL_SERVE_H
#define KERNEL_SERVE_H

#include "buf.h"
#include "proc.h"
#include "settings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uwsgi/loop.h>
#include <uwsgi/plugin.h>
#include <uwsgi/request.h>
#include <uwsgi/socket.h>

#define BODY_COLLECT ((size_t)64 * 1024)  /* a body up to this size is complete before the application runs */
#define BACKLOG_MAX ((size_t)1024 * 1024) /* bytes of a response a slow reader may leave to the loop */
#define HEAD_MAX ((size_t)64 * 1024)	  /* of a response */
#define SMALL_BODY ((size_t)16 * 1024)	  /* copied behind the head, to leave in one write */
#define ARENA_EXTRA ((size_t)4 * 1024)	  /* request memory beyond the size of a head */
#define LOGVAR_MAX 256
#define LOGVARS_MAX 16
#define HEADER_NAME_MAX 65 /* of request-id, terminated */

struct core;
struct conn;
struct handed;
struct harakiri_settings;
struct hook_registry;
struct kernel;
struct patience_settings;
struct plugins;
struct recycle_settings;
struct reqlog;
struct serve;
struct slab;
struct watchdog;

/* What epoll points at: the function that knows the rest. */
struct source {
	void (*fn)(struct source *source, uint32_t events, struct core *core);
};

struct listener {
	struct source source;
	const struct uwsgi_socket *socket;
	const struct uwsgi_protocol *protocol;
};

struct logvar {
	uint8_t key_len, value_len;
	char key[LOGVAR_MAX], value[LOGVAR_MAX];
};

/* What names the requests of a worker, see request_id.h. */
struct request_ids {
	struct uwsgi_str header; /* name of the header that brings and returns it; {NULL, 0}: none has an id */
	char variable[HEADER_NAME_MAX + 5]; /* the same as a variable: HTTP_X_REQUEST_ID */
	size_t variable_len;
	uint64_t key[2];
};

struct request {
	struct uwsgi_request pub; /* first: a public pointer is a request */
	struct core *core;
	struct conn *conn;

	char *arena; /* request memory; arena_used <= arena_cap */
	size_t arena_used, arena_cap;

	/* its body: `ready` payload bytes at `body`, then what the socket still holds */
	char *body;
	size_t ready;
	int64_t unread;	      /* LENGTH: payload not given to the application, buffered or not */
	bool body_done;	      /* CHUNKED: the last chunk was seen */
	uint16_t body_status; /* why reading it failed, as a status; 0: it did not */
	uint64_t decoder[4];  /* CHUNKED */
	struct buf after;     /* bytes of the next request that were read with this body */

	/* its response: the head, and what may follow it in the same write, in `out` */
	char *out;
	size_t out_len;
	bool has_length, chunked, app_framed; /* who says where the body ends */
	bool cut;			      /* failed on the way: its client must not take it for complete */
	bool overlong;			      /* the application gave more than Content-Length: said once */
	bool no_body;			      /* HEAD, 1xx, 204, 304: what the application gives is not sent */
	bool ended;			      /* body or file was called */
	int64_t length;			      /* what Content-Length promised */
	uint32_t waited_ms;		      /* for its body, on the core */
	int64_t received;		      /* body bytes as they came, meanwhile */
	bool log_always;
	bool wants_close;    /* the application set Connection: close */
	bool failed;	     /* answered by the kernel, not the application */
	bool sent_file;	     /* uwsgi_response_file was its body */
	struct uwsgi_str id; /* {NULL, 0} without request-id */

	struct logvar *logvars; /* LOGVARS_MAX, made when first used */
	unsigned logvar_count;
};

/* Allocated in slabs that are never freed: a stale event may still point here. */
struct conn {
	struct source source;
	_Atomic unsigned owner; /* CONN_* */
	int fd;
	const struct uwsgi_socket *socket;
	const struct uwsgi_protocol *protocol;
	struct conn *next;	   /* on the free list or a core's again list */
	_Atomic uint64_t deadline; /* monotonic ms; 0: none */
	uint8_t phase;		   /* enum conn_phase */
	bool in_epoll;
	bool continued; /* 100 Continue was sent for the request at hand */
	bool closing;	/* no further request: part with the client when everything is sent */
	bool unread;	/* the client may still be sending a body nobody will read */
	uint8_t addr_len;
	uint16_t port;
	char addr[46];
	_Atomic bool hung_up; /* the client sends no more: a short read does not mean that nothing is left to see */
	struct buf in;	      /* bytes of an incomplete request */
	struct buf out;	      /* bytes the client has not taken yet */
	size_t seen;	      /* of the head that is being collected, see uwsgi_protocol.parse */
	size_t decoded;	      /* payload bytes of the chunked body that is being collected */
	uint64_t decoder[4];
	uint64_t body_ms; /* CONN_BODY: since when */
	int file;	  /* -1, or what follows `out` */
	int64_t file_at, file_left;
	uint32_t requests; /* answered on this connection */
};

enum { CONN_OWNED = 1u, CONN_PENDING = 2u }; /* a free connection is owned by the free list */

enum conn_phase {
	CONN_FREE = 0,
	CONN_IDLE,   /* between requests */
	CONN_HEAD,   /* a head is incomplete */
	CONN_BODY,   /* a small body is incomplete */
	CONN_RUN,    /* its request is being answered */
	CONN_SEND,   /* the client is slower than its response */
	CONN_LINGER, /* answered and closed for writing: what still comes is thrown away */
};

struct core {
	struct serve *serve;
	int index;
	pthread_t thread;
	struct request req;
	char *scratch;	    /* what is read when nothing is pending; serve->read_size bytes */
	char *chunks;	    /* framed body bytes, serve->read_size; made when first needed */
	struct conn *again; /* connections with more to do that let others go first */
	uint64_t requests;
	uint64_t ids_made;
	pid_t tid;		/* of its thread */
	bool refuses;		/* stands in for cores that are stuck: requests are answered 503 */
	uint64_t due_ms;	/* of its request by the options, see harakiri.h; 0: none */
	_Atomic uint64_t clock; /* the same, with what is known of it */
	uint64_t held;		/* [watchdog] its clock when it was last held */
};

struct serve {
	const struct settings *settings;
	struct proc_table *table;
	struct proc_slot *slot;
	const struct harakiri_settings *harakiri;
	const struct recycle_settings *recycle;
	const struct patience_settings *patience;
	struct hook_registry *hooks;
	struct kernel *kernel; /* for the files of the top layer */
	struct reqlog *log;
	struct uwsgi_loop *loop;
	const struct uwsgi_plugin *handlers[256]; /* by modifier1 */
	struct plugins *plugins;
	int epoll_fd;
	struct core *cores;
	int core_count;
	struct listener *listeners;
	size_t listener_count;
	struct source loop_source, wake_source;
	struct source handed_source; /* connections from a worker that ends or is stuck */
	struct handed *handed;
	bool hands_on;		      /* there are, or will be, others */
	const _Atomic bool *stopping; /* the server is: there are none */
	struct signal_source {
		struct source source;
		int queue;
	} * signals; /* its own queue, the one of all workers, and those of its groups */
	void (*on_conn)(struct source *source, uint32_t events, struct core *core);
	int wake_fd;
	_Atomic bool draining;		  /* accept nothing, close what is idle */
	_Atomic bool hurry;		  /* close everything */
	const _Atomic bool *paused;	  /* the server is: nothing is accepted, nothing begun */
	_Atomic int open;		  /* connections */
	struct attendant *attendant;	  /* NULL: there are no others */
	_Atomic bool attendant_sleeps;	  /* it wants to be woken by the next request */
	struct conn *_Atomic returned;	  /* by the attendant, for whichever core comes first */
	struct watchdog *watchdog;	  /* NULL: nobody has needed it */
	void (*on_late)(struct serve *s); /* [watchdog] again and again while late > 0; takes a moment */
	void (*on_worn)(struct serve *s); /* once: it has served its time */
	_Atomic bool worn;		  /* a successor is wanted */
	_Atomic int late;		  /* cores whose request is late: nobody waits for them any more */
	uint64_t born_ms;		  /* monotonic, when this process began */
	_Atomic uint64_t looked_ms;	  /* when its memory was looked at */
	struct uwsgi_timer lifetime;
	_Atomic uint64_t due_ms;       /* no connection's deadline is earlier */
	_Atomic uint64_t door_shut_ms; /* since when nothing is accepted; 0: it is */
	pthread_mutex_t lock;	       /* free list, slabs: held for moments */
	pthread_mutex_t loop_lock;     /* loop, listeners: held as long as what the loop calls takes */
	struct slab *_Atomic slabs;    /* only grows, and only in front: walked without the lock */
	struct conn *free;
	size_t read_size;
	struct uwsgi_str extra_headers; /* rendered add-header lines */
	struct request_ids ids;
	int exit_status;
};

#endif
