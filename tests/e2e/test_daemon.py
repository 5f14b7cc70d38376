"""Commands beside the server: they run while it runs, come back when they end, and end with it; smart ones survive it."""
import os
import signal
import subprocess

import pytest

from harness import wait_until

HELLO = """
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"hello"]
"""
SLEEP = "echo $$ >> %s/pids; exec sleep 1000"


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pids(folder, name="pids"):
    path = folder / name
    return [int(word) for word in path.read_text().split() if word.isdigit()] if path.exists() else []


def wait_for_daemon(folder, number=1, name="pids"):
    """The pid of the daemon's n-th run."""
    return wait_until(lambda: len(pids(folder, name)) >= number and pids(folder, name), "run %d of the daemon" % number)[
        number - 1]


def wait_dead(pid):
    wait_until(lambda: not alive(pid), "%d to end" % pid)


@pytest.fixture
def reaped(tmp_path):
    """Pids of smart daemons, which outlive their servers, end with the test."""
    yield
    for pid in pids(tmp_path) + pids(tmp_path, "smart.pid"):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_runs_beside_the_server_and_ends_with_it(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", SLEEP % tmp_path)
    pid = wait_for_daemon(tmp_path)
    assert sorted(os.listdir("/proc/%d/fd" % pid)) == ["0", "1", "2"]
    assert os.readlink("/proc/%d/fd/0" % pid) == "/dev/null"
    assert os.getsid(pid) == pid
    with open("/proc/%d/status" % pid) as status:
        ignored = next(line for line in status if line.startswith("SigIgn"))
        assert int(ignored.split()[1], 16) == 0
    server.wait_for_log('[uwsgi-daemons] spawning "%s" (uid: %d gid: %d)' % (SLEEP % tmp_path, os.getuid(), os.getgid()))
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert not alive(pid)


def test_a_server_of_daemons_alone_needs_no_socket(start, tmp_path):
    server = start("--attach-daemon", SLEEP % tmp_path, http=False, ready=False)
    pid = wait_for_daemon(tmp_path)
    server.process.send_signal(signal.SIGINT)
    assert server.wait_exit() == 0
    wait_dead(pid)


def test_a_daemon_that_ends_comes_back_and_is_throttled(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", SLEEP % tmp_path)
    first = wait_for_daemon(tmp_path)
    os.kill(first, signal.SIGKILL)
    assert alive(wait_for_daemon(tmp_path, 2))
    assert 'throttling "%s" for 1 seconds' % (SLEEP % tmp_path) in server.log


def test_several_daemons_are_kept_apart(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", "echo $$ >> %s/one; exec sleep 1000" % tmp_path,
                   "--attach-daemon", "echo $$ >> %s/two; exec sleep 1000" % tmp_path)
    one, two = wait_for_daemon(tmp_path, name="one"), wait_for_daemon(tmp_path, name="two")
    os.kill(one, signal.SIGKILL)
    wait_for_daemon(tmp_path, 2, "one")
    assert alive(two) and pids(tmp_path, "two") == [two]
    server.stop()
    assert not alive(two)


def test_what_a_daemon_started_ends_with_it(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", "sh -c 'echo $$ >> %s/pids; exec sleep 1000' & wait" % tmp_path)
    grandchild = wait_for_daemon(tmp_path)
    server.stop()
    wait_dead(grandchild)


def test_what_is_left_of_a_dead_daemon_ends_before_the_next_begins(serve, tmp_path):
    serve(HELLO, "--attach-daemon", "echo $$ >> %s/leader; sh -c 'echo $$ >> %s/pids; exec sleep 1000' & wait" % (
        tmp_path, tmp_path))
    left = wait_for_daemon(tmp_path)
    os.kill(wait_for_daemon(tmp_path, name="leader"), signal.SIGKILL)
    wait_for_daemon(tmp_path, 2)
    assert not alive(left)


def test_a_killed_server_leaves_no_daemon(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", SLEEP % tmp_path)
    pid = wait_for_daemon(tmp_path)
    server.process.kill()
    wait_dead(pid)


def test_a_server_killed_as_a_whole_leaves_no_daemon(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", SLEEP % tmp_path)
    pid = wait_for_daemon(tmp_path)
    victims = (server.process.pid, server.pid_of("daemon"))
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        for victim in victims:
            os.kill(victim, signum)
    wait_dead(pid)


def test_a_killed_supervisor_leaves_no_second_daemon(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", "sh -c 'echo $$ >> %s/pids; exec sleep 1000' & wait" % tmp_path)
    first = wait_for_daemon(tmp_path)
    os.kill(server.pid_of("daemon"), signal.SIGKILL)
    second = wait_for_daemon(tmp_path, 2)
    wait_dead(first)
    assert alive(second)


def test_the_end_of_a_control_daemon_is_the_end_of_the_server(serve, tmp_path):
    server = serve(HELLO, "--attach-control-daemon", SLEEP % tmp_path)
    os.kill(wait_for_daemon(tmp_path), signal.SIGTERM)
    assert server.wait_exit() == 0
    assert len(pids(tmp_path)) == 1


def test_a_daemon_that_ignores_its_signal_is_killed(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", "trap '' TERM; echo $$ >> %s/pids; while :; do sleep 0.1; done" % tmp_path)
    pid = wait_for_daemon(tmp_path)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert not alive(pid)
    assert "does not end: killing it" in server.log


def test_a_stop_in_a_hurry_leaves_nothing_of_a_daemon_that_ignores_it(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon", "trap '' TERM INT; sh -c 'echo $$ >> %s/pids; while :; do sleep 0.1; done' & "
                   "while :; do sleep 0.1; done" % tmp_path)
    pid = wait_for_daemon(tmp_path)
    server.process.send_signal(signal.SIGINT)
    assert server.wait_exit() == 0
    wait_dead(pid)


def test_a_daemon_gets_the_signal_it_asked_for(serve, write, tmp_path):
    write("daemon.sh", """
        trap 'echo USR2 > got; exit' USR2
        trap 'echo TERM > got; exit' TERM
        echo $$ >> pids
        while :; do sleep 0.05; done
    """)
    server = serve(HELLO, "--attach-daemon2", "cmd=sh daemon.sh,stop_signal=%d" % signal.SIGUSR2)
    wait_for_daemon(tmp_path)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert (tmp_path / "got").read_text() == "USR2\n"


@pytest.mark.parametrize("option, word", [("", "USR2"), (",reload_signal=%d" % signal.SIGUSR1, "USR1")])
def test_a_reload_starts_a_daemon_anew(serve, write, tmp_path, option, word):
    write("daemon.sh", """
        for word in USR1 USR2 TERM; do trap "echo $word > got; exit" $word; done
        echo $$ >> pids
        while :; do sleep 0.05; done
    """)
    server = serve(HELLO, "--attach-daemon2", "cmd=exec sh daemon.sh,stop_signal=%d%s" % (signal.SIGUSR2, option))
    first = wait_for_daemon(tmp_path)
    server.process.send_signal(signal.SIGHUP)
    second = wait_for_daemon(tmp_path, 2)
    assert (tmp_path / "got").read_text() == word + "\n"
    assert not alive(first)
    (tmp_path / "got").unlink()
    server.stop()
    assert not alive(second)
    assert (tmp_path / "got").read_text() == "USR2\n"


def test_a_touched_file_starts_a_daemon_anew(serve, tmp_path):
    (tmp_path / "trigger").touch()
    (tmp_path / "sub").mkdir()
    server = serve(HELLO, "--attach-daemon2", "cmd=%s,touch=%s/trigger,chdir=%s/sub,control=1" % (
        SLEEP % tmp_path, tmp_path, tmp_path))
    first = wait_for_daemon(tmp_path)
    assert os.readlink("/proc/%d/cwd" % first) == str(tmp_path / "sub")
    os.utime(tmp_path / "trigger", (1, 1))
    second = wait_for_daemon(tmp_path, 2)
    assert alive(second) and not alive(first)
    assert "has been touched... reloading daemon" in server.log
    assert "throttling" not in server.log


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_daemon_becomes_the_user_it_was_given(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon2", "cmd=id; exec sleep 1000,uid=nobody,gid=nogroup")
    server.wait_for_log("\nuid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_daemon_can_have_a_pid_namespace(serve, tmp_path):
    server = serve(HELLO, "--attach-daemon2", "cmd=echo $$ > ns; %s,ns_pid=1" % (SLEEP % tmp_path))
    wait_for_daemon(tmp_path)
    assert (tmp_path / "ns").read_text() == "1\n"
    server.stop()


@pytest.mark.parametrize("text, why", [
    ("cmd=x,comand=y", "there is no such key"),
    ("sleep 1", "every item must be key=value"),
])
def test_a_daemon_nobody_can_understand_ends_the_start(start, text, why):
    server = start("--attach-daemon2", text, http=False, ready=False)
    assert server.wait_exit() == 1
    assert why in server.log


# ---- smart daemons ----

SMART = "sh -c 'echo $$ >> pids; echo $$ > smart.pid; exec sleep 1000'"


def test_a_smart_daemon_survives_its_server_and_is_found_by_the_next(serve, tmp_path, reaped):
    server = serve(HELLO, "--smart-attach-daemon", "smart.pid " + SMART)
    pid = wait_for_daemon(tmp_path)
    server.wait_for_log("(pid: %d) by smart.pid" % pid)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert alive(pid)
    server = serve(HELLO, "--smart-attach-daemon", "smart.pid " + SMART)
    server.wait_for_log("(pid: %d) by smart.pid" % pid, times=2)
    assert pids(tmp_path) == [pid]


def test_a_smart_daemon_survives_a_reload(serve, tmp_path, reaped):
    server = serve(HELLO, "--attach-daemon2", "cmd=%s,pidfile=smart.pid,stop_signal=15" % SMART)
    pid = wait_for_daemon(tmp_path)
    server.wait_for_log("(pid: %d) by smart.pid" % pid)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("(pid: %d) by smart.pid" % pid, times=2)
    assert pids(tmp_path) == [pid] and alive(pid)


def test_a_smart_daemon_that_vanishes_is_started_again_at_once(serve, tmp_path, reaped):
    server = serve(HELLO, "--smart-attach-daemon2", "smart.pid " + SMART)
    first = wait_for_daemon(tmp_path)
    server.wait_for_log("(pid: %d) by smart.pid" % first)
    os.kill(first, signal.SIGKILL)
    second = wait_for_daemon(tmp_path, 2)
    assert alive(second) and second != first


def test_a_smart_daemon_that_nobody_buries_is_dead_all_the_same(serve, tmp_path, reaped):
    sleeper = subprocess.Popen(["sleep", "1000"])
    try:
        (tmp_path / "smart.pid").write_text("%d\n" % sleeper.pid)
        server = serve(HELLO, "--smart-attach-daemon", "smart.pid " + SMART)
        server.wait_for_log("(pid: %d) by smart.pid" % sleeper.pid)
        os.kill(sleeper.pid, signal.SIGKILL)  # a zombie until the end of this test
        assert alive(wait_for_daemon(tmp_path))
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_touched_smart_daemon_is_started_anew(serve, tmp_path, reaped):
    server = serve(HELLO, "--attach-daemon2", "cmd=%s,pidfile=smart.pid,touch=trigger,control=1" % SMART)
    first = wait_for_daemon(tmp_path)
    server.wait_for_log("(pid: %d) by smart.pid" % first)
    (tmp_path / "trigger").touch()
    assert alive(wait_for_daemon(tmp_path, 2))


def test_a_smart_daemon_without_its_pidfile_is_started_again_after_freq_looks(serve, tmp_path, reaped):
    serve(HELLO, "--attach-daemon2", "cmd=echo $$ >> %s/pids,pidfile=nothing.pid,freq=2" % tmp_path)
    wait_for_daemon(tmp_path, 2)


def test_a_smart_daemon_ends_with_the_server_when_it_has_a_stop_signal(serve, tmp_path, reaped):
    server = serve(HELLO, "--attach-daemon2", "cmd=%s,pidfile=smart.pid,stop_signal=15" % SMART)
    pid = wait_for_daemon(tmp_path)
    server.wait_for_log("(pid: %d) by smart.pid" % pid)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    wait_dead(pid)
