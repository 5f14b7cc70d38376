"""What each option does, seen from outside: one short server an option."""
import contextlib
import grp
import os
import pwd
import signal
import socket
import stat

import pytest

from binary import last_line, run
from harness import DEADLINE, free_port, session_members, wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give things away")

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
    with server.connect(timeout=DEADLINE if closes else 1.5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while not s.recv(4096).endswith(b"hello"):
            pass
        if closes:
            assert s.recv(1) == b""
        else:
            with pytest.raises(TimeoutError):
                s.recv(1)


# ---- processes ----


def titles(server):
    """The command lines of the server's processes, as ps shows them."""
    found = set()
    for pid in session_members(server.process.pid):
        with contextlib.suppress(OSError), open("/proc/%d/cmdline" % pid, "rb") as file:
            found.add(file.read().replace(b"\0", b" ").strip().decode())
    return found


@pytest.mark.parametrize("options, expected", [
    (("--auto-procname",), {"uWSGI master", "uWSGI zygote", "uWSGI worker 1"}),
    (("--procname", "shop"), {"shop"}),
    (("--procname-prefix", "shop:"), {"shop:uWSGI worker 1"}),
    (("--procname-prefix-spaced", "shop"), {"shop uWSGI worker 1"}),
    (("--procname-append", " of shop"), {"uWSGI worker 1 of shop"}),
    (("--procname-master", "the boss"), {"the boss"}),
])
def test_procname_options_name_the_processes(start, write, options, expected):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", *options)
    wait_until(lambda: expected <= titles(server), lambda: "the titles %s in %s" % (expected, titles(server)))


def test_max_requests_replaces_a_worker_and_loses_no_request(start, write):
    write("app.py", """
        import os
        def application(environ, start_response):
            start_response("200 OK", [])
            return [str(os.getpid()).encode()]
    """)
    server = start("--master", "--wsgi-file", "app.py", "--max-requests", "3", "--min-worker-lifetime", "0")
    pids = []
    wait_until(lambda: pids.append(server.get().text) or len(set(pids)) == 3, "three workers")
    server.wait_for_log("The work of process %s is done" % pids[0])


@pytest.mark.parametrize("option", ["--pidfile", "--pidfile2"])
def test_a_pidfile_has_the_pid_and_goes_with_vacuum(start, write, tmp_path, option):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", option, "pid", "--vacuum")
    assert (tmp_path / "pid").read_text() == "%d\n" % server.process.pid
    assert server.stop() == 0
    assert not (tmp_path / "pid").exists()


def test_a_pidfile_stays_without_vacuum(start, write, tmp_path):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", "--pidfile", "pid")
    server.stop()
    assert (tmp_path / "pid").exists()


@pytest.mark.parametrize("options", [(), ("--die-on-term",)])
def test_sigterm_stops_the_server(start, write, options):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", *options)
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.wait_exit() == 0


def test_no_orphans_are_left_by_a_master_that_is_killed(start, write):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", "--processes", "2", "--no-orphans")
    os.kill(server.process.pid, signal.SIGKILL)
    wait_until(lambda: not session_members(server.process.pid), "the workers to end")


# ---- environment ----

WHERE = """
import grp
import os
import pwd
import signal
import socket
import stat
def application(environ, start_response):
    start_response("200 OK", [])
    return [("%s %d %d" % (os.getcwd(), os.getuid(), os.getgid())).encode()]
"""


@pytest.mark.parametrize("option", ["--chdir", "--chdir2"])
def test_chdir_is_where_the_application_runs(start, write, tmp_path, option):
    write("site/app.py", WHERE)
    server = start("--master", "--module", "app", option, tmp_path / "site")
    assert server.get().text.split()[0] == str(tmp_path / "site")


@root_only
def test_uid_and_gid_are_who_the_workers_are(start, write, tmp_path):
    assert os.getuid() == 0, "this test gives up root"
    write("app.py", WHERE)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    server = start("--master", "--eval", WHERE, "--uid", "nobody", "--gid", "daemon")
    user, group = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid
    assert server.get().text.split()[1:] == [str(user), str(group)]


@pytest.mark.parametrize("option", ["--logto", "--logto2"])
def test_logto_is_where_the_lines_go(start, write, tmp_path, option):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", option, "the.log")
    server.get("/marked")
    log = tmp_path / "the.log"
    wait_until(lambda: "/marked" in log.read_text(), "the request in the log")
    assert "/marked" not in server.log
    assert stat.S_IMODE(log.stat().st_mode) & 0o007 == 0, "nobody else reads it"


@pytest.mark.parametrize("option", ["--daemonize", "--daemonize2"])
def test_a_daemon_leaves_its_session_and_serves(write, tmp_path, option):
    write("app.py", HELLO)
    port = free_port()
    done = run("--master", "--http-socket", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", option, "the.log",
               "--pidfile", "pid", cwd=tmp_path, timeout=DEADLINE)
    assert done.returncode == 0
    pid = wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the pidfile")
    try:
        log = tmp_path / "the.log"
        wait_until(lambda: log.exists() and "spawned uWSGI worker 1" in log.read_text(), "the worker")
        pid = int((tmp_path / "pid").read_text())
        assert os.getsid(pid) != os.getsid(0)
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.")
    finally:
        os.kill(int(pid), signal.SIGTERM)
        wait_until(lambda: "goodbye" in (tmp_path / "the.log").read_text(), "the end of the daemon")


# ---- sockets ----


@pytest.mark.parametrize("options, mode", [
    ((), 0o660), (("--chmod-socket",), 0o666), (("--chmod-socket=600",), 0o600), (("-C", ), 0o666),
])
def test_chmod_socket_is_the_mode_of_a_unix_socket(start, write, tmp_path, options, mode):
    write("app.py", HELLO)
    start("--wsgi-file", "app.py", "--socket", "s", *options, http=False, address=tmp_path / "s")
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == mode


@root_only
@pytest.mark.parametrize("value, owner, group", [("nobody", "nobody", None), ("nobody:daemon", "nobody", "daemon"),
                                                 (":daemon", None, "daemon")])
def test_chown_socket_is_the_owner_of_a_unix_socket(start, write, tmp_path, value, owner, group):
    write("app.py", HELLO)
    start("--wsgi-file", "app.py", "--socket", "s", "--chown-socket", value, http=False, address=tmp_path / "s")
    found = (tmp_path / "s").stat()
    assert found.st_uid == (pwd.getpwnam(owner).pw_uid if owner else os.getuid())
    assert found.st_gid == (grp.getgrnam(group).gr_gid if group else os.getgid())


def test_an_owner_that_does_not_exist_ends_the_start(start, write):
    write("app.py", HELLO)
    server = start("--wsgi-file", "app.py", "--socket", "s", "--chown-socket", "nobody-by-this-name", http=False, ready=False)
    assert server.wait_exit() == 1
    assert "cannot listen on s" in server.last_line()


@pytest.mark.parametrize("vacuum", [True, False])
def test_vacuum_removes_unix_sockets(start, write, tmp_path, vacuum):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", "--socket", "s", *["--vacuum"] * vacuum, http=False,
                   address=tmp_path / "s")
    server.stop()
    assert (tmp_path / "s").exists() != vacuum


# ---- requests and their lines ----

BY_PATH = """
import time
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(1.2)
    status = {"/404": "404 Not Found", "/503": "503 Service Unavailable"}.get(path, "200 OK")
    start_response(status, [])
    return [b"" if path == "/zero" else b"x" * (5000 if path == "/big" else 5)]
"""


@pytest.mark.parametrize("options, logged", [
    ((), {"/", "/404", "/503", "/zero", "/slow", "/big"}),
    (("--disable-logging",), set()),
    (("--disable-logging", "--log-4xx"), {"/404"}),
    (("--disable-logging", "--log-5xx"), {"/503"}),
    (("--disable-logging", "--log-zero"), {"/zero"}),
    (("--disable-logging", "--log-slow", "1000"), {"/slow"}),
    (("--disable-logging", "--log-big", "4000"), {"/big"}),
])
def test_the_log_options_choose_the_requests_that_get_a_line(start, write, options, logged):
    write("app.py", BY_PATH)
    server = start("--master", "--wsgi-file", "app.py", *options)
    for path in ("/", "/404", "/503", "/zero", "/slow", "/big"):
        server.get(path)
    server.stop()
    lines = {word for word in ("/", "/404", "/503", "/zero", "/slow", "/big") if " GET %s =>" % word in server.log}
    assert lines == logged, server.log


def test_add_header_is_in_every_response(start, write):
    write("app.py", HELLO)
    server = start("--wsgi-file", "app.py", "--add-header", "X-One: 1", "--add-header", "X-Two: a b")
    headers = server.get().headers
    assert (headers["X-One"], headers["X-Two"]) == ("1", "a b")


def test_log_x_forwarded_for_is_the_client_of_the_line(start, write):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", "--log-x-forwarded-for")
    server.get("/", {"X-Forwarded-For": "192.0.2.7"})
    server.wait_for_log("192.0.2.7")


def test_log_micros_counts_finer(start, write):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", "--log-micros")
    server.get()
    server.wait_for_log(" micros ")


def test_limit_post_refuses_a_larger_body(start, write):
    write("app.py", HELLO)
    server = start("--wsgi-file", "app.py", "--limit-post", "10")
    assert server.post("/", b"x" * 10).status == 200
    assert server.post("/", b"x" * 11).status == 413


def test_buffer_size_is_the_largest_head(start, write):
    write("app.py", HELLO)
    server = start("--wsgi-file", "app.py", "--buffer-size", "20000")
    assert server.get("/" + "a" * 15000).status == 200
    assert server.get("/" + "a" * 25000).status == 414


def test_no_server_starts_no_worker(start, write):
    write("app.py", HELLO)
    server = start("--master", "--wsgi-file", "app.py", "--no-server", ready=False)
    server.wait_for_log("*** Operational MODE: no-workers ***")
    assert "spawned uWSGI worker" not in server.log


def test_keep_alive_0_closes_after_each_response(serve):
    server = serve(HELLO, "--keep-alive", "0")
    answer = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("option", ["--flock", "--flock2"])
def test_flock_keeps_a_second_server_from_starting_until_the_first_has_ended(start, serve, write, option):
    first = serve(HELLO, option, "lock")
    refused = "uwsgi: %s = lock: another process holds the lock on this file; exit status 1" % option.strip("-")
    for generation in (2, 3):
        second = start("--wsgi-file", "app.py", option, "lock", ready=False)
        assert second.process.wait(DEADLINE) == 1
        assert second.last_line() == refused
        first.process.send_signal(signal.SIGHUP)
        first.wait_for_log("generation %d answers" % generation)
    first.stop()
    assert start("--wsgi-file", "app.py", option, "lock").get().text == "hello"


def test_flock_outlives_a_killed_master_by_its_workers(start, serve):
    first = serve(HELLO, "--flock", "lock")
    worker = first.pid_of("worker")
    os.kill(worker, signal.SIGSTOP)  # which keeps it from ending with its master
    first.process.kill()
    first.process.wait()
    second = start("--wsgi-file", "app.py", "--flock", "lock", ready=False)
    assert second.process.wait(DEADLINE) == 1
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not session_members(first.process.pid), "the first to be gone")
    assert start("--wsgi-file", "app.py", "--flock", "lock").get().text == "hello"


def test_flock_wait_waits_for_the_end_of_another_server(serve, start):
    first = serve(HELLO, "--flock", "lock")
    second = start("--wsgi-file", "app.py", "--flock-wait", "lock", ready=False)
    second.wait_for_log("flock-wait = lock: another process holds the lock on this file: waiting for its end")
    first.stop()
    assert second.wait_ready().get().text == "hello"


def test_a_reload_with_a_lock_that_another_has_is_refused(serve, start, write):
    serve(HELLO, "--flock", "other")
    ini = "[uwsgi]\nmaster = true\nwsgi-file = app.py\n"
    write("site.ini", ini)
    server = start("--ini", "site.ini")
    write("site.ini", ini + "flock-wait = other\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("flock-wait = other: another process holds the lock on this file")
    server.wait_for_log("keeps serving")
    assert server.get().text == "hello"


def test_options_that_mean_nothing_here_are_accepted(start, write):
    write("app.py", HELLO)
    server = start("--strict", "--wsgi-file", "app.py", "--thunder-lock", "--thunder-lock-watchdog", "--lock-engine", "ipcsem",
                   "--ftok", "/tmp", "--persistent-ipcsem", "--clock", "monotonic", "--signal-bufsize", "65536",
                   "--signals-bufsize", "65536", "--single-interpreter")
    assert server.get().text == "hello"
    assert "not there yet" not in server.log
