"""Reloads: what is new is picked up, what is broken is refused, and nobody who asks meanwhile notices."""
import os
import re
import shutil
import signal
import time

import pytest

from binary import BINARY
from harness import free_port, session_members, wait_until
from load import Load, answered

APP = """
    import os, time
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/slow":
            print("begun", flush=True)
            time.sleep(1)
        if environ["PATH_INFO"] == "/pid":
            return [str(os.getpid()).encode()]
        return [os.environ.get("STAGE", "none").encode()]
"""


def version(text):
    return "def application(e, s):\n    s('200 OK', [])\n    return [b'%s']\n" % text


@pytest.fixture
def serve_ini(start, write):
    """serve_ini(lines, port): a server of app.py with what stands in site.ini, which may be edited later."""

    def serve_ini(lines, app=APP):
        port = free_port()
        write("app.py", app)
        write("site.ini", ini(port, lines))
        return start("--ini", "site.ini", http=False, address=port)

    return serve_ini


def ini(port, lines):
    return "[uwsgi]\nmaster = true\nhttp-socket = 127.0.0.1:%d\nwsgi-file = app.py\n%s\n" % (port, "\n".join(lines))


def body(server, path="/"):
    return answered(server, path).rpartition(b"\r\n")[2].decode()


def answers_only(server, text):
    """Wait until the old workers, too, have heard that they are to end."""
    wait_until(lambda: {body(server) for _ in range(8)} == {text}, "%s and nothing else" % text)


def reload(server, generation):
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation %d answers" % generation)


# ---- what is new ----


def test_an_edited_configuration_is_picked_up(serve_ini, write):
    server = serve_ini(["env = STAGE=one", "processes = 1"])
    assert body(server) == "one"
    write("site.ini", ini(server.address, ["env = STAGE=two", "processes = 3"]))
    with Load(server) as load:
        reload(server, 2)
        answers_only(server, "two")
    assert not load.failures
    wait_until(lambda: set(re.findall(r"uWSGI worker (\d)", server.log)) == {"1", "2", "3"}, "three workers")
    assert server.process.pid == int(server.wait_for_match(r"\(RE\)spawned uWSGI master process \(pid: (\d+)\)")[1])


def test_the_configuration_can_tell_a_reload_from_a_start(serve_ini):
    server = serve_ini(["if-not-reload =", "env = STAGE=start", "endif =", "if-reload =", "env = STAGE=reload", "endif ="])
    assert body(server) == "start"
    for generation in (2, 3):
        reload(server, generation)
        wait_until(lambda: body(server) == "reload", "the reloaded configuration")


def test_what_takes_a_restart_is_told_and_the_rest_is_done(serve_ini, write):
    server = serve_ini(["env = STAGE=one", "umask = 022"])
    for generation, mask in ((2, "077"), (3, "077"), (4, "022")):
        write("site.ini", ini(server.address, ["env = STAGE=two", "umask = %s" % mask]))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("generation %d answers" % generation)
    assert server.log.count('umask was "022" at the start and is "077" now: that takes a restart') == 2
    assert server.log.count("takes a restart") == 2


def test_a_socket_that_was_added_answers_and_one_that_was_removed_does_not(serve_ini, write):
    server = serve_ini([])
    added = free_port()
    write("site.ini", ini(server.address, ["http-socket = 127.0.0.1:%d" % added]))
    reload(server, 2)
    first, server.address = server.address, added
    assert body(server) == "none"
    write("site.ini", ini(added, []))
    reload(server, 3)
    answers_only(server, "none")
    server.address = first
    wait_until(lambda: refused(server), "the removed socket to be closed")


def refused(server):
    try:
        server.connect(1).close()
        return False
    except ConnectionRefusedError:
        return True


@pytest.fixture
def serve_copy(start, write, tmp_path, monkeypatch):
    """A server of app.py that runs from a copy of the program, and that copy."""

    def serve_copy():
        binary, port = tmp_path / "program", free_port()
        shutil.copy(BINARY, binary)
        monkeypatch.setattr("harness.BINARY", str(binary))
        write("app.py", version("one"))
        plugins = os.path.join(os.path.dirname(BINARY), "plugins")
        return binary, start("--plugin-dir", plugins, "--http-socket", "127.0.0.1:%d" % port, "--master", "--wsgi-file",
                             "app.py", http=False, address=port)

    return serve_copy


def test_the_application_is_reloaded_though_the_binary_is_gone(serve_copy, write):
    binary, server = serve_copy()
    assert body(server) == "one"
    binary.unlink()
    write("app.py", version("two"))
    reload(server, 2)
    answers_only(server, "two")
    server.wait_for_match("cannot be started again.*the configuration is not")


def test_a_replaced_binary_runs_after_a_reload(serve_copy, tmp_path):
    binary, server = serve_copy()
    before = os.stat("/proc/%d/exe" % server.process.pid).st_ino
    shutil.copy(BINARY, tmp_path / "next")
    os.rename(tmp_path / "next", binary)
    with Load(server) as load:
        reload(server, 2)
    assert not load.failures
    assert os.stat("/proc/%d/exe" % server.process.pid).st_ino == os.stat(binary).st_ino != before


def test_the_count_of_requests_goes_on_over_a_reload(serve):
    server = serve("import uwsgi\ndef application(e, s):\n    s('200 OK', [])\n    return [b'ok']\n")
    for _ in range(3):
        answered(server)
    reload(server, 2)
    answered(server)

    def told():
        server.process.send_signal(signal.SIGUSR1)
        return "workers total requests: 4" in server.log

    wait_until(told, lambda: "the fourth request to be counted:\n" + server.log)


def test_a_gateway_is_renewed_and_loses_nothing(start, write):
    write("app.py", APP)
    port = free_port()
    server = start("--http", "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--processes", "2", http=False,
                   address=port)
    answered(server)
    with Load(server) as a, Load(server) as b:
        for generation in range(2, 7):
            reload(server, generation)
    assert not a.failures and not b.failures
    server.wait_spawned("http", 6)
    wait_until(lambda: len(session_members(server.process.pid)) == 5, "master, zygote, gateway and two workers")


def test_a_request_of_the_old_generation_is_finished(serve):
    server = serve(APP)
    with server.connect() as slow:
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        server.wait_for_log("begun")
        reload(server, 2)
        assert b"200 OK" in slow.recv(4096)


@pytest.mark.parametrize("front", ["--http-socket", "--http"])
def test_a_kept_connection_outlives_reloads_and_recycling(start, write, front):
    write("app.py", APP)
    port = free_port()
    server = start(front, "127.0.0.1:%d" % port, "--wsgi-file", "app.py", "--master", "--processes", "2", "--max-requests", "50",
                   "--min-worker-lifetime", "0", http=False, address=port)
    with server.connect() as kept:
        pids = set()

        def moved_on(generation):
            kept.sendall(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = kept.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            pids.add(answer.rpartition(b"\r\n")[2])
            return "generation %d answers" % generation in server.log and len(pids) >= generation

        for generation in range(2, 6):
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: moved_on(generation), "generation %d" % generation)


def test_an_old_worker_that_dies_while_the_new_code_is_imported_is_replaced(serve, write, tmp_path):
    server = serve(APP)
    victim = int(body(server, "/pid"))
    write("app.py", "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n" + version("new"))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("(RE)spawned")
    os.kill(victim, signal.SIGKILL)
    assert body(server) == "none"  # the old code
    (tmp_path / "go").touch()
    server.wait_for_log("generation 2 answers")
    answers_only(server, "new")


# ---- what is broken ----

BROKEN_APPS = {
    "a syntax error": ("def application(:\n", "SyntaxError"),
    "an import error": ("import nothing_of_that_name\n", "ModuleNotFoundError"),
    "an abort in C": ("import os\nos.abort()\n", "killed by signal 6"),
    "an exit": ("import os\nos._exit(3)\n", "exited with status 3"),
}


@pytest.mark.parametrize("what", BROKEN_APPS)
def test_a_broken_application_is_refused_and_the_old_one_serves(serve, write, what):
    code, reason = BROKEN_APPS[what]
    server = serve(APP, "--processes", "2")
    answered(server)
    write("app.py", code)
    with Load(server) as load:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("keeps serving")
        server.wait_for_log(reason)
        assert server.log.count("keeps serving") == 1
        write("app.py", version("mended"))
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: body(server) == "mended", "the mended code")
    assert not load.failures


def test_an_application_that_hangs_at_import_is_given_up(serve, write):
    server = serve(APP, "--reload-deadline", "1")
    answered(server)
    write("app.py", "import time\ntime.sleep(1000)\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("was not ready within 1 seconds (reload-deadline); generation 1 keeps serving")
    assert body(server) == "none"
    wait_until(lambda: len(session_members(server.process.pid)) == 3, "master, zygote and worker")


BROKEN_CONFIGS = {
    "a bad value": (["buffer-size = 10"], "buffer-size"),
    "an unknown option under strict": (["strict = true", "proceses = 2"], "proceses"),
    "a missing plugin": (["need-plugin = nothing_of_that_name"], "nothing_of_that_name"),
    "a placeholder that is missing a file": (["env = X=@(/nothing/of/that/name)"], "/nothing/of/that/name"),
    "a directory that is not there": (["chdir = /nothing/of/that/name"], "/nothing/of/that/name"),
}


@pytest.mark.parametrize("what", BROKEN_CONFIGS)
def test_a_broken_configuration_is_refused_and_nothing_changes(serve_ini, write, what):
    lines, reason = BROKEN_CONFIGS[what]
    server = serve_ini(["env = STAGE=one"])
    write("site.ini", ini(server.address, lines))
    with Load(server) as load:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the new configuration is refused")
        line = next(line for line in server.log.splitlines() if "is refused" in line)
        assert line.endswith("; generation 1 keeps serving")
        server.wait_for_log(reason)
        assert body(server) == "one"
    assert not load.failures


def test_a_port_of_somebody_else_is_refused(serve_ini, write, start):
    other = start("--wsgi-file", "app.py", ready=False)
    server = serve_ini([])
    other.wait_ready() if other.process.poll() is None else None
    write("site.ini", ini(server.address, ["http-socket = 127.0.0.1:%d" % server.address]))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("is refused")
    assert body(server) == "none"


def test_a_plugin_of_another_abi_is_refused(serve_ini, write, tmp_path):
    server = serve_ini([])
    (tmp_path / "wrong_plugin.so").write_bytes(b"\x7fELF" + bytes(200))
    write("site.ini", ini(server.address, ["need-plugin = ./wrong_plugin.so"]))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("is refused")
    assert "wrong_plugin.so" in server.log
    assert body(server) == "none"


def test_a_rehearsal_leaves_no_socket_file_behind(serve_ini, write, tmp_path):
    server = serve_ini([])
    write("site.ini", ini(server.address, ["socket = %s/new.sock" % tmp_path, "chdir = /nothing/of/that/name"]))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("is refused")
    assert not (tmp_path / "new.sock").exists()


def test_a_hundred_hangups_in_a_second_lose_nothing(serve):
    server = serve(APP, "--processes", "2")
    with Load(server) as load:
        for _ in range(100):
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.005)  # a hundred in half a second: the pace is the test
        wait_until(lambda: len(session_members(server.process.pid)) == 4, "one generation")
    assert not load.failures


def test_a_stop_during_a_reload_stops(serve, write):
    server = serve(APP)
    answered(server)
    write("app.py", "import time\ntime.sleep(1000)\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("(RE)spawned")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert not session_members(server.process.pid)


# ---- worker by worker ----


def test_a_chain_replaces_one_worker_after_the_other(serve, write, tmp_path):
    (tmp_path / "chain").touch()
    server = serve(version("one"), "--processes", "3", "--touch-chain-reload", "chain")
    write("app.py", version("two"))
    with Load(server) as load:
        os.utime(tmp_path / "chain", (1, 1))
        server.wait_for_log("chain reloading complete")
        answers_only(server, "two")
    assert not load.failures
    assert [int(n) for n in re.findall(r"chain next victim is worker (\d)", server.log)] == [1, 2, 3]


def test_a_chain_that_breaks_brings_the_old_workers_back(serve, write):
    server = serve("import uwsgi\n" + version("one"), "--processes", "3", "--lazy-apps", "--chain")
    answered(server)
    write("app.py", """
        import uwsgi
        if uwsgi.worker_id() == 2:
            raise ValueError("not the second")
        def application(e, s):
            s("200 OK", [])
            return [b"two"]
    """)
    with Load(server) as load:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("keeps serving")
    assert not load.failures
    assert "not the second" in server.log
    write("app.py", version("three"))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("chain reloading complete")
    wait_until(lambda: len(session_members(server.process.pid)) == 5, "master, zygote and three workers")
    answers_only(server, "three")


# ---- workers only ----


def test_lazy_workers_are_replaced_with_the_new_code_and_the_master_stays(serve, write, tmp_path):
    (tmp_path / "workers").touch()
    server = serve(version("one"), "--processes", "2", "--lazy-apps", "--touch-workers-reload", "workers")
    answered(server)
    write("app.py", version("two"))
    with Load(server) as load:
        os.utime(tmp_path / "workers", (1, 1))
        server.wait_for_log("Respawned uWSGI worker", times=2)
        answers_only(server, "two")
    assert not load.failures
    assert "(RE)spawned" not in server.log


def test_the_deprecated_lazy_replaces_workers_on_a_hangup(serve, write):
    server = serve(version("one"), "--lazy")
    answered(server)
    write("app.py", version("two"))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: body(server) == "two", "the new code")
    assert "(RE)spawned" not in server.log


def test_exit_on_reload_exits(serve):
    server = serve(APP, "--exit-on-reload")
    answered(server)
    server.process.send_signal(signal.SIGHUP)
    assert server.wait_exit() == 0
