"""More and fewer workers: cheap, cheaper, idle."""
import re
import subprocess

import pytest

from binary import BINARY
from harness import DEADLINE, free_port, session_members, wait_until
from load import Load, answered

APP = """
    import time
    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/slow":
            time.sleep(0.4)
        return [b"hello"]
"""


def workers(server):
    """How many there are: all but the master and the zygote."""
    return len(session_members(server.process.pid)) - 2


@pytest.fixture
def scaled(serve):
    def scaled(*options, ready=False):
        server = serve(APP, "--disable-logging", *options, ready=ready)
        server.wait_for_log("WSGI app 0")
        return server

    return scaled


def test_a_cheap_server_starts_its_workers_with_the_first_connection(scaled):
    server = scaled("--cheap", "--processes", "3")
    server.wait_for_log("cheap mode enabled: waiting for socket connection...")
    wait_until(lambda: workers(server) == 0, "no workers")
    assert answered(server).endswith(b"hello")
    wait_until(lambda: workers(server) == 3, "three workers")


def test_a_cheap_gateway_wakes_the_workers_too(start, write):
    write("app.py", APP)
    port = free_port()
    server = start("--http", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--cheap", http=False, address=port, ready=False)
    server.wait_for_log("spawned uWSGI http 1")
    assert answered(server).endswith(b"hello")


def test_idle_workers_end_and_come_back(scaled):
    server = scaled("--idle", "2", "--processes", "2")
    wait_until(lambda: workers(server) == 2, "two workers")
    server.wait_for_log("workers have been inactive for more than 2 seconds")
    wait_until(lambda: workers(server) == 0, "no workers")
    for _ in range(2):
        assert answered(server).endswith(b"hello")
    wait_until(lambda: workers(server) == 2, "two workers")


def test_an_idle_server_may_end(scaled):
    server = scaled("--idle", "1", "--die-on-idle")
    assert server.wait_exit() == 0


def test_busy_workers_get_help_and_lose_it_again(scaled):
    server = scaled("--processes", "4", "--cheaper", "1", "--cheaper-overload", "1")
    wait_until(lambda: workers(server) == 1, "one worker")
    loads = [Load(server, "/slow") for _ in range(4)]
    for load in loads:
        load.start()
    wait_until(lambda: workers(server) >= 3, "at least three workers")
    for load in loads:
        load.ended = True
        load.join()
        assert not load.failures
    wait_until(lambda: workers(server) == 1, "one worker")
    server.wait_for_log("cheaped.")


def test_letters_change_the_number_of_workers(scaled, tmp_path):
    server = scaled("--processes", "4", "--cheaper", "2", "--cheaper-algo", "manual", "--master-fifo", "fifo")
    wait_until(lambda: workers(server) == 2, "two workers")
    (tmp_path / "fifo").write_text("+")
    wait_until(lambda: workers(server) == 3, "three workers")
    (tmp_path / "fifo").write_text("r")
    server.wait_for_log("generation 2 answers")
    wait_until(lambda: workers(server) == 3, "three workers after the reload")
    (tmp_path / "fifo").write_text("-")
    wait_until(lambda: workers(server) == 2, "two workers")
    (tmp_path / "fifo").write_text("C")
    server.wait_for_log("going cheap...")
    wait_until(lambda: workers(server) == 0, "no workers")
    assert answered(server).endswith(b"hello")


def test_a_reload_while_cheap_stays_cheap(scaled, tmp_path):
    server = scaled("--cheap", "--master-fifo", "fifo")
    (tmp_path / "fifo").write_text("r")
    server.wait_for_log("(RE)spawned")
    server.wait_for_log("WSGI app 0", times=2)
    assert answered(server).endswith(b"hello")


def test_cheaper_has_to_be_less_than_processes():
    done = subprocess.run([BINARY, "--http-socket", ":0", "--processes", "2", "--cheaper", "2"], capture_output=True, text=True,
                          timeout=DEADLINE)
    assert done.returncode == 1
    assert "invalid cheaper value: must be lower than processes" in done.stderr


def test_the_algorithms_are_listed():
    done = subprocess.run([BINARY, "--cheaper-algo-list"], capture_output=True, text=True, timeout=DEADLINE)
    assert re.findall(r"^\w+$", done.stdout, re.M) == ["spare", "backlog", "busyness", "manual"]


def test_an_unknown_algorithm_is_refused():
    done = subprocess.run([BINARY, "--cheaper-algo", "magic"], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert "magic" in done.stderr
