"""The checks catch what they are for: each is run on something small that breaks one rule."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CC = shlex.split(os.environ.get("CC", "cc"))

MESON = """kernel_sources = files(
  # 0 base
  'log.c',
  # 1 registries
  'hook.c',
  # 4 top
  'plugin_file.c', 'master.c',
)
"""

# what is written where, and what the check says of it
VIOLATIONS = [
    ("kernel/log.c", '#include "log.h"\n#include "hook.h"\n', 'kernel/log.c:2: layer 0 includes "hook.h" of layer 1'),
    ("kernel/hook.h", '#include "kernel.h"\n', 'kernel/hook.h:1: layer 1 includes "kernel.h" of layer 4'),
    ("kernel/hook.c", 'int n;\nconst char *p = "store";\n', "kernel/hook.c:2: the kernel names the plugin 'store'"),
    ("kernel/hook.c", "int store_count;\n", "kernel/hook.c:1: the kernel names the plugin 'store'"),
    ("kernel/hook.c", 'const char *p = "/*"; int store;\n', "kernel/hook.c:1: the kernel names the plugin 'store'"),
    ("kernel/hook.c", "/* one\n * two */\nint spooler;\n", "kernel/hook.c:3: the kernel names the plugin 'spooler'"),
    ("kernel/include/uwsgi/x.h", "int uwsgi_store;\n",
     "kernel/include/uwsgi/x.h:1: the kernel names the plugin 'store'"),
    ("kernel/hook.c", "#include <uwsgi/iface/a.h>\n",
     "kernel/hook.c:1: the kernel reads a contract of plugins, <uwsgi/iface/a.h>"),
    ("kernel/hook.c", "extern int count;\n", "kernel/hook.c:1: an extern variable"),
    ("kernel/hook.c", "void *p = dlopen(0, 0);\n", "kernel/hook.c:1: only the plugin loader loads code"),
    ("kernel/new.c", "int a;\nint b;\n", "kernel/new.c:1: no layer in kernel/meson.build"),
    ("plugins/store/a.c", '#include "../http/http.h"\n',
     'plugins/store/a.c:1: a plugin reaches out of its folder, "../http/http.h"'),
    ("plugins/store/a.c", '#include "hook.h"\n', 'plugins/store/a.c:1: "hook.h" is not a file of its own folder'),
    ("plugins/store/a.c", "#include <../private.h>\n",
     'plugins/store/a.c:1: a plugin reaches out of its folder, "../private.h"'),
    ("plugins/store/a.c", "\n\nf = dlsym(h, name);\n", "plugins/store/a.c:3: only the plugin loader loads code"),
]

ALLOWED = [
    ("kernel/hook.c", "/* as the store does */ int n; // store\n"),
    ("kernel/hook.c", '#include "hook.h"\n#include "log.h"\n#include <stdio.h>\n'),
    ("kernel/hook.c", "int restored, stored;\n"),
    ("kernel/hook.c", "extern const struct row row;\nextern int f(void);\n"),
    ("kernel/plugin_file.c", "void *p = dlopen(0, 0);\n"),
    ("kernel/include/uwsgi/iface/store.h", "int uwsgi_store;\n"),
    ("plugins/store/a.c", '#include <uwsgi.h>\n#include <uwsgi/iface/other.h>\n#include "store.h"\n'),
]


def run(script, *args):
    done = subprocess.run([sys.executable, HERE / script, *map(str, args)], text=True, capture_output=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.split("\n")[:-1]


@pytest.fixture
def tree(tmp_path):
    """A source tree that keeps every rule."""
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("kernel/meson.build", MESON)
    write("plugins/store/store.h", "")
    write("plugins/http/http.h", "")
    return tmp_path, write


@pytest.mark.parametrize("name, text, expected", VIOLATIONS, ids=[v[2] for v in VIOLATIONS])
def test_a_broken_rule_is_reported_with_its_line(tree, name, text, expected):
    root, write = tree
    write(name, text)
    assert run("check_layers.py", root) == (1, [expected])


@pytest.mark.parametrize("name, text", ALLOWED)
def test_what_keeps_the_rules_is_not_reported(tree, name, text):
    root, write = tree
    write(name, text)
    assert run("check_layers.py", root) == (0, [""])


def build(path, source, *flags):
    subprocess.run([*CC, "-x", "c", "-", "-o", str(path), *flags], input=source, text=True, check=True, timeout=60)
    return path


@pytest.fixture
def objects(tmp_path):
    """An executable that exports two functions, and the list that says so."""
    executable = build(tmp_path / "server", "void uwsgi_a(void){} void uwsgi_b(void){} int main(void){return 0;}",
                       "-rdynamic")
    golden = tmp_path / "symbols"
    golden.write_text("# names\nuwsgi_a\nuwsgi_b\n")
    return golden, executable, tmp_path


def test_matching_objects_pass(objects):
    golden, executable, directory = objects
    plugin = build(directory / "x_plugin.so", "void uwsgi_a(void); int x_plugin; static void f(void){uwsgi_a();} "
                   "void (*g)(void) __attribute__((visibility(\"hidden\"))) = f;", "-shared", "-fPIC")
    assert run("check_symbols.py", golden, executable, plugin) == (0, [""])


def test_a_function_that_is_gone_is_reported_with_its_line(objects):
    golden, executable, _ = objects
    golden.write_text("uwsgi_a\nuwsgi_gone\nuwsgi_b\n")
    assert run("check_symbols.py", golden, executable) == (1, [f"{golden}:2: {executable} no longer exports uwsgi_gone"])


def test_a_function_that_nobody_promised_is_reported(objects):
    golden, executable, _ = objects
    golden.write_text("uwsgi_a\n")
    status, lines = run("check_symbols.py", golden, executable)
    assert (status, len(lines)) == (1, 1) and "exports uwsgi_b, which is not in the list" in lines[0]


@pytest.mark.parametrize("source, complaint", [
    ("int x_plugin; int helper;", "exports helper x_plugin, not just x_plugin"),
    ("int y_plugin;", "exports y_plugin, not just x_plugin"),
    ("static int n; int *f(void); ", "exports nothing, not just x_plugin"),
    ("void uwsgi_c(void); void *x_plugin = uwsgi_c;", "needs uwsgi_c, which the kernel does not promise"),
])
def test_a_plugin_that_offers_or_needs_more_is_reported(objects, source, complaint):
    golden, executable, directory = objects
    plugin = build(directory / "x_plugin.so", source, "-shared", "-fPIC")
    assert run("check_symbols.py", golden, executable, plugin) == (1, [f"{plugin}:1: {complaint}"])


def test_a_kernel_file_without_a_test_is_reported(tmp_path):
    for name, text in {"kernel/orphan.c": "", "tests/kernel/test_lost.c": "", "tests/meson.build": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    status, lines = run("check_tests.py", tmp_path)
    assert status == 1
    assert "kernel/orphan.c:1: has no tests/kernel/test_orphan.c" in lines
    assert "tests/kernel/test_lost.c:1: is not built by tests/meson.build" in lines
