/* What one image of the master keeps, the next one claims: with an environment instead of an execve between them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handover.h"

/* The next image: what execve would give it. */
static struct handover *next_image(struct handover *h)
{
	char number[16];
	int fd = handover_seal(h);
	cr_assert_geq(fd, 0);
	snprintf(number, sizeof number, "%d", fd);
	setenv(HANDOVER_ENV, number, 1);
	return handover_create();
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

Test(handover, of_a_first_image_is_empty)
{
	struct handover *h = handover_create();
	cr_assert_not(handover_taken(h));
	cr_assert_not(handover_is_trial(h));
	cr_assert_not(handover_claim(h, "socket :80", NULL, NULL));
	cr_assert_null(handover_unclaimed(h, ""));
}

Test(handover, gives_the_next_image_descriptors_and_texts)
{
	struct handover *h = handover_create();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), got;
	const char *text;
	handover_keep(h, "socket 127.0.0.1:80", fd, "1 2");
	handover_keep(h, "slots", -1, "1024");
	struct handover *next = next_image(h);
	cr_assert(handover_taken(next));
	cr_assert(handover_claim(next, "socket 127.0.0.1:80", &got, &text));
	cr_assert_eq(got, fd);
	cr_assert_str_eq(text, "1 2");
	cr_assert(is_cloexec(fd), "what the next image runs does not get it");
	cr_assert_not(handover_claim(next, "socket 127.0.0.1:80", &got, &text), "claimed once");
	cr_assert(handover_claim(next, "slots", NULL, &text));
	cr_assert_str_eq(text, "1024");
	cr_assert_null(getenv(HANDOVER_ENV), "the application does not see it");
}

Test(handover, gives_any_name_and_text_as_it_is)
{
	struct handover *h = handover_create();
	const char *text;
	handover_keep(h, "farm a\tb\nc", -1, "awk -F'\t' '{ print \"\\n\\t\\\" }'\n");
	handover_keep(h, "behind it", -1, "\\");
	struct handover *next = next_image(h);
	cr_assert(handover_claim(next, "farm a\tb\nc", NULL, &text));
	cr_assert_str_eq(text, "awk -F'\t' '{ print \"\\n\\t\\\" }'\n");
	cr_assert(handover_claim(next, "behind it", NULL, &text));
	cr_assert_str_eq(text, "\\");
}

Test(handover, what_is_claimed_is_kept_for_the_image_after)
{
	struct handover *h = handover_create();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), got;
	handover_keep(h, "life", fd, "");
	struct handover *second = next_image(h);
	cr_assert(handover_claim(second, "life", &got, NULL));
	struct handover *third = next_image(second);
	cr_assert(handover_claim(third, "life", &got, NULL));
	cr_assert_eq(got, fd);
}

Test(handover, closes_what_nobody_claims)
{
	struct handover *h = handover_create();
	int wanted = open("/dev/null", O_RDONLY), unwanted = open("/dev/null", O_RDONLY);
	handover_keep(h, "socket :80", wanted, "");
	handover_keep(h, "socket :81", unwanted, "");
	struct handover *next = next_image(h);
	handover_claim(next, "socket :80", NULL, NULL);
	cr_assert_str_eq(handover_unclaimed(next, "socket "), ":81");
	handover_finish(next);
	cr_assert(is_open(wanted));
	cr_assert_not(is_open(unwanted));
	cr_assert_null(handover_unclaimed(next, "socket "));
}

Test(handover, keeps_the_latest_of_one_name_and_drops_what_is_no_more)
{
	struct handover *h = handover_create();
	const char *text;
	handover_keep(h, "a", -1, "1");
	handover_keep(h, "a", -1, "2");
	handover_keep(h, "b", -1, "3");
	handover_drop(h, "b");
	handover_drop(h, "never there");
	struct handover *next = next_image(h);
	cr_assert(handover_claim(next, "a", NULL, &text));
	cr_assert_str_eq(text, "2");
	cr_assert_not(handover_claim(next, "b", NULL, NULL));
}

Test(handover, memory_lives_on_as_it_was_left)
{
	struct handover *h = handover_create();
	char *memory = handover_memory(h, "cache", 100);
	cr_assert_eq(memory[7], 0);
	memory[7] = 'x';
	struct handover *next = next_image(h);
	char *again = handover_memory(next, "cache", 100);
	cr_assert_neq(again, memory);
	cr_assert_eq(again[7], 'x');
	again[7] = 'y';
	cr_assert_eq(memory[7], 'y', "old and new processes share it");
}

Test(handover, memory_of_another_size_begins_anew)
{
	struct handover *h = handover_create();
	char *memory = handover_memory(h, "cache", 100);
	memory[7] = 'x';
	struct handover *next = next_image(h);
	char *again = handover_memory(next, "cache", 200);
	cr_assert_eq(again[7], 0);
}

Test(handover, memory_of_nobody_is_this_images_alone)
{
	char *memory = handover_memory(NULL, "cache", 100);
	cr_assert_eq(memory[99], 0);
}

Test(handover, after_a_failed_execve_descriptors_are_closed_on_exec_again)
{
	struct handover *h = handover_create();
	int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
	handover_keep(h, "x", kept, "");
	int fd = handover_seal(h);
	cr_assert_not(is_cloexec(kept));
	handover_unseal(h, fd);
	cr_assert(is_cloexec(kept));
	cr_assert_not(is_open(fd));
}

Test(handover, tells_a_rehearsal)
{
	setenv(HANDOVER_TRIAL, "1", 1);
	cr_assert(handover_is_trial(handover_create()));
	cr_assert_null(getenv(HANDOVER_TRIAL));
}

Test(handover, does_not_trust_a_file_that_is_not_its_own)
{
	FILE *file = tmpfile();
	char number[16];
	fputs("no tabs at all\n7\tonly one\n", file);
	fflush(file);
	snprintf(number, sizeof number, "%d", dup(fileno(file)));
	setenv(HANDOVER_ENV, number, 1);
	cr_assert_not(handover_taken(handover_create()));
}
