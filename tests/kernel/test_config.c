/* Whole configurations: a command line and files in, settings and an exit status out. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "config_parts.h"
#include "option.h"
#include "settings.h"

static char dir[] = "/tmp/test_config_XXXXXX";
static struct settings settings;
static struct config *config;
static char loaded[256];

static int note_plugins(void *ctx, const char *list, bool required)
{
	(void)ctx;
	snprintf(loaded + strlen(loaded), sizeof loaded - strlen(loaded), "%s;", list);
	return required && strstr(list, "missing") ? -1 : 0;
}

static bool has_plugin(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "here");
}

static const char *upstream(void *ctx)
{
	(void)ctx;
	return UPSTREAM_OPTIONS;
}

static int finish(void *ctx)
{
	return settings_finish(ctx);
}

static void setup(void)
{
	cr_redirect_stderr();
	cr_redirect_stdout();
	cr_assert(mkdtemp(dir) && !chdir(dir));
	struct config_host host = {
		.options = option_registry_create(),
		.ctx = &settings,
		.version = "3.0.0",
		.load_plugins = note_plugins,
		.has_plugin = has_plugin,
		.upstream_options = upstream,
		.finish = finish,
	};
	cr_assert_eq(settings_register(&settings, host.options), 0);
	config = config_create(&host);
	cr_assert_not_null(config);
}

static void teardown(void)
{
	char *command = NULL;
	if (asprintf(&command, "rm -rf %s", dir) != -1)
		cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = setup, .fini = teardown);

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	fputs(text, file);
	fclose(file);
}

/* Run with the words of one line (no quoting). */
static int run(const char *line)
{
	static char words[512];
	char *argv[64] = { "uwsgi" }, *rest = words;
	int argc = 1;
	snprintf(words, sizeof words, "%s", line);
	while (rest && argc < 63)
		argv[argc++] = strsep(&rest, " ");
	return config_run(config, argc, argv);
}

static int run_ini(const char *text)
{
	put("x.ini", text);
	return run("--ini x.ini");
}

/* Did the log say so? */
static bool logged(const char *text)
{
	char log[16384];
	fflush(stderr);
	FILE *in = cr_get_redirected_stderr();
	size_t n = fread(log, 1, sizeof log - 1, in);
	log[n] = '\0';
	return strstr(log, text) != NULL;
}

static bool printed(const char *text)
{
	char out[65536];
	fflush(stdout);
	FILE *in = cr_get_redirected_stdout();
	size_t n = fread(out, 1, sizeof out - 1, in);
	out[n] = '\0';
	return strstr(out, text) != NULL;
}

static const char *get(const char *key)
{
	const char *value = config_get(config, key);
	return value ? value : "<none>";
}

/* ---- precedence: the probed table ---- */

static const char two_workers[] = "[uwsgi]\nworkers = 2\n";

Test(config, command_line_beats_the_environment)
{
	setenv("UWSGI_WORKERS", "5", 1);
	cr_assert_eq(run("--workers 3"), CONFIG_START);
	cr_assert_eq(settings.processes, 3);
}

Test(config, an_option_after_the_file_beats_the_file)
{
	put("w2.ini", two_workers);
	run("--ini w2.ini --workers 3");
	cr_assert_eq(settings.processes, 3);
}

Test(config, a_file_beats_the_option_before_it)
{
	put("w2.ini", two_workers);
	run("--workers 3 --ini w2.ini");
	cr_assert_eq(settings.processes, 2);
}

Test(config, a_positional_file_comes_after_every_option)
{
	put("w2.ini", two_workers);
	run("w2.ini --workers 3");
	cr_assert_eq(settings.processes, 2);
}

Test(config, a_file_beats_the_environment)
{
	setenv("UWSGI_WORKERS", "5", 1);
	put("w2.ini", two_workers);
	run("w2.ini");
	cr_assert_eq(settings.processes, 2);
}

Test(config, inherited_keys_come_last)
{
	put("t.ini", "[uwsgi]\nworkers = 5\nset-me = %(workers)\n");
	cr_assert_eq(run_ini("[uwsgi]\ninherit = t.ini\nworkers = 3\n"), CONFIG_START);
	cr_assert_eq(settings.processes, 5);
}

Test(config, the_place_of_an_include_decides)
{
	put("t.ini", "[uwsgi]\nworkers = 5\n");
	run_ini("[uwsgi]\ninclude = t.ini\nworkers = 3\n");
	cr_assert_eq(settings.processes, 3);
}

/* ---- the command line ---- */

Test(config, takes_letters_in_one_word)
{
	cr_assert_eq(run("-Mp4 -s :3031 -C660"), CONFIG_START);
	cr_assert(settings.master);
	cr_assert_eq(settings.processes, 4);
	cr_assert_str_eq(settings.sockets[0].address, ":3031");
	cr_assert_str_eq(settings.chmod_socket, "660");
}

Test(config, takes_values_with_and_without_equals)
{
	run("--processes=2 --threads 3 --chmod-socket --vacuum");
	cr_assert_eq(settings.processes, 2);
	cr_assert_eq(settings.threads, 3);
	cr_assert(settings.enable_threads);
	cr_assert_str_eq(settings.chmod_socket, "");
	cr_assert(settings.vacuum);
}

Test(config, completes_an_unambiguous_beginning)
{
	cr_assert_eq(run("--process 3"), CONFIG_START);
	cr_assert_eq(settings.processes, 3);
}

Test(config, lists_what_an_ambiguous_beginning_could_be)
{
	cr_assert_eq(run("--chmod-"), CONFIG_START);
	cr_assert_eq(run("--log-x"), CONFIG_START);
	cr_assert_eq(run("--pidf x"), -1);
	cr_assert(logged("option '--pidf' is ambiguous, it could be --pidfile --pidfile2"));
}

Test(config, refuses_an_unknown_option_and_names_the_nearest)
{
	cr_assert_eq(run("--vaccum"), -1);
	cr_assert(logged("unrecognized option '--vaccum', did you mean --vacuum?"));
}

Test(config, wants_the_argument_of_an_option)
{
	cr_assert_eq(run("--processes"), -1);
	cr_assert(logged("option '--processes' requires an argument"));
}

Test(config, takes_a_section_with_a_file_named_either_way)
{
	put("a.ini", "[uwsgi]\nworkers = 2\n[dev]\nworkers = 7\n");
	run("--ini a.ini:dev");
	cr_assert_eq(settings.processes, 7);
	run("a.ini");
	cr_assert_eq(settings.processes, 2);
	run("a.ini:dev");
	cr_assert_eq(settings.processes, 7);
	run("--ini a.ini:");
	cr_assert_eq(settings.processes, 2);
}

Test(config, refuses_a_file_of_unknown_kind)
{
	cr_assert_eq(run("app.conf"), -1);
	cr_assert(logged("unable to load configuration from app.conf"));
}

Test(config, says_why_a_file_cannot_be_read)
{
	cr_assert_eq(run("--ini none.ini"), -1);
	cr_assert(logged("cannot read the configuration none.ini: No such file or directory"));
}

Test(config, ignores_private_variables_and_keeps_unknown_ones)
{
	setenv("UWSGI_RELOADS", "1", 1);
	setenv("UWSGI_MY_KEY", "text", 1);
	cr_assert_eq(run("--master"), CONFIG_START);
	cr_assert_null(config_get(config, "reloads"));
	cr_assert_str_eq(get("my-key"), "text");
}

/* ---- files ---- */

Test(config, reads_another_section_of_the_same_file)
{
	cr_assert_eq(run_ini("[uwsgi]\nini = :base\nworkers = 4\n[base]\nthreads = 2\n"), CONFIG_START);
	cr_assert_eq(settings.processes, 4);
	cr_assert_eq(settings.threads, 2);
}

Test(config, stops_when_a_file_includes_itself)
{
	cr_assert_eq(run_ini("[uwsgi]\ninclude = x.ini\n"), -1);
	cr_assert(logged("more than 32 deep"));
}

Test(config, warns_about_a_missing_section_and_goes_on)
{
	cr_assert_eq(run_ini("[uwsgi-production]\nworkers = 4\n"), CONFIG_START);
	cr_assert_eq(settings.processes, 1);
	cr_assert(logged("Can't find section \"uwsgi\""));
}

/* ---- values ---- */

Test(config, expands_values_after_everything_was_collected)
{
	setenv("PORT_TEST", "8001", 1);
	run_ini("[uwsgi]\nsocket = %(host):$(PORT_TEST)\nhost = 127.0.0.1\nchdir = %(root)/%(app)\nroot = /srv\napp = "
		"%(name)\nname = blog\n");
	cr_assert_str_eq(settings.sockets[0].address, "127.0.0.1:8001");
	cr_assert_str_eq(settings.chdir, "/srv/blog");
}

Test(config, replaces_letters_in_files_only)
{
	run_ini("[uwsgi]\npidfile = %d%n.pid\n");
	char wanted[64];
	snprintf(wanted, sizeof wanted, "%s/x.pid", dir);
	cr_assert_str_eq(settings.pidfile, wanted);
	run("--pidfile %n.pid");
	cr_assert_str_eq(settings.pidfile, "%n.pid");
}

Test(config, gives_sockets_the_protocol_that_came_later)
{
	run_ini("[uwsgi]\nsocket = :1\nprotocol = other\nuwsgi-socket = :2\n");
	cr_assert_str_eq(settings.sockets[0].protocol, "other");
	cr_assert_str_eq(settings.sockets[1].protocol, "uwsgi");
}

Test(config, sets_the_environment_in_order)
{
	run_ini("[uwsgi]\nenv = A_TEST=1\nenv = B_TEST=%(my).settings\nmy = blog\nenv = C_TEST\nunenv = A_TEST\nenv = "
		"D_TEST = x y\n");
	cr_assert_null(getenv("A_TEST"));
	cr_assert_str_eq(getenv("B_TEST"), "blog.settings");
	cr_assert_str_eq(getenv("C_TEST"), "");
	cr_assert_str_eq(getenv("D_TEST"), "x y");
}

Test(config, warns_where_a_number_has_a_comment)
{
	cr_assert_eq(run_ini("[uwsgi]\nmax-requests = 1000 # x\nvacuum = true ; x\n"), CONFIG_START);
	cr_assert_eq(settings.max_requests, 1000);
	cr_assert(settings.vacuum);
	cr_assert(logged("x.ini:2: max-requests: \"1000 # x\" is read as 1000"));
}

Test(config, names_the_line_of_a_value_that_is_refused)
{
	cr_assert_eq(run_ini("[uwsgi]\n\nprocesses = -1\n"), -1);
	cr_assert(logged("x.ini:3: processes = -1"));
}

/* ---- logic ---- */

Test(config, repeats_keys_in_a_loop_line_by_line)
{
	run_ini("[uwsgi]\nfor = 1 2\nplugin-dir = /a%(_)\nadd-header = H: %(_)\nendfor =\nfor-times = 2\n"
		"plugin-dir = /t%(_)\nendfor =\n");
	cr_assert_eq(settings.plugin_dirs.n, 4);
	cr_assert_str_eq(settings.plugin_dirs.v[1], "/a2");
	cr_assert_str_eq(settings.plugin_dirs.v[3], "/t2");
	cr_assert_eq(settings.add_headers.n, 2);
}

Test(config, keeps_the_keys_of_a_condition_that_holds)
{
	setenv("MODE_TEST", "dev", 1);
	run_ini("[uwsgi]\nif-env = MODE_TEST\nname = %(_)\nelse =\nname = none\nendif =\n"
		"if-env = MODE_TEST=prod\nbad = 1\nend-if =\nif-not-env = NONE_TEST\nworkers = 3\nendif\n"
		"if-exists = x.ini\npidfile = %(_).pid\nendif\nif-dir = x.ini\nbad = 1\nendif\n"
		"if-opt = workers=3\nthreads = 4\nend\nif-plugin = here\nmaster\nend\nif-reload =\nbad = 1\nend\n");
	cr_assert_str_eq(get("name"), "dev");
	cr_assert_str_eq(get("bad"), "<none>");
	cr_assert_eq(settings.processes, 3);
	cr_assert_eq(settings.threads, 4);
	cr_assert(settings.master);
	cr_assert_str_eq(settings.pidfile, "x.ini.pid");
}

Test(config, refuses_blocks_in_blocks)
{
	cr_assert_eq(run_ini("[uwsgi]\nif-env = HOME\nfor = a b\n"), -1);
	cr_assert(logged("x.ini:3: for: recursive logic in options is not supported"));
}

/* ---- keys that are no option ---- */

Test(config, keeps_an_unknown_key_and_warns_once)
{
	cr_assert_eq(run_ini("[uwsgi]\nname = blog\npidfile = %(name)\n\nvaccum = true\nvaccum = true\n"),
		     CONFIG_START);
	cr_assert_str_eq(get("vaccum"), "true");
	cr_assert(logged("x.ini:5: vaccum: no such option, did you mean vacuum? It is kept as a placeholder\n"));
}

Test(config, does_not_warn_about_a_key_somebody_refers_to)
{
	run_ini("[uwsgi]\nnam = blog\npidfile = %(nam)\nset-placeholder = vacum=1\n");
	cr_assert_not(logged("no such option"));
}

Test(config, refuses_an_unknown_key_under_strict)
{
	cr_assert_eq(run_ini("[uwsgi]\nearlier = 1\nstrict = true\nset-ph = fine=1\nvaccum = 1\n"), -1);
	cr_assert(logged("x.ini:5: [strict-mode] unknown config directive: vaccum"));
}

Test(config, accepts_a_known_option_with_a_line_about_it)
{
	cr_assert_eq(run_ini("[uwsgi]\n\nharakiri = 30\n"), CONFIG_START);
	cr_assert(logged("x.ini:3: harakiri is known but not there yet, ignored"));
}

Test(config, recognises_every_option_of_upstream)
{
	/* None may be taken for a placeholder; options and formats of plugins are known too when no plugin is there. */
	char line[512];
	FILE *list = fopen(UPSTREAM_OPTIONS, "r");
	cr_assert_eq(run("--help=none"), CONFIG_DONE);
	while (fgets(line, sizeof line, list)) {
		if (*line == '#' || strstr(line, "\tprivate\t"))
			continue;
		line[strcspn(line, "\t")] = '\0';
		struct config_target target = config_lookup(config, line);
		cr_expect(target.opt || target.known, "%s is not recognised", line);
	}
	fclose(list);
}

Test(config, refuses_a_known_option_under_strict)
{
	cr_assert_eq(run_ini("[uwsgi]\nstrict = true\nharakiri = 30\n"), -1);
	cr_assert(logged("x.ini:3: harakiri is known but not there yet, refused because of strict"));
}

Test(config, takes_known_options_on_the_command_line_with_their_arguments)
{
	cr_assert_eq(run("--harakiri 30 -t 20 --harakiri-verbose --processes 2"), CONFIG_START);
	cr_assert_eq(settings.processes, 2);
}

/* ---- directives ---- */

Test(config, sets_options_and_placeholders)
{
	cr_assert_eq(run("--set workers=3 -S name=x --pidfile /%(name).pid"), CONFIG_START);
	cr_assert_eq(settings.processes, 3);
	cr_assert_str_eq(settings.pidfile, "/x.pid");
}

Test(config, refuses_a_placeholder_with_the_name_of_an_option)
{
	cr_assert_eq(run("--set-ph workers=3"), -1);
	cr_assert(logged("you cannot use workers as a placeholder"));
}

Test(config, refuses_a_set_without_a_value)
{
	cr_assert_eq(run("--set workers"), -1);
	cr_assert(logged("invalid --set value"));
}

Test(config, declares_options_made_of_options)
{
	cr_assert_eq(run_ini("[uwsgi]\ndeclare-option = site=socket=$1;chdir=/srv/$2\nsite = :3031 blog\n"),
		     CONFIG_START);
	cr_assert_str_eq(settings.sockets[0].address, ":3031");
	cr_assert_str_eq(settings.chdir, "/srv/blog");
}

Test(config, guards_with_a_blacklist_and_a_whitelist)
{
	cr_assert_eq(run_ini("[uwsgi]\nblacklist = uid gid\nend-blacklist =\nuid = 1\nblacklist = uid\nuid = 2\n"), -1);
	cr_assert(logged("x.ini:6: uid is on the blacklist"));
}

Test(config, loads_plugins_in_order_and_those_needed_or_not_at_all)
{
	cr_assert_eq(run("--plugins-dir /p --plugin a,b --plugins 0:c --need-plugin missing"), -1);
	cr_assert_str_eq(loaded, "a,b;0:c;missing;");
	cr_assert_str_eq(settings.plugin_dirs.v[0], "/p");
}

Test(config, leaves_with_the_status_it_was_told)
{
	cr_assert_eq(run_ini("[uwsgi]\nexit = 7\nbad = 1\n"), -7);
	cr_assert_null(config_get(config, "bad"));
}

/* ---- answers ---- */

Test(config, checks_without_starting)
{
	put("x.ini", two_workers);
	cr_assert_eq(run("--check x.ini"), CONFIG_DONE);
	cr_assert(printed("x.ini: configuration is valid\n"));
}

Test(config, checks_what_must_hold_between_options)
{
	put("x.ini", "[uwsgi]\nbuffer-size = 1\n");
	cr_assert_eq(run("--check x.ini"), -1);
}

Test(config, explains_where_a_value_came_from)
{
	put("x.ini", "[uwsgi]\nworkers = 2\nenv = DB_PASSWORD=hunter2\nname = blog\nworkers = 4\n");
	cr_assert_eq(run("--master --explain x.ini"), CONFIG_DONE);
	char out[4096];
	fflush(stdout);
	size_t n = fread(out, 1, sizeof out - 1, cr_get_redirected_stdout());
	out[n] = '\0';
	cr_assert(strstr(out, "workers = 4") && strstr(out, "x.ini:5"));
	cr_assert_null(strstr(out, "workers = 2"));
	cr_assert(strstr(out, "env = ***") && !strstr(out, "hunter2"));
	cr_assert(strstr(out, "master = true") && strstr(out, "command line"));
	cr_assert_not_null(strstr(out, "x.ini:4 (placeholder)"));
}

Test(config, prints_the_version_and_values)
{
	cr_assert_eq(run("--version"), CONFIG_DONE);
	cr_assert(printed("3.0.0\n"));
	cr_assert_eq(run("--set a=b --get a"), CONFIG_DONE);
}

Test(config, helps_by_group)
{
	cr_assert_eq(run("--help=sockets"), CONFIG_DONE);
	cr_assert(printed("-s|--socket VALUE"));
}

Test(config, shows_the_configuration_as_ini_and_starts)
{
	cr_assert_eq(run("--show-config -p 4 --vacuum"), CONFIG_START);
	cr_assert(logged("[uwsgi]\nshow-config = true\nprocesses = 4\nvacuum = true\n;end of configuration\n"));
}

static void note_key(const char *key, const char *value, void *data)
{
	char *text = data;
	sprintf(text + strlen(text), "%s=%s;", key, value ? value : "NULL");
}

Test(config, walks_every_key_in_order)
{
	char text[256] = "";
	put("x.ini", "[uwsgi]\nmaster\nkey = a\nkey = b\n");
	run("--ini x.ini");
	config_each(config, note_key, text);
	cr_assert_str_eq(text, "ini=x.ini;master=NULL;key=a;key=b;");
}
