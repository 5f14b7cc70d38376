/* plugin_abi.h - the ABI note of an object file, read before anything of it runs. */
#ifndef KERNEL_PLUGIN_ABI_H
#define KERNEL_PLUGIN_ABI_H

#include <stddef.h>
#include <uwsgi/abi.h>

enum abi_note { ABI_NOTE_FOUND = 1, ABI_NOTE_NONE = 0, ABI_NOTE_MALFORMED = -1, ABI_NOTE_MIXED = -2 };

/* Look for the note in an ELF image.  `*abi_r` is set when it is found; MIXED: two notes that differ.  Pure. */
enum abi_note abi_read(const unsigned char *image, size_t size, struct uwsgi_abi *abi_r);

/* May a plugin with this note be loaded?  NULL, or what is wrong in the words of a sentence's second half
 * ("built for ABI 2.0, this kernel is 1.0: rebuild it"), in `text`. */
const char *abi_refuse(const struct uwsgi_abi *abi, char *text, size_t size);

#endif
