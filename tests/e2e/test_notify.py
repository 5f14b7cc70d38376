"""What a service manager is told of the life of a server."""
import signal
import socket

import pytest

from harness import DEADLINE
from load import answered

APP = """
    import os
    def application(environ, start_response):
        start_response("200 OK", [])
        return [os.environ.get("NOTIFY_SOCKET", "hidden").encode()]
"""


@pytest.fixture
def managed(serve, tmp_path):
    """managed(*options): a server, and a function that waits for a message with a line."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(DEADLINE)

    def told(line):
        while True:
            message = manager.recv(4096).decode()
            if line in message.splitlines():
                return message

    def managed(*options, env=None):
        return serve(APP, *options, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), **(env or {})}), told

    yield managed
    manager.close()


def test_ready_is_told_when_it_answers_and_stopping_when_it_stops(managed):
    server, told = managed()
    message = told("READY=1")
    assert "MAINPID=%d" % server.process.pid in message
    assert answered(server).endswith(b"hidden")
    server.process.send_signal(signal.SIGTERM)
    told("STOPPING=1")
    assert server.wait_exit() == 0


def test_a_reload_is_told_from_its_beginning_to_its_end(managed):
    server, told = managed()
    told("READY=1")
    for generation in (2, 3):
        server.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in told("RELOADING=1")
        assert "STATUS=generation %d answers" % generation in told("READY=1")


def test_a_refused_reload_is_told_with_its_cause(managed, write):
    server, told = managed()
    told("READY=1")
    write("app.py", "raise ValueError('broken')")
    server.process.send_signal(signal.SIGHUP)
    told("RELOADING=1")
    assert "ValueError: broken" in told("READY=1")


def test_the_watchdog_is_fed_before_and_after_a_reload(managed):
    server, told = managed(env={"WATCHDOG_USEC": "100000"})
    told("WATCHDOG=1")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    told("RELOADING=1")
    told("READY=1")
    told("WATCHDOG=1")
