/* What a process had in hand is known after its death, to one heir. */
#include <sys/wait.h>

#include "spool_folder.h"
#include "spool_hand.h"

TestSuite(spool_hand, .init = folder_make, .fini = folder_remove, .timeout = 20);

static char left[256];

static void note(const char *path, void *data)
{
	(void)data;
	snprintf(left + strlen(left), sizeof left - strlen(left), "%s ", path);
}

static void die_with(const char *task, bool put)
{
	if (fork() == 0) {
		struct spool_hand *hand = spool_hand_open(&dir);
		spool_hand_take(hand, task);
		if (put)
			spool_hand_put(hand);
		_exit(0);
	}
	cr_assert_gt(wait(NULL), 0);
}

Test(spool_hand, the_task_of_a_dead_process_is_inherited_once)
{
	die_with("7/" A, false);
	die_with(B, true);
	spool_hand_inherit(&dir, note, NULL);
	cr_assert_str_eq(left, "7/" A " ");
	spool_hand_inherit(&dir, note, NULL);
	cr_assert_str_eq(left, "7/" A " ");
}

Test(spool_hand, of_who_lives_nothing_is_inherited)
{
	struct spool_hand *hand = spool_hand_open(&dir);
	cr_assert_not_null(hand);
	cr_assert_null(spool_hand_has(hand));
	spool_hand_take(hand, A);
	cr_assert_str_eq(spool_hand_has(hand), A);
	spool_hand_inherit(&dir, note, NULL);
	cr_assert_str_empty(left);
	spool_hand_put(hand);
	cr_assert_null(spool_hand_has(hand));
	spool_hand_close(&hand, &dir);
	cr_assert_null(hand);
}

Test(spool_hand, what_a_process_left_that_never_had_a_task_is_removed)
{
	write_file(SPOOL_STATE "/" SPOOL_HAND "1_1", "", 0);
	spool_hand_inherit(&dir, note, NULL);
	cr_assert_str_empty(left);
	cr_assert_not(is_there(SPOOL_STATE "/" SPOOL_HAND "1_1"));
}
