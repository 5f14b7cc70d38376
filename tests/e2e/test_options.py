"""What each option does, seen from outside: one short server an option."""
import os

import pytest

from binary import last_line, run

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]

other = application
"""


@pytest.mark.parametrize("word", ["app.py", "app.py:other", "site.wsgi", "site.wsgi:other", "app:application", "pkg.mod:other"])
def test_a_word_that_is_no_option_names_the_application(start, write, word):
    for name in ("app.py", "site.wsgi", "pkg/mod.py", "pkg/__init__.py"):
        write(name, HELLO)
    assert start("--master", word).get().text == "hello"


def test_a_word_in_a_subfolder_names_the_application(start, write):
    write("sub/app.py", HELLO)
    assert start(os.path.join("sub", "app.py")).get().text == "hello"


def test_a_configuration_file_is_one_whatever_claims_its_section(start, write):
    write("app.py", HELLO)
    write("site.ini", "[app]\nwsgi-file = app.py\n")
    assert start("--ini", "site.ini:app").get().text == "hello"
    assert start("site.ini:app").get().text == "hello"


@pytest.mark.parametrize("word", ["nothing", "a/b:c", "notes.txt", "x:", ":x"])
def test_a_word_that_nobody_claims_is_refused(tmp_path, word):
    done = run("--http-socket", "127.0.0.1:0", word, cwd=tmp_path)
    assert done.returncode == 1
    assert word in last_line(done)


def test_words_are_not_claimed_by_plugins_that_may_not_be_loaded(tmp_path, write):
    write("app.py", HELLO)
    done = run("--no-autoload", "app.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "unable to load configuration from app.py" in last_line(done)


@pytest.mark.parametrize("option, closes", [
    (("--http-keepalive",), False),
    (("--http-keepalive=1",), False),
    (("--http-keepalive=2",), True),
    (("--keep-alive", "1"), True),
])
def test_http_keepalive_says_how_long_an_idle_connection_is_kept(start, write, option, closes):
    write("app.py", HELLO)
    server = start("--wsgi-file", "app.py", *option)
    with server.connect(timeout=5 if closes else 1.5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while not s.recv(4096).endswith(b"hello"):
            pass
        if closes:
            assert s.recv(1) == b""
        else:
            with pytest.raises(TimeoutError):
                s.recv(1)
