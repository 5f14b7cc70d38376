/* config_magic.h - the % letters in the text of configuration files. */
#ifndef KERNEL_CONFIG_MAGIC_H
#define KERNEL_CONFIG_MAGIC_H

#include <stddef.h>

/* A configuration file as the letters see it. */
struct config_file {
	char *given; /* as it was named; NULL: there is none */
	char *path;  /* absolute, links not resolved; "" when it is no file */
	char *section;
};

/* Replace the letters in text[0..len).  `first` is the first file an option named (the capital letters).  The result is
 * the caller's, NUL-terminated; NULL: out of memory. */
char *config_magic(const char *text, size_t len, const struct config_file *file, const struct config_file *first,
		   const char *version, size_t *len_r);

#endif
