"""A spooler that ends or is killed: tasks run at least once whatever dies."""
import os
import random
import signal
import threading

import pytest

from harness import session_members, wait_until
from spool import dead, lines, spooler_pid, tasks, wait_drained, wait_for


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP"])
def test_a_task_in_hand_is_finished_at_a_stop_and_at_a_reload(spooling, tmp_path, how):
    server = spooling()
    server.spool(id="long", do="wait")
    wait_for(tmp_path, "long")
    server.spool(id="next")
    worker = int(server.ask("os.getpid()"))
    server.process.send_signal(getattr(signal, how))
    if how == "SIGHUP":  # the next generation takes what the old one has not in hand
        wait_for(tmp_path, "next")
    wait_until(lambda: worker not in session_members(server.process.pid), "all of the generation to be told")
    (tmp_path / "go").touch()
    wait_for(tmp_path, "after long")
    if how == "SIGTERM":
        assert server.wait_exit() == 0
        assert lines(tmp_path) == ["long", "after long"] and len(tasks(tmp_path)) == 1
    else:
        wait_drained(tmp_path)
        assert sorted(lines(tmp_path)) == ["after long", "long", "next"]


def test_a_task_whose_process_is_killed_runs_again(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1000")
    server.spool(id="1", do="wait")
    wait_for(tmp_path, "1")
    os.kill(spooler_pid(server), signal.SIGKILL)
    wait_until(lambda: lines(tmp_path).count("1") == 2, "the second run")
    (tmp_path / "go").touch()
    wait_drained(tmp_path)
    assert not list((tmp_path / "sp/.state").glob("tries_*"))


def test_a_task_outlives_the_server(spooling, tmp_path):
    server = spooling()
    server.spool(id="1", do="wait")
    wait_for(tmp_path, "1")
    for pid in session_members(server.process.pid):
        os.kill(pid, signal.SIGKILL)
    server.wait_exit()
    (tmp_path / "go").touch()
    spooling()
    wait_for(tmp_path, "after 1")
    wait_drained(tmp_path)


def test_several_processes_share_the_tasks_and_run_each_once(spooling, tmp_path):
    server = spooling("--spooler-processes", "3", "--spooler-quiet")
    # `spooler-processes` came after its spooler, which had none
    assert len(eval(server.ask("uwsgi.spooler_pids()"))) == 3
    server.ask("[uwsgi.spool(id=str(n)) for n in range(200)]")
    wait_drained(tmp_path)
    assert sorted(lines(tmp_path), key=int) == [str(n) for n in range(200)]


def test_no_acknowledged_task_is_lost_whatever_is_killed(spooling, tmp_path):
    """Writers, spoolers and the master are killed at random while tasks come in."""
    total = int(os.environ.get("UWSGI_TEST_SPOOL", "500"))
    dice = random.Random(total)
    options = ("--spooler-processes", "2", "--spooler-frequency", "1", "--spooler-quiet", "-p", "2",
               "--disable-logging", "--spooler-max-attempts", "1000")
    servers = [spooling(*options)]
    acknowledged, stop, kills = set(), threading.Event(), 0
    sizes = 0, 1, 1000, 20000

    def write():
        n = 0
        while len(acknowledged) < total or kills < total // 50:
            n += 1
            try:
                answer = servers[-1].ask("uwsgi.spool(id='%d', times=%d, priority=%s, body=b'%d,' * %d)" % (
                    n, sizes[n % 4], 7 if n % 3 == 0 else None, n, sizes[n % 4]))
            except OSError:
                continue
            if answer.startswith("b'"):
                acknowledged.add(str(n))
        stop.set()

    def victim():
        server = servers[-1]
        if dice.random() < 0.1:
            return server.process.pid
        members = [pid for pid in session_members(server.process.pid) if pid != server.process.pid]
        return dice.choice(members or [server.process.pid])

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.wait(dice.uniform(0.02, 0.2)):
        try:
            os.kill(victim(), signal.SIGKILL)
        except ProcessLookupError:
            continue
        kills += 1
        if servers[-1].process.poll() is not None:
            wait_until(lambda: not session_members(servers[-1].process.pid), "the old server's processes to end")
            servers.append(spooling(*options))
    writer.join()
    if servers[-1].process.poll() is not None:
        servers.append(spooling(*options))
    wait_until(lambda: not tasks(tmp_path), lambda: "an empty directory: %d tasks left" % len(tasks(tmp_path)))
    assert acknowledged - set(lines(tmp_path)) == set()
    assert not dead(tmp_path) and not lines(tmp_path, "torn")
