"""Fixtures: a folder with the files of a test, and servers that end with it."""
import textwrap

import pytest

from harness import Server, free_port


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
