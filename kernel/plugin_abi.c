/* plugin_abi.c - bytes of an ELF file in, the plugin's ABI note out.  Pure and bounded: the bytes are not trusted. */
#include "plugin_abi.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define NOTE_HEADER 12 /* name size, description size, type */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* The notes of one segment. */
static enum abi_note read_notes(const unsigned char *p, size_t left, size_t align, enum abi_note found,
				struct uwsgi_abi *abi_r)
{
	while (left >= NOTE_HEADER) {
		uint32_t head[3];
		memcpy(head, p, sizeof head);
		size_t name = round_up(head[0], 4), desc = round_up(head[1], align);
		p += NOTE_HEADER;
		left -= NOTE_HEADER;
		if (name > left || head[1] > left - name)
			return ABI_NOTE_MALFORMED;
		bool ours = head[0] == sizeof UWSGI_ABI_NOTE_NAME && head[2] == UWSGI_ABI_NOTE_TYPE &&
			    !memcmp(p, UWSGI_ABI_NOTE_NAME, sizeof UWSGI_ABI_NOTE_NAME);
		if (ours) {
			struct uwsgi_abi abi = { 0 };
			memcpy(&abi, p + name, head[1] < sizeof abi ? head[1] : sizeof abi);
			if (found == ABI_NOTE_FOUND && memcmp(&abi, abi_r, sizeof abi))
				return ABI_NOTE_MIXED;
			*abi_r = abi;
			found = ABI_NOTE_FOUND;
		}
		size_t step = name + (desc > left - name ? left - name : desc);
		p += step;
		left -= step;
	}
	return found;
}

enum abi_note abi_read(const unsigned char *image, size_t size, struct uwsgi_abi *abi_r)
{
	ElfW(Ehdr) header;
	if (size < sizeof header)
		return ABI_NOTE_MALFORMED;
	memcpy(&header, image, sizeof header);
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_phentsize != sizeof(ElfW(Phdr)))
		return ABI_NOTE_MALFORMED;
	enum abi_note found = ABI_NOTE_NONE;
	for (unsigned i = 0; i < header.e_phnum && found >= 0; i++) {
		ElfW(Phdr) segment;
		if (header.e_phoff > size || size - header.e_phoff < ((size_t)i + 1) * sizeof segment)
			return ABI_NOTE_MALFORMED;
		memcpy(&segment, image + header.e_phoff + (size_t)i * sizeof segment, sizeof segment);
		/* a file that was cut: loading it would end in SIGBUS */
		if ((segment.p_type == PT_NOTE || segment.p_type == PT_LOAD) &&
		    (segment.p_offset > size || size - segment.p_offset < segment.p_filesz))
			return ABI_NOTE_MALFORMED;
		if (segment.p_type != PT_NOTE)
			continue;
		found = read_notes(image + segment.p_offset, segment.p_filesz, segment.p_align == 8 ? 8 : 4, found,
				   abi_r);
	}
	return found;
}

/* Every table begins with a pointer, the name, and a row of it follows a row. */
static bool sizes_are_possible(const struct uwsgi_abi *abi)
{
	const uint32_t sizes[] = { abi->plugin_size,   abi->option_size,	abi->hook_size,
				   abi->service_size,  abi->api_fn_size,	abi->api_const_size,
				   abi->protocol_size, abi->config_format_size, abi->kind_size };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (!sizes[i] || sizes[i] % sizeof(void *))
			return false;
	return true;
}

const char *abi_refuse(const struct uwsgi_abi *abi, char *text, size_t size)
{
	if (abi->major != UWSGI_ABI_MAJOR)
		snprintf(text, size, "built for ABI %u.%u, this kernel is %u.%u: rebuild it", abi->major, abi->minor,
			 UWSGI_ABI_MAJOR, UWSGI_ABI_MINOR);
	else if (abi->pointer_size != sizeof(void *))
		snprintf(text, size, "built for %u-bit pointers, this kernel has %zu-bit ones", abi->pointer_size * 8,
			 sizeof(void *) * 8);
	else if (!sizes_are_possible(abi))
		snprintf(text, size, "its ABI note holds impossible sizes: rebuild it");
	else
		return NULL;
	return text;
}
