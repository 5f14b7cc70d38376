/* spool_file.h - what a spool file holds, in the format of uWSGI 2.0.
 *
 * A packet of the uwsgi protocol with modifier1 17 (byte 17, u16 size of the pairs, byte 0), its pairs of u16 length,
 * key, u16 length, value, all little endian, then the body up to the end of the file.  Pure: bytes in, bytes out. */
#ifndef SPOOL_FILE_H
#define SPOOL_FILE_H

#include <uwsgi/base.h>

#define SPOOL_PREFIX "uwsgi_spoolfile_on_"
#define SPOOL_HEAD 4
#define SPOOL_PACKET_MAX (SPOOL_HEAD + 65535)
#define SPOOL_NAME_MAX 256

/* A packet that is being made. */
struct spool_packet {
	size_t len; /* bytes so far, the head included */
	unsigned char bytes[SPOOL_PACKET_MAX];
};
void spool_packet_begin(struct spool_packet *packet);
/* 0; -EINVAL: the key is empty; -E2BIG: all pairs of a task must fit in 65535 bytes. */
int spool_packet_add(struct spool_packet *packet, struct uwsgi_str key, struct uwsgi_str value);

/* A file that was read.  `pairs` and `body` are parts of its bytes. */
struct spool_task {
	struct uwsgi_str pairs, body;
};
/* 0, or -EBADMSG: these bytes are no task, or not all of one. */
int spool_task_parse(const char *bytes, size_t len, struct spool_task *task_r);
/* Cut the next pair off `pairs` of a task that was parsed.  False at the end. */
bool spool_task_next(struct uwsgi_str *pairs, struct uwsgi_str *key_r, struct uwsgi_str *value_r);
/* The value of a key, {NULL, 0}: there is none. */
struct uwsgi_str spool_task_value(const struct spool_task *task, const char *key);

/* What makes a name unlike all others. */
struct spool_name {
	const char *host;
	int pid;
	unsigned count, random;
	uint64_t now_us;
};
/* The name of a new task; its length, less than SPOOL_NAME_MAX. */
size_t spool_name_make(char name_r[SPOOL_NAME_MAX], const struct spool_name *name);
/* Is this file a task, by its name? */
bool spool_name_is_task(const char *name);
/* Is this the path of a task below its spooler: NAME or PRIORITY/NAME? */
bool spool_path_is_task(const char *path);
/* The number of a directory of priority, -1: this is none. */
int64_t spool_priority_of(const char *name);

#endif
