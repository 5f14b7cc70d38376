"""Plugins of every age meet this kernel: what fits is loaded, what does not is refused before any of it runs."""

import os
import pathlib
import shutil
import struct
import subprocess

import pytest

BINARY = os.environ["UWSGI_BINARY"]
PLUGINS = pathlib.Path(os.environ["ABI_PLUGINS"])
SOURCE = pathlib.Path(__file__).resolve().parent / "source"

GIVEN = """#include <uwsgi.h>

static int foo_init() {
      uwsgi_log("Hello World\\n");
      return 0;
}

struct uwsgi_plugin foobar_plugin = {
        .name = "foobar",
        .init = foo_init,
};
"""


def start(cwd, *args):
    """Load plugins; without a socket the start ends by itself right after their init."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("UWSGI_")}
    env["UWSGI_ALLOW_ROOT"] = "true"
    done = subprocess.run([BINARY, *map(str, args)], cwd=cwd, env=env, text=True, capture_output=True, timeout=30,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr


def refused(path, tmp_path):
    log = start(tmp_path, "--plugin", path)[1]
    assert f"!!! UNABLE to load uWSGI plugin: {path} !!!" in log
    assert "Hello World" not in log and "a constructor ran" not in log
    return log


def test_the_given_source_is_kept_byte_for_byte():
    assert (SOURCE / "foobar_plugin.c").read_text() == GIVEN


def test_the_given_source_is_loaded_by_path(tmp_path):
    shutil.copy(PLUGINS / "foobar_plugin.so", tmp_path)
    assert "Hello World\n" in start(tmp_path, "--plugin", "./foobar_plugin.so")[1]


def test_the_given_source_is_loaded_by_name(tmp_path):
    assert "Hello World\n" in start(tmp_path, "--plugin-dir", PLUGINS, "--plugin", "foobar")[1]


def test_a_plugin_is_loaded_once(tmp_path):
    path = PLUGINS / "foobar_plugin.so"
    log = start(tmp_path, "--plugin", path, "--plugin", path, "--plugin-dir", PLUGINS, "--plugin", "foobar")[1]
    assert log.count("Hello World\n") == 1


def test_a_plugin_for_another_major_is_refused_before_it_runs(tmp_path):
    assert "built for ABI 2.0, this kernel is 1." in refused(PLUGINS / "next_major_plugin.so", tmp_path)


def test_a_later_plugin_is_loaded_when_it_uses_nothing_new(tmp_path):
    log = start(tmp_path, "--plugin", PLUGINS / "later_plugin.so")[1]
    assert "a constructor ran" in log and "a later plugin is at work" in log


def test_a_later_plugin_is_refused_when_it_uses_something_new(tmp_path):
    log = start(tmp_path, "--plugin", PLUGINS / "later_used_plugin.so")[1]
    assert "uses a field this kernel does not know: use a newer kernel" in log
    assert "a later plugin is at work" not in log


@pytest.mark.parametrize("name, reason", [
    ("noteless", "has no ABI note: was it built with <uwsgi.h>?"),
    ("needy", "needs uwsgi_function_of_tomorrow, which this kernel does not provide"),
    ("misnamed", "exports no misnamed_plugin: is the table named after the file"),
])
def test_what_is_no_plugin_of_this_kernel_is_refused_with_the_reason(tmp_path, name, reason):
    assert reason in refused(PLUGINS / f"{name}_plugin.so", tmp_path)


def patched(tmp_path, change):
    """The given plugin with bytes of its note changed; the note's words begin with major and minor."""
    image = bytearray((PLUGINS / "foobar_plugin.so").read_bytes())
    note = image.index(struct.pack("3I8s", 6, 48, 1, b"uWSGI")) + 20
    change(image, note)
    path = tmp_path / "foobar_plugin.so"
    path.write_bytes(image)
    return path


@pytest.mark.parametrize("word, value, reason", [
    (0, 2, "built for ABI 2."),
    (0, 0, "built for ABI 0."),
    (2, 4, "built for 32-bit pointers, this kernel has 64-bit ones"),
    (3, 0, "its ABI note holds impossible sizes: rebuild it"),
    (4, 0, "its ABI note holds impossible sizes: rebuild it"),
    (11, 4, "its ABI note holds impossible sizes: rebuild it"),
])
def test_a_note_that_does_not_fit_is_refused(tmp_path, word, value, reason):
    path = patched(tmp_path, lambda image, note: struct.pack_into("I", image, note + 4 * word, value))
    assert reason in refused(path, tmp_path)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1000, 8000])
def test_a_file_that_ends_early_is_refused(tmp_path, size):
    path = tmp_path / "foobar_plugin.so"
    path.write_bytes((PLUGINS / "foobar_plugin.so").read_bytes()[:size])
    assert "is no complete ELF object of this machine" in refused(path, tmp_path)


def test_a_plugin_that_is_not_there_is_named(tmp_path):
    assert "plugin ./nowhere_plugin.so: no such file" in start(tmp_path, "--plugin", "./nowhere_plugin.so")[1]
    assert "plugin nowhere: no such plugin in the plugin directories" in start(tmp_path, "--plugin", "nowhere")[1]
