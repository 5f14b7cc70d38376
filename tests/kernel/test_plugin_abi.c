/* The ABI note, read from a real plugin: whole, cut anywhere, and with bytes changed. */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin_abi.h"

static unsigned char *image;
static size_t size;

static void read_plugin(void)
{
	struct stat st;
	int fd = open(FOOBAR_PLUGIN, O_RDONLY);
	cr_assert_neq(fd, -1, "cannot open %s", FOOBAR_PLUGIN);
	cr_assert_eq(fstat(fd, &st), 0);
	size = (size_t)st.st_size;
	image = malloc(size);
	cr_assert_eq(read(fd, image, size), st.st_size);
	close(fd);
}

TestSuite(plugin_abi, .init = read_plugin);

/* The same bytes at the end of their own memory: a sanitizer sees a read beyond it. */
static enum abi_note read_copy(const unsigned char *bytes, size_t n, struct uwsgi_abi *abi_r)
{
	unsigned char *copy = malloc(n ? n : 1);
	memcpy(copy, bytes, n);
	enum abi_note found = abi_read(copy, n, abi_r);
	free(copy);
	return found;
}

static ElfW(Phdr) * segment(unsigned i)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image;
	return i < header->e_phnum ? (ElfW(Phdr) *)(image + header->e_phoff) + i : NULL;
}

/* The note segment that holds ours, and our note in it. */
static ElfW(Phdr) * note_segment(struct uwsgi_abi_note **note_r)
{
	ElfW(Phdr) * s;
	for (unsigned i = 0; (s = segment(i)); i++) {
		if (s->p_type != PT_NOTE)
			continue;
		unsigned char *at =
			memmem(image + s->p_offset, s->p_filesz, UWSGI_ABI_NOTE_NAME, sizeof UWSGI_ABI_NOTE_NAME);
		if (at) {
			*note_r = (struct uwsgi_abi_note *)(at - offsetof(struct uwsgi_abi_note, name));
			return s;
		}
	}
	cr_assert_fail("the plugin has no note");
	return NULL;
}

Test(plugin_abi, is_read_from_a_plugin)
{
	static const struct uwsgi_abi ours = UWSGI_ABI_INIT;
	struct uwsgi_abi abi = { 0 };
	char text[160];
	cr_assert_eq(read_copy(image, size, &abi), ABI_NOTE_FOUND);
	cr_assert(!memcmp(&abi, &ours, sizeof abi));
	cr_assert_null(abi_refuse(&abi, text, sizeof text));
}

Test(plugin_abi, is_not_read_from_a_file_that_ends_before_its_code)
{
	size_t loaded = 0;
	ElfW(Phdr) * s;
	for (unsigned i = 0; (s = segment(i)); i++)
		if (s->p_type == PT_LOAD && s->p_offset + s->p_filesz > loaded)
			loaded = s->p_offset + s->p_filesz;
	cr_assert_lt(loaded, size);
	for (size_t n = 0; n < size; n++) {
		struct uwsgi_abi abi;
		enum abi_note found = read_copy(image, n, &abi);
		if (n < loaded)
			cr_assert_eq(found, ABI_NOTE_MALFORMED, "%zu of %zu bytes", n, size);
		else /* what is cut off is never loaded */
			cr_assert_eq(found, ABI_NOTE_FOUND, "%zu of %zu bytes", n, size);
	}
}

Test(plugin_abi, survives_any_byte_being_another)
{
	struct uwsgi_abi abi;
	size_t step = size > 20000 ? size / 20000 : 1, heads = size < 4096 ? size : 4096;
	for (size_t at = 0; at < size; at += at < heads ? 1 : step)
		for (int bit = 0; bit < 8; bit += 7) {
			image[at] ^= (unsigned char)(1 << bit);
			abi_read(image, size, &abi);
			image[at] ^= (unsigned char)(1 << bit);
		}
}

Test(plugin_abi, is_absent_from_other_objects)
{
	struct uwsgi_abi_note *note;
	struct uwsgi_abi abi;
	note_segment(&note);
	note->type = 2;
	cr_assert_eq(abi_read(image, size, &abi), ABI_NOTE_NONE);
	note->type = UWSGI_ABI_NOTE_TYPE;
	note->name[0] = 'X';
	cr_assert_eq(abi_read(image, size, &abi), ABI_NOTE_NONE);
}

Test(plugin_abi, is_malformed_when_its_sizes_lie)
{
	static const uint32_t sizes[] = { 7000, 0x7fffffff, 0xfffffffc, 0xffffffff };
	struct uwsgi_abi abi;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct uwsgi_abi_note *note;
		note_segment(&note);
		struct uwsgi_abi_note kept = *note;
		note->name_size = sizes[i];
		cr_expect_eq(abi_read(image, size, &abi), ABI_NOTE_MALFORMED, "name of %u bytes", sizes[i]);
		*note = kept;
		note->desc_size = sizes[i];
		cr_expect_eq(abi_read(image, size, &abi), ABI_NOTE_MALFORMED, "description of %u bytes", sizes[i]);
		*note = kept;
	}
}

Test(plugin_abi, is_malformed_when_a_segment_lies_outside_the_file)
{
	static const uint64_t offsets[] = { UINT64_MAX, UINT64_MAX - 8, 1u << 30 };
	struct uwsgi_abi abi;
	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		struct uwsgi_abi_note *note;
		ElfW(Phdr) *s = note_segment(&note), kept = *s;
		s->p_offset = offsets[i];
		cr_expect_eq(abi_read(image, size, &abi), ABI_NOTE_MALFORMED);
		*s = kept;
		s->p_filesz = offsets[i];
		cr_expect_eq(abi_read(image, size, &abi), ABI_NOTE_MALFORMED);
		*s = kept;
		ElfW(Ehdr) *header = (ElfW(Ehdr) *)image, head = *header;
		header->e_phoff = offsets[i];
		cr_expect_eq(abi_read(image, size, &abi), ABI_NOTE_MALFORMED);
		*header = head;
	}
}

/* An ELF image that is nothing but a header, one note segment and two notes. */
static struct two_notes {
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	struct uwsgi_abi_note notes[2];
} two_notes(uint32_t second_minor)
{
	struct uwsgi_abi_note note = { sizeof UWSGI_ABI_NOTE_NAME, sizeof note.abi, UWSGI_ABI_NOTE_TYPE,
				       UWSGI_ABI_NOTE_NAME, UWSGI_ABI_INIT };
	struct two_notes all = { .notes = { note, note } };
	memcpy(all.header.e_ident, ELFMAG, SELFMAG);
	all.header.e_phentsize = sizeof all.segment;
	all.header.e_phnum = 1;
	all.header.e_phoff = offsetof(struct two_notes, segment);
	all.segment.p_type = PT_NOTE;
	all.segment.p_offset = offsetof(struct two_notes, notes);
	all.segment.p_filesz = sizeof all.notes;
	all.segment.p_align = 4;
	all.notes[1].abi.minor = second_minor;
	return all;
}

Test(plugin_abi, is_one_when_every_part_was_built_alike)
{
	struct two_notes same = two_notes(UWSGI_ABI_MINOR), mixed = two_notes(UWSGI_ABI_MINOR + 1);
	struct uwsgi_abi abi;
	cr_assert_eq(abi_read((unsigned char *)&same, sizeof same, &abi), ABI_NOTE_FOUND);
	cr_assert_eq(abi_read((unsigned char *)&mixed, sizeof mixed, &abi), ABI_NOTE_MIXED);
}

Test(plugin_abi, is_read_when_it_is_longer_or_shorter_than_ours)
{
	struct two_notes all = two_notes(UWSGI_ABI_MINOR);
	struct uwsgi_abi abi;
	/* the second note becomes the end of the first: words a later header added */
	all.notes[0].desc_size += sizeof all.notes[1];
	cr_assert_eq(abi_read((unsigned char *)&all, sizeof all, &abi), ABI_NOTE_FOUND);
	cr_assert_eq(abi.kind_size, sizeof(struct uwsgi_kind));
	all = two_notes(UWSGI_ABI_MINOR);
	all.segment.p_filesz = sizeof all.notes[0] - sizeof(uint32_t);
	all.notes[0].desc_size -= sizeof(uint32_t);
	cr_assert_eq(abi_read((unsigned char *)&all, sizeof all, &abi), ABI_NOTE_FOUND);
	cr_assert_eq(abi.kind_size, 0);
}

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)
#define MINOR TEXT_OF(UWSGI_ABI_MINOR)

Test(plugin_abi, says_why_a_plugin_does_not_fit)
{
	static const struct uwsgi_abi ours = UWSGI_ABI_INIT;
	static const struct {
		size_t field;
		uint32_t value;
		const char *why;
	} rows[] = {
		{ offsetof(struct uwsgi_abi, minor), 7, NULL },
		{ offsetof(struct uwsgi_abi, plugin_size), 4096, NULL },
		{ offsetof(struct uwsgi_abi, kind_size), 4096, NULL },
		{ offsetof(struct uwsgi_abi, major), 2,
		  "built for ABI 2." MINOR ", this kernel is 1." MINOR ": rebuild it" },
		{ offsetof(struct uwsgi_abi, major), 0,
		  "built for ABI 0." MINOR ", this kernel is 1." MINOR ": rebuild it" },
		{ offsetof(struct uwsgi_abi, pointer_size), 4,
		  "built for 32-bit pointers, this kernel has 64-bit ones" },
		{ offsetof(struct uwsgi_abi, plugin_size), 0, "its ABI note holds impossible sizes: rebuild it" },
		{ offsetof(struct uwsgi_abi, option_size), 0, "its ABI note holds impossible sizes: rebuild it" },
		{ offsetof(struct uwsgi_abi, hook_size), 1, "its ABI note holds impossible sizes: rebuild it" },
		{ offsetof(struct uwsgi_abi, protocol_size), 12, "its ABI note holds impossible sizes: rebuild it" },
		{ offsetof(struct uwsgi_abi, kind_size), 7, "its ABI note holds impossible sizes: rebuild it" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct uwsgi_abi abi = ours;
		char text[160];
		memcpy((char *)&abi + rows[i].field, &rows[i].value, sizeof rows[i].value);
		const char *why = abi_refuse(&abi, text, sizeof text);
		if (rows[i].why)
			cr_expect(why && !strcmp(why, rows[i].why), "row %zu: %s", i, why ? why : "accepted");
		else
			cr_expect_null(why, "row %zu: %s", i, why);
	}
}
