/* main.c - the start of the program: nothing but the way in, so that unit tests can link all the rest. */
#include "server.h"

int main(int argc, char **argv, char **envp)
{
	return server_main(argc, argv, envp);
}
