"""Deadlines: a request that runs too long is answered 504 and its worker replaced, whatever it is stuck in."""
import contextlib
import os
import signal
import socket
import threading
import time

import pytest

from harness import DEADLINE, free_port, wait_until

APP = """
    import os, re, time
    import uwsgi

    def holding_the_gil():
        re.match("(a+)+$", "a" * 64 + "b")  # for longer than the universe is old

    def stuck_in_python():
        time.sleep(60)

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/user":
            uwsgi.set_user_harakiri(1)
            time.sleep(60)
        if path == "/taken-back":
            uwsgi.set_user_harakiri(1)
            uwsgi.set_user_harakiri(0)
            time.sleep(1.5)
        if path == "/decorated":
            import uwsgidecorators
            uwsgidecorators.harakiri(1)(stuck_in_python)()
        if path == "/gil":
            print("begun", flush=True)
            holding_the_gil()
        if path == "/python":
            stuck_in_python()
        if path == "/slow":
            time.sleep(float(environ["QUERY_STRING"]))
        if path == "/until":
            while not os.path.exists(environ["QUERY_STRING"]):
                time.sleep(0.01)
        start_response("200 OK", [("Content-Type", "text/plain")])
        if path == "/begun":
            def body():
                yield b"some"
                stuck_in_python()
            return body()
        if path == "/count":
            return [repr([(w["harakiri_count"]) for w in uwsgi.workers()]).encode()]
        return [str(os.getpid()).encode()]
"""

MODES = [
    pytest.param(["--master"], id="one thread"),
    pytest.param(["--master", "--threads", "3"], id="threads"),
    pytest.param(["--master", "--processes", "2", "--lazy-apps"], id="lazy"),
    pytest.param([], id="without a master"),
    pytest.param(["--threads", "3"], id="threads without a master"),
]


@pytest.fixture
def app(start, write):
    def app(*options, **more):
        write("app.py", APP)
        return start("--wsgi-file", "app.py", *options, **more)

    return app


def ask(server, path, *, version="1.1"):
    with server.connect() as s:
        s.sendall(b"GET %s HTTP/%s\r\nHost: a\r\n\r\n" % (path.encode(), version.encode()))
        parts = []
        while part := s.recv(65536):
            parts.append(part)
        return b"".join(parts)


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("path, function", [("/python", "stuck_in_python"), ("/gil", "holding_the_gil")])
def test_a_late_request_is_answered_504_and_its_stack_logged(app, options, path, function):
    server = app("--harakiri", "1", *options)
    answer = ask(server, path + "?a=b")
    assert answer.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n") and answer.endswith(b"\r\n\r\nGateway Timeout\n")
    server.wait_for_match(r"\*\*\* HARAKIRI ON WORKER 1 \(pid: \d+, try: 1\) \*\*\*|ON WORKER 2")
    server.wait_for_match(r"HARAKIRI !!! worker \d status !!!\n"
                          r"HARAKIRI \[core \d\] 127.0.0.1 - GET %s\?a=b since \d+\n"
                          r"HARAKIRI !!! end of worker \d status !!!\n" % path)
    server.wait_for_match(r'File ".*app.py", line \d+ in %s' % function)


def test_the_worker_of_a_late_request_is_replaced_and_counted(app):
    server = app("--harakiri", "1", "--master")
    pid = server.get("/").text
    ask(server, "/gil")
    wait_until(lambda: server.get("/").text != pid, "another worker")
    assert server.get("/count").text == "[1]"
    server.wait_for_log("Respawned uWSGI worker 1")
    wait_until(lambda: not os.path.exists("/proc/" + pid), "its end")


def test_a_server_without_a_master_ends_with_its_only_worker(app):
    server = app("--harakiri", "1")
    assert b" 504 " in ask(server, "/gil")
    assert server.wait_exit() == 17


def test_a_late_request_that_comes_back_changes_nothing(app, tmp_path):
    server = app("--harakiri", "4", "--threads", "2")
    with server.connect() as late, server.connect() as other:
        late.sendall(b"GET /until?one HTTP/1.1\r\nHost: a\r\n\r\n")
        threading.Event().wait(3)  # the other begins later, so that it is in time when the first is late
        other.sendall(b"GET /until?two HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 504 " in late.recv(1000)
        (tmp_path / "one").touch()
        server.wait_for_match(r"GET /until\?one => .* \(HTTP/1.1 504\)")
        (tmp_path / "two").touch()
        assert b" 200 " in other.recv(1000)
        assert late.recv(1000) == b""
    assert server.wait_exit() == 17


@pytest.mark.parametrize("path", ["/user", "/decorated"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_program_sets_a_deadline_for_one_request(app, path, threads):
    server = app("--master", "--threads", threads)
    assert b" 504 " in ask(server, path)
    server.wait_for_log("HARAKIRI ON WORKER 1")


def test_a_user_deadline_may_be_earlier_than_that_of_the_server(app):
    server = app("--master", "--harakiri", "60")
    assert b" 504 " in ask(server, "/user")


def test_a_deadline_taken_back_does_not_come(app):
    server = app("--master")
    assert server.get("/taken-back").status == 200
    assert "HARAKIRI" not in server.log


def test_requests_in_time_are_not_touched(app):
    server = app("--master", "--harakiri", "4")
    pids = {server.get("/slow?0.7").text for _ in range(6)}
    assert len(pids) == 1 and "HARAKIRI" not in server.log


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_that_was_begun_does_not_look_complete(app, version):
    server = app("--master", "--harakiri", "1")
    try:
        answer = ask(server, "/begun", version=version)
    except ConnectionResetError:
        return
    assert version == "1.1" and b"some" in answer and not answer.endswith(b"0\r\n\r\n")


def test_the_other_requests_of_the_worker_finish_first(app, tmp_path):
    server = app("--master", "--harakiri", "4", "--threads", "3")
    with server.connect() as late, server.connect() as other, server.connect() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        pid = idle.recv(1000).rsplit(b"\r\n", 1)[1]
        late.sendall(b"GET /python HTTP/1.1\r\nHost: a\r\n\r\n")
        threading.Event().wait(3)  # the other begins later, so that it is in time when the first is late
        other.sendall(b"GET /until?go HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 504 " in late.recv(1000)
        (tmp_path / "go").touch()
        answer = other.recv(1000)
        assert b" 200 " in answer and answer.endswith(pid)
        wait_until(lambda: not os.path.exists("/proc/" + pid.decode()), "the worker to end")
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")  # its successor has this connection now
        answer = idle.recv(1000)
        assert b" 200 " in answer and not answer.endswith(pid)


def test_each_late_request_gets_its_504(app):
    server = app("--master", "--harakiri", "1", "--threads", "4")
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(4):
            clients.append(stack.enter_context(server.connect()))
            clients[-1].sendall(b"GET /python HTTP/1.1\r\nHost: a\r\n\r\n")
            threading.Event().wait(0.2)
        for client in clients:
            assert b" 504 " in client.recv(1000)


LARGE_OR_STUCK = """
    import time

    def application(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/stuck":
            time.sleep(60)
        return [b"x" * 900000]
"""


def test_clients_of_a_stuck_worker_get_what_was_on_its_way_to_them(start, write):
    write("app.py", LARGE_OR_STUCK)
    server = start("--wsgi-file", "app.py", "--master", "--harakiri", "1")
    with socket.socket() as slow, server.connect() as stuck:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(DEADLINE)
        slow.connect(("127.0.0.1", server.address))
        slow.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        wait_until(lambda: "GET / =>" in server.log, "the response to wait for its client")
        stuck.sendall(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 504 " in stuck.recv(1000)
        got = 0
        while part := slow.recv(65536):
            got += len(part)
        assert got > 900000


def processor_seconds(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_stuck_worker_does_not_turn_round_while_something_of_its_loop_is_due(start, write, tmp_path):
    write("app.py", LARGE_OR_STUCK)
    server = start("--wsgi-file", "app.py", "--master", "--harakiri", "1", "--socket-timeout", "60",
                   "--http-socket", "slow.sock", "--min-worker-lifetime", "1", "--max-worker-lifetime", "2")
    worker, begun = server.pid_of("worker"), time.monotonic()
    with socket.socket(socket.AF_UNIX) as slow, server.connect() as stuck:
        slow.connect(str(tmp_path / "slow.sock"))
        slow.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: "GET / =>" in server.log, "the response, of which the worker keeps the rest")
        stuck.sendall(b"GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 504 " in stuck.recv(1000)
        wait_until(lambda: time.monotonic() > begun + 3, "the end of its lifetime")
        before = processor_seconds(worker)
        wait_until(lambda: time.monotonic() > begun + 4.5, "a while")
        assert processor_seconds(worker) - before < 0.2


def test_a_request_behind_a_stuck_one_is_answered_by_another_worker(app):
    server = app("--master", "--harakiri", "1")
    with server.connect() as one, server.connect() as two:
        for client in (one, two):
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            first = client.recv(1000).rpartition(b"\r\n")[2]
        one.sendall(b"GET /python HTTP/1.1\r\nHost: a\r\n\r\n")
        two.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 504 " in one.recv(1000)
        answer = two.recv(1000)
        assert b" 200 " in answer and answer.rpartition(b"\r\n")[2] != first


def test_a_stop_ends_a_worker_that_is_late(app):
    server = app("--master", "--harakiri", "1")
    with server.connect() as s:
        s.sendall(b"GET /gil HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for_log("begun")
        server.process.send_signal(signal.SIGTERM)
        assert b" 504 " in s.recv(1000)
    assert server.wait_exit() == 0


def test_harakiri_verbose_tells_where_in_the_system_it_is(app):
    server = app("--master", "--harakiri", "1", "--harakiri-verbose")
    ask(server, "/gil")
    server.wait_for_match(r"HARAKIRI \[core 0\] syscall: \S+")


def test_a_connection_that_came_through_the_gateway_gets_504_too(start, write):
    write("app.py", APP)
    port = free_port()
    server = start("--http", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--harakiri", "1", http=False,
                   address=port)
    assert b" 504 " in ask(server, "/gil")
    assert server.get("/").status == 200


def test_the_uwsgi_protocol_gets_504_too(start, write):
    write("app.py", APP)
    port = free_port()
    server = start("--socket", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--harakiri", "1", http=False,
                   address=port)
    pairs = {b"REQUEST_METHOD": b"GET", b"REQUEST_URI": b"/gil", b"PATH_INFO": b"/gil", b"SERVER_PROTOCOL": b"HTTP/1.1"}
    body = b"".join(len(x).to_bytes(2, "little") + x for pair in pairs.items() for x in pair)
    assert b" 504 " in server.raw(b"\0" + len(body).to_bytes(2, "little") + b"\0" + body)
