/* The title of a process: it takes the room of the arguments and the environment, and no more. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc_title.h"

/* What exec leaves behind: arguments and environment in one piece, and something of others behind it. */
static char memory[] = "uwsgi\0--ini\0HOME=/\0LANG=C\0guard";
static char *argv[] = { memory, memory + 6, NULL };
static char *envp[] = { memory + 12, memory + 19, NULL };
enum { ROOM = 26 };

Test(proc_title, is_ignored_before_it_is_ready)
{
	proc_title_set("x");
	cr_assert_str_eq(memory, "uwsgi");
}

Test(proc_title, replaces_the_arguments)
{
	proc_title_init(2, argv, envp);
	proc_title_set("uWSGI worker 1");
	cr_assert_str_eq(memory, "uWSGI worker 1");
	proc_title_set("w");
	cr_assert_str_eq(memory, "w");
	for (int i = 1; i < ROOM; i++)
		cr_assert_eq(memory[i], 0);
}

Test(proc_title, is_cut_to_its_room)
{
	proc_title_init(2, argv, envp);
	proc_title_set("a title that is much longer than all the room there is");
	cr_assert_eq(strlen(memory), ROOM - 1);
	cr_assert_str_eq(memory + ROOM, "guard");
}

Test(proc_title, leaves_the_environment_alone)
{
	proc_title_init(2, argv, envp);
	proc_title_set("a title that is much longer than all the room there is");
	cr_assert_str_eq(getenv("HOME"), "/");
	cr_assert_str_eq(getenv("LANG"), "C");
	cr_assert_eq(setenv("LANG", "D", 1), 0);
	cr_assert_str_eq(getenv("LANG"), "D");
}

Test(proc_title, uses_only_what_is_in_one_piece)
{
	static char away[] = "AWAY=1";
	static char *apart[] = { away, NULL };
	proc_title_init(2, argv, apart);
	proc_title_set("a title longer than the arguments");
	cr_assert_eq(strlen(memory), 11);
	cr_assert_str_eq(memory + 12, "HOME=/");
	cr_assert_str_eq(getenv("AWAY"), "1");
}
