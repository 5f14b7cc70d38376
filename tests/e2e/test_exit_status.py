"""A server that cannot start ends at once, with the status of docs/exit-status.md and its cause as the last line."""
import os
import signal
import socket

import pytest

from harness import free_port

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""

MODES = {
    "alone": (),
    "master": ("--master",),
    "lazy": ("--master", "--lazy-apps", "--processes", "3"),
}


def says(server, status, *words):
    """The server ended with `status`, and its last line has all the words, the status, and nothing after it."""
    assert server.wait_exit() == status, server.log
    last = server.last_line()
    for word in (*words, "exit status %d" % status):
        assert word in last, server.log
    assert server.log.count("; exit status") == 1, server.log


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("options, words", [
    (("--module", "not_there"), ("unable to load app 0 (--module not_there)",
                                 "ModuleNotFoundError: No module named 'not_there'")),
    (("--wsgi-file", "missing.py"), ("--wsgi-file missing.py", "FileNotFoundError", "missing.py")),
    (("--wsgi-file", "raises.py"), ("RuntimeError: at import",)),
    (("--wsgi-file", "exits.py"), ("SystemExit: 3",)),
    (("--mount", "nonsense"), ("--mount nonsense: '=' is missing",)),
    (("--home", "nowhere", "--module", "x"), ("--home nowhere", "No such file or directory")),
    ((), ("no application", "need-app = false")),
])
def test_an_application_that_cannot_be_loaded_is_the_last_line(start, write, mode, options, words):
    write("raises.py", "raise RuntimeError('at import')")
    write("exits.py", "import sys; sys.exit(3)")
    says(start(*MODES[mode], *options, ready=False), 22, *words)


def test_a_gateway_that_was_already_started_says_nothing_after_the_cause(start):
    server = start("--master", "--http", "127.0.0.1:%d" % free_port(), "--module", "not_there", http=False, ready=False)
    says(server, 22, "No module named 'not_there'")


def test_an_application_that_ends_its_process_gives_the_server_its_status(start, write):
    write("leaves.py", "import os; os._exit(5)")
    says(start("--master", "--wsgi-file", "leaves.py", ready=False), 5, "loading the application exited with status 5")


def test_an_application_that_crashes_its_process_is_named_with_the_signal(start, write):
    write("crashes.py", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    says(start("--master", "--wsgi-file", "crashes.py", ready=False), 1, "killed by signal 9")


@pytest.mark.parametrize("option", ["--http-socket", "--http", "--socket"])
def test_an_address_in_use_is_the_last_line(start, write, option):
    write("app.py", HELLO)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        server = start("--master", option, address, "--wsgi-file", "app.py", http=False, ready=False)
        says(server, 1, "cannot listen on " + address, "another process listens there already")


@pytest.mark.parametrize("options, words", [
    (("--chdir", "nowhere"), ("cannot change to the directory nowhere", "No such file or directory")),
    (("--pidfile", "nowhere/pid"), ("cannot write the pidfile nowhere/pid",)),
    (("--logto", "nowhere/log"), ("cannot open the log nowhere/log",)),
    (("--uid", "nobody-by-this-name"), ('cannot become user "nobody-by-this-name"', "no such name")),
    (("--gid", "nobody-by-this-name"), ('cannot become group "nobody-by-this-name"', "no such name")),
    (("--socket", "127.0.0.1:123456"), ("cannot listen on 127.0.0.1:123456",)),
])
def test_what_the_machine_does_not_allow_is_the_last_line(start, write, options, words):
    write("app.py", HELLO)
    says(start("--wsgi-file", "app.py", *options, ready=False), 1, *words)


def test_a_server_with_nothing_to_listen_on_says_so(start, write):
    write("app.py", HELLO)
    says(start("--master", "--wsgi-file", "app.py", http=False, ready=False), 1, "nothing to listen on")


@pytest.mark.parametrize("options", [(), ("--master",), ("--master", "--http", "127.0.0.1:0")])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_that_was_asked_for_is_status_0(start, write, options, signum):
    write("app.py", HELLO)
    options = (*options, "--die-on-term") if "--master" not in options else options
    server = start("--wsgi-file", "app.py", *options)
    os.kill(server.process.pid, signum)
    assert server.wait_exit() == 0, server.log
    assert "exit status" not in server.log


def test_a_reload_that_fails_says_its_cause_and_the_old_generation_serves_on(start, write):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py")
    server.wait_for_log("spawned uWSGI worker 1")
    write("app.py", "raise RuntimeError('a bad deploy')")
    os.kill(server.process.pid, signal.SIGHUP)
    server.wait_for_log("generation 2 could not be started: unable to load app 0 (--wsgi-file app.py): "
                        "RuntimeError: a bad deploy; generation 1 keeps serving")
    assert server.get().text == "hello"
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.wait_exit() == 0
    assert "exit status 22" not in server.log


def test_a_lazy_worker_that_cannot_load_again_says_why_while_the_server_goes_on(start, write):
    write("app.py", HELLO)
    server = start("--master", "--lazy-apps", "--max-requests", "1", "--min-worker-lifetime", "0", "--wsgi-file", "app.py")
    server.wait_for_log("spawned uWSGI worker 1")
    write("app.py", "raise RuntimeError('no more')")
    server.get()
    server.wait_for_log("uwsgi: unable to load app 0 (--wsgi-file app.py): RuntimeError: no more\n")
