/* proc_title.c - the name of this process in ps: Linux shows the memory the arguments were put in at exec. */
#include "proc_title.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where exec put the arguments: a fact of the process, not of any part of the server. */
static char *area;
static size_t area_size;

void proc_title_init(int argc, char **argv, char **envp)
{
	char *end = argv[0];
	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	size_t count = 0;
	while (envp[count])
		count++;
	char **moved = calloc(count + 1, sizeof *moved);
	if (!moved)
		return;
	for (size_t i = 0; i < count; i++) {
		if (envp[i] == end)
			end += strlen(envp[i]) + 1;
		moved[i] = strdup(envp[i]);
		if (!moved[i])
			return;
	}
	area = argv[0];
	area_size = (size_t)(end - argv[0]);
	environ = moved;
}

void proc_title_set(const char *title)
{
	if (!area)
		return;
	size_t n = strlen(title);
	if (n >= area_size)
		n = area_size - 1;
	memcpy(area, title, n);
	memset(area + n, 0, area_size - n);
}
