"""Workers that have served their time: replaced for requests, age, size or exceptions, and never without a gap in time."""
import os
import re

import pytest

from harness import wait_until

APP = """
    import os, time

    kept = []

    def application(environ, start_response):
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
        if path == "/raise":
            raise ValueError(query)
        if path == "/grow":
            kept.append(b"x" * (int(query) << 20))
        if path == "/stuck":
            kept.append(b"x" * (int(query) << 20))
            time.sleep(60)
        start_response("200 OK", [("Content-Type", "text/plain")])
        if path == "/workers":
            import uwsgi
            return [repr(uwsgi.workers()).encode()]
        return [str(os.getpid()).encode()]
"""


def other_pid(server, pid):
    wait_until(lambda: server.get().text != pid, lambda: "another worker:\n" + server.log)


def runs(server, count):
    """How many requests in a row the workers have answered, one after the other, until `count` of them were seen."""
    pids = []
    wait_until(lambda: pids.append(server.get().text) or len(set(pids)) == count, "%d workers" % count)
    return [pids.count(pid) for pid in dict.fromkeys(pids)]


def test_a_worker_is_replaced_after_its_requests(serve):
    server = serve(APP, "--max-requests", "3", "--min-worker-lifetime", "0")
    assert all(3 <= answered for answered in runs(server, 4)[:-1])  # it serves on while the next one starts
    server.wait_for_log("worker 1 has answered 3 requests: its time is over")
    assert "DAMN" not in server.log


def test_a_server_without_a_master_ends_after_its_requests(start, write):
    write("app.py", APP)
    server = start("--wsgi-file", "app.py", "--max-requests", "3", "--min-worker-lifetime", "0")
    for _ in range(3):
        assert server.get().status == 200
    assert server.wait_exit() == 0


def test_no_request_is_lost_while_workers_are_replaced(serve):
    server = serve(APP, "--max-requests", "5", "--min-worker-lifetime", "0", "--processes", "2", "--lazy-apps")
    answers = []
    wait_until(lambda: answers.append(server.get()) or len({answer.text for answer in answers}) > 6, "many workers")
    assert {answer.status for answer in answers} == {200}


def test_a_young_worker_is_not_replaced(serve):
    server = serve(APP, "--max-requests", "3")
    assert len({server.get().text for _ in range(9)}) == 1


def test_each_worker_has_its_delta(serve):
    server = serve(APP, "--max-requests", "3", "--max-requests-delta", "20", "--min-worker-lifetime", "0")
    assert runs(server, 2)[0] >= 23


def test_a_worker_is_replaced_after_its_lifetime(serve):
    server = serve(APP, "--max-worker-lifetime", "1", "--min-worker-lifetime", "0")
    pid = server.get().text
    server.wait_for_log("worker 1 lifetime reached, it was running for 1 second(s)")
    other_pid(server, pid)


def test_a_longest_life_shorter_than_the_shortest_is_refused(start, write):
    write("app.py", APP)
    server = start("--wsgi-file", "app.py", "--max-worker-lifetime", "3", ready=False)
    assert server.wait_exit() == 1
    assert "invalid min-worker-lifetime value (10), must be lower than max-worker-lifetime (3)" in server.log


def test_a_worker_that_has_grown_is_replaced(serve):
    server = serve(APP, "--reload-on-rss", "300", "--min-worker-lifetime", "0")
    pid = server.get("/grow?1").text
    assert server.get().text == pid
    server.get("/grow?400")
    other_pid(server, pid)
    server.wait_for_match(r"worker 1 has grown to \d+ MB resident, \d+ MB address space: its time is over")


@pytest.mark.parametrize("path", ["/grow?400", "/stuck?400"])
def test_an_evil_worker_is_killed_wherever_it_is(serve, path):
    server = serve(APP, "--evil-reload-on-rss", "300")
    pid = server.get().text
    with server.connect() as s:
        s.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
        server.wait_for_log("*** EVIL RELOAD ON WORKER 1 RSS: ")
    server.wait_for_log("(pid: %s) died, killed by signal 9" % pid)
    other_pid(server, pid)


@pytest.mark.parametrize("options, path, replaced", [
    (["--reload-on-exception"], "/raise?x", True),
    (["--reload-on-exception-type", "ValueError"], "/raise?x", True),
    (["--reload-on-exception-type", "KeyError"], "/raise?x", False),
    (["--reload-on-exception-value", "x"], "/raise?x", True),
    (["--reload-on-exception-value", "x"], "/raise?y", False),
    (["--reload-on-exception-repr", "ValueError: x"], "/raise?x", True),
    (["--reload-on-exception-repr", "ValueError: x"], "/raise?y", False),
    ([], "/raise?x", False),
])
def test_a_worker_is_replaced_after_an_exception(serve, options, path, replaced):
    server = serve(APP, "--min-worker-lifetime", "0", *options)
    pid = server.get().text
    assert server.get(path).status == 500
    if replaced:
        server.wait_for_log("worker 1 is to be replaced: ")
        other_pid(server, pid)
    else:
        assert [server.get().text for _ in range(3)] == [pid] * 3


def test_the_size_of_a_worker_is_shown_when_it_is_looked_at(serve):
    server = serve(APP, "--reload-on-rss", "4000")
    server.get()
    rss = int(re.search(r"'rss': (\d+)", server.get("/workers").text)[1])
    assert rss > 1 << 20 and rss % os.sysconf("SC_PAGESIZE") == 0
