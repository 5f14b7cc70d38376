"""What an operator can tell a running server: command lines with a pidfile, the master FIFO, touched files, signals."""
import os
import signal
import subprocess

import pytest

from binary import BINARY
from harness import DEADLINE, free_port, session_members, wait_until
from load import Load, answered

APP = """
    import time
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            print("begun", flush=True)
            time.sleep(1)
        start_response("200 OK", [])
        return [b"hello"]
"""


def uwsgi(*args, timeout=DEADLINE):
    return subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, timeout=timeout)


@pytest.fixture
def served(serve, tmp_path):
    return lambda *options: serve(APP, "--pidfile", "pid", *options)


# ---- by the pidfile ----


def test_reload_waits_for_the_new_generation(served, tmp_path):
    server = served()
    done = uwsgi("--reload", tmp_path / "pid")
    assert done.returncode == 0, done.stderr
    server.wait_for_log("generation 2 answers")


def test_reload_says_why_it_failed(served, write, tmp_path):
    server = served()
    write("app.py", "raise ValueError('a bad deploy')")
    done = uwsgi("--reload", tmp_path / "pid")
    assert done.returncode == 1
    assert "ValueError: a bad deploy" in done.stderr
    assert answered(server).endswith(b"hello")


def test_reload_of_a_bad_configuration_says_what_is_bad(start, write, tmp_path):
    port = free_port()
    write("app.py", APP)
    write("site.ini", "[uwsgi]\nhttp-socket = 127.0.0.1:%d\nmaster = 1\nwsgi-file = app.py\npidfile = pid\n" % port)
    server = start("--ini", "site.ini", http=False, address=port)
    write("site.ini", "[uwsgi]\nhttp-socket = 127.0.0.1:%d\nmaster = 1\nwsgi-file = app.py\nchdir = /nowhere\n" % port)
    done = uwsgi("--reload", tmp_path / "pid")
    assert done.returncode == 1
    assert "/nowhere" in done.stderr
    assert answered(server).endswith(b"hello")


def test_stop_finishes_requests_and_waits_for_the_end(served, tmp_path):
    server = served()
    with server.connect() as slow:
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        server.wait_for_log("begun")
        assert uwsgi("--stop", tmp_path / "pid").returncode == 0
        assert server.wait_exit() == 0
        assert b"200 OK" in slow.recv(4096)


def test_stop_stops_whatever_sigterm_means(served, tmp_path):
    server = served("--compat", "uwsgi-2.0")
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_log("generation 2 answers")
    assert uwsgi("--stop", tmp_path / "pid").returncode == 0
    assert server.wait_exit() == 0


@pytest.mark.parametrize("option", ["--reload", "--stop", "--pause"])
@pytest.mark.parametrize("what", ["missing", "empty", "dead", "foreign"])
def test_a_pidfile_of_no_server_is_refused(tmp_path, option, what):
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        path = tmp_path / "pid"
        if what == "empty":
            path.write_text("")
        elif what == "dead":
            dead = subprocess.Popen(["true"])
            dead.wait()
            path.write_text("%d\n" % dead.pid)
        elif what == "foreign":
            path.write_text("%d\n" % bystander.pid)
        done = uwsgi(option, path)
        assert done.returncode == 1
        assert str(path) in done.stderr
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_paused_server_answers_when_it_is_resumed(served, tmp_path):
    server = served("--processes", "2")
    answered(server)
    with server.connect() as open_before:
        open_before.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        open_before.recv(4096)
        assert uwsgi("--pause", tmp_path / "pid").returncode == 0
        for worker in (1, 2):
            server.wait_for_log("*** worker %d suspended ***" % worker)
        with server.connect() as waiting:
            waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            open_before.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for client in (waiting, open_before):
                client.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    client.recv(1)
            assert uwsgi("--resume", tmp_path / "pid").returncode == 0
            for client in (waiting, open_before):
                client.settimeout(DEADLINE)
                assert b"hello" in client.recv(4096)
    server.wait_for_log("*** worker 1 resumed ***")


# ---- by the FIFO ----


@pytest.fixture
def fifo(served, tmp_path):
    """fifo(*options): a server with a FIFO, and what writes a letter to it."""

    def fifo(*options):
        server = served("--master-fifo", "fifo", *options)
        wait_until((tmp_path / "fifo").exists, "the FIFO")
        return server, lambda letters, name="fifo": (tmp_path / name).write_text(letters)

    return fifo


@pytest.mark.parametrize("letter, line", [
    ("r", "generation 2 answers; generation 1 finishes its requests"),
    ("R", "generation 2 answers; generation 1 ends at once"),
    ("c", "chain reloading complete"),
    ("f", "generation 2 answers"),
    ("w", "Respawned uWSGI worker 2"),
    ("W", "Respawned uWSGI worker 2"),
    ("s", "workers total requests: 0"),
    ("p", "*** worker 2 suspended ***"),
])
def test_a_letter_is_obeyed(fifo, letter, line):
    server, tell = fifo("--processes", "2")
    tell("\n?" + letter + "\n")
    server.wait_for_log(line)


@pytest.mark.parametrize("letter", "qQ")
def test_a_letter_stops_the_server(fifo, letter, tmp_path):
    server, tell = fifo()
    tell(letter)
    assert server.wait_exit() == 0
    assert not (tmp_path / "fifo").exists()


def test_a_graceful_stop_can_be_made_a_fast_one(fifo):
    server, tell = fifo()
    with server.connect() as slow:
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for_log("begun")
        tell("q")
        server.wait_for_log("finishing requests")
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("killing workers")
        assert server.wait_exit() == 0


def test_letters_are_obeyed_after_a_reload(fifo):
    server, tell = fifo()
    tell("r")
    server.wait_for_log("generation 2 answers")
    tell("r")
    server.wait_for_log("generation 3 answers")
    tell("q")
    assert server.wait_exit() == 0


def test_a_pidfile_is_written_anew(fifo, tmp_path):
    server, tell = fifo()
    (tmp_path / "pid").unlink()
    tell("P")
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() == "%d\n" % server.process.pid,
               "the pidfile")


def test_a_digit_switches_the_fifo(fifo, tmp_path):
    server, tell = fifo("--master-fifo", "second")
    tell("1")
    server.wait_for_log("active master fifo is now second")
    assert not (tmp_path / "fifo").exists()
    tell("r", "second")
    server.wait_for_log("generation 2 answers")
    tell("0", "second")
    server.wait_for_log("active master fifo is now fifo")
    tell("q")
    assert server.wait_exit() == 0


def test_a_fifo_that_cannot_be_made_leaves_the_one_that_is_there(fifo):
    server, tell = fifo("--master-fifo", "nothing/of/that/name")
    tell("1")
    server.wait_for_log("cannot open the master FIFO nothing/of/that/name: No such file or directory")
    tell("q")
    assert server.wait_exit() == 0


def test_a_file_in_the_place_of_the_fifo_is_left_alone(served, tmp_path):
    (tmp_path / "fifo").write_text("precious")
    server = served("--master-fifo", "fifo")
    server.wait_for_log("cannot open the master FIFO fifo")
    assert (tmp_path / "fifo").read_text() == "precious"
    assert answered(server).endswith(b"hello")


# ---- by a touch ----


@pytest.mark.parametrize("option, line", [
    ("--touch-reload", "touched... grace them all !!!"),
    ("--fs-reload", "generation 2 answers"),
    ("--fs-brutal-reload", "generation 1 ends at once"),
    ("--touch-chain-reload", "chain reloading complete"),
    ("--touch-workers-reload", "Respawned uWSGI worker 1"),
])
def test_a_touched_file_is_obeyed(served, tmp_path, option, line):
    (tmp_path / "flag").touch()
    server = served(option, "flag")
    os.utime(tmp_path / "flag", (1, 1))
    server.wait_for_log(line)


def test_a_touched_file_is_obeyed_after_each_reload_and_not_when_it_is_removed(served, tmp_path):
    server = served("--touch-reload", "flag")
    for generation in (2, 3, 4):
        (tmp_path / "flag").write_text(str(generation))
        server.wait_for_log("generation %d answers" % generation)
    touched = server.log.count("has been touched")
    (tmp_path / "flag").unlink()
    server.process.send_signal(signal.SIGUSR1)
    server.wait_for_log("total requests")
    assert server.log.count("has been touched") == touched


def test_a_touched_file_stops_the_server(served, tmp_path):
    server = served("--touch-gracefully-stop", "flag")
    (tmp_path / "flag").touch()
    assert server.wait_exit() == 0


def test_a_touched_file_runs_a_command_with_all_its_words(served, tmp_path):
    server = served("--touch-exec", "flag echo one two > said")
    for text in ("1", "2"):
        (tmp_path / "flag").write_text(text)
        wait_until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text() == "one two\n", "the command")
        (tmp_path / "said").unlink()
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("generation %d answers" % (int(text) + 1))


# ---- by a signal ----


def test_signals_without_a_meaning_do_nothing(served):
    server = served()
    for signum in (signal.SIGUSR2, signal.SIGALRM, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH, signal.SIGURG,
                   signal.SIGPIPE):
        server.process.send_signal(signum)
    assert answered(server).endswith(b"hello")
    assert server.process.poll() is None


def test_compat_gives_sigterm_its_old_meaning_unless_die_on_term_is_set(served):
    server = served("--compat", "uwsgi-2.0", "--die-on-term")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_a_signal_to_one_worker_replaces_it(served):
    server = served("--processes", "2")
    worker = server.pid_of("worker", 1)
    with Load(server) as load:
        os.kill(worker, signal.SIGHUP)
        server.wait_for_log("Respawned uWSGI worker 1")
    assert not load.failures
    wait_until(lambda: len(session_members(server.process.pid)) == 4, "master, zygote and two workers")


def test_pidfiles_are_removed_by_vacuum_only_while_they_are_ours(served, tmp_path):
    server = served("--vacuum", "--pidfile2", "pid2", "--safe-pidfile", "safe")
    wait_until((tmp_path / "safe").exists, "the safe pidfile")
    (tmp_path / "pid2").write_text("1\n")
    server.stop()
    assert not (tmp_path / "pid").exists() and not (tmp_path / "safe").exists()
    assert (tmp_path / "pid2").exists()
