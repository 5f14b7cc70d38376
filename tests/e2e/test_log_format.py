"""What the line of a request says, and the id that finds it again."""
import re
import socket
import struct

import pytest

from harness import wait_until

APP = """
    def application(environ, start_response):
        try:
            import uwsgi
            uwsgi.set_logvar("color", "red\\nforged")
        except ImportError:
            pass
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr((environ.get("UWSGI_REQUEST_ID"), environ.get("HTTP_X_REQUEST_ID"),
                      environ.get("HTTP_X_TRACE"))).encode()]
"""


def line_with(server, mark):
    return wait_until(lambda: next((line for line in server.log.splitlines() if mark in line), None),
                      lambda: "%r in the log:\n%s" % (mark, server.log))


def test_a_template_says_what_the_line_says(serve):
    server = serve(APP, "--log-format", '%(addr) "%(method) %(uri) %(proto)" %(status) %(rsize) "%(uagent)" %(user) '
                   "w%(wid) %(color) %(var.HTTP_X_A) END")
    server.get("/path?q=1", {"User-Agent": "tester", "X-A": "b"})
    line = line_with(server, " END")
    assert re.fullmatch(r'127\.0\.0\.1 "GET /path\?q=1 HTTP/1\.1" 200 \d+ "tester" - w1 red\?forged b END', line)


def test_logformat_is_the_same_option_and_dates_go_through_strftime(serve):
    server = serve(APP, "--logformat", "AT %Y-%m-%d %(status)", "--logformat-strftime")
    server.get()
    assert re.fullmatch(r"AT \d{4}-\d\d-\d\d 200", line_with(server, "AT "))


@pytest.mark.parametrize("options", [(), ("--log-format", "[pid: %(addr) %(uri) %(user) %(var.EVIL)"), ("--log-master",)])
def test_no_client_can_begin_a_line(serve, tmp_path, options):
    """The uwsgi protocol brings any byte; behind a web server it brings what that one lets through."""
    evil = "\n[pid: 1|forged\r\x1b[2J\x00\x7f"
    server = serve(APP, "--uwsgi-socket", tmp_path / "app.sock", *options)
    variables = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_PROTOCOL": evil, "REQUEST_URI": "/marker" + evil,
                 "REMOTE_ADDR": evil, "REMOTE_USER": evil, "EVIL": evil}
    body = b"".join(struct.pack("<H", len(text)) + text.encode() for pair in variables.items() for text in pair)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(tmp_path / "app.sock"))
        s.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
        while s.recv(65536):
            pass
    line = line_with(server, "/marker")
    assert line.startswith("[pid: ") and line.count("?[pid: 1|forged??[2J??") >= 4
    assert not re.search(r"^\[pid: 1\||[\x00-\x09\x0b-\x1f\x7f]", server.log, re.M)


def test_memory_is_reported_with_each_request(serve):
    server = serve(APP, "--memory-report")
    server.get()
    line = line_with(server, "GET / ")
    assert re.match(r"\{address space usage: \d+ bytes/\d+MB\} \{rss usage: [1-9]\d+ bytes/\d+MB\} \[pid: \d+\|", line)


def test_requests_answered_with_a_file_can_be_the_only_ones_logged(serve):
    server = serve("""
        def application(environ, start_response):
            start_response("200 OK", [])
            if environ["PATH_INFO"] == "/file":
                return environ["wsgi.file_wrapper"](open(__file__, "rb"))
            return [b"x"]
    """, "--disable-logging", "--log-sendfile", "true")
    server.get("/plain")
    server.get("/file")
    assert " via sendfile() " in line_with(server, "GET /file")
    assert "/plain" not in server.log


def test_a_request_without_an_id_gets_one_everywhere(serve):
    server = serve(APP, "--request-id", "--log-format", "ID=%(request_id)")
    answer = server.get()
    made = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert eval(answer.text) == (made, None, None)
    line_with(server, "ID=" + made)
    assert server.get().headers["X-Request-ID"] != made


def test_an_id_that_comes_is_kept_when_it_is_sane(serve):
    server = serve(APP, "--request-id=X-Trace", "--log-format", "ID=%(request_id)")
    answer = server.get("/", {"X-Trace": "req-1.a_b"})
    assert answer.headers.get_all("X-Trace") == ["req-1.a_b"]
    assert eval(answer.text) == ("req-1.a_b", None, "req-1.a_b")
    line_with(server, "ID=req-1.a_b")
    for evil in ("a b", 'x"y', "z" * 129, "<script>"):
        answer = server.get("/", {"X-Trace": evil})
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Trace"])
        assert eval(answer.text)[2] == evil


def test_a_refused_request_has_an_id_too(serve):
    server = serve(APP, "--request-id", "--log-format", "ID=%(request_id) %(status)")
    answer = server.raw(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").decode()
    assert answer.startswith("HTTP/1.1 400 ")
    line_with(server, "ID=%s 400" % re.search(r"X-Request-ID: (\w{32})\r\n", answer)[1])


def test_nobody_has_an_id_unless_it_is_asked_for(serve):
    server = serve(APP, "--log-format", "ID=%(request_id)")
    answer = server.get("/", {"X-Request-ID": "abc"})
    assert "X-Request-ID" not in answer.headers and eval(answer.text) == (None, "abc", None)
    line_with(server, "ID=-")


def test_a_header_name_that_is_none_ends_the_start(start):
    server = start("--request-id=X:Y", ready=False)
    assert server.wait_exit() == 1 and "give the name of a header such as X-Request-ID" in server.log
