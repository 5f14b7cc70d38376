"""Plugins that are not part of the build: built in each documented way, loaded in each documented way, refused clearly."""
import concurrent.futures
import shutil
import subprocess
import sys

import pytest

from binary import BINARY, REPOSITORY, clean_environment, run
from harness import DEADLINE

EXAMPLES = REPOSITORY / "examples"

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""

# Every way a plugin is built; a source file or a folder follows.
BUILDERS = {
    "uwsgiconfig.py": [sys.executable, str(REPOSITORY / "uwsgiconfig.py"), "--plugin"],
    "uwsgi --build-plugin": [BINARY, "--build-plugin"],
}


def build(folder, *command):
    """Run a builder to its end; what it said."""
    done = subprocess.run(command, cwd=folder, env=clean_environment(), text=True, capture_output=True, timeout=DEADLINE * 3)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """built(example): a folder with the plugin of examples/<example>, built once."""
    folders = {}

    def built(example):
        if example not in folders:
            folders[example] = tmp_path_factory.mktemp(example)
            shutil.copy(EXAMPLES / example / (example + ".c"), folders[example])
            build(folders[example], *BUILDERS["uwsgiconfig.py"], example + ".c")
        return folders[example]

    return built


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("load", [("--plugin", "./foobar_plugin.so"), ("--plugin-dir", ".", "--plugin", "foobar")])
def test_the_plugin_of_the_documentation_builds_loads_and_says_hello_world(serve, tmp_path, builder, load):
    shutil.copy(EXAMPLES / "foobar" / "foobar.c", tmp_path)
    assert "foobar_plugin.so" in build(tmp_path, *BUILDERS[builder], "foobar.c")
    server = serve(HELLO, *load)
    assert "Hello World\n" in server.log
    assert server.get().text == "hello"


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_folder_is_built_as_its_uwsgiplugin_py_says(serve, write, tmp_path, builder):
    write("greet/uwsgiplugin.py", """
        import os
        NAME = "greet"
        CFLAGS = ["-DWORD=" + '"hello from a folder"']
        LDFLAGS = []
        LIBS = ["-lm"]
        GCC_LIST = ["greet", "more.c"]
        def post_build(config):
            open("built", "w").close()
    """)
    write("greet/greet.c", """
        #include <uwsgi.h>
        const char *greet_word(void);
        static int init(void) { uwsgi_log("%s\\n", greet_word()); return 0; }
        struct uwsgi_plugin greet_plugin = { .name = "greet", .init = init };
    """)
    write("greet/more.c", """
        #include <uwsgi.h>
        const char *greet_word(void) { return WORD; }
    """)
    build(tmp_path, *BUILDERS[builder], "greet")
    assert (tmp_path / "built").exists()
    server = serve(HELLO, "--plugin", "./greet_plugin.so")
    assert "hello from a folder\n" in server.log


def test_a_plugin_can_be_built_under_a_new_name(serve, write, tmp_path):
    write("greet/uwsgiplugin.py", 'NAME = "greet"\nGCC_LIST = ["greet"]\n')
    write("greet/greet.c", """
        #include <uwsgi.h>
        static int init(void) { uwsgi_log("a new name\\n"); return 0; }
        struct uwsgi_plugin greet_plugin = { .name = "greet", .init = init };
    """)
    build(tmp_path, *BUILDERS["uwsgiconfig.py"], "greet", "default", "welcome")
    server = serve(HELLO, "--plugin", "./welcome_plugin.so")
    assert "a new name\n" in server.log


def test_a_source_that_does_not_compile_is_not_built(tmp_path, write):
    write("broken.c", "#include <uwsgi.h>\nthis is no C\n")
    for builder in BUILDERS.values():
        done = subprocess.run([*builder, "broken.c"], cwd=tmp_path, text=True, capture_output=True, timeout=DEADLINE)
        assert done.returncode == 1
        assert "broken_plugin.so was not built: the compiler said why" in done.stderr.splitlines()[-1]


def test_a_plugin_brings_an_option_a_hook_and_a_function_to_four_workers(start, write, built):
    write("site.py", (EXAMPLES / "visits" / "site.py").read_text())
    plugin = built("visits") / "visits_plugin.so"
    server = start("--master", "--plugin", plugin, "--visits-start", "100", "--wsgi-file", "site.py", "--processes", "4")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = [r.text for r in pool.map(lambda _: server.get("/page"), range(80))]
    assert sorted(bodies) == sorted("visit %d\n" % n for n in range(101, 181)), "each visit counted once"
    assert server.get("/other").text == "visit 101\n"
    for number in range(1, 5):
        server.wait_for_log("visits: worker %d counts from 100\n" % number)


def test_a_function_of_a_plugin_has_its_signature_and_its_errors_in_python(serve, built):
    server = serve("""
        import uwsgi

        def application(environ, start_response):
            start_response("200 OK", [])
            lines = [uwsgi.visits.__doc__ or ""]
            for arguments in ((), ("x" * 500,), (1, 2)):
                try:
                    uwsgi.visits(*arguments)
                except Exception as error:
                    lines.append(type(error).__name__)
            return ["\\n".join(lines).encode()]
    """, "--plugin", built("visits") / "visits_plugin.so")
    text = server.get().text
    assert "Count a visit of a page" in text
    assert text.splitlines()[-3:] == ["TypeError", "ValueError", "TypeError"]


def test_an_option_of_a_plugin_that_is_not_loaded_is_refused(tmp_path):
    done = run("--visits-start", "3", "--http-socket", "127.0.0.1:0", cwd=tmp_path)
    assert done.returncode == 1
    assert "unrecognized option '--visits-start'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("plugin, reason", [
    ("./gone_plugin.so", "plugin ./gone_plugin.so: no such file"),
    ("nobody", "plugin nobody: no such plugin in the plugin directories"),
    ("./text_plugin.so", "plugin ./text_plugin.so: is no complete ELF object of this machine"),
    ("./plain_plugin.so", "plugin ./plain_plugin.so: has no ABI note: was it built with <uwsgi.h>?"),
    ("./renamed_plugin.so", "exports no renamed_plugin"),
])
def test_a_plugin_that_cannot_be_loaded_is_explained_and_ends_the_start_when_it_is_needed(serve, write, tmp_path, built,
                                                                                         plugin, reason):
    write("text_plugin.so", "this is a text\n")
    write("plain.c", "int plain_plugin;\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "plain_plugin.so", "plain.c"], cwd=tmp_path, check=True)
    shutil.copy(built("foobar") / "foobar_plugin.so", tmp_path / "renamed_plugin.so")
    done = run("--need-plugin", plugin, "--http-socket", "127.0.0.1:0", cwd=tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "need-plugin = %s: " % plugin in done.stderr.splitlines()[-1]
    assert "not starting" in done.stderr.splitlines()[-1]
    # --plugin goes on without it, as it always did
    server = serve(HELLO, "--plugin", plugin)
    assert reason in server.log
    assert "!!! UNABLE to load uWSGI plugin: %s !!! going on without it\n" % plugin in server.log
    assert server.get().text == "hello"


def test_a_strict_plugin_whose_init_fails_ends_the_start(write, tmp_path):
    write("strict.c", """
        #include <errno.h>
        #include <uwsgi.h>
        static int init(void) { return -EACCES; }
        struct uwsgi_plugin strict_plugin = { .name = "strict", .init = init, .strict = 1 };
    """)
    build(tmp_path, *BUILDERS["uwsgiconfig.py"], "strict.c")
    done = run("--plugin", "./strict_plugin.so", "--http-socket", "127.0.0.1:0", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "uwsgi: plugin strict: init failed: Permission denied; exit status 1"


def test_a_plugin_says_itself_why_the_start_ends(write, tmp_path):
    write("strict.c", """
        #include <uwsgi.h>
        static int init(void) { uwsgi_cause("strict: the moon is full\\nsecond line"); return -1; }
        struct uwsgi_plugin strict_plugin = { .name = "strict", .init = init, .strict = 1 };
    """)
    build(tmp_path, *BUILDERS["uwsgiconfig.py"], "strict.c")
    done = run("--plugin", "./strict_plugin.so", "--http-socket", "127.0.0.1:0", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "uwsgi: strict: the moon is full; exit status 1"
