"""Hooks: what an operator has done at the phases of a server's life."""
import os
import re
import signal

import pytest
from harness import wait_until

APP = """
import os

print("loading", flush=True)

def application(environ, start_response):
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    return [os.environ.get("NOTE", "none").encode()]
"""
START = ["asap", "pre-jail", "post-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app", "post-fork"]
ACCEPTING = ["accepting", "accepting1", "accepting-once", "accepting1-once"]


def phases(log):
    return re.findall(r'^running ".*" \(([\w-]+)\)\.\.\.$', log, re.M)


def test_every_phase_has_its_moment(serve, tmp_path):
    names = ["asap", "pre-jail", "post-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app", "post-fork", "master-start",
             "accepting", "accepting1", "accepting-once", "accepting1-once", "as-user-atexit"]
    options = [word for name in names for word in ("--hook-" + name, "appendn:trace %s" % name)]
    server = serve(APP, *options)
    wait_until(lambda: "accepting1-once" in (tmp_path / "trace").read_text(), "the hooks of a start")
    server.stop()
    trace = (tmp_path / "trace").read_text().split()
    assert trace[:6] == START[:6]
    assert trace[6] == "master-start"
    assert trace[7:] == ["pre-app", "post-app", "post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once",
                         "as-user-atexit"]
    log = server.log
    for earlier, later in (("(asap)", "*** Starting uWSGI"), ("(as-root)", "bound to"), ("bound to", "(as-user)"),
                           ("(pre-app)", "loading"), ("loading", "(post-app)")):
        assert log.index(earlier) < log.index(later), (earlier, later)


def test_hooks_run_before_the_older_families_and_each_in_its_order(serve, tmp_path):
    serve(APP, "--call-as-user", "sync", "--exec-as-user", "echo 3 >>trace", "--hook-as-user", "appendn:trace 1", "--hook-as-user",
          "appendn:trace 2", "--exec-as-user", "echo 4 >>trace")
    assert (tmp_path / "trace").read_text().split() == ["1", "2", "3", "4"]


def test_the_start_is_not_repeated_by_a_reload_but_loading_is(serve, tmp_path):
    everywhere = [word for name in ["asap", "as-root", "as-user", "pre-app", "post-app", "master-start", "accepting-once"]
                  for word in ("--hook-" + name, "appendn:trace %s" % name)]
    server = serve(APP, *everywhere)
    before = server.get("/").headers["X-Pid"]
    (tmp_path / "trace").unlink()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.get("/").headers["X-Pid"] != before, lambda: "a reload:\n" + server.log)
    assert (tmp_path / "trace").read_text().split() == ["master-start", "pre-app", "post-app", "accepting-once"]


def test_once_means_not_in_place_of_another(serve, tmp_path):
    server = serve(APP, "--hook-accepting", "appendn:trace each", "--hook-accepting-once", "appendn:trace once")
    before = server.get("/").headers["X-Pid"]
    os.kill(int(before), signal.SIGKILL)
    assert server.get("/").headers["X-Pid"] != before
    assert (tmp_path / "trace").read_text().split() == ["each", "once", "each"]


@pytest.mark.parametrize("phase", START)
def test_a_failing_hook_ends_the_start_with_its_cause(serve, phase):
    server = serve(APP, "--hook-" + phase, "exec:exit 3", "--max-crashes", "1", ready=False)
    assert server.wait_exit() != 0
    assert "FATAL hook failed, destroying instance" in server.log
    assert "hook-%s = exec:exit 3: it ended with status 3" % phase in server.log
    if phase not in ("post-fork", "pre-app", "post-app"):
        assert server.last_line() == "uwsgi: hook-%s = exec:exit 3: it ended with status 3; exit status 1" % phase


@pytest.mark.parametrize("phase", ACCEPTING)
def test_a_failing_hook_of_a_serving_process_is_only_told(serve, phase):
    server = serve(APP, "--hook-" + phase, "unlink:missing")
    assert server.get("/").status == 200
    server.wait_for_log("hook-%s = unlink:missing failed: No such file or directory" % phase)


def test_a_reload_that_a_hook_refuses_keeps_the_old_generation(serve, tmp_path):
    (tmp_path / "ready").touch()
    server = serve(APP, "--hook-pre-app", "exec:test -e ready")
    (tmp_path / "ready").unlink()
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("could not be started: hook-pre-app = exec:test -e ready: it ended with status 1")
    assert server.get("/").status == 200


def test_a_rehearsal_runs_no_hook(serve, write, tmp_path):
    write("site.ini", "[uwsgi]\nhook-asap = appendn:trace x\n")
    server = serve(APP, "--ini", "site.ini")
    write("site.ini", "[uwsgi]\nhook-asap = appendn:trace x\nbuffer-size = 1\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("the new configuration is refused")
    assert (tmp_path / "trace").read_text() == "x\n"


def test_the_actions_do_what_they_are_named(serve, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        actions = ["mkdir:dir", "mkdir:dir", "write:dir/a one two", "writen:dir/b line", "append:dir/a three", "create:dir/c",
                   "chmod:dir/c 600", "sticky:dir", "chown:dir/c %d %d" % (os.getuid(), os.getgid()), "putenv:NOTE=noted",
                   "writefifo:fifo through", "wait_for_dir:dir", "wait_for_file:dir/a", "wait_for_fs:dir", "exec:echo said >dir/d",
                   "safeexec:false", "create:dir/gone", "unlink:dir/gone", "print:a word", "call:sync", "callint:alarm 0",
                   "callret:sched_yield", "callintret:alarm 0", "exec:cp app.py dir", "chdir:dir"]
        server = serve(APP, *[word for action in actions for word in ("--hook-as-user", action)])
        folder = tmp_path / "dir"
        assert (folder / "a").read_text() == "one twothree"
        assert (folder / "b").read_text() == "line\n"
        assert (folder / "d").read_text() == "said\n"
        assert (folder / "c").stat().st_mode & 0o7777 == 0o600
        assert folder.stat().st_mode & 0o1000
        assert not (folder / "gone").exists()
        assert os.read(reader, 100) == b"through"
        assert server.get("/").text == "noted"
        server.wait_for_log("\na word\n")
        assert os.readlink("/proc/%d/cwd" % server.process.pid) == str(folder)
    finally:
        os.close(reader)


@pytest.mark.parametrize("value, cause", [
    ("exec", "invalid hook syntax, must be hook:args"),
    ("fly:high", "hook action not found: fly"),
])
def test_what_is_no_action_is_told(serve, value, cause):
    server = serve(APP, "--hook-as-user", value, ready=False)
    assert server.wait_exit() == 1
    assert cause in server.log


@pytest.mark.parametrize("value, cause", [
    ("chmod:file", "it is written chmod:FILE MODE"),
    ("call:no_such_function", 'there is no function "no_such_function" in this program'),
    ("callint:umask", None),
    ("callintret:umask 18", "it returned"),
    ("exec:kill -9 $$", "it was killed by signal 9 (Killed)"),
    ("chown:file no-such-user", "there is no such user or group"),
    ("unix_signal:15 dance", 'there is no function "dance" for signals'),
    ("unix_signal:9 kill_them_all", "with a signal the master listens to"),
    ("mount:none a b fly", "with flags as"),
])
def test_why_an_action_fails_is_the_last_line(serve, value, cause):
    server = serve(APP, "--hook-as-user", value, ready=cause is None)
    if cause:
        assert server.wait_exit() == 1
        assert "hook-as-user = %s: " % value in server.last_line() and cause in server.last_line()


def test_a_private_hook_is_not_shown(serve):
    server = serve(APP, "--hook-as-user", "!exec:echo secret >/dev/null", "--hook-accepting", "!exec:secret=1; false")
    server.wait_for_log("hook-accepting = (private) failed: it ended with status 1")
    assert "running --- PRIVATE HOOK --- (as-user)..." in server.log
    assert "secret" not in server.log


def test_exit_ends_the_start(serve):
    server = serve(APP, "--hook-as-root", "exit:7", ready=False)
    assert server.wait_exit() == 7


@pytest.mark.parametrize("compat", [(), ("--compat", "uwsgi-2.0")])
def test_sigterm_can_be_given_the_meaning_configurations_of_the_wild_give_it(serve, compat):
    server = serve(APP, "--hook-master-start", "unix_signal:15 gracefully_kill_them_all", *compat)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert "finishing requests and stopping" in server.log


def test_a_signal_keeps_its_new_meaning_over_a_reload(serve):
    server = serve(APP, "--hook-master-start", "unix_signal:12 grace_them_all")
    for _ in range(2):
        before = server.get("/").headers["X-Pid"]
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: server.get("/").headers["X-Pid"] != before, lambda: "a reload:\n" + server.log)


def test_an_action_follows_a_touch(serve, tmp_path):
    (tmp_path / "touched").touch()
    server = serve(APP, "--hook-touch", "touched exec:echo $$ >done", "--hook-touch", "touched print:it was touched")
    os.utime(tmp_path / "touched", (1, 1))
    wait_until(lambda: (tmp_path / "done").exists() and "\nit was touched\n" in server.log, lambda: "the actions:\n" + server.log)
    assert server.get("/").status == 200


def test_gateways_have_their_hook(start, write, tmp_path):
    write("app.py", APP)
    start("--http", "127.0.0.1:0", "--wsgi-file", "app.py", "--hook-as-gateway", "appendn:trace gateway", "--hook-post-fork",
          "appendn:trace worker", http=True, ready=True)
    trace = tmp_path / "trace"
    wait_until(lambda: trace.exists() and sorted(trace.read_text().split()) == ["gateway", "worker"], "both hooks")
