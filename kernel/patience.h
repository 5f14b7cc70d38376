/* patience.h - how long a client is waited for. */
#ifndef KERNEL_PATIENCE_H
#define KERNEL_PATIENCE_H

#include <stdint.h>

struct option_registry;

/* What the options set, beside settings.socket_timeout and settings.keep_alive. */
struct patience_settings {
	int head_timeout;  /* seconds for a whole head */
	int min_body_rate; /* bytes a second, on the average; 0: any */
};
/* Register the options.  The settings, or NULL when memory is out. */
struct patience_settings *patience_register(struct option_registry *options);

/* A whole head may take so long from its first byte, and the first byte from the connection; 0: for ever. */
static inline uint64_t patience_head_ms(const struct patience_settings *settings)
{
	return (uint64_t)settings->head_timeout * 1000;
}
/* How long in all a client may be waited for that has sent so many bytes of a body; UINT64_MAX: for ever. */
uint64_t patience_body_ms(const struct patience_settings *settings, uint64_t bytes);

#endif
