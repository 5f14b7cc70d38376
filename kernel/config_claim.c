/* config_claim.c - words of the command line that are neither options nor configuration files.
 *
 * A plugin's option may claim such words by their endings, so that `uwsgi app.py` means --wsgi-file app.py while only
 * the plugin knows what a .py is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_parts.h"

static const char any_pair[] = ":"; /* what an option claims that takes NAME:NAME */

static const struct uwsgi_option *claimant_here(const struct config *config, const char *what)
{
	const struct uwsgi_option *opt;
	for (size_t i = 0; (opt = option_at(config->host.options, i, NULL)); i++)
		if (words_have(opt->claims, what))
			return opt;
	return NULL;
}

static const struct uwsgi_option *claimant(const struct config *config, const char *what)
{
	const struct uwsgi_option *opt = claimant_here(config, what);
	if (!opt && config->host.autoload && config->host.autoload(config->host.ctx, "claim", what))
		opt = claimant_here(config, what);
	return opt;
}

/* The option that claims the ending of name[0..n). */
static const struct uwsgi_option *claimant_of_name(const struct config *config, const char *name, size_t n)
{
	char ending[16];
	const char *dot = memrchr(name, '.', n);
	if (!dot || memchr(dot, '/', (size_t)(name + n - dot)) || (size_t)(name + n - dot) >= sizeof ending)
		return NULL;
	snprintf(ending, sizeof ending, "%.*s", (int)(name + n - dot), dot);
	return claimant(config, ending);
}

const struct uwsgi_option *config_claimant(const struct config *config, const char *word)
{
	const struct uwsgi_option *opt = claimant_of_name(config, word, strlen(word));
	const char *colon = strrchr(word, ':');
	if (opt || !colon || colon == word || !colon[1])
		return opt;
	opt = claimant_of_name(config, word, (size_t)(colon - word));
	/* a path is no name: it is a file of an unknown kind */
	return opt || strchr(word, '/') ? opt : claimant(config, any_pair);
}
