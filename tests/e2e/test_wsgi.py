"""What an application is promised: PEP 3333, every way to load it, and how each failure is told."""
import hashlib
import http.client
import os

import pytest

from harness import DEADLINE

HELLO = """
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello ", b"world"]
"""


def answering(expression, prelude=""):
    """An application that answers with the text of an expression of `environ`."""
    return """
%s
def application(environ, start_response):
    reply = str((%s)).encode("utf-8")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [reply]
""" % (prelude, expression)


# ---- the environ


def test_a_list_is_sent_with_its_length(serve):
    answer = serve(HELLO).get()
    assert (answer.status, answer.body) == (200, b"hello world")
    assert answer.headers["Content-Length"] == "11"


def test_the_validator_of_wsgiref_has_nothing_to_say(serve):
    server = serve("""
        from wsgiref.validate import validator

        def app(environ, start_response):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"got ", body]

        application = validator(app)
    """)
    assert server.get("/a?b=c").body == b"got "
    assert server.post("/", b"x" * 100000).body == b"got " + b"x" * 100000
    assert "Traceback" not in server.log


@pytest.mark.parametrize("expression, path, expected", [
    ("environ['PATH_INFO']", "/a%20b?c=d", "/a b"),
    ("environ['QUERY_STRING']", "/a?c=%20d", "c=%20d"),
    ("environ['QUERY_STRING'] == ''", "/a", "True"),
    ("environ['REQUEST_URI']", "/a%20b?c", "/a%20b?c"),
    ("environ['SCRIPT_NAME'] == ''", "/", "True"),
    ("environ['REQUEST_METHOD']", "/", "GET"),
    ("environ['SERVER_PROTOCOL']", "/", "HTTP/1.1"),
    ("environ['REMOTE_ADDR']", "/", "127.0.0.1"),
    ("environ['wsgi.version']", "/", "(1, 0)"),
    ("environ['wsgi.url_scheme']", "/", "http"),
    ("environ['wsgi.run_once'], environ['wsgi.multithread'], environ['wsgi.multiprocess']", "/",
     "(False, False, False)"),
    ("type(environ) is dict", "/", "True"),
    ("'CONTENT_TYPE' in environ", "/", "False"),
    ("environ['PATH_INFO'].encode('latin-1').decode()", "/%C3%A9", "/é"),
])
def test_the_environ_says(serve, expression, path, expected):
    assert serve(answering(expression)).get(path).body.decode() == expected


@pytest.mark.parametrize("header, expected", [
    ({"X-Forwarded-Proto": "https"}, "https"), ({"X-Forwarded-SSL": "on"}, "https"),
    ({"X-Forwarded-SSL": "off"}, "http"), ({}, "http"),
])
def test_the_scheme_is_the_proxy_s(serve, header, expected):
    assert serve(answering("environ['wsgi.url_scheme']")).get(headers=header).text == expected


def test_headers_do_not_leak_into_the_next_request(serve):
    server = serve(answering("(environ.get('HTTP_X_ONE'), environ.get('HTTP_X_TWO'))"))
    assert server.get(headers={"X-One": "1"}).text == "('1', None)"
    assert server.get(headers={"X-Two": "2"}).text == "(None, '2')"
    assert server.get(headers={"X-One": "other"}).text == "('other', None)"


def test_the_environ_is_a_fresh_dict_each_time(serve):
    server = serve(answering("len(kept), kept.append(environ), kept[0]['PATH_INFO']", "kept = []"))
    server.get("/first")
    assert server.get("/second").text == "(1, None, '/first')"


def test_threads_show_in_the_environ(serve):
    server = serve(answering("environ['wsgi.multithread'], environ['uwsgi.core'] in (0, 1)"), "--threads", "2")
    assert server.get().text == "(True, True)"


# ---- the body


BODY = b"one\ntwo two\nthree" + b"x" * 20000 + b"\nlast"


@pytest.mark.parametrize("expression, expected", [
    ("environ['wsgi.input'].read() == body", "True"),
    ("environ['wsgi.input'].read(0)", "b''"),
    ("environ['wsgi.input'].read(3)", "b'one'"),
    ("environ['wsgi.input'].read(-1) == body", "True"),
    ("environ['wsgi.input'].readline()", "b'one\\n'"),
    ("environ['wsgi.input'].readline(2)", "b'on'"),
    ("[len(line) for line in environ['wsgi.input']]", "[4, 8, 20006, 4]"),
    ("[len(line) for line in environ['wsgi.input'].readlines()]", "[4, 8, 20006, 4]"),
    ("(environ['wsgi.input'].readline(), environ['wsgi.input'].read(3), environ['wsgi.input'].tell())",
     "(b'one\\n', b'two', 7)"),
    ("(environ['wsgi.input'].read(), environ['wsgi.input'].read(), environ['wsgi.input'].readline())[1:]",
     "(b'', b'')"),
])
def test_the_input_reads(serve, expression, expected):
    server = serve(answering(expression, "body = %r" % BODY))
    assert server.post("/", BODY).text == expected


def test_a_large_body_arrives_whole(serve):
    body = os.urandom(3 * 1024 * 1024)
    server = serve(answering("hashlib.sha256(environ['wsgi.input'].read()).hexdigest()", "import hashlib"))
    assert server.post("/", body).text == hashlib.sha256(body).hexdigest()


def test_a_chunked_body_is_the_body(serve):
    server = serve(answering("environ['wsgi.input'].read()"))
    answer = server.raw(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                        b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert answer.endswith(b"b'abcdefg'")


# ---- the response


def responding(code):
    return "def application(environ, start_response):\n" + "\n".join("    " + line for line in code.split("\n"))


START = 'start_response("200 OK", [("Content-Type", "text/plain")])\n'


@pytest.mark.parametrize("code, expected", [
    ("return (b'a', b'b')", b"ab"),
    ("return []", b""),
    ("return iter([b'a', b'', b'b'])", b"ab"),
    ("return (c for c in (b'x', b'y'))", b"xy"),
    ("return ['Hello', 'World']", b"HelloWorld"),
    ("return [b'a', None, b'b']", b"ab"),
    ("return b'whole'", b"whole"),
    ("return [b'x'] * 1000", b"x" * 1000),
    ("return [bytearray(b'ba'), memoryview(b'mv')]", b"bamv"),
    ("return [b'a', 3, b'b']", b"ab"),
])
def test_a_body_may_be(serve, code, expected):
    answer = serve(responding(START + code)).get()
    assert (answer.status, answer.body) == (200, expected)


def test_write_sends_before_the_rest(serve):
    server = serve(responding('w = start_response("200 OK", [("Content-Type", "text/plain")])\n'
                              "w(b'first ')\nreturn [b'then']"))
    assert server.get().body == b"first then"


def test_start_response_may_be_called_by_the_iteration(serve):
    server = serve("""
        def application(environ, start_response):
            start_response("202 Accepted", [("X-A", "b")])
            yield b"late"
    """)
    answer = server.get()
    assert (answer.status, answer.headers["X-A"], answer.body) == (202, "b", b"late")


def test_close_is_called_whatever_happens(serve):
    server = serve("""
        class Body:
            def __init__(self, fail):
                self.fail = fail
            def __iter__(self):
                yield b"part"
                if self.fail:
                    raise ValueError("in the middle")
            def close(self):
                print("closed after", self.fail)

        def application(environ, start_response):
            start_response("200 OK", [])
            return Body(environ["QUERY_STRING"])
    """)
    assert server.get("/").body == b"part"
    server.raw(b"GET /?failure HTTP/1.0\r\n\r\n")
    server.wait_for_log("closed after \n")
    server.wait_for_log("closed after failure")


def test_exc_info_replaces_what_was_not_sent(serve):
    server = serve("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [("X-Old", "1")])
            try:
                raise ValueError("x")
            except ValueError:
                start_response("503 Busy", [("X-New", "2")], sys.exc_info())
            return [b"sorry"]
    """)
    answer = server.get()
    assert (answer.status, answer.headers["X-Old"], answer.headers["X-New"]) == (503, None, "2")


def test_exc_info_is_raised_again_when_the_head_was_sent(serve):
    server = serve("""
        import sys

        def application(environ, start_response):
            start_response("200 OK", [])(b"sent")
            try:
                raise ValueError("the cause")
            except ValueError:
                start_response("500 No", [], sys.exc_info())
            return []
    """)
    server.raw(b"GET / HTTP/1.0\r\n\r\n")
    server.wait_for_log("ValueError: the cause")


@pytest.mark.parametrize("call, error", [
    ("start_response('200 OK')", "TypeError: start_response() takes at least 2 arguments"),
    ("start_response(200, [])", "TypeError: http status must be a string"),
    ("start_response('200 OK', ())", "TypeError: http headers must be in a python list"),
    ("start_response('200 OK', [['a', 'b']])", "TypeError: http header must be defined in a tuple"),
    ("start_response('200 OK', [('a',)])", "TypeError: http header must be a 2-item tuple"),
    ("start_response('200 OK', [(b'a', 'b')])", "TypeError: http header key must be a string"),
    ("start_response('200 OK', [('a', 1)])", "TypeError: http header value must be a string"),
    ("start_response('200 OK', [('a', '\\u20ac')])", "TypeError: http header must be encodable in latin1"),
    ("start_response('OK', [])", "ValueError: http status 'OK' is no status line"),
    ("start_response('200 OK', [('a', 'b\\r\\nc: d')])", "ValueError: http header 'a' has a character"),
    ("start_response('200 OK', []), start_response('200 OK', [])", "AssertionError: start_response() was called again"),
    ("None", "AssertionError: the application returned a body but never called start_response()"),
])
def test_a_wrong_head_is_an_error_of_the_application(serve, call, error):
    server = serve(responding(call + "\nreturn [b'x']"))
    assert server.get().status == 500
    server.wait_for_log(error)


@pytest.mark.parametrize("raising", ["raise ValueError('boom')", "import sys; sys.exit(3)", "raise KeyboardInterrupt"])
def test_an_exception_is_a_500_and_the_worker_lives(serve, raising):
    server = serve(responding("import os\nif environ['PATH_INFO'] == '/ok':\n    " + START +
                              "    return [str(os.getpid()).encode()]\n" + raising))
    pid = server.get("/ok").text
    assert server.get("/").status == 500
    assert server.get("/ok").text == pid
    assert "Traceback" in server.log


def test_head_has_no_body(serve):
    answer = serve(HELLO).request("HEAD", "/")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "11")


def test_file_wrapper_sends_from_the_present_position(serve, write):
    write("data.txt", "0123456789")
    server = serve("""
        def application(environ, start_response):
            f = open("data.txt", "rb")
            f.seek(4)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return environ["wsgi.file_wrapper"](f, 3)
    """)
    assert server.get().body == b"456789"


def test_file_wrapper_reads_what_is_no_file(serve):
    server = serve("""
        import io

        def application(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](io.BytesIO(b"in memory"), 4)
    """)
    assert server.get().body == b"in memory"


def test_wsgi_errors_is_the_log(serve):
    server = serve(responding("environ['wsgi.errors'].write('a line of it\\n')\n" + START + "return []"))
    server.get()
    server.wait_for_log("a line of it")


# ---- loading


@pytest.mark.parametrize("options", [
    ("--wsgi-file", "app.py"), ("--file", "app.py"), ("--module", "app"), ("-w", "app"), ("--wsgi", "app:application"),
    ("--module", "app:other"), ("--module", "app", "--callable", "other"), ("--wsgi-file", "app.py", "--callable", "other"),
    ("--wsgi-file", "app.py:other"), ("--module", "app:factory()"), ("--module", "app:space.inner"),
    ("--eval", "from app import application"), ("--mount", "/=app.py"), ("--mount", "/x=app:other"),
    ("--module", "pkg.inside", "--pythonpath", "lib"), ("--wsgi-file", "pkgdir"),
    ("--module", "site_package.wsgi"), ("--module", "site_package.wsgi:other"), ("--mount", "/=plain.wsgi"),
])
def test_an_application_is_loaded_by(start, write, options):
    code = HELLO + """
    other = application

    def factory():
        return application

    class space:
        inner = staticmethod(application)
    """
    write("app.py", code)
    write("lib/pkg/__init__.py", "")
    write("lib/pkg/inside.py", code)
    write("pkgdir/__init__.py", code)
    write("site_package/wsgi.py", code)
    write("plain.wsgi", code)
    assert start("--master", *options).get().body == b"hello world"


@pytest.mark.parametrize("options, cause", [
    (("--wsgi-file", "missing.py"), "FileNotFoundError"),
    (("--wsgi-file", "syntax.py"), "SyntaxError"),
    (("--wsgi-file", "raises.py"), "RuntimeError: at import"),
    (("--wsgi-file", "empty.py"), "has no attribute 'application'"),
    (("--wsgi-file", "number.py"), "must be callable"),
    (("--module", "not_there"), "No module named 'not_there'"),
    (("--module", "empty:gone"), "has no attribute 'gone'"),
    (("--mount", "/x=missing.py"), "FileNotFoundError"),
    (("--wsgi-file", "exits.py"), "SystemExit"),
])
def test_an_application_that_cannot_be_loaded_ends_the_start(start, write, options, cause):
    write("syntax.py", "def (")
    write("raises.py", "raise RuntimeError('at import')")
    write("empty.py", "")
    write("number.py", "application = 3")
    write("exits.py", "import sys; sys.exit(0)")
    server = start("--master", *options, ready=False)
    assert server.wait_exit() == 22
    assert cause in server.log
    assert "unable to load app 0" in server.log


def test_several_applications_are_chosen_by_their_mountpoint(start, write):
    write("one.py", answering("'one', environ['SCRIPT_NAME'], environ['PATH_INFO']"))
    write("two.py", answering("'two', environ['SCRIPT_NAME'], environ['PATH_INFO']"))
    server = start("--master", "--mount", "/a=one.py", "--mount", "/a/b=two.py", "--manage-script-name")
    assert server.get("/a").text == "('one', '/a', '')"
    assert server.get("/a/").text == "('one', '/a', '/')"
    assert server.get("/a/b/c").text == "('two', '/a/b', '/c')"
    assert server.get("/ab").text == "('one', '', '/ab')"


def test_a_dict_of_applications_is_mounted(start, write):
    write("app.py", """
        def reply(text):
            def application(environ, start_response):
                start_response("200 OK", [])
                return [text]
            return application

        second = reply(b"second")
        applications = {"": reply(b"first"), b"/y": "second"}
    """)
    server = start("--master", "--module", "app", "--manage-script-name")
    assert server.get("/").body == b"first"
    assert server.get("/y/z").body == b"second"


def test_the_interpreter_is_as_documented(serve):
    server = serve(answering("sys.argv, __name__, __file__, sys.stdout is sys.stderr, os.path.basename(sys.executable)",
                             "import sys, os"), "--pyargv", "a  b")
    assert server.get().text == "(['uwsgi', 'a', 'b'], 'uwsgi_file_app', 'app.py', True, 'uwsgi')"


def test_a_virtual_environment_is_used(start, write, tmp_path):
    import subprocess
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    write("venv/lib/python3.11/site-packages/only_here.py", "value = 42")
    write("app.py", answering("sys.prefix.endswith('/venv'), only_here.value", "import sys, only_here"))
    server = start("--master", "--home", "venv", "--wsgi-file", "app.py")
    assert server.get().text == "(True, 42)"


def test_extension_modules_load(serve):
    server = serve(answering("json.loads('[1]'), sqlite3.sqlite_version_info > (3,), decimal.Decimal(1)",
                             "import json, sqlite3, decimal, ssl"))
    assert server.get().text == "([1], True, Decimal('1'))"


def test_threads_of_the_application_run_between_requests(serve):
    server = serve(answering("thread_is_alive.wait(5)", """
import threading
from uwsgidecorators import postfork
thread_is_alive = threading.Event()

@postfork
def begin():
    threading.Timer(0.05, thread_is_alive.set).start()
"""))
    assert server.get().text == "True"


def test_lazy_apps_loads_in_each_worker(serve):
    server = serve(answering("os.getpid() == pid", "import os; pid = os.getpid()"), "--lazy-apps")
    assert server.get().text == "True"


def test_without_a_master_one_process_serves(start, write):
    write("app.py", HELLO)
    assert start("--wsgi-file", "app.py").get().body == b"hello world"


def test_many_requests_at_once_on_many_threads(serve):
    from concurrent.futures import ThreadPoolExecutor
    server = serve(answering("environ['QUERY_STRING']"), "--processes", "2", "--threads", "4")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: server.get("/?%d" % i).text, range(400)))
    assert answers == [str(i) for i in range(400)]


# ---- clients that go


def test_a_client_that_goes_ends_the_iteration_and_the_body_is_closed(serve):
    server = serve("""
        class Endless:
            def __iter__(self):
                return self
            def __next__(self):
                return b"x" * 65536
            def close(self):
                print("closed for", path)

        def application(environ, start_response):
            global path
            path = environ["PATH_INFO"]
            start_response("200 OK", [])
            return Endless() if path == "/endless" else [b"still here"]
    """)
    with server.connect() as client:
        client.sendall(b"GET /endless HTTP/1.0\r\n\r\n")
        assert client.recv(10)
    server.wait_for_log("closed for /endless")
    assert server.get("/").body == b"still here"


def test_write_tells_the_application_that_the_client_is_gone(serve):
    server = serve("""
        def application(environ, start_response):
            write = start_response("200 OK", [])
            try:
                while True:
                    write(b"x" * 65536)
            except OSError as error:
                print("told:", error)
            return []
    """)
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(10)
    server.wait_for_log("told: write error")


def test_a_body_that_is_cut_is_an_error_of_reading(serve):
    server = serve("""
        def application(environ, start_response):
            try:
                environ["wsgi.input"].read()
            except OSError as error:
                print("told:", error)
            start_response("200 OK", [])
            return []
    """)
    with server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 100000)
    server.wait_for_log("told: error during read(-1) on wsgi.input")


def test_what_was_kept_of_a_request_is_harmless_after_it(serve):
    server = serve("""
        kept = []

        def application(environ, start_response):
            write = start_response("200 OK", [])
            kept.append((environ["wsgi.input"], start_response, write))
            if len(kept) == 1:
                return [b"first"]
            told = [repr(kept[0][0].read())]
            for call in (lambda: kept[0][1]("200 OK", []), lambda: kept[0][2](b"x")):
                try:
                    call()
                except (RuntimeError, OSError) as error:
                    told.append(str(error))
            return ["; ".join(told)]
    """)
    server.post("/", b"body")
    assert server.post("/", b"body").text == ("b''; the request of this start_response() is over; "
                                              "the request of this write() is over")


SENDS = """
def application(environ, start_response):
    length = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Length", length)])
    return environ["wsgi.file_wrapper"](open("data.txt", "rb"))
"""


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_file_is_cut_to_a_shorter_content_length_and_the_connection_stays_in_step(serve, write, version):
    write("data.txt", "0123456789")
    server = serve(SENDS)
    connection = http.client.HTTPConnection("127.0.0.1", server.address, timeout=DEADLINE)
    connection._http_vsn, connection._http_vsn_str = int(version.replace(".", "")), "HTTP/" + version
    try:
        for length in (4, 10, 0, 7):
            connection.request("GET", "/?%d" % length, headers={"Connection": "keep-alive"})
            answer = connection.getresponse()
            assert answer.read() == b"0123456789"[:length]
            assert not answer.will_close
    finally:
        connection.close()


def test_a_file_shorter_than_its_content_length_closes_the_connection(serve, write):
    write("data.txt", "0123456789")
    answer = serve(SENDS).raw(b"GET /?50 HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 50" in head
    assert body == b"0123456789", "nothing follows that the client could take for the missing bytes"
