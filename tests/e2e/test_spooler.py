"""The spooler: tasks in a directory that uWSGI 2.0 could share, in their order and at their time, and what becomes of them."""
import json
import os
import re
import signal
import socket
import stat
import time

import pytest

from binary import REPOSITORY
from harness import wait_until
from spool import APP, PREFIX, dead, lines, packet, spooled, spooler_pid, tasks, wait_drained, wait_for

# ---- from spool() to the handler


def test_a_task_runs_as_under_2_0_and_its_file_is_removed(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1000")
    path = spooled(server.ask("uwsgi.spool({b'id': b'1', b'x': b'\\xff', b'body': b'raw\\0'})"))
    assert path.parent == tmp_path / "sp" and path.name.startswith(PREFIX)
    wait_for(tmp_path, "1")
    wait_drained(tmp_path)
    pid, cwd, task = eval(lines(tmp_path, "tasks")[0])
    assert task == {"spooler_task_name": path.name.encode(), b"id": b"1", b"x": b"\xff", "body": b"raw\0"}
    assert cwd == str(tmp_path / "sp") and pid == spooler_pid(server)
    server.wait_for_log("done with task %s after 0 seconds" % path.name)
    assert "[spooler] written 21 bytes to file %s" % path in server.log
    assert "[spooler %s pid: %d] managing request %s ..." % (path.parent, pid, path.name) in server.log


def test_the_file_is_that_of_2_0(spooling, tmp_path):
    server = spooling()
    path = server.spool(a="b", at=int(time.time()) + 1000, body="text")
    at = str(int(path.stat().st_mtime)).encode()
    assert path.read_bytes() == packet({b"a": b"b", b"at": at}, b"text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.name.removeprefix(PREFIX).split("_")) == 6
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    assert not list((tmp_path / "sp/.state").glob("new_*"))


def test_every_form_of_a_call_makes_the_same_task(spooling, tmp_path):
    server = spooling()
    for call in ("uwsgi.spool({b'id': b'1', b'n': b'5'})", "uwsgi.spool({'id': '1', 'n': 5})",
                 "uwsgi.spool(id='1', n=5)", "uwsgi.send_to_spooler(message_dict={'id': b'1'}, n='5')", "uwsgi.spool({'id': 1}, n=5, body=None)"):
        spooled(server.ask(call))
    wait_until(lambda: len(lines(tmp_path, "tasks")) == 5, "five tasks")
    for line in lines(tmp_path, "tasks"):
        task = eval(line)[2]
        del task["spooler_task_name"]
        assert task == {b"id": b"1", b"n": b"5"}


@pytest.mark.parametrize("call, error", [
    ("uwsgi.spool('x')", "ValueError: The argument of spooler callable must be a dictionary"),
    ("uwsgi.spool()", "ValueError: The argument of spooler callable must be a dictionary"),
    ("uwsgi.spool({1: 'x'})", "TypeError: keys must be str or bytes, not int"),
    ("uwsgi.spool(x=[1])", "ValueError: unable to spool job: spooler callable dictionary must contains only bytes"),
    ("uwsgi.spool({'': 'x'})", "ValueError: unable to spool job: a key is empty"),
    ("uwsgi.spool(x='x' * 65536)", "ValueError: unable to spool job: its keys and values have more than 64k bytes"),
    ("uwsgi.spool(x='1', priority='high')", "ValueError: unable to spool job: priority \"high\" is no number"),
    ("uwsgi.spool(x='1', priority='../..')", "ValueError: unable to spool job: priority \"../..\" is no number"),
    ("uwsgi.spool(x='1', spooler='/nowhere')", "ValueError: unable to spool job: there is no spooler \"/nowhere\""),
    ("uwsgi.spool(x='1', body=b'x' * 1000)", "ValueError: unable to spool job: it has 1010 bytes, spooler-max-size "
                                             "allows 1000"),
])
def test_what_cannot_be_spooled_is_an_error_and_leaves_nothing(spooling, tmp_path, call, error):
    server = spooling("--spooler-max-size", "1000")
    assert server.ask(call).startswith(error)
    assert tasks(tmp_path) == [] and not list((tmp_path / "sp/.state").glob("new_*"))


def test_a_spooler_is_chosen_by_its_path_or_its_number(spooling, tmp_path):
    server = spooling("--spooler", "other", "--spooler-quiet")
    for spooler in (str(tmp_path / "other"), "other", "2", 2):
        assert server.spool(id="x", spooler=spooler).parent == tmp_path / "other"
    for none in ("", None):
        assert server.spool(id="y", spooler=none).parent == tmp_path / "sp"
    assert server.spool(id="y", spooler="1").parent == tmp_path / "sp"
    wait_until(lambda: len(lines(tmp_path)) == 7, "all tasks")
    assert "managing request" not in server.log and "written" not in server.log


def test_programs_can_ask_about_spoolers_and_tasks(spooling, tmp_path):
    server = spooling("--spooler-processes", "2", "--spooler", "two", "--spooler-external", "away")
    server.wait_spawned("spooler", 4)
    pids = eval(server.ask("uwsgi.spooler_pids()"))
    assert len(pids) == 5 and pids[4] == 0 and pids[0] == spooler_pid(server) and all(pids[:4])
    path = server.spool(id="1", at=2000000000)
    deep = server.spool(id="2", at=2000000000, priority=7)
    assert eval(server.ask("sorted(uwsgi.spooler_jobs())")) == sorted([str(path).encode(), str(deep).encode()])
    task = eval(server.ask("uwsgi.spooler_get_task(uwsgi.spooler_jobs()[0])"))
    assert task["spooler_task_name"] in (str(path).encode(), str(deep).encode()) and b"id" in task
    assert server.ask("uwsgi.spooler_get_task('/nowhere')") == "None"
    assert server.ask("uwsgi.i_am_the_spooler()") == "None"
    assert server.ask("uwsgi.set_spooler_frequency(1)") == "True"
    assert server.ask("uwsgi.SPOOL_OK, uwsgi.SPOOL_RETRY, uwsgi.SPOOL_IGNORE") == "(-2, -1, 0)"


def test_the_directories_of_spoolers_are_an_attribute(spooling, tmp_path):
    server = spooling("--spooler-processes", "2", "--spooler", tmp_path / "second", "--spooler-external", tmp_path / "third")
    names = [os.path.basename(path) for path in eval(server.ask("uwsgi.spoolers"))]
    assert names == [b"sp", b"sp", b"second", b"second", b"third"]


def test_what_spoolers_did_is_told_and_outlives_a_reload(spooling, tmp_path):
    server = spooling("--spooler-processes", "2", "--spooler-external", "away", "--spooler-max-attempts", "2",
                      "--spooler-frequency", "1")
    for n in range(3):
        server.spool(id=str(n))
    server.spool(id="bad", do="raise")
    wait_until(lambda: dead(tmp_path), "one to be given up")
    rows = lambda: eval(server.ask("uwsgi.spooler_stats()"))
    later = server.spool(id="later", at=2000000000)
    wait_until(lambda: rows()[0]["next"] == 2000000000, "the time of the next task")
    server.spool(id="long", do="wait")
    wait_for(tmp_path, "long")
    began = time.time()
    row, away = rows()
    assert row["dir"] == str(later.parent).encode() and not row["external"]
    assert list(row["pids"]) == eval(server.ask("uwsgi.spooler_pids()"))[:2]
    assert {key: row[key] for key in ("running", "waiting", "dead", "runs", "done", "failed")} == {
        "running": 1, "waiting": 1, "dead": 1, "runs": 6, "done": 3, "failed": 2}
    assert abs(row["last"] - began) < 20
    assert away == {"dir": str(tmp_path / "away").encode(), "external": True, "pids": (), "running": 0, "waiting": 0,
                    "dead": 0, "runs": 0, "done": 0, "failed": 0, "last": 0, "next": 0}
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not set(rows()[0]["pids"]) & set(row["pids"]), "other processes")
    counts = lambda: tuple(rows()[0][key] for key in ("runs", "done", "failed", "running"))
    assert counts() == (6, 3, 2, 1), "the old generation has it in hand"
    (tmp_path / "go").touch()
    wait_until(lambda: counts() == (6, 4, 2, 0), counts)


def test_the_statistics_have_a_row_for_each_process(spooling, tmp_path):
    server = spooling("--spooler-processes", "2", "--spooler", "other", "--spooler-max-attempts", "1",
                      "--stats", tmp_path / "stats")
    server.spool(id="1", spooler=2)
    server.spool(id="2", do="raise", spooler=2)
    wait_until(lambda: list((tmp_path / "other/dead").glob("*")), "one to be given up")
    later = server.spool(id="later", at=2000000000, spooler=2)
    wait_until(lambda: sum(row["next"] == 2000000000 for row in stats_of(tmp_path / "stats")) == 2, "what is next")
    rows = stats_of(tmp_path / "stats")
    assert [row["dir"] for row in rows] == [str(tmp_path / "sp")] * 2 + [str(tmp_path / "other")] * 2
    assert [row["pid"] for row in rows] == eval(server.ask("uwsgi.spooler_pids()"))
    for key, sums in {"tasks": (0, 1), "runs": (0, 2), "failures": (0, 1), "running": (0, 0), "respawns": (0, 0)}.items():
        assert tuple(sum(row[key] for row in rows[n:n + 2]) for n in (0, 2)) == sums, key
    assert later.exists() and time.time() - 20 < max(row["last"] for row in rows) < time.time() + 1


def stats_of(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        return json.loads(b"".join(iter(lambda: client.recv(65536), b"")))["spoolers"]


def test_a_death_counts_as_a_failure(spooling, tmp_path):
    server = spooling("--spooler-max-attempts", "2", "--spooler-frequency", "1")
    server.spool(id="1", do="die")
    wait_until(lambda: dead(tmp_path), "the task to be given up")
    row = eval(server.ask("uwsgi.spooler_stats()"))[0]
    assert (row["runs"], row["done"], row["failed"], row["running"]) == (2, 0, 2, 0)


def test_a_task_in_hand_is_seen_by_its_handler_only(spooling, tmp_path):
    server = spooling()
    path = server.spool(id="1", do="wait")
    wait_for(tmp_path, "1")
    assert server.ask("uwsgi.spooler_get_task(%r)" % str(path)) == "None"
    (tmp_path / "go").touch()
    server.spool(id="2", do="get")
    wait_until(lambda: lines(tmp_path, "got"), "the task's own view")
    assert eval(lines(tmp_path, "got")[0])[b"id"] == b"2"


def test_a_server_without_a_spooler_has_the_answers_but_not_the_functions(serve):
    server = serve(APP)
    assert server.post("/", "uwsgi.SPOOL_OK, hasattr(uwsgi, 'spool')").text == "(-2, False)"


def test_the_program_of_the_page_has_its_task_run(start, write, tmp_path):
    page = (REPOSITORY / "docs" / "spooler.md").read_text()
    ini, tasks_py = (re.search(r"^```%s\n(.*?)^```$" % kind, page, re.M | re.S)[1] for kind in ("ini", "python"))
    write("tasks.py", tasks_py)
    write("mysite.py", "def application(environ, start_response): pass")
    write("site.ini", ini.replace("/var/spool/app", str(tmp_path / "sp")))
    server = start("--ini", "site.ini")
    server.wait_for_log("done with task " + PREFIX)


# ---- order and time


def test_the_lowest_priority_runs_first_and_names_in_order(spooling, tmp_path):
    server = spooling("--spooler-ordered")
    server.spool(id="first", do="wait")
    wait_for(tmp_path, "first")
    for n in range(12):
        server.spool(id="plain%d" % n)
    for priority in (10, 9, 0):
        server.spool(id="p%d" % priority, priority=priority)
    (tmp_path / "go").touch()
    wait_drained(tmp_path)
    assert lines(tmp_path) == ["first", "after first", "p0", "p9", "p10"] + ["plain%d" % n for n in range(12)]
    assert eval(lines(tmp_path, "tasks")[1])[1] == str(tmp_path / "sp/0")


def test_priorities_count_without_spooler_ordered_too(spooling, tmp_path):
    server = spooling("--spooler-chdir", str(tmp_path))
    server.spool(id="first", do="wait")
    wait_for(tmp_path, "first")
    for name, priority in (("plain", None), ("high", 1), ("low", 20)):
        server.spool(id=name, priority=priority)
    (tmp_path / "go").touch()
    wait_drained(tmp_path)
    assert lines(tmp_path)[2:] == ["high", "low", "plain"]
    assert {eval(line)[1] for line in lines(tmp_path, "tasks")} == {str(tmp_path)}


def test_a_task_does_not_run_before_its_time(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1000")
    at = int(time.time()) + 5
    server.spool(id="late", at=at)
    server.spool(id="far", at=at + 1000)
    server.spool(id="now", at=1)
    wait_for(tmp_path, "now")
    assert lines(tmp_path) == ["now"]
    wait_for(tmp_path, "late")
    assert time.time() >= at and lines(tmp_path) == ["now", "late"]


def test_new_tasks_are_told_and_not_looked_for(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1000")
    server.spool(id="warm")
    wait_for(tmp_path, "warm")

    def switches():
        with open("/proc/%d/status" % spooler_pid(server)) as status:
            return int(next(line for line in status if line.startswith("voluntary")).split()[1])

    wait_drained(tmp_path)
    seen = [-1, switches()]

    def sleeps():
        seen.append(switches())
        return seen[-1] == seen[-2]

    wait_until(sleeps, "the spooler to sleep")
    for n in range(50):
        server.ask("1")
    assert switches() == seen[-1]
    server.spool(id="next")
    wait_for(tmp_path, "next")


# ---- answers


def test_an_answer_says_what_becomes_of_a_task(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "2")
    for n, answer in enumerate(("uwsgi.SPOOL_RETRY", "uwsgi.SPOOL_IGNORE", "None", "'text'", "17")):
        server.spool(id="kept%d" % n, do="answer", answer=answer)
    server.spool(id="done", do="answer", answer="uwsgi.SPOOL_OK")
    wait_until(lambda: all(lines(tmp_path).count("kept%d" % n) >= 4 for n in range(5)), "all to be run again")
    assert lines(tmp_path).count("done") == 1
    assert len(tasks(tmp_path)) == 5 and not dead(tmp_path)
    server.wait_for_log("unable to find the spooler function, have you loaded it into the spooler process ?")


def test_without_a_handler_tasks_wait(spooling, tmp_path):
    server = spooling(code=APP.replace("uwsgi.spooler = spooler", ""))
    server.spool(id="1")
    server.wait_for_log("unable to find the spooler function")
    assert len(tasks(tmp_path)) == 1


@pytest.mark.parametrize("what", ["raise", "exit"])
def test_a_task_that_fails_too_often_is_laid_among_the_dead(spooling, tmp_path, what):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "2")
    pid = spooler_pid(server)
    path = server.spool(id="bad", do=what, body="kept")
    content = path.read_bytes()
    wait_until(lambda: dead(tmp_path), "the task to be given up")
    assert lines(tmp_path) == ["bad", "bad"]
    assert [p.read_bytes() for p in dead(tmp_path)] == [content]
    assert spooler_pid(server) == pid and not tasks(tmp_path)
    server.wait_for_log("failed (attempt 1 of 2), it is run again in 1 seconds")
    server.wait_for_log("failed 2 times: it is moved to %s/dead" % (tmp_path / "sp"))
    assert "ValueError: a task that fails" in server.log or what == "exit"
    wait_until(lambda: not list((tmp_path / "sp/.state").glob("tries_*")), "its count to be forgotten")


def test_a_task_that_kills_its_process_does_not_stop_the_others(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "3")
    server.spool(id="poison", do="die")
    for n in range(5):
        server.spool(id="good%d" % n)
    wait_until(lambda: dead(tmp_path), lambda: "the poison to be given up:\n" + server.log)
    wait_drained(tmp_path)
    assert lines(tmp_path).count("poison") == 3
    assert sorted(set(lines(tmp_path))) == ["good%d" % n for n in range(5)] + ["poison"]


def test_nor_does_one_whose_failures_cannot_be_counted(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "3")
    path = server.spool(id="poison", do="die", priority=0, at=int(time.time()) + 1)
    (tmp_path / "sp/.state" / ("tries_" + path.name)).mkdir()
    server.wait_for_log("cannot mark task 0/%s: Is a directory" % path.name)
    server.spool(id="good")
    wait_for(tmp_path, "good")


def test_a_task_that_takes_too_long_is_cut_and_run_again(spooling, tmp_path):
    server = spooling("--spooler-harakiri", "1", "--spooler-frequency", "1")
    pid = spooler_pid(server)
    server.spool(id="slow", do="spin")
    server.wait_for_log("*** HARAKIRI ON spooler 1 (pid: %d): the task %s" % (pid, PREFIX))
    wait_until(lambda: spooler_pid(server) not in (0, pid), "another process")
    (tmp_path / "go").touch()
    wait_drained(tmp_path)
    assert set(lines(tmp_path)) == {"slow"} and len(lines(tmp_path)) >= 2
    assert 'in spooler' in server.log, "the stack of the stuck task"


def test_a_touched_file_replaces_the_spoolers_after_their_tasks(spooling, tmp_path):
    (tmp_path / "touched").touch()
    server = spooling("--touch-spoolers-reload", tmp_path / "touched")
    server.spool(id="1", do="wait")
    wait_for(tmp_path, "1")
    before, worker = spooler_pid(server), server.ask("os.getpid()")
    os.utime(tmp_path / "touched")
    server.wait_for_log("touched")
    (tmp_path / "go").touch()
    wait_for(tmp_path, "after 1")
    wait_until(lambda: spooler_pid(server) not in (0, before), "another spooler")
    server.spool(id="2")
    wait_for(tmp_path, "2")
    assert lines(tmp_path).count("1") == 1 and server.ask("os.getpid()") == worker


def test_a_negative_frequency_has_nobody_look(spooling, serve, tmp_path):
    looking, told = [serve(APP, "--spooler", name, "--spooler-frequency=%d" % often)
                     for name, often in (("looks", 1), ("never", -1))]
    for server, name in (looking, "looks"), (told, "never"):
        server.wait_for_log("spawned the uWSGI spooler on dir %s " % (tmp_path / name))
        server.post("/", "uwsgi.spool(id='%s')" % name)
    wait_for(tmp_path, "looks", "never")
    # a count of failures without its task is removed by a look
    for _ in range(3):
        for name in ("looks", "never"):
            (tmp_path / name / ".state/tries_x").write_text("1 %sx" % PREFIX)
        wait_until(lambda: not (tmp_path / "looks/.state/tries_x").exists(), "a look")
    assert (tmp_path / "never/.state/tries_x").exists()


def test_spooler_cheap_says_that_it_has_nothing_to_do(spooling):
    spooling("--spooler-cheap").wait_for_log("spooler-cheap: nothing to do, a spooler without tasks sleeps")


def test_what_is_for_spoolers_is_imported_there_alone(spooling, tmp_path, write):
    write("only.py", "import os; open('imported', 'a').write('%d\\n' % os.getpid())")
    server = spooling("--spooler-python-import", "only", "--spooler-import", "nowhere", "-p", "2")
    server.wait_for_log("unable to import nowhere: ")
    server.spool(id="1")
    wait_for(tmp_path, "1")
    assert lines(tmp_path, "imported") == [str(spooler_pid(server))]
    assert server.ask("'only' in sys.modules") == "False"


def test_a_spooler_is_replaced_after_its_tasks(spooling, tmp_path):
    server = spooling("--spooler-max-tasks", "3")
    for n in range(7):
        server.spool(id=str(n))
    wait_drained(tmp_path)
    assert sorted(lines(tmp_path)) == [str(n) for n in range(7)]
    assert len({eval(line)[0] for line in lines(tmp_path, "tasks")}) == 3
    server.wait_for_log("maximum number of tasks reached (3) recycling ...")
