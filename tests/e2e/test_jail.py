"""What the processes may use and see: limits, namespaces, another root directory."""
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess

import pytest
from harness import BINARY, Server, free_port, others_may_run, wait_until


# A sanitizer takes terabytes of address space, and locks none of it.
unsanitized = pytest.mark.skipif(b"__asan_init" in pathlib.Path(BINARY).read_bytes(), reason="the binary is sanitized")


def may_unshare(*what):
    """Some containers do not let even root have a namespace of his own."""
    return subprocess.run(("unshare", *what, "true"), capture_output=True).returncode == 0


root_only = pytest.mark.skipif(os.geteuid() != 0 or not others_may_run(BINARY) or not may_unshare("--mount", "--pid", "--fork"),
                               reason="only root may, and become somebody else, where namespaces are allowed")

APP = """
import os, resource, socket

def application(environ, start_response):
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    path = environ["PATH_INFO"]
    if path == "/limits":
        limits = resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE
        return [repr([resource.getrlimit(limit)[0] for limit in limits] + [os.nice(0)]).encode()]
    if path == "/file":
        open("made", "w").close()
    if path == "/root":
        return [" ".join(sorted(os.listdir("/"))).encode()]
    if path == "/open":
        return [" ".join(os.readlink("/proc/self/fd/" + fd) for fd in os.listdir("/proc/self/fd") if
                         os.path.isdir("/proc/self/fd/" + fd)).encode()]
    if path == "/namespaces":
        return [" ".join(os.readlink("/proc/self/ns/" + ns) for ns in ("mnt", "ipc", "net", "uts", "cgroup")).encode()]
    if path == "/hostname":
        return [socket.gethostname().encode()]
    return [str(os.getpid()).encode()]
"""


def reload(server):
    spawned = server.spawned("worker") + server.expected["worker"]
    before = server.get("/").headers["X-Pid"]
    server.process.send_signal(signal.SIGHUP)
    server.wait_spawned("worker", spawned)
    wait_until(lambda: server.get("/").headers["X-Pid"] != before, lambda: "a reload:\n" + server.log)


def is_mode(path, mode):
    return stat.S_IMODE(path.stat().st_mode) == mode


def wrapped(folder, wrapper, *args):
    """A server that another program starts."""
    port = free_port()
    return Server(folder, ["--http-socket", "127.0.0.1:%d" % port, *args], port, before=wrapper)


# ---- limits ----

@pytest.mark.parametrize("options, mode", [((), 0o640), (("--umask", "077"), 0o600), (("--umask", "022"), 0o644),
                                           (("--compat", "uwsgi-2.0"), 0o644)])
def test_files_are_nobody_elses_business(serve, tmp_path, options, mode):
    before = os.umask(0o022)
    try:
        server = serve(APP, *options)
    finally:
        os.umask(before)
    for _ in range(2):
        server.get("/file")
        assert is_mode(tmp_path / "made", mode), oct((tmp_path / "made").stat().st_mode)
        (tmp_path / "made").unlink()
        reload(server)


def test_a_mask_that_is_none_is_told(serve):
    server = serve(APP, "--umask", "rwx", ready=False)
    assert server.wait_exit() == 1
    assert "umask = rwx: give three octal digits such as 027" in server.log


@unsanitized
def test_a_worker_that_cannot_start_its_threads_says_why_and_ends(start, write):
    write("app.py", APP)
    server = start("--wsgi-file", "app.py", "--threads", "300", "--limit-as", "1000", ready=False)
    assert server.wait_exit() == 1
    assert re.search(r"worker 1 cannot start thread \d+: Resource temporarily unavailable; it ends", server.log), server.log


@unsanitized
@pytest.mark.parametrize("user", [(), pytest.param(("--uid", "nobody"), marks=root_only)])
def test_limits_hold_in_the_workers_and_over_a_reload(serve, tmp_path, user):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    server = serve(APP, "--limit-as", "4096", "--limit-nproc", "500", "--max-fd", "200", "--prio", "5", *user)
    for _ in range(2):
        assert server.get("/limits").text == repr([4096 << 20, 500, 200, 5])
        reload(server)


def test_each_worker_keeps_to_its_processors(serve):
    cpus = sorted(os.sched_getaffinity(0))
    server = serve(APP, "--processes", "2", "--cpu-affinity", "1")
    for _ in range(2):
        for number in (1, 2):
            assert os.sched_getaffinity(server.pid_of("worker", number)) == {cpus[(number - 1) % len(cpus)]}
        reload(server)


@unsanitized
@root_only
def test_nothing_is_swapped_out_in_any_process(serve):
    server = serve(APP, "--never-swap", "--gid", "nogroup")
    for _ in range(2):
        master = server.process.pid
        children = pathlib.Path("/proc/%d/task/%d/children" % (master, master))
        wait_until(lambda: len(children.read_text().split()) == 2, "a zygote and a worker to be all there is")
        family = children.read_text().split()
        for pid in (master, *family):
            status = pathlib.Path("/proc/%s/status" % pid).read_text()
            assert int(re.search(r"VmLck:\s+(\d+)", status)[1]) > 1000, status
        reload(server)


# ---- namespaces ----

@root_only
def test_namespaces_are_left_once(serve):
    server = serve(APP, "--unshare", "fs,ipc,uts", "--unshare2", "cgroup", "--hook-in-jail", "hostname:elsewhere")
    inside = server.get("/namespaces").text.split()
    ours = [os.readlink("/proc/self/ns/" + ns) for ns in ("mnt", "ipc", "net", "uts", "cgroup")]
    assert [a == b for a, b in zip(inside, ours)] == [False, False, True, False, False]
    assert server.get("/hostname").text == "elsewhere" != os.uname().nodename
    reload(server)
    assert server.get("/namespaces").text.split() == inside


def test_an_unknown_namespace_is_told(serve):
    server = serve(APP, "--unshare", "fs,time-travel", ready=False)
    assert server.wait_exit() == 1
    assert 'there is no namespace "time-travel"' in server.log


def guarded_master(server):
    with open("/proc/%d/task/%d/children" % ((server.process.pid,) * 2)) as children:
        return int(children.read())


@root_only
def test_the_master_is_the_first_process_of_a_namespace_of_pids(serve, tmp_path):
    server = serve(APP, "--unshare", "pid", "--pidfile", "a.pid", "--safe-pidfile", "b.pid", "--vacuum", "--uid", "nobody",
                   "--hook-pre-jail", "exec:chmod 777 .")
    inside = guarded_master(server)
    status = pathlib.Path("/proc/%d/status" % inside).read_text()
    assert re.search(r"NSpid:\s+%d\s+1$" % inside, status, re.M)
    reload(server)
    assert guarded_master(server) == inside
    assert (tmp_path / "a.pid").read_text() == (tmp_path / "b.pid").read_text() == "%d\n" % server.process.pid
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert "finishing requests" in server.log
    assert not (tmp_path / "a.pid").exists() and not (tmp_path / "b.pid").exists()


@root_only
@pytest.mark.parametrize("user", [(), ("--uid", "nobody")])
def test_nothing_outlives_the_guard(serve, tmp_path, user):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    server = serve(APP, "--unshare", "pid", *user)
    inside = guarded_master(server)
    reload(server)
    server.process.kill()
    wait_until(lambda: not os.path.exists("/proc/%d" % inside), "the master to end")


@root_only
def test_the_guard_ends_as_the_server_ends(start, write):
    write("broken.py", "1 / 0")
    server = start("--wsgi-file", "broken.py", "--unshare", "pid", ready=False)
    assert server.wait_exit() == 22
    assert "ZeroDivisionError" in server.last_line()


@root_only
def test_post_jail_is_outside_and_in_jail_waits_for_it(serve, tmp_path):
    serve(APP, "--unshare", "pid", "--hook-post-jail", "exec:sleep 0.2; echo outside >>trace", "--hook-in-jail",
          "exec:echo inside $PPID >>trace")
    assert (tmp_path / "trace").read_text() == "outside\ninside 1\n"


@root_only
def test_a_failing_post_jail_hook_ends_both(serve):
    server = serve(APP, "--unshare", "pid", "--hook-post-jail", "exec:false", ready=False)
    assert server.wait_exit() == 1
    assert server.last_line() == "uwsgi: hook-post-jail = exec:false: it ended with status 1; exit status 1"


@root_only
def test_a_signal_that_comes_during_the_start_is_not_lost(serve, tmp_path):
    server = serve(APP, "--unshare", "pid", "--hook-in-jail", "exec:sleep 0.3", ready=False)
    server.wait_for_log("(in-jail)")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


@pytest.mark.skipif(not may_unshare("--user"), reason="namespaces of users are not allowed")
@root_only
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_who_is_not_root_has_namespaces_with_one_of_users(write, tmp_path):
    write("app.py", APP)
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents[:2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    somebody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if subprocess.run([*somebody, "unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this machine has no namespaces for users")
    server = wrapped(tmp_path, somebody, "--wsgi-file", "app.py", "--unshare", "user,uts", "--hook-in-jail", "hostname:elsewhere")
    try:
        assert server.wait_ready().get("/hostname").text == "elsewhere"
        server.get("/file")
        assert (tmp_path / "made").stat().st_uid == 65534
    finally:
        server.stop()


# ---- another root directory ----

@pytest.fixture
def start_jailed(write, tmp_path):
    """start_jailed(*options): a server and a root directory with the libraries of this machine.  The mounts are made in a
    namespace that ends with the server: nothing of them may be left under a folder that is removed later."""
    folder = tmp_path / "jail"
    write("jail/srv/app.py", APP)
    options = ["--hook-pre-jail", "mount:none %s %s bind" % (folder, folder)]
    for name in ("usr", "lib", "lib64", "bin"):
        if os.path.isdir("/" + name):
            (folder / name).mkdir()
            options += ["--hook-pre-jail", "mount:none /%s %s/%s bind,ro" % (name, folder, name)]
    (folder / "proc").mkdir()
    (folder / "old").mkdir()
    options += ["--hook-pre-jail", "mount:proc none %s/proc" % folder]
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o055)
    servers = []

    def start_jailed(*args):
        namespace = ("unshare", "--mount", "--propagation", "private")
        server = wrapped(tmp_path, namespace, "--master", *args, *options, "--chdir", "/srv", "--wsgi-file", "app.py", "--plugin",
                         "python")
        servers.append(server)
        return server.wait_ready()

    yield start_jailed
    for server in servers:
        server.stop()
    assert str(tmp_path) not in pathlib.Path("/proc/mounts").read_text()


@root_only
@pytest.mark.parametrize("how", ["chroot", "pivot-root"])
def test_another_root_directory(start_jailed, tmp_path, how):
    value = "%s/jail" % tmp_path if how == "chroot" else "{0}/jail {0}/jail/old".format(tmp_path)
    more = ["--hook-in-jail", "umount:/old,rec"] if how == "pivot-root" else []
    server = start_jailed("--" + how, value, *more, "--uid", "65534", "--gid", "65534")
    for _ in range(2):
        names = server.get("/root").text.split()
        assert "srv" in names and "usr" in names and "etc" not in names
        assert server.get("/open").text == "", "a directory outside is open"
        for pid in [server.process.pid, int(server.get("/").text)]:
            for fd in os.listdir("/proc/%d/fd" % pid):
                assert not os.path.isdir("/proc/%d/fd/%s" % (pid, fd)), os.readlink("/proc/%d/fd/%s" % (pid, fd))
        reload(server)
    assert "is outside of the root directory; the application is reloaded, the configuration is not" in server.log


@root_only
def test_a_socket_in_another_root_is_cleared_away(start_jailed, tmp_path):
    path = tmp_path / "jail/srv/site.sock"
    server = start_jailed("--chroot", "%s/jail" % tmp_path, "--socket", "site.sock", "--vacuum")
    assert path.is_socket()
    server.stop()
    assert not path.exists()


@root_only
def test_a_root_directory_that_is_not_there_is_told(serve):
    server = serve(APP, "--chroot", "/no/such/jail", ready=False)
    assert server.wait_exit() == 1
    assert server.last_line() == ("uwsgi: cannot change the root directory to /no/such/jail: No such file or directory; "
                                  "exit status 1")


# ---- the first process of a container ----

@root_only
@pytest.mark.parametrize("options", [(), ("--master",)])
def test_as_the_first_process_it_reaps_orphans_and_ends_well(write, tmp_path, options):
    write("app.py", """
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            reader, writer = os.pipe()
            if os.fork() == 0:
                orphan = os.fork()
                if orphan == 0:
                    os._exit(0)
                os.write(writer, str(orphan).encode())
                os._exit(0)
            os.wait()
            return [os.read(reader, 99)]
        """)
    container = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    server = wrapped(tmp_path, container, "--wsgi-file", "app.py", *options).wait_ready()
    try:
        first = guarded_master(server)
        assert server.get("/").text.isdigit()

        def zombies():
            found = []
            for path in pathlib.Path("/proc").glob("[0-9]*/status"):
                try:
                    text = path.read_text()
                except OSError:
                    continue
                if "State:\tZ" in text and "PPid:\t%d\n" % first in text:
                    found.append(text)
            return found

        wait_until(lambda: not zombies(), "the orphan to be reaped")
        os.kill(first, signal.SIGTERM)
        assert server.wait_exit() == 0
        assert "finishing requests and stopping" in server.log
    finally:
        server.process.kill()
        server.process.wait()
