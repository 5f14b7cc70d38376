"""What must not bring the server down, hold it up, or lose a request: deaths, floods, reloads, and clients that misbehave."""
import contextlib
import os
import re
import resource
import signal
import socket
import struct

import pytest

from harness import SOON, free_port, session_members, wait_until
from load import Load, answered, read_all

APP = """
    import os, time

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        start_response("200 OK", [("Content-Type", "text/plain")])
        if path == "/pid":
            return [str(os.getpid()).encode()]
        if path == "/slow":
            print("begun", flush=True)
            time.sleep(0.5)
        if path == "/big":
            return [b"x" * (8 << 20)]
        if path == "/forever":
            return iter(lambda: b"y" * 65536, None)
        if path == "/read":
            return [environ["wsgi.input"].read()]
        return [b"hello"]
"""

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ASK_AND_CLOSE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def processes(server, kind):
    """Pids that the log names for a kind, oldest first, which are still there."""
    pids = [int(pid) for pid in re.findall(r"(?:spawned|Respawned) uWSGI %s \d+ \((?:new )?pid: (\d+)" % kind, server.log)]
    return [pid for pid in pids if os.path.exists("/proc/%d" % pid)]


def zygotes(server):
    known = set(processes(server, "worker") + processes(server, "http") + [server.process.pid])
    return [pid for pid in session_members(server.process.pid) if pid not in known]


def spawned(server, count):
    wait_until(lambda: len(processes(server, "worker")) >= count, "%d workers" % count)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- starts and stops ----


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("option", ["--http-socket", "--http"])
def test_requests_sent_at_once_after_the_start_are_answered(start, write, option, threads):
    write("app.py", APP)
    for _ in range(5):
        port = free_port()
        server = start(option, "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--processes", "4",
                       "--threads", threads, http=False, address=port)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.connect()) for _ in range(16)]
            for client in clients:
                client.sendall(ASK_AND_CLOSE)
            for client in clients:
                assert read_all(client).endswith(b"hello")
        server.stop()


def test_a_stop_right_after_the_start_ends(serve):
    for _ in range(12):
        server = serve(APP, "--processes", "8", "--threads", "2")
        answered(server)
        server.stop()


@pytest.mark.parametrize("options", [["--processes", "4"], ["--threads", "4"]])
def test_a_stop_finishes_the_requests_it_finds(serve, options):
    server = serve(APP, *options)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(4)]
        for client in clients:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: server.log.count("begun") == 4, "the requests to be running")
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            assert read_all(client).endswith(b"hello")
    assert server.wait_exit() == 0


# ---- deaths ----


def test_a_killed_worker_is_replaced(serve):
    server = serve(APP)
    victim = int(answered(server, "/pid").rsplit(b"\r\n", 1)[1])
    os.kill(victim, signal.SIGKILL)
    assert answered(server).endswith(b"hello")
    assert int(answered(server, "/pid").rsplit(b"\r\n", 1)[1]) != victim


def test_lines_of_a_killed_worker_are_logged(serve):
    server = serve(APP)
    victim = int(answered(server, "/pid?last").rsplit(b"\r\n", 1)[1])
    os.kill(victim, signal.SIGKILL)
    server.wait_for_log("/pid?last")


def test_a_worker_lost_together_with_its_zygote_comes_back(serve):
    server = serve(APP)
    victim = int(answered(server, "/pid").rsplit(b"\r\n", 1)[1])
    spawned(server, 1)
    zygote = wait_until(lambda: len(zygotes(server)) == 1 and zygotes(server)[0], "the zygote to be alone")
    os.kill(zygote, signal.SIGSTOP)  # it will not read the order for the next worker
    os.kill(victim, signal.SIGKILL)
    server.wait_for_log("trying respawn")
    os.kill(zygote, signal.SIGKILL)
    assert answered(server).endswith(b"hello")


def test_a_killed_gateway_is_replaced(start, write):
    write("app.py", APP)
    port = free_port()
    server = start("--http", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", http=False, address=port)
    wait_until(lambda: processes(server, "http"), "the gateway")
    os.kill(processes(server, "http")[-1], signal.SIGKILL)
    assert answered(server).endswith(b"hello")


def test_nothing_is_left_of_a_server_whose_master_was_killed(start, write):
    write("app.py", APP)
    port = free_port()
    server = start("--http", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--processes", "2", "--threads", "2",
                   http=False, address=port)
    answered(server)
    with server.connect() as idle:
        idle.sendall(ASK)
        idle.recv(1000)
        os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: not session_members(server.process.pid), "all processes to end", SOON)


# ---- reloads ----


@pytest.mark.parametrize("options", [["--processes", "2"], ["--threads", "4"]])
def test_reloads_under_load_lose_no_request(serve, options):
    server = serve(APP, *options)
    with Load(server) as a, Load(server) as b:
        for count in range(2, 7):
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_log("generation %d answers" % count)
    assert not a.failures and not b.failures
    assert a.answers and b.answers


def test_a_client_that_connected_before_a_reload_may_ask_after_it(start, write, tmp_path):
    write("app.py", APP)
    path = tmp_path / "s.sock"
    server = start("--http-socket", path, "--wsgi-file", "app.py", "--master", http=False, address=path)
    spawned(server, 1)
    with server.connect() as s:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("generation 2 answers")
        s.sendall(ASK_AND_CLOSE)
        assert read_all(s).endswith(b"hello")


def test_a_reload_asked_for_during_a_reload_is_done_after_it(serve, write):
    server = serve(APP)
    answered(server)
    write("app.py", "import time\ntime.sleep(0.3)\n" + "from old import application\n")
    write("old.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'second']\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("gracefully killing")
    write("old.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'third']\n")
    write("app.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'third']\n")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: answered(server).endswith(b"third"), "the newest code")


def test_twenty_hangups_in_a_row_end_in_one_generation(serve):
    server = serve(APP, "--processes", "2")
    with Load(server) as load:
        for _ in range(20):
            server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("answers; generation")
        wait_until(lambda: len(session_members(server.process.pid)) == 4, "master, zygote and two workers")
    assert not load.failures


def test_a_reload_into_a_broken_program_keeps_the_old_one(serve, write):
    server = serve(APP)
    answered(server)
    write("app.py", "raise ValueError('broken on purpose')\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("keeps serving")
    server.wait_for_log("ValueError: broken on purpose")
    assert answered(server).endswith(b"hello")


# ---- floods ----


def fill(server, pid, limit, stack):
    """Leave the process no descriptors; returns the clients that hold them."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    clients = []
    for _ in range(limit + 5):
        client = stack.enter_context(server.connect())
        client.sendall(b"GET / HTTP/1.1\r\n")
        clients.append(client)
    return clients


@pytest.mark.parametrize("threads", ["1", "3"])
def test_a_worker_without_descriptors_waits_for_them_without_spinning(serve, threads):
    server = serve(APP, "--threads", threads)
    pid = int(answered(server, "/pid").rsplit(b"\r\n", 1)[1])
    with contextlib.ExitStack() as stack:
        clients = fill(server, pid, 40, stack)
        server.wait_for_log("Too many open files")
        before = cpu_seconds(pid)
        said = server.log.count("Too many open files")
        wait_until(lambda: server.log.count("Too many open files") > said + 3, "further attempts")
        assert cpu_seconds(pid) - before < 0.5
        for client in clients[:30]:
            client.close()
        assert answered(server).endswith(b"hello")


def test_many_idle_and_slow_clients_leave_the_others_served(serve):
    server = serve(APP, "--listen", "1024")
    with contextlib.ExitStack() as stack:
        for i in range(400):
            client = stack.enter_context(server.connect())
            client.sendall(ASK if i % 2 else b"GET / HTTP/1.1\r\nHo")
            if i % 2:
                client.recv(1000)
        assert answered(server).endswith(b"hello")


# ---- programs that do not end ----


@pytest.mark.parametrize("fields", ["HEAD / HTTP/1.1", "GET / HTTP/1.1"])
def test_an_endless_body_ends_when_nothing_more_of_it_is_wanted(serve, fields):
    server = serve("""
        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "5")])
            return iter(lambda: b"abcde", None)
    """)
    with server.connect() as s:
        s.sendall(fields.encode() + b"\r\nHost: a\r\n\r\n")
        s.recv(1000)
        assert answered(server).endswith(b"abcde")
    assert server.log.count("more than the Content-Length") <= 2


def test_a_body_that_fails_on_the_way_does_not_look_complete(serve):
    server = serve("""
        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"first"
            raise ValueError("on the way")
    """)
    answer = answered(server)
    assert b"5\r\nfirst\r\n" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    server.wait_for_log("on the way")


def test_an_exc_info_that_is_none_is_refused(serve):
    server = serve("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"first"
            try:
                raise ValueError
            except ValueError:
                start_response("500 Oops", [], (1, 2, sys.exc_info()[2]))
    """)
    assert b"first" in answered(server)
    server.wait_for_log("sys.exc_info() returned")
    assert b"first" in answered(server)
    assert "DAMN" not in server.log


# ---- clients that misbehave ----


def test_a_client_that_ends_with_its_last_request_is_let_go(serve):
    server = serve(APP, "--http-keepalive=60")
    for _ in range(50):
        with server.connect() as s:
            s.sendall(ASK)
            s.recv(1000)
            s.sendall(ASK)
            s.shutdown(socket.SHUT_WR)
            assert read_all(s).endswith(b"hello")


def test_clients_that_vanish_leave_no_descriptor(serve):
    server = serve(APP, "--threads", "3", "--socket-timeout", "2")
    pid = int(answered(server, "/pid").rsplit(b"\r\n", 1)[1])
    folder = "/proc/%d/fd" % pid
    before = len(os.listdir(folder))
    for i in range(200):
        with server.connect() as s:
            s.sendall([b"GET / HT", b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n", ASK * 40, b"GET /forever HTTP/1.1\r\nHost: a\r\n\r\n",
                       b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\nabc"][i % 5])
            if i % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: len(os.listdir(folder)) <= before, "the descriptors to be closed")
    assert answered(server).endswith(b"hello")


def test_a_client_that_sends_but_does_not_read_is_given_up(serve):
    server = serve(APP, "--socket-timeout", "1")
    with server.connect() as s:
        s.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")

        def refused():
            try:
                s.sendall(b"x")
                return False
            except OSError:
                return True

        wait_until(refused, "the server to have enough")


def test_a_refused_upload_is_told_why_however_fast_it_comes(serve):
    server = serve(APP, "--limit-post", "1000")
    for _ in range(10):
        with server.connect() as s:
            s.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
            with contextlib.suppress(BrokenPipeError):
                s.sendall(b"x" * 8000000)
            assert b" 413 " in s.recv(1000)


def packet(*pairs, modifier1=0):
    body = b"".join(struct.pack("<H", len(x)) + x for pair in pairs for x in pair)
    return struct.pack("<BHB", modifier1, len(body), 0) + body


GARBAGE = [
    b"", b"\0", b"\0\xff", b"\0\xff\xff\0", b"\xff" * 4, b"\xff" * 70000, os.urandom(65536), b"GET / HTTP/1.1\r\n\r\n",
    packet((b"REQUEST_METHOD", b"GET"))[:-1], struct.pack("<BHBH", 0, 2, 0, 65535), struct.pack("<BHBHH", 0, 4, 0, 0, 65535),
    packet((b"", b"")), packet(*[(b"K%d" % i, b"v") for i in range(3000)]), packet((b"X" * 60000, b"")),
    packet((b"CONTENT_LENGTH", b"-1")), packet((b"CONTENT_LENGTH", b"99999999999999999999")), packet(modifier1=255),
]


@pytest.mark.parametrize("size", ["4096", "65535"])
def test_garbage_in_the_uwsgi_protocol_harms_nobody(start, write, size):
    write("app.py", APP)
    port = free_port()
    server = start("--socket", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--buffer-size", size,
                   http=False, address=port)
    for data in GARBAGE:
        with server.connect() as s, contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            read_all(s)
    with server.connect() as s:
        s.sendall(packet((b"REQUEST_METHOD", b"GET"), (b"PATH_INFO", b"/"), (b"QUERY_STRING", b"q" * 3000)))
        assert read_all(s).endswith(b"hello")
    assert "DAMN" not in server.log
