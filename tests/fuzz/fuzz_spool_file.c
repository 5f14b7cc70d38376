/* fuzz_spool_file.c - any bytes as a task: what is taken for one is, written again, the same bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/spooler/spool_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spool_packet packet;
	struct spool_task task;
	struct uwsgi_str rest, key, value;
	char *bytes = malloc(size + (size == 0));
	memcpy(bytes, data, size);
	if (spool_task_parse(bytes, size, &task) == 0) {
		spool_packet_begin(&packet);
		for (rest = task.pairs; spool_task_next(&rest, &key, &value);)
			assert(spool_packet_add(&packet, key, value) == 0);
		assert(rest.n == 0 && packet.len + task.body.n == size);
		assert(!memcmp(packet.bytes, bytes, packet.len));
	}
	free(bytes);
	return 0;
}
