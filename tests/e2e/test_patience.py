"""Clients that are too slow: answered 408 or let go, and counted."""
import ast

import pytest

from harness import wait_until
from load import read_all

APP = """
    import uwsgi

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/read":
            environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        if path == "/timeouts":
            return [repr(uwsgi.workers()[0]["timeouts"]).encode()]
        if path == "/big":
            return [b"x" * (8 << 20)]
        return [b"hello"]
"""


def timeouts(server):
    return ast.literal_eval(server.get("/timeouts").text)


def counted(server, kind):
    wait_until(lambda: timeouts(server)[kind] == 1, kind)
    assert sum(timeouts(server).values()) == 1


@pytest.mark.parametrize("option", ["--head-timeout", "--http-headers-timeout"])
def test_a_slow_head_is_answered_408(serve, option):
    server = serve(APP, option, "1")
    with server.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\n")
        assert read_all(s).startswith(b"HTTP/1.1 408 ")
    counted(server, "head")


def test_a_client_without_a_word_is_let_go(serve):
    server = serve(APP, "--head-timeout", "1")
    with server.connect() as s:
        assert read_all(s) == b""
    counted(server, "head")


@pytest.mark.parametrize("option", ["--socket-timeout", "--http-timeout"])
@pytest.mark.parametrize("length", [100, 900000])
def test_a_body_that_stalls_is_answered_408(serve, option, length):
    server = serve(APP, option, "1")
    with server.connect() as s:
        s.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (length, b"x" * (length * 2 // 3)))
        assert read_all(s).startswith(b"HTTP/1.1 408 ")
    counted(server, "body")


@pytest.mark.parametrize("length", [1000, 900000])
def test_a_body_that_trickles_is_answered_408(serve, length):
    server = serve(APP, "--socket-timeout", "2", "--min-body-rate", "1000000")
    with server.connect(0.5) as s:
        s.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (length, b"x" * (length * 2 // 3)))

        def answer():
            try:
                return s.recv(1000)
            except TimeoutError:
                s.sendall(b"x")  # never stalls, never ends

        assert wait_until(answer, "an answer").startswith(b"HTTP/1.1 408 ")
    counted(server, "body")


def test_a_client_that_does_not_read_is_let_go(serve):
    server = serve(APP, "--socket-timeout", "1")
    with server.connect() as s:
        s.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        counted(server, "send")


@pytest.mark.parametrize("option", ["--keep-alive", "--http-keepalive"])
def test_an_idle_connection_is_let_go(serve, option):
    server = serve(APP, option + "=2")
    with server.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_all(s).endswith(b"hello")
    counted(server, "idle")
