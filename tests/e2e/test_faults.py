"""Faults of processes and of the machine: the site stays up, each has one clear line, and nothing is left of a server
that ended, however it did."""
import contextlib
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

import pytest

from binary import run
from harness import BINARY, DEADLINE, SOON, Server, free_port, session_members, wait_until
from load import KeepAlive, Load, answered

APP = """
    import os, time
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            print("begun", flush=True)
            time.sleep(1000)
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]
"""
HANGS = "import time\nprint('importing', flush=True)\ntime.sleep(1000)\n"


def title(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as cmdline:
            return cmdline.read().replace(b"\0", b" ").strip().decode()
    except OSError:
        return ""


def kind(server, name):
    """Pids of the server's processes whose title begins so (they run with --auto-procname)."""
    return [pid for pid in session_members(server.process.pid) if title(pid).startswith("uWSGI " + name)]


def only(server, name):
    return wait_until(lambda: len(kind(server, name)) == 1 and kind(server, name)[0], "one " + name)


def is_whole(server, count):
    wait_until(lambda: len(session_members(server.process.pid)) == count,
               lambda: "%d processes: %s\n%s" % (count, [title(pid) for pid in session_members(server.process.pid)],
                                                 server.log[-2000:]))


def nothing_left(server, deadline=SOON):
    wait_until(lambda: not session_members(server.process.pid),
               lambda: "the end of %s" % [title(pid) for pid in session_members(server.process.pid)], deadline)


def serves(server):
    return answered(server).endswith(b"hello")


def hang_up(server):
    server.process.send_signal(signal.SIGHUP)


@pytest.fixture
def serve_titled(serve):
    def serve_titled(*args, app=APP, **options):
        return serve(app, "--auto-procname", *args, **options)

    return serve_titled


@pytest.fixture
def gateway(start, write):
    """A server behind its own gateway."""

    def gateway(*args):
        port = free_port()
        write("app.py", APP)
        return start("--http", "127.0.0.1:%d" % port, "--master", "--auto-procname", "--wsgi-file", "app.py", *args,
                     http=False, address=port)

    return gateway


class Rehearsal:
    """A server whose configuration is read from a FIFO at the next reload: the trial lasts as long as a test wants."""

    def __init__(self, server, path):
        self.server, self.path, self.text = server, path, path.read_text()

    def begin(self):
        self.path.unlink()
        os.mkfifo(self.path)
        hang_up(self.server)
        self.pid = wait_until(self.find, "a rehearsal")

    def find(self):
        for pid in session_members(self.server.process.pid):
            with contextlib.suppress(OSError):
                with open("/proc/%d/stat" % pid) as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                if parent == self.server.process.pid and not title(pid).startswith("uWSGI "):
                    return pid
        return 0

    def end(self, before=lambda: None):
        """Let it read the configuration; whoever reads it later finds a file."""
        with open(self.path, "w") as fifo:
            regular = self.path.with_suffix(".new")
            regular.write_text(self.text)
            os.rename(regular, self.path)
            before()
            fifo.write(self.text)


@pytest.fixture
def rehearsed(start, write, monkeypatch, tmp_path):
    def rehearsed(*lines, binary=None):
        port = free_port()
        write("app.py", APP)
        path = write("site.ini", "\n".join(
            ["[uwsgi]", "master = true", "auto-procname = true", "http-socket = 127.0.0.1:%d" % port,
             "wsgi-file = app.py", *lines]) + "\n")
        if binary:
            monkeypatch.setattr("harness.BINARY", str(binary))
        server = start("--ini", "site.ini", http=False, address=port)
        return Rehearsal(server, path)

    return rehearsed


# ---- the master is killed ----


def test_a_worker_in_a_request_ends_with_a_killed_master(serve_titled):
    server = serve_titled()
    with server.connect() as s:
        s.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for_log("begun")
        server.process.kill()
        nothing_left(server)


@pytest.mark.parametrize("options", [[], ["--lazy-apps"]])
def test_a_program_that_is_being_imported_ends_with_a_killed_master(serve, options):
    server = serve(HANGS, *options, ready=False)
    server.wait_for_log("importing")
    server.process.kill()
    nothing_left(server)


def test_a_rehearsal_ends_with_a_killed_master(rehearsed):
    trial = rehearsed()
    trial.begin()
    trial.server.process.kill()
    nothing_left(trial.server)


def test_log_lines_are_not_lost_with_a_killed_master(serve_titled):
    server = serve_titled()
    assert b"hello" in answered(server, "/the-last-one")
    server.process.kill()
    nothing_left(server)
    assert "/the-last-one" in server.log


ENDINGS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL]


@pytest.mark.parametrize("signum", ENDINGS, ids=lambda signum: signum.name)
def test_a_signal_at_any_moment_of_a_reload_ends_all_of_it(gateway, signum):
    for i in range(6):
        server = gateway("--processes", "2")
        wait_until(lambda: len(kind(server, "worker")) == 2, "two workers")  # the log is that of all of them
        hang_up(server)
        threading.Event().wait(random.uniform(0, 0.35))  # a random moment is the test
        server.process.send_signal(signum)
        assert server.wait_exit() == (-9 if signum == signal.SIGKILL else 0), server.log
        nothing_left(server)


def test_an_application_that_is_loaded_while_the_server_stops_is_not_started(gateway, write):
    server = gateway()
    with server.connect() as s:
        s.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for_log("begun")
        write("app.py", "import os, time\nprint('importing', flush=True)\nwhile os.path.exists('wait'): time.sleep(0.01)\n" +
              textwrap.dedent(APP))
        write("wait", "")
        hang_up(server)
        server.wait_for_log("importing")
        gone = kind(server, "http")
        for pid in gone:
            os.kill(pid, signal.SIGSTOP)  # the stop waits for it first, and the application comes meanwhile
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("finishing requests and stopping")
        os.unlink(server.log_path.with_name("wait"))
        wait_until(lambda: server.log.count("WSGI app 0") == 2, "the application")
        for pid in gone:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not kind(server, "http"), "the end of the gateway")
        server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    nothing_left(server)
    assert server.log.count("spawned uWSGI http 1") == 1


# ---- processes that are stopped ----


def test_a_stopped_worker_does_not_hold_up_a_stop(serve_titled):
    server = serve_titled("--processes", "2", "--worker-reload-mercy", "1")
    wait_until(lambda: len(kind(server, "worker")) == 2, "two workers")
    os.kill(kind(server, "worker")[0], signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    nothing_left(server)
    assert server.log.count("NO MERCY") == 1


def test_a_stopped_worker_does_not_hold_up_a_reload(serve_titled):
    server = serve_titled("--worker-reload-mercy", "1")
    os.kill(only(server, "worker"), signal.SIGSTOP)
    hang_up(server)
    server.wait_for_log("generation 2 answers")
    assert serves(server)
    is_whole(server, 3)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda signum: signum.name)
def test_a_stopped_zygote_does_not_hold_up_a_stop(serve_titled, signum):
    server = serve_titled()
    os.kill(only(server, "zygote"), signal.SIGSTOP)
    server.process.send_signal(signum)
    assert server.wait_exit() == 0
    nothing_left(server)
    assert server.log.count("does not end by itself") == 1


def test_a_stopped_zygote_that_owes_a_worker_does_not_hold_up_a_reload(serve_titled):
    server = serve_titled("--processes", "2")
    wait_until(lambda: len(kind(server, "worker")) == 2, "two workers")
    os.kill(only(server, "zygote"), signal.SIGSTOP)
    os.kill(kind(server, "worker")[0], signal.SIGKILL)
    server.wait_for_log("trying respawn")
    hang_up(server)
    server.wait_for_log("generation 2 answers")
    assert serves(server)
    is_whole(server, 4)


def test_a_zygote_that_is_stopped_while_it_loads_ends_at_the_deadline(serve_titled, write):
    server = serve_titled("--reload-deadline", "1")
    write("app.py", HANGS)
    hang_up(server)
    server.wait_for_log("importing")
    for pid in kind(server, "zygote"):
        os.kill(pid, signal.SIGSTOP)
    server.wait_for_log("generation 1 keeps serving")
    assert serves(server)
    os.kill(kind(server, "zygote")[0], signal.SIGCONT)
    is_whole(server, 3)


# ---- trials ----


def test_a_killed_rehearsal_changes_nothing(rehearsed):
    trial = rehearsed()
    trial.begin()
    os.kill(trial.pid, signal.SIGKILL)
    trial.server.wait_for_log("killed by signal 9 (Killed); generation 1 keeps serving")
    assert serves(trial.server)
    is_whole(trial.server, 3)


def test_a_stop_during_a_rehearsal_stops(rehearsed):
    trial = rehearsed()
    trial.begin()
    trial.server.process.send_signal(signal.SIGTERM)
    assert trial.server.wait_exit() == 0
    nothing_left(trial.server)


def test_what_was_asked_during_a_rehearsal_is_tried_and_has_its_verdict(rehearsed, tmp_path):
    trial = rehearsed("pidfile = site.pid")
    trial.begin()
    asked = subprocess.Popen([BINARY, "--reload", "site.pid"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        trial.server.wait_for_log("the next one follows it")
        trial.end()
        assert asked.wait(DEADLINE) == 0
        assert serves(trial.server)
    finally:
        asked.kill()


def test_a_configuration_that_broke_during_its_rehearsal_is_refused(rehearsed):
    trial = rehearsed()
    good, trial.text = trial.text, trial.text + "need-plugin = nothing_of_that_name\n"
    trial.begin()
    hang_up(trial.server)
    trial.server.wait_for_log("the next one follows it")
    with open(trial.path, "w") as fifo:
        regular = trial.path.with_suffix(".new")
        regular.write_text(trial.text)
        os.rename(regular, trial.path)
        fifo.write(good)
    trial.server.wait_for_log("the new configuration is refused")
    assert serves(trial.server)


def test_a_program_that_cannot_be_executed_reloads_the_application_and_is_none_the_worse(rehearsed, tmp_path):
    binary = tmp_path / "program"
    shutil.copy(BINARY, binary)
    os.symlink(os.path.join(os.path.dirname(BINARY), "plugins"), tmp_path / "plugins")
    trial = rehearsed(binary=binary)
    server = trial.server
    with Load(server) as load:
        trial.begin()
        trial.end(before=lambda: binary.chmod(0))
        server.wait_for_log("generation 2 answers")
        assert server.log.count("cannot be started again: Permission denied") == 1
        is_whole(server, 3)
        binary.chmod(0o755)
        for generation in (3, 4):
            hang_up(server)
            server.wait_for_log("generation %d answers" % generation)
            is_whole(server, 3)
    assert not load.failures
    assert server.log.count("finishes its requests") == 3


def test_a_zygote_that_is_killed_while_it_loads_again_is_replaced(serve_titled, write):
    server = serve_titled()
    write("app.py", "import os, time\nprint('importing', flush=True)\nwhile os.path.exists('wait'): time.sleep(0.01)\n" +
          textwrap.dedent(APP))
    write("wait", "")
    os.kill(only(server, "zygote"), signal.SIGKILL)
    for times in range(1, 5):
        server.wait_for_log("importing\n", times=times)
        if times == 1:
            os.kill(only(server, "worker"), signal.SIGKILL)
            server.wait_for_log("trying respawn")  # which is ordered of the zygote that dies now
        os.kill(only(server, "zygote"), signal.SIGKILL)
    os.unlink(server.log_path.with_name("wait"))
    assert serves(server)
    is_whole(server, 3)
    server.wait_spawned("worker", 2)
    assert server.spawned("worker") == 2


def test_a_server_that_lost_all_but_its_master_and_cannot_load_serves_again_when_that_is_mended(serve_titled, write):
    server = serve_titled()
    write("app.py", "raise ValueError('not now')\n")
    for name in ("zygote", "worker"):
        os.kill(only(server, name), signal.SIGKILL)
    server.wait_for_log("ValueError: not now")
    write("app.py", APP)
    assert serves(server)
    is_whole(server, 3)


# ---- what the machine has no more of ----


@pytest.mark.parametrize("spare", [0, 1, 2, 4, 6])
def test_a_master_without_descriptors_keeps_the_site_up(serve_titled, spare):
    server = serve_titled()
    used = len(os.listdir("/proc/%d/fd" % server.process.pid))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + spare, 4096))
    hang_up(server)
    wait_until(lambda: "keeps serving" in server.log or "generation 2 answers" in server.log, "an outcome")
    assert serves(server)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (1024, 4096))
    before = server.log.count("answers; generation")
    hang_up(server)
    server.wait_for_log("answers; generation", times=before + 1)
    is_whole(server, 3)


@pytest.fixture
def poor():
    """poor(*options): a server of a user of its own, whose processes can be limited."""
    servers = []
    if os.getuid() != 0:
        pytest.skip("needs root, to be somebody else")
    with tempfile.TemporaryDirectory() as folder:

        def poor(*args):
            port = free_port()
            os.chmod(folder, 0o755)
            path = pathlib.Path(folder)
            (path / "app.py").write_text(textwrap.dedent(APP))
            server = Server(path, ["--http", "127.0.0.1:%d" % port, "--master", "--auto-procname", "--uid", str(100000 + port),
                                   "--wsgi-file", "app.py", *args], port)
            servers.append(server)
            return server.wait_ready()

        yield poor
        for server in servers:
            server.stop()


def allow_forks(pid, allowed):
    """Only its own user may limit a process everywhere; and root has no such limit."""
    code = """if 1:
        import os, resource, sys
        pid, wanted = int(sys.argv[1]), int(sys.argv[2])
        os.setuid(os.stat("/proc/%d" % pid).st_uid)
        hard = resource.prlimit(pid, resource.RLIMIT_NPROC)[1]
        resource.prlimit(pid, resource.RLIMIT_NPROC, (wanted or hard, hard))
    """
    subprocess.run([sys.executable, "-c", code, str(pid), "0" if allowed else "1"], check=True)


def test_a_gateway_that_cannot_be_forked_comes_later(poor):
    server = poor()
    allow_forks(server.process.pid, False)
    os.kill(only(server, "http"), signal.SIGKILL)
    server.wait_for_log("cannot fork http 1: Resource temporarily unavailable; the master tries again")
    allow_forks(server.process.pid, True)
    wait_until(lambda: kind(server, "http"), "the gateway")
    assert serves(server)
    is_whole(server, 4)


def test_a_zygote_that_cannot_be_forked_comes_later(poor):
    server = poor()
    allow_forks(server.process.pid, False)
    os.kill(only(server, "zygote"), signal.SIGKILL)
    server.wait_for_log("cannot fork a zygote: Resource temporarily unavailable; the master tries again")
    os.kill(only(server, "worker"), signal.SIGKILL)
    allow_forks(server.process.pid, True)
    assert serves(server)
    is_whole(server, 4)


def test_a_worker_that_cannot_be_forked_comes_later(poor):
    server = poor()
    allow_forks(only(server, "zygote"), False)
    os.kill(only(server, "worker"), signal.SIGKILL)
    server.wait_for_log("cannot fork a process: Resource temporarily unavailable; the master tries again")
    allow_forks(only(server, "zygote"), True)
    assert serves(server)
    is_whole(server, 4)


def test_a_reload_that_cannot_fork_changes_nothing(poor):
    server = poor()
    allow_forks(server.process.pid, False)
    hang_up(server)
    server.wait_for_log("Resource temporarily unavailable; generation 1 keeps serving")
    assert serves(server)
    allow_forks(server.process.pid, True)
    hang_up(server)
    server.wait_for_log("generation 2 answers")
    assert serves(server)


@pytest.fixture
def disk(tmp_path):
    """disk(): a folder that is a file system of 64 kB.  disk.fill() and disk.make_read_only() do what they say."""
    folder = tmp_path / "disk"

    def mount(*args):
        if subprocess.run(["mount", *args, str(folder)], stderr=subprocess.DEVNULL).returncode:
            pytest.skip("mounting is not allowed here")

    class Disk:
        path = folder

        def fill(self):
            with contextlib.suppress(OSError), open(folder / "ballast", "wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(512))

        def make_read_only(self):
            mount("-o", "remount,ro")

    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
    yield Disk()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_once_and_the_site_stays_up(serve_titled, disk):
    server = serve_titled("--safe-pidfile", disk.path / "site.pid")
    wait_until(lambda: (disk.path / "site.pid").exists(), "the pidfile")
    disk.fill()
    with Load(server) as load:
        hang_up(server)
        server.wait_for_log("generation 2 answers")
        line = "cannot write the pidfile %s: No space left on device" % (disk.path / "site.pid")
        server.wait_for_log(line)
    assert not load.failures
    assert server.log.count(line) == 1
    assert (disk.path / "site.pid").read_text().strip() == str(server.process.pid)
    os.kill(only(server, "worker"), signal.SIGKILL)
    assert serves(server)
    assert server.log.count(line) == 1


def test_a_log_on_a_full_disk_stops_nothing(serve_titled, disk):
    server = serve_titled("--logto", disk.path / "log")
    log = disk.path / "log"
    wait_until(lambda: log.exists() and "spawned uWSGI worker" in log.read_text(), "the log")
    disk.fill()
    with Load(server) as load:
        before = only(server, "worker")
        hang_up(server)
        wait_until(lambda: kind(server, "worker") and before not in kind(server, "worker"), "another worker")
        os.kill(kind(server, "worker")[0], signal.SIGKILL)
        wait_until(lambda: kind(server, "worker"), "another worker")
    assert len(load.failures) <= 1
    assert serves(server)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_a_disk_that_became_read_only_stops_nothing(start, write, disk):
    write("app.py", APP)
    path = disk.path / "site.sock"
    server = start("--http-socket", path, "--safe-pidfile", disk.path / "site.pid", "--master-fifo", disk.path / "fifo",
                   "--vacuum", "--master", "--auto-procname", "--wsgi-file", "app.py", http=False, address=path)
    disk.make_read_only()
    with Load(server) as load:
        hang_up(server)
        server.wait_for_log("cannot write the pidfile %s: Read-only file system" % (disk.path / "site.pid"))
    assert not load.failures
    assert serves(server)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    nothing_left(server)


@pytest.mark.parametrize("what", ["dead", "foreign"])
def test_a_pidfile_of_another_process_is_written_over_by_a_start(serve, tmp_path, what):
    other = subprocess.Popen(["sleep", "1000"])
    try:
        if what == "dead":
            other.kill()
            other.wait()
        (tmp_path / "site.pid").write_text("%d\n" % other.pid)
        done = run("--reload", "site.pid", cwd=tmp_path)
        assert done.returncode == 1
        server = serve(APP, "--pidfile", "site.pid")
        assert (tmp_path / "site.pid").read_text().strip() == str(server.process.pid)
        assert what == "dead" or other.poll() is None
    finally:
        other.kill()
        other.wait()


# ---- kills under load ----


VICTIMS = {  # what its requests may cost of four clients
    "worker": 4,
    "http": 4,
    "zygote": 0,
    "logger": 0,
    "daemon": 0,
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_killed_process_under_load_is_replaced_and_costs_no_more_than_its_own_requests(gateway, victim):
    server = gateway("--processes", "2", "--threads", "2", "--logger", "file:server.log", "--attach-daemon", "sleep 1000")
    is_whole(server, 7)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(KeepAlive(server)) for _ in range(4)]
        wait_until(lambda: all(client.answers for client in clients), "all clients to be served")
        pid = kind(server, victim)[0]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in session_members(server.process.pid), "the kill", SOON)
        is_whole(server, 7)
        before = [client.answers for client in clients]
        wait_until(lambda: all(c.answers > n for c, n in zip(clients, before)), "all clients to be served", SOON)
    assert sum(len(client.failures) for client in clients) <= VICTIMS[victim]
    line = "the zygote of generation 1 died" if victim == "zygote" else "killed by signal 9"
    server.wait_for_log(line)
    assert server.log.count(line) == 1


@pytest.mark.parametrize("reloads", [False, True])
def test_a_storm_of_kills_leaves_a_whole_server(gateway, reloads):
    seconds = 60 if os.environ.get("UWSGI_TEST_LONG") else 5
    server = gateway("--processes", "4")
    limit, kills = 0, 0
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(KeepAlive(server)) for _ in range(4)]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            victims = [pid for pid in session_members(server.process.pid) if pid != server.process.pid]
            if victims:
                victim = random.choice(victims)
                limit += 0 if title(victim).startswith("uWSGI zygote") else len(clients)
                with contextlib.suppress(OSError):
                    os.kill(victim, signal.SIGKILL)
                    kills += 1
            if reloads and kills % 3 == 0:
                hang_up(server)
            threading.Event().wait(0.1)  # the pace is the test
    assert sum(len(client.failures) for client in clients) <= limit
    assert kills > seconds
    is_whole(server, 7)
    for _ in range(20):
        assert serves(server)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    nothing_left(server)


# ---- reloads without end ----


@pytest.mark.parametrize("option", ["--http", "--http-socket"])
def test_a_storm_of_reloads_loses_no_request(start, write, option):
    port = free_port()
    write("app.py", APP)
    server = start(option, "127.0.0.1:%d" % port, "--master", "--wsgi-file", "app.py", "--processes", "2", "--threads", "2",
                   http=False, address=port)
    with KeepAlive(server) as kept, Load(server) as load:
        for generation in range(2, 12):
            hang_up(server)
            server.wait_for_log("generation %d answers" % generation)
    assert not kept.failures and not load.failures
    assert kept.answers and load.answers


def what_it_holds(pid):
    def read(name):
        return os.readlink("/proc/%d/fd/%s" % (pid, name)).split(":")[0]

    with open("/proc/%d/maps" % pid) as maps:
        shared = sum(" rw-s " in line for line in maps)
    return sorted(read(name) for name in os.listdir("/proc/%d/fd" % pid)), shared


def test_fifty_reloads_leak_no_descriptor_and_no_memory(gateway, tmp_path):
    (tmp_path / "touched").touch()
    server = gateway("--master-fifo", "fifo", "--touch-reload", "touched")
    is_whole(server, 4)

    def held():
        is_whole(server, 4)
        return [what_it_holds(pid) for pid in [server.process.pid] + kind(server, "worker") + kind(server, "zygote") +
                kind(server, "http")]

    hang_up(server)
    server.wait_for_log("generation 2 answers")
    before = held()
    for generation in range(3, 53):
        hang_up(server)
        server.wait_for_log("generation %d answers" % generation)
    wait_until(lambda: held() == before, lambda: "%s in place of %s" % (before, held()))
