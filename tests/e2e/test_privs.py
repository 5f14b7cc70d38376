"""Giving up root: who the processes become, what they keep, and what a server refuses to do as root."""
import contextlib
import os
import pwd
import re
import signal
import stat

import pytest
from harness import BINARY, Server, free_port, others_may_run, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not others_may_run(BINARY), reason="only root can become somebody else")

NOBODY = pwd.getpwnam("nobody")
NET_BIND = 1 << 10
APP = """
import os, subprocess

def application(environ, start_response):
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    if environ["PATH_INFO"] == "/status":
        return [open("/proc/self/status", "rb").read()]
    if environ["PATH_INFO"] == "/child":
        return [subprocess.run(["grep", "Cap", "/proc/self/status"], capture_output=True).stdout]
    if environ["PATH_INFO"] == "/loaded":
        return [LOADED]
    return [b"hello"]

LOADED = b"%d" % os.geteuid()
"""


@pytest.fixture(autouse=True)
def everybody_may_look(tmp_path, write):
    """The folder of a test is its owner's alone; these servers become somebody else."""
    write("app.py", APP)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)


def ids(text, name):
    return [int(word) for word in re.search(r"^%s:\s*(.*)$" % name, text, re.M)[1].split()]


def caps(text, name):
    return int(re.search(r"^%s:\s*(\w+)$" % name, text, re.M)[1], 16)


def status_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return status.read()


def reload(server):
    spawned = server.spawned("worker") + server.expected["worker"]
    before = server.get("/").headers["X-Pid"]
    server.process.send_signal(signal.SIGHUP)
    server.wait_spawned("worker", spawned)
    wait_until(lambda: server.get("/").headers["X-Pid"] != before, lambda: "a reload:\n" + server.log)


def children_of(pid):
    """What /proc says of each child.  Those of an old generation may end meanwhile."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
        pids = [int(word) for word in children.read().split()]
    statuses = []
    for child in pids:
        with contextlib.suppress(OSError):
            statuses.append(status_of(child))
    return statuses


OWN = ("--wsgi-file", "app.py")


@pytest.fixture
def without_allowance(tmp_path):
    """without_allowance(*options): a server that was not told that root is fine."""
    servers = []

    def without_allowance(*args):
        port = free_port()
        env = {k: v for k, v in os.environ.items() if k != "UWSGI_ALLOW_ROOT"}
        os.environ.pop("UWSGI_ALLOW_ROOT", None)
        try:
            servers.append(Server(tmp_path, ("--http-socket", "127.0.0.1:%d" % port, *OWN, *args), port, env))
        finally:
            os.environ["UWSGI_ALLOW_ROOT"] = "true"
        return servers[-1]

    yield without_allowance
    for server in servers:
        server.stop()


@pytest.mark.parametrize("options", [(), ("--master", "--processes", "2"), ("--uid", "0"), ("--master", "--gid", "nogroup")])
def test_a_server_refuses_to_run_an_application_as_root(without_allowance, options):
    server = without_allowance(*options)
    assert server.wait_exit() == 1
    assert server.last_line() == ("uwsgi: refusing to run an application as root: give uid (and gid), or "
                                  "allow-root = true; exit status 1")


@pytest.mark.parametrize("options", [
    ("--allow-root",), ("--compat", "uwsgi-2.0"), ("--master", "--compat", "uwsgi-2.0"), ("--uid", "nobody"),
    ("--master", "--master-as-root", "--uid", "nobody"),
])
def test_it_runs_when_that_is_meant_or_root_is_given_up(without_allowance, options):
    server = without_allowance(*options).wait_ready()
    assert server.get("/").text == "hello"
    assert ("you are running uWSGI as root" in server.log) == (options[-1] != "nobody" or "--master-as-root" in options)


def test_a_server_without_workers_may_be_root(without_allowance):
    without_allowance("--no-server").wait_for_log("spawned uWSGI master process")


def test_user_group_and_no_way_back(start):
    server = start(*OWN, "--master", "--uid", "nobody", "--add-gid", "7")
    status = server.get("/status").text
    assert ids(status, "Uid") == [NOBODY.pw_uid] * 4
    assert ids(status, "Gid") == [NOBODY.pw_gid] * 4
    assert 7 in ids(status, "Groups")
    assert ids(status, "NoNewPrivs") == [1]
    assert caps(status, "CapPrm") == 0
    assert ids(status_of(server.process.pid), "Uid") == [NOBODY.pw_uid] * 4


def test_programs_may_be_left_their_setuid_bit(start):
    server = start(*OWN, "--uid", "nobody", "--no-new-privs=false")
    assert ids(server.get("/status").text, "NoNewPrivs") == [0]


def test_no_new_privileges_without_a_user(start):
    server = start(*OWN, "--no-new-privs")
    assert ids(server.get("/status").text, "NoNewPrivs") == [1]


def test_the_kept_capabilities_outlive_a_reload_and_are_not_inherited(start):
    server = start(*OWN, "--master", "--uid", "nobody", "--cap", "net_bind_service")
    for _ in range(3):
        for status in (server.get("/status").text, status_of(server.process.pid)):
            assert ids(status, "Uid") == [NOBODY.pw_uid] * 4
            assert [caps(status, name) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")] == [NET_BIND] * 3 + [0]
        inherited = server.get("/child").text
        assert [caps(inherited, name) for name in ("CapPrm", "CapEff", "CapAmb")] == [0] * 3
        reload(server)


def test_an_unknown_capability_is_told(start):
    server = start(*OWN, "--uid", "nobody", "--cap", "net_bind_service,fly", ready=False)
    assert server.wait_exit() == 1
    assert 'there is no capability "fly"' in server.log


def test_the_master_alone_stays_root(start):
    server = start(*OWN, "--master", "--processes", "2", "--uid", "nobody", "--gid", "nogroup", "--master-as-root")
    for _ in range(2):
        assert ids(status_of(server.process.pid), "Uid") == [0] * 4
        for status in children_of(server.process.pid):
            assert ids(status, "Uid") == [NOBODY.pw_uid] * 4, status
        assert server.get("/loaded").text == str(NOBODY.pw_uid)
        reload(server)


def test_a_gateway_of_a_root_master_is_no_root(start):
    port = free_port()
    server = start(*OWN, "--http", "127.0.0.1:%d" % port, "--master-as-root", "--uid", "nobody", http=False, address=port)
    owners = [ids(status, "Uid") for status in children_of(server.process.pid)]
    assert len(owners) >= 3 and all(owner == [NOBODY.pw_uid] * 4 for owner in owners)


@pytest.mark.parametrize("options", [(), ("--lazy-apps",)])
def test_root_is_given_up_after_the_application_was_loaded(start, options):
    server = start(*OWN, "--master", "--uid", "nobody", "--drop-after-apps", *options)
    assert server.get("/loaded").text == "0"
    assert ids(server.get("/status").text, "Uid") == [NOBODY.pw_uid] * 4


def test_a_unix_socket_belongs_to_who_the_server_becomes(start, tmp_path):
    path = tmp_path / "uwsgi.sock"
    start(*OWN, "--socket", path, "--uid", "nobody")
    owner = path.stat()
    assert (owner.st_uid, owner.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert stat.S_IMODE(owner.st_mode) == 0o660


def test_the_configuration_is_read_as_the_immediate_user(start, write, tmp_path):
    secret = write("secret", "root's")
    secret.chmod(0o600)
    write("site.ini", "[uwsgi]\nimmediate-uid = nobody\nenv = SECRET=@(secret)\nwsgi-file = app.py\n")
    server = start("--ini", "site.ini", ready=False)
    assert server.wait_exit() == 1
    assert "secret" in server.log and "Permission denied" in server.log


def test_a_reload_that_would_run_as_root_is_refused(without_allowance, write, tmp_path):
    write("site.ini", "[uwsgi]\nmaster = true\nallow-root = true\n")
    server = without_allowance("--ini", "site.ini").wait_ready()
    write("site.ini", "[uwsgi]\nmaster = true\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("the new configuration is refused: refusing to run an application as root")
    assert server.get("/").text == "hello"


@pytest.mark.parametrize("options", [("--gid", "no-such-group"), ("--hook-as-user", "exec:false"), ("--wsgi-file", "missing.py")])
def test_a_start_that_fails_leaves_nothing_behind(start, tmp_path, options):
    own = () if options[0] == "--wsgi-file" else OWN
    server = start(*own, "--master", "--socket", "uwsgi.sock", "--pidfile", "pid", "--pidfile2", "pid2", "--master-fifo", "fifo",
                   "--vacuum", *options, ready=False)
    assert server.wait_exit() in (1, 22)
    assert not [name for name in ("uwsgi.sock", "pid", "pid2", "fifo") if (tmp_path / name).exists()]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_end_with_vacuum_leaves_nothing_behind(start, tmp_path, how):
    files = [tmp_path / name for name in ("uwsgi.sock", "pid", "pid2", "safe", "fifo")]
    server = start(*OWN, "--master", "--socket", "uwsgi.sock", "--pidfile", "pid", "--pidfile2", "pid2", "--safe-pidfile", "safe",
                   "--master-fifo", "fifo", "--vacuum", "--uid", "nobody", "--hook-as-root", "exec:chmod 777 .")
    wait_until(lambda: all(path.exists() for path in files), "all files")
    reload(server)
    server.process.send_signal(how)
    assert server.wait_exit() == 0
    assert not [path for path in files if path.exists()]
