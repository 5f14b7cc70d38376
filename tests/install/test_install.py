"""What `meson install` puts where, and that the installed server needs nothing of the source and build trees.

Builds on its own, in a folder of the test, with a prefix there: about ten seconds.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))

import harness  # noqa: E402

PLUGINS = ["http", "json", "python", "xml", "yaml"]
HELLO = """
import uwsgidecorators

def application(environ, start_response):
    start_response("200 OK", [])
    return [uwsgidecorators.__file__.encode()]
"""


def command(*words, cwd=None, env=None):
    """Run to the end, which must be a good one; what it said."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("UWSGI_") and k != "DESTDIR"}
    clean["UWSGI_ALLOW_ROOT"] = "true"
    done = subprocess.run([str(word) for word in words], cwd=cwd, env={**clean, **(env or {})}, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout
    return done.stdout


def files_of(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class Tree:
    """A build, and where its prefix is."""

    def __init__(self, top):
        self.build, self.prefix = top / "build", top / "prefix"
        command("meson", "setup", self.build, REPOSITORY, "-Dtests=false", "--libdir=lib", "--prefix=%s" % self.prefix)
        command("ninja", "-C", self.build, "-j2")

    def install(self, *options, destdir=None):
        """The files that were installed, relative to the prefix."""
        command("meson", "install", "--no-rebuild", "-C", self.build, *options, env={"DESTDIR": str(destdir)} if destdir else {})
        return files_of(destdir / self.prefix.relative_to("/") if destdir else self.prefix)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def installed(tree):
    """The prefix with everything in it, and the source and build trees it came from out of reach."""
    tree.install()
    hidden = tree.build.with_name("hidden")
    tree.build.rename(hidden)
    yield tree.prefix
    hidden.rename(tree.build)


def test_each_plugin_has_a_tag_of_its_own(tree, tmp_path):
    for name in PLUGINS:
        files = tree.install("--tags", "plugin-" + name, destdir=tmp_path / name)
        expected = {"lib/uwsgi/1/%s_plugin%s" % (name, ending) for ending in (".so", ".manifest")}
        if name == "python":
            expected.update("lib/uwsgi/1/python/%s.py" % name for name in ("uwsgi", "uwsgi_stub", "uwsgidecorators"))
        assert files == expected


def test_the_runtime_is_the_server_and_the_list_of_options(tree, tmp_path):
    assert tree.install("--tags", "runtime", destdir=tmp_path) == {"bin/uwsgi", "lib/uwsgi/1/upstream.options"}


def test_what_plugins_are_built_with_is_tagged_devel(tree, tmp_path):
    files = tree.install("--tags", "devel", destdir=tmp_path)
    headers = {"include/" + name for name in files_of(REPOSITORY / "kernel" / "include")}
    assert files == headers | {"lib/pkgconfig/uwsgi.pc", "share/uwsgi/uwsgiconfig.py"}


def test_nothing_is_installed_without_a_tag(tree):
    plan = json.loads((tree.build / "meson-info" / "intro-install_plan.json").read_text())
    untagged = [path for group in plan.values() for path, entry in group.items() if not entry["tag"]]
    assert untagged == []


def test_nothing_that_is_installed_knows_the_source_tree(tree, tmp_path):
    tree.install(destdir=tmp_path)
    for path in tmp_path.rglob("*"):
        # what a debugger reads may
        if path.is_file() and path.suffix != ".so" and path.name != "uwsgi":
            assert str(REPOSITORY).encode() not in path.read_bytes(), path


def test_the_installed_server_finds_its_plugins_and_serves(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "BINARY", str(installed / "bin" / "uwsgi"))
    (tmp_path / "app.py").write_text(HELLO)
    (tmp_path / "app.yaml").write_text("uwsgi:\n  wsgi-file: app.py\n  master: true\n")
    port = harness.free_port()
    server = harness.Server(tmp_path, ["--http", "127.0.0.1:%d" % port, "--yaml", "app.yaml"], port)
    try:
        server.wait_ready()
        assert server.get().text == str(installed / "lib/uwsgi/1/python/uwsgidecorators.py")
    finally:
        assert server.stop() == 0, server.log


def test_the_installed_server_builds_plugins(installed, tmp_path):
    shutil.copy(REPOSITORY / "examples" / "foobar" / "foobar.c", tmp_path)
    said = command(installed / "bin" / "uwsgi", "--build-plugin", "foobar.c", cwd=tmp_path)
    assert "-I%s" % (installed / "include") in said
    said = command(installed / "bin" / "uwsgi", "--need-plugin", "./foobar_plugin.so", "--version", cwd=tmp_path)
    assert "3.0.0" in said


def test_any_build_system_finds_the_headers_with_pkg_config(installed, tmp_path):
    env = {"PKG_CONFIG_PATH": str(installed / "lib" / "pkgconfig")}
    flags = command("pkg-config", "--cflags", "uwsgi", env=env).split()
    assert flags == ["-I%s" % (installed / "include")]
    source = REPOSITORY / "examples" / "foobar" / "foobar.c"
    output = tmp_path / "foobar_plugin.so"
    command("cc", "-shared", "-fPIC", *flags, source, "-o", output)
    assert command("pkg-config", "--variable=plugindir", "uwsgi", env=env).strip() == str(installed / "lib/uwsgi/1")
    manifest = command(installed / "bin" / "uwsgi", "--manifest", output)
    assert "UNABLE" not in manifest
