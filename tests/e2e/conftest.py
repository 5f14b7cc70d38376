"""Fixtures: a folder with the files of a test, and servers that end with it."""
import os
import pathlib
import signal
import subprocess
import textwrap

import pytest

from harness import Server, free_port, session_members, wait_until
from spool import APP, spooled

OLD = pathlib.Path("/usr/bin/uwsgi-core")
OLD_PLUGINS = pathlib.Path("/usr/lib/uwsgi/plugins")


@pytest.fixture
def write(tmp_path):
    """write(name, text): a file in the test's folder."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def start(tmp_path):
    """start(*options): a server on a free http-socket that accepts.  start(..., ready=False): one that may not."""
    servers = []

    def start(*args, ready=True, http=True, address=None, env=None):
        if http and address is None:
            address = free_port()
            args = ("--http-socket", "127.0.0.1:%d" % address, *args)
        server = Server(tmp_path, args, address, env)
        servers.append(server)
        return server.wait_ready() if ready else server

    yield start
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def serve(start, write):
    """serve(code, *options): a server of the application in `code`."""

    def serve(code, *args, **options):
        write("app.py", code)
        return start("--master", "--wsgi-file", "app.py", *args, **options)

    return serve


@pytest.fixture
def spooling(serve, tmp_path):
    """spooling(*options): a server with the spooler `sp`; ask(expression) is evaluated in it."""

    def spooling(*options, code=APP, **how):
        server = serve(code, "--spooler", "sp", *options, **how)
        server.wait_for_log("spawned the uWSGI spooler on dir %s " % (tmp_path / "sp"))
        server.ask = lambda text: server.post("/", text).text
        server.spool = lambda **keys: spooled(server.ask("uwsgi.spool(%s)" % ", ".join(
            "%s=%r" % item for item in keys.items())))
        return server

    return spooling


@pytest.fixture
def old_server(tmp_path):
    """old_server(plugins, file, *options): uWSGI 2.0 of the distribution, with that application, on old.sock."""
    running = []

    def old_server(plugins, file, *options):
        files = [OLD] + [OLD_PLUGINS / ("%s_plugin.so" % name) for name in plugins.split(",")]
        if not all(path.exists() for path in files):
            pytest.skip("uWSGI 2.0 is not installed")
        with open(tmp_path / "old.log", "ab") as log:
            running.append(subprocess.Popen(
                [OLD, "--plugin", plugins, "--master", "--wsgi-file", file, "--socket", "old.sock", *options],
                cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))
        wait_until(lambda: "spawned uWSGI worker 1" in (tmp_path / "old.log").read_text(), "uWSGI 2.0 to start")
        return running[-1]

    yield old_server
    for process in running:
        for pid in session_members(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()
