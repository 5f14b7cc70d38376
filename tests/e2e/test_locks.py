"""Locks of all processes, for the application."""
import os
import re
import signal

from harness import wait_until
from load import Load, answered

APP = """
    import os, time, uwsgi
    from uwsgidecorators import lock

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        path = environ["PATH_INFO"]
        if path == "/hold":
            uwsgi.lock(1)
            print("held by %d" % os.getpid(), flush=True)
            time.sleep(60)
        if path == "/count":
            add_one()
        code = environ["wsgi.input"].read().decode()
        return [repr(eval(code)).encode() if code else b"ok"]

    @lock
    def add_one():
        with open("count") as f:
            n = int(f.read())
        time.sleep(0.001)
        with open("count", "w") as f:
            f.write(str(n + 1))
"""


def ask(server, code):
    return server.post("/", code.encode()).text


def test_a_lock_is_held_by_one_at_a_time(serve, tmp_path):
    (tmp_path / "count").write_text("0")
    server = serve(APP, "--processes", "3", "--threads", "2")
    loads = [Load(server, "/count") for _ in range(4)]
    for load in loads:
        load.start()
    wait_until(lambda: sum(load.answers for load in loads) > 100, "a hundred answers")
    for load in loads:
        load.ended = True
        load.join()
        assert not load.failures
    assert int((tmp_path / "count").read_text()) == sum(load.answers for load in loads)


def test_a_lock_of_a_killed_worker_goes_to_the_next(serve):
    server = serve(APP, "--processes", "2", "--locks", "1")
    with server.connect() as holder:
        holder.sendall(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for_log("held by")
        assert ask(server, "uwsgi.is_locked(1)") == "True"
        os.kill(int(re.search(r"held by (\d+)", server.log)[1]), signal.SIGKILL)
        wait_until(lambda: ask(server, "uwsgi.is_locked(1)") == "False", "the lock to be free")
    assert ask(server, "(uwsgi.lock(1), uwsgi.unlock(1))") == "(None, None)"


def test_a_lock_is_held_over_a_reload(serve):
    server = serve(APP, "--locks", "1")
    with server.connect() as holder:
        holder.sendall(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for_log("held by")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("generation 2 answers")
        assert ask(server, "uwsgi.is_locked(1)") == "True"


def test_a_lock_nobody_configured_is_refused(serve):
    server = serve(APP, "--locks", "2")
    assert answered(server).endswith(b"ok")
    assert ask(server, "uwsgi.is_locked(2)") == "False"
    for number in (3, -1):
        assert server.post("/", b"uwsgi.lock(%d)" % number).status == 500
    server.wait_for_log("Invalid lock number: 3, there is lock 0 and 2 more (locks)")
