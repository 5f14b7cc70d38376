"""A kept connection is answered by another worker while its own is at a long request."""
import contextlib
import http.client
import os

import pytest

from harness import SOON, wait_until

APP = """
    import os, time

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/long":
            open("begun.%d" % os.getpid(), "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"%d" % os.getpid()]
"""


class Kept:
    """A connection that is kept, and who answered its last request."""

    def __init__(self, server, stack):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.address, timeout=SOON)
        stack.callback(self.connection.close)
        self.pid = self.ask()

    def begin(self, path="/"):
        self.connection.request("GET", path)

    def end(self):
        answer = self.connection.getresponse()
        assert answer.status == 200
        self.pid = int(answer.read())
        return self.pid

    def ask(self, path="/"):
        self.begin(path)
        return self.end()


def companions(server, stack, count):
    """So many kept connections of one worker."""
    all = [Kept(server, stack) for _ in range(4 * count)]
    pids = [kept.pid for kept in all]
    most = max(set(pids), key=pids.count)
    mine = [kept for kept in all if kept.pid == most]
    assert len(mine) >= count
    return mine[:count]


@pytest.mark.parametrize("options, long", ((["--processes", "2"], 1), (["--processes", "2", "--threads", "2"], 2),
                                           (["--processes", "4"], 1)))
def test_no_request_waits_behind_a_long_one_while_another_worker_is_idle(serve, tmp_path, options, long):
    server = serve(APP, *options)
    with contextlib.ExitStack() as stack:
        stuck = companions(server, stack, long + 3)
        others, pid = stuck[long:], stuck[0].pid
        for kept in stuck[:long]:
            kept.begin("/long")
        wait_until(lambda: (tmp_path / ("begun.%d" % pid)).exists(), "the long request")
        for kept in others:
            kept.begin()  # all before any answer: they wait side by side
        for kept in others:
            assert kept.end() != pid
        assert all(kept.ask() != pid for kept in others), "and again, on the same connection"
        (tmp_path / "go").touch()
        for kept in stuck[:long]:
            assert kept.end() == pid


def test_a_new_connection_is_answered_while_all_but_one_worker_are_busy(serve, tmp_path):
    server = serve(APP, "--processes", "2")
    with contextlib.ExitStack() as stack:
        kept = Kept(server, stack)
        kept.begin("/long")
        wait_until(lambda: (tmp_path / ("begun.%d" % kept.pid)).exists(), "the long request")
        for _ in range(20):
            assert Kept(server, stack).pid != kept.pid
        (tmp_path / "go").touch()
        assert kept.end() == kept.pid


def test_a_lone_worker_answers_when_it_is_done(serve, tmp_path):
    server = serve(APP, "--processes", "1")
    with contextlib.ExitStack() as stack:
        long, other = Kept(server, stack), Kept(server, stack)
        long.begin("/long")
        wait_until(lambda: (tmp_path / ("begun.%d" % long.pid)).exists(), "the long request")
        other.begin()
        (tmp_path / "go").touch()
        assert (long.end(), other.end()) == (long.pid, long.pid)


def test_a_worker_without_requests_is_not_woken(serve):
    server = serve(APP, "--processes", "2")
    with contextlib.ExitStack() as stack:
        pid = Kept(server, stack).pid

        def switches():
            total = 0
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/status" % (pid, task)) as status:
                    total += int(status.read().split("\nvoluntary_ctxt_switches:")[1].split()[0])
            return total

        seen = []

        def is_quiet():
            seen.append(switches())
            return len(seen) > 30 and len(set(seen[-30:])) == 1  # 0.6 s

        wait_until(is_quiet, "a quiet worker")
