"""The threads of a worker under load, with an application in C: in the build with the thread sanitizer every access that
two threads do not agree about is a failure; in the others it is one more load test."""
import contextlib
import functools
import http.client
import json
import os
import resource
import signal
import socket
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir, "e2e"))

from conftest import start, write  # noqa: E402, F401 (fixtures)
from harness import DEADLINE, session_members, wait_until  # noqa: E402
from load import Client, KeepAlive, Load, answered  # noqa: E402

PLUGINS = os.path.abspath(os.environ.get("PLUGINS_OF_TEST", "build/tests/threads"))
SECONDS = 1.5


@pytest.fixture
def threaded(start, tmp_path):  # noqa: F811
    """threaded(plugin, *options): a server of an application in C; at its end nothing may have been reported.  A worker
    that ends in a hurry leaves its threads where they are."""

    def threaded(plugin, *args):
        return start("--plugin", "%s/%s_plugin.so" % (PLUGINS, plugin), "--master", "--threads", "4", *args,
                     env={"TSAN_OPTIONS": "log_path=%s/report exitcode=0 report_thread_leaks=0 history_size=4" % tmp_path})

    yield threaded
    reports = [path.read_text() for path in tmp_path.glob("report*")]
    assert not reports, "\n".join(reports)


@pytest.fixture
def busy(threaded):
    """busy(*options): a server of busy_plugin.c."""
    return functools.partial(threaded, "busy")


class Guest(Client):
    """Does something to the server again and again; that it is cut off is part of it."""

    def __init__(self, server, act):
        super().__init__(server)
        self.act = act

    def run(self):
        while not self.ended:
            with contextlib.suppress(OSError), self.server.connect(5) as s:
                self.act(s, self)


def ask(path, rest=b""):
    return b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (path.encode(), rest)


def slow_head(s, client):
    for byte in ask("/"):
        s.sendall(bytes([byte]))
        time.sleep(0.002)
    s.recv(1000)


def slow_reader(s, client):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(ask("/large", b"Connection: close\r\n"))
    while s.recv(65536) and not client.ended:
        time.sleep(0.001)


def pipeline(s, client):
    s.sendall(ask("/") * 49 + ask("/", b"Connection: close\r\n"))
    while s.recv(65536):
        pass


def upload(s, client):
    s.sendall(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n")
    for _ in range(20):
        s.sendall(bytes(10000))
        time.sleep(0.001)
    s.recv(1000)


def vanish(s, client):
    s.sendall(ask("/large"))


def sit(s, client):
    s.sendall(ask("/"))
    s.recv(1000)
    while not client.ended and s.recv(1000):
        pass


CROWD = [slow_head, slow_reader, pipeline, upload, vanish, sit]


@contextlib.contextmanager
def crowd(server):
    with contextlib.ExitStack() as stack:
        for act in CROWD:
            stack.enter_context(Guest(server, act))
        yield [stack.enter_context(client) for client in (KeepAlive(server), KeepAlive(server, "/short"), Load(server))]


def go_on(clients, seconds=SECONDS):
    before = [client.answers for client in clients]
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end and all(c.answers > n for c, n in zip(clients, before)), "all to be served")


def test_a_crowd_of_clients(busy):
    with crowd(busy("--socket-timeout", "1", "--http-keepalive=1")) as clients:
        go_on(clients, 2 * SECONDS)
    assert not any(client.failures for client in clients)


def test_pauses(busy):
    server = busy()
    with crowd(server) as clients:
        for times in range(1, 7):
            server.process.send_signal(signal.SIGTSTP)
            server.wait_for_log("suspended ***", times)
            server.process.send_signal(signal.SIGTSTP)  # two that wait at once would be one
            go_on(clients, 0.1)
    assert not any(client.failures for client in clients)


def test_reloads(busy):
    server = busy("--processes", "2")
    with crowd(server) as clients:
        for generation in range(2, 5):
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_log("generation %d answers" % generation)
            go_on(clients, 0.2)
    assert not any(client.failures for client in clients)


def test_recycling(busy):
    server = busy("--processes", "2", "--max-requests", "300", "--min-worker-lifetime", "0", "--reload-on-rss", "100000",
                  "--evil-reload-on-rss", "100000")
    with crowd(server) as clients:
        wait_until(lambda: server.log.count("Respawned uWSGI worker") >= 4, "four successors")
    assert not any(client.failures for client in clients)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_long_requests(busy, threads):
    server = busy("--processes", "3", "--threads", threads)
    with crowd(server) as clients, contextlib.ExitStack() as stack:
        long = [stack.enter_context(KeepAlive(server, "/long")) for _ in range(4)]
        go_on(clients + long, 2 * SECONDS)
    assert not any(client.failures for client in clients + long)


def test_late_requests(busy):
    server = busy("--harakiri", "1", "--harakiri-verbose", "--processes", "2")
    with crowd(server) as clients:
        go_on(clients, 0.3)
        with Load(server, "/late") as late, Load(server, "/late"):
            wait_until(lambda: len(late.failures) >= 2, "late requests")
        assert all(b" 504 " in failure for failure in late.failures[:1])
        go_on(clients, 0.3)


def test_a_worker_out_of_descriptors(busy):
    server = busy()
    pid = max(session_members(server.process.pid))
    with crowd(server) as clients:
        go_on(clients, 0.2)
        used = len(os.listdir("/proc/%d/fd" % pid))
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used - 2, hard))
        server.wait_for_log("Too many open files")
        go_on(clients[:1], 0.3)  # those it has are served meanwhile
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (1024, hard))
        go_on(clients, 0.3)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda signum: signum.name)
def test_a_worker_that_is_told_to_end(busy, signum):
    server = busy("--processes", "2")
    with crowd(server) as clients:
        for _ in range(3):
            go_on(clients, 0.2)
            workers = sorted(pid for pid in session_members(server.process.pid))[-2:]
            os.kill(workers[0], signum)
    assert answered(server).endswith(b"hello")


@pytest.mark.parametrize("options", [[], ["--harakiri", "1"]])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda signum: signum.name)
def test_a_stop(busy, signum, options):
    server = busy("--worker-reload-mercy", "5", *options)
    with crowd(server) as clients:
        go_on(clients, 0.5)
        server.process.send_signal(signum)
        for client in clients:
            client.ended = True
        assert server.wait_exit() == 0


class Errands(Load):
    """Has the application do an errand again and again on one connection, and counts what was accepted."""

    accepted = 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.address, timeout=DEADLINE)
        while not self.ended:
            connection.request("GET", self.path)
            answer = connection.getresponse().read()
            if answer not in (b"accepted", b"refused"):
                self.failures.append(answer)
            self.accepted += answer == b"accepted"
            self.answers += 1


@contextlib.contextmanager
def errands(server):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Errands(server, path)) for path in ("/task", "/message", "/signal", "/locked") * 2 + ("/task",) * 4]


def assert_done(server, clients):
    """What was accepted is done, once."""
    accepted = {}
    for client in clients:
        accepted[client.path] = accepted.get(client.path, 0) + client.accepted
    wait_until(lambda: json.loads(server.get("/counts").text) == accepted,
               lambda: "%s to be done, not %s" % (accepted, server.get("/counts").text))
    assert all(accepted.values()), accepted


def test_threads_that_give_work_to_other_processes(threaded):
    server = threaded("errands", "--processes", "2", "--mules", "2", "--spooler", "spool", "--spooler-quiet")
    with errands(server) as clients:
        go_on(clients, 2 * SECONDS)
    assert not any(client.failures for client in clients)
    assert_done(server, clients)
