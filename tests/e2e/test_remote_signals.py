"""Signals from outside: packets of modifier 110, uwsgi --signal, uwsgi.signal(number, address)."""
import contextlib
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from binary import run
from harness import DEADLINE, wait_until
from wire import exchange

APP = """
    import uwsgi

    uwsgi.register_signal(17, "worker1", lambda n: print("handled %d" % n, flush=True))

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        code = environ["wsgi.input"].read().decode()
        try:
            return [repr(eval(code or "0")).encode()]
        except (OSError, ValueError) as failed:
            return [("%s: %s" % (type(failed).__name__, failed)).encode()]
"""


def ask(server, code):
    return server.post("/", code.encode()).text


def command(text, folder):
    done = run("--signal", text, cwd=folder)
    return done.returncode, done.stderr


@pytest.fixture
def listening(serve):
    return serve(APP, "--processes", "2", "--socket", "open.sock", "--socket", "closed.sock", "--signal-remote", "open.sock")


def handled(server):
    return len(re.findall("handled 17", server.log))


def test_a_packet_raises_a_signal_where_the_socket_may(listening, tmp_path):
    assert exchange(tmp_path / "open.sock", b"\x6e\0\0\x11") == b"\xff\0\0\x01"
    wait_until(lambda: handled(listening) == 1, "the handler")
    assert exchange(tmp_path / "closed.sock", b"\x6e\0\0\x11") == b"\xff\0\0\0"
    listening.wait_for_log("signal 17 from the socket closed.sock is refused: signal-remote does not name it")
    assert handled(listening) == 1


def test_a_name_that_no_socket_has_is_told(serve):
    server = serve(APP, "--plugin", "signal", "--signal-remote", "elsewhere.sock", "--spooler", "sp", "--spooler-remote", ":1")
    server.wait_for_log("signal-remote = elsewhere.sock: no socket of this server has that name, so it allows nothing")
    server.wait_for_log("spooler-remote = :1: no socket of this server has that name")


def test_a_signal_nobody_registered_is_refused_to_the_sender(listening, tmp_path):
    assert exchange(tmp_path / "open.sock", b"\x6e\0\0\x12") == b"\xff\0\0\0"
    listening.wait_for_log("signal 18 from the socket open.sock is refused: it is not registered")


def test_the_command_raises_a_signal_or_says_why_not(listening, tmp_path):
    assert command("open.sock,17", tmp_path) == (0, "")
    assert command("open.sock 17", tmp_path) == (0, "")
    wait_until(lambda: handled(listening) == 2, "the handler, twice")
    for text, why in (("open.sock,18", "the server refuses it"), ("open.sock,256", "a number from 0 to 255"),
                      ("open.sock", "a number from 0 to 255"), ("open.sock,1x", "a number from 0 to 255"),
                      ("missing.sock,1", "No such file")):
        status, said = command(text, tmp_path)
        assert status == 1 and why in said, text


def test_a_server_without_the_plugin_does_not_answer_to_signals(serve, tmp_path):
    serve(APP, "--socket", "other.sock")
    status, said = command("other.sock,17", tmp_path)
    assert status == 1 and "does not answer to signals" in said


def test_a_program_raises_signals_in_another_server(listening, tmp_path):
    assert ask(listening, "uwsgi.signal(17, %r)" % str(tmp_path / "open.sock")) == "True"
    wait_until(lambda: handled(listening) == 1, "the handler")
    closed, missing = str(tmp_path / "closed.sock"), str(tmp_path / "missing.sock")
    assert ask(listening, "uwsgi.signal(17, %r)" % closed) == "ValueError: node %s rejected signal 17" % closed
    assert re.match("OSError: unable to deliver signal 17 to node .*: No such file", ask(listening, "uwsgi.signal(17, %r)" % missing))


def test_2_0_understands_the_signals_sent_from_here(listening, old_server, tmp_path, write):
    write("old.py", """
        import uwsgi
        uwsgi.register_signal(17, "worker1", lambda n: open("old.handled", "a").write("%d\\n" % n))
        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"old"]
    """)
    old_server("python3,signal", "old.py")
    assert command("old.sock,17", tmp_path) == (0, "")
    assert ask(listening, "uwsgi.signal(17, %r)" % str(tmp_path / "old.sock")) == "True"
    told = tmp_path / "old.handled"
    wait_until(lambda: told.exists() and told.read_text() == "17\n17\n", "both to be handled")


def test_a_full_backlog_is_waited_for(listening, tmp_path):
    with socket.socket(socket.AF_UNIX) as full, contextlib.ExitStack() as stack:
        full.bind(str(tmp_path / "full.sock"))
        full.listen(0)
        stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(tmp_path / "full.sock"))  # and nobody accepts it
        waiting = stack.enter_context(ThreadPoolExecutor()).submit(ask, listening, "uwsgi.signal(3, 'full.sock')")
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        full.accept()[0].close()
        client, _ = full.accept()
        assert client.recv(4) == b"n\0\0\3"
        client.sendall(b"\xff\0\0\1")
        assert waiting.result(DEADLINE) == "True"
        client.close()
