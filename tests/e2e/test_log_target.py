"""Where the lines of the server go, and how they begin."""
import re
import socket
import stat

import pytest

from harness import wait_until

APP = """
    import uwsgi
    def application(environ, start_response):
        uwsgi.log("said by the application")
        start_response("200 OK", [])
        return [b"x"]
"""


@pytest.fixture
def udp():
    """A UDP socket that listens, and collects what comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(0.02)
        yield s


def receive_until(s, mark):
    got = []

    def came():
        try:
            got.append(s.recv(65536).decode())
        except TimeoutError:
            pass
        return any(mark in text for text in got)

    wait_until(came, lambda: "%r among %r" % (mark, got))
    return got


def address_of(s):
    return "%s:%d" % s.getsockname()


def test_a_udp_address_gets_a_datagram_for_each_line(serve, udp):
    server = serve(APP, "--logto", address_of(udp))
    for i in range(20):
        server.get("/%d" % i)
    got = receive_until(udp, "GET /19 ")
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in got)
    requests = [text for text in got if " GET /" in text]
    assert [re.search(r"GET /(\d+) ", text)[1] for text in requests] == [str(i) for i in range(20)]


def test_nobody_listening_does_not_hurt(serve, udp):
    address = address_of(udp)
    udp.close()
    server = serve(APP, "--logto", address)
    assert server.get().status == 200 and server.get().status == 200


def test_lines_begin_with_the_date(serve):
    server = serve(APP, "--log-date")
    server.get()
    server.wait_for_log("GET / ")
    server.wait_for_match(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - said by the application$")
    server.wait_for_match(r"^\[pid: \d+\|")  # lines of requests have their own date


def test_lines_begin_with_a_date_of_ones_own_and_a_text(serve):
    server = serve(APP, "--logdate=%Y", "--log-prefix=blue")
    server.get()
    server.wait_for_log("GET / ")
    server.wait_for_match(r"^\d{4} - blue - said by the application$")


def test_the_file_has_the_mode_that_was_asked_for(serve, tmp_path):
    path = tmp_path / "app.log"
    serve(APP, "--logto", path, "--logfile-chmod", "604")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_the_file_begins_empty_when_asked(serve, tmp_path, write):
    path = write("app.log", "old line\n")
    serve(APP, "--logto", path)
    assert path.read_text().startswith("old line\n")
    serve(APP, "--logto", path, "--log-truncate")
    wait_until(lambda: "spawned uWSGI worker" in path.read_text(), "the new lines")
    assert "old line" not in path.read_text()


def test_a_mode_that_is_none_ends_the_start(start):
    server = start("--logfile-chmod", "999", ready=False)
    assert server.wait_exit() == 1 and "invalid mode" in server.log
