"""The spooler: tasks in a directory that uWSGI 2.0 could share, run at least once whatever dies, and not for ever."""
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

from binary import REPOSITORY
from harness import BINARY, DEADLINE, session_members, wait_until
from wire import exchange

# What is posted is evaluated where the application lives; every task that runs leaves a line.
APP = """
    import os, signal, sys, time, uwsgi
    HERE = os.getcwd()

    def note(text, name="ran"):
        with open(os.path.join(HERE, name), "a") as out:
            out.write(text + "\\n")

    def spooler(task):
        what = task.get(b"do", b"").decode()
        note(task.get(b"id", b"?").decode())
        if b"times" in task:
            if task.get("body", b"") != (task[b"id"] + b",") * int(task[b"times"]):
                note(repr(task)[:200], "torn")
            return uwsgi.SPOOL_OK
        note(repr((os.getpid(), os.getcwd(), task)), "tasks")
        if what == "raise":
            raise ValueError("a task that fails")
        if what == "exit":
            sys.exit(3)
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "wait":
            while not os.path.exists(os.path.join(HERE, "go")):
                time.sleep(0.01)
            note("after " + task[b"id"].decode())
        if what == "spin":
            while not os.path.exists(os.path.join(HERE, "go")):
                pass
        if what == "answer":
            return eval(task[b"answer"])
        if what == "get":
            note(repr(uwsgi.spooler_get_task(task["spooler_task_name"])), "got")
        return uwsgi.SPOOL_OK

    uwsgi.spooler = spooler

    def application(environ, start_response):
        start_response("200 OK", [])
        text = environ["wsgi.input"].read().decode()
        try:
            return [repr(eval(text)).encode()]
        except Exception as error:
            return [("%s: %s" % (type(error).__name__, error)).encode()]
"""
PREFIX = "uwsgi_spoolfile_on_"
FIXTURE = pathlib.Path(__file__).parent.parent / "plugins/spooler/written_by_2.0.21"


@pytest.fixture
def spooling(serve, tmp_path):
    """spooling(*options): a server with the spooler `sp`; ask(expression) is evaluated in it."""

    def spooling(*options, code=APP, **how):
        server = serve(code, "--spooler", "sp", *options, **how)
        server.wait_for_log("spawned the uWSGI spooler on dir %s " % (tmp_path / "sp"))
        server.ask = lambda text: server.post("/", text).text
        server.spool = lambda **keys: spooled(server.ask("uwsgi.spool(%s)" % ", ".join(
            "%s=%r" % item for item in keys.items())))
        return server

    return spooling


def spooled(answer):
    assert answer.startswith("b'/"), answer
    return pathlib.Path(eval(answer).decode())


def lines(folder, name="ran"):
    path = folder / name
    return path.read_text().splitlines() if path.exists() else []


def tasks(folder):
    """What is left to run."""
    return [p for p in (folder / "sp").rglob(PREFIX + "*") if p.parent.name != "dead"]


def dead(folder):
    return list((folder / "sp/dead").glob("*"))


def wait_for(folder, *ids):
    wait_until(lambda: set(ids) <= set(lines(folder)), lambda: "%s among %s" % (ids, lines(folder)))


def wait_drained(folder):
    wait_until(lambda: not tasks(folder), lambda: "no tasks in place of %s" % tasks(folder))


def spooler_pid(server):
    return int(server.ask("uwsgi.spooler_pid()"))


def packet(pairs, body=b""):
    data = b"".join(struct.pack("<H", len(text)) + text for pair in pairs.items() for text in pair)
    return b"\x11" + struct.pack("<H", len(data)) + b"\0" + data + body


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


# ---- what is in the directory


def test_torn_files_are_buried_and_foreign_ones_left_alone(spooling, tmp_path):
    folder = tmp_path / "sp"
    folder.mkdir()
    whole = packet({b"id": b"1"})
    (folder / (PREFIX + "torn")).write_bytes(whole[:-1])
    (folder / (PREFIX + "foreign")).write_bytes(b"GET / HTTP/1.1\r\n\r\n")
    (folder / (PREFIX + "empty")).touch()
    os.mkfifo(folder / (PREFIX + "pipe"))
    (folder / (PREFIX + "link")).symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(whole)
    (folder / "notes.txt").write_bytes(whole)
    (folder / "sub").mkdir()
    (folder / "sub" / (PREFIX + "x")).write_bytes(whole)
    (folder / (PREFIX + "whole")).write_bytes(whole)
    server = spooling()
    wait_for(tmp_path, "1")
    wait_until(lambda: len(dead(tmp_path)) == 2, "two to be buried")
    assert sorted(p.name for p in dead(tmp_path)) == [PREFIX + "foreign", PREFIX + "torn"]
    server.wait_for_log("cannot run %slink: " % PREFIX)
    server.wait_for_log("cannot run %spipe: " % PREFIX)
    assert server.log.count(PREFIX + "torn is no whole task") == 1
    assert lines(tmp_path) == ["1"] and (folder / "notes.txt").exists() and (folder / (PREFIX + "empty")).exists()


@pytest.mark.parametrize("size", [5000, 200000])
def test_the_file_of_a_done_task_serves_the_next_and_nothing_of_it_is_left(spooling, tmp_path, size):
    server = spooling()
    first = server.spool(id="1", do="wait", body="x" * size)
    inode = first.stat().st_ino
    (tmp_path / "go").touch()
    wait_until(lambda: list((tmp_path / "sp/.state").glob("new_spare_*")), "a spare")
    second = server.spool(id="2", at=2000000000)  # makes it last that the first is gone
    third = server.spool(id="3", at=2000000000)
    assert [path.stat().st_ino == inode for path in (second, third)] == [False, True]
    assert third.read_bytes() == packet({b"id": b"3", b"at": b"2000000000"})
    assert stat.S_IMODE(third.stat().st_mode) == 0o600


def test_a_body_of_a_gigabyte_is_refused_and_found_in_the_directory_it_is_not_read(spooling, tmp_path):
    folder = tmp_path / "sp"
    folder.mkdir()
    huge = folder / (PREFIX + "huge")
    huge.write_bytes(packet({b"id": b"huge", b"priority": b"3"}))
    os.truncate(huge, 1 << 30)
    server = spooling()
    peaks = []
    for call in "uwsgi.spool(id='1', body=bytes(1 << 30))", "uwsgi.spool({'id': '1', 'body': bytes(1 << 30)})":
        assert server.ask(call) == (
            "ValueError: unable to spool job: it has 1073741835 bytes, spooler-max-size allows 268435456")
        peaks.append(peak_kib(int(server.ask("os.getpid()"))))
    assert peaks[1] - peaks[0] < 200 * 1024, "nor is one in a dict copied"
    server.wait_for_log(PREFIX + "huge is larger than spooler-max-size (268435456 bytes): it is moved to ")
    server.spool(id="2")
    wait_for(tmp_path, "2")
    assert lines(tmp_path) == ["2"] and [p.name for p in dead(tmp_path)] == [PREFIX + "huge"]
    assert peak_kib(spooler_pid(server)) < 200 * 1024
    # nor do those read it who look after the dead
    for command, told in ("--spool-list", "1073741824 bytes"), ("--spool-retry", "1 retried"):
        with subprocess.Popen([BINARY, command, folder], stdout=subprocess.PIPE, text=True) as process:
            assert told in process.stdout.read()
            assert os.wait4(process.pid, 0)[2].ru_maxrss < 200 * 1024
    wait_until(lambda: server.log.count("3/%shuge is larger" % PREFIX) == 1, "it to be found and refused again")


def peak_kib(pid):
    with open("/proc/%d/status" % pid) as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def test_a_file_that_2_0_wrote_is_a_task(spooling, tmp_path):
    (tmp_path / "sp/7").mkdir(parents=True)
    written = next(FIXTURE.iterdir())
    shutil.copyfile(written, tmp_path / "sp/7" / written.name)
    spooling()
    wait_drained(tmp_path)
    task = eval(lines(tmp_path, "tasks")[0])[2]
    assert task == {"spooler_task_name": written.name.encode(), b"ud_spool_func": b"encode_video",
                    b"ud_spool_ret": b"-2", b"filename": b"a b.avi", b"priority": b"7", "body": b"frames\n\0\xff"}


@pytest.mark.parametrize("frequency", [1, -1])
def test_a_directory_that_is_removed_and_made_again_is_used(spooling, tmp_path, frequency):
    server = spooling("--spooler-frequency", "1")
    server.ask("uwsgi.set_spooler_frequency(%d)" % frequency)  # nobody looks at -1, but for where the directory is
    server.spool(id="before")
    wait_for(tmp_path, "before")
    wait_drained(tmp_path)  # what is put away meanwhile could not be removed
    shutil.rmtree(tmp_path / "sp")
    server.spool(id="after")
    wait_for(tmp_path, "after")


@pytest.mark.parametrize("lost", ["sp", "sp/.state"])
def test_deaths_are_counted_in_a_directory_that_was_made_again(spooling, tmp_path, lost):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "2")
    server.spool(id="before")
    wait_for(tmp_path, "before")
    wait_drained(tmp_path)
    shutil.rmtree(tmp_path / lost)
    wait_until(lambda: list(tmp_path.glob("sp/.state/hand_*")) or not server.spool(id="again"), "the directory to be used again")
    server.spool(id="poison", do="die")
    wait_until(lambda: dead(tmp_path), "the task to be given up")
    assert lines(tmp_path).count("poison") == 2


@pytest.mark.parametrize("frequency", [1000, -1])
def test_a_directory_that_is_moved_away_and_made_again_is_used_at_once(spooling, tmp_path, frequency):
    server = spooling("--spooler-frequency=%d" % frequency)
    server.spool(id="before")
    wait_for(tmp_path, "before")
    (tmp_path / "sp").rename(tmp_path / "away")
    server.spool(id="after")
    wait_for(tmp_path, "after")


def test_a_spooler_that_cannot_be_written_to_ends_the_start(serve, write):
    write("plain", "a file")
    server = serve(APP, "--spooler", "plain/sp", ready=False)
    assert server.wait_exit() == 1
    assert "plain/sp: cannot write to the directory: Not a directory" in server.last_line()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_what_is_made_for_a_user_belongs_to_that_user(serve, tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    server = serve(APP, "--spooler", "sp", "--uid", "nobody", "--gid", "nogroup", "--spooler-frequency", "1")
    path = spooled(server.post("/", "uwsgi.spool(id='1', priority='3')").text)
    wait_for(tmp_path, "1")
    wait_drained(tmp_path)
    owners = {p.stat().st_uid for p in (tmp_path / "sp", tmp_path / "sp/.state", path.parent)}
    assert owners == {(tmp_path / "ran").stat().st_uid} and 0 not in owners


def test_a_directory_that_everybody_can_write_to_is_told(spooling, tmp_path):
    (tmp_path / "sp").mkdir()
    (tmp_path / "sp").chmod(0o777)
    server = spooling()
    server.wait_for_log("WARNING: the spooler directory %s is writable for everybody" % (tmp_path / "sp"))


def test_a_full_disk_is_an_error_of_the_caller_and_nothing_is_torn(spooling, tmp_path):
    (tmp_path / "sp").mkdir()
    with mounted("-t", "tmpfs", "-o", "size=64k,mode=750", "tmpfs", tmp_path / "sp"):
        server = spooling()
        answer = server.ask("uwsgi.spool(id='big', body=b'x' * 100000)")
        assert answer.startswith("OSError: unable to spool job: writing to %s: No space left" % (tmp_path / "sp"))
        assert not tasks(tmp_path) and not list((tmp_path / "sp/.state").glob("new_*"))
        server.spool(id="small")
        wait_for(tmp_path, "small")
        server.stop()


@contextlib.contextmanager
def mounted(*args):
    """mount(*args), the last of which is where."""
    if subprocess.run(["mount", *args], capture_output=True).returncode:
        pytest.skip("no right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", args[-1]], check=True)


def test_a_done_task_that_cannot_be_removed_is_not_run_again(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1")
    path = server.spool(id="1", do="wait")
    wait_for(tmp_path, "1")
    with mounted("--bind", path, path):
        (tmp_path / "go").touch()
        server.wait_for_log("cannot remove task %s: Device or resource busy; it is looked at again in 1 seconds" % path.name, times=3)
    wait_drained(tmp_path)
    assert lines(tmp_path) == ["1", "after 1"]


def test_a_time_in_the_farthest_future_costs_nothing(spooling, tmp_path):
    (tmp_path / "sp").mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1m,mode=750", "tmpfs", tmp_path / "sp"):  # which keeps any time
        server = spooling("--spooler-frequency", "1000")
        server.spool(id="far", at=18446744073710)  # 2 ** 64 microseconds, and a little
        server.spool(id="now")
        wait_for(tmp_path, "now")
        began, before = time.monotonic(), cpu_seconds(spooler_pid(server))
        while time.monotonic() < began + 1:
            server.ask("1")
        assert cpu_seconds(spooler_pid(server)) - before < 0.2 and len(tasks(tmp_path)) == 1
        server.stop()


def cpu_seconds(pid):
    with open("/proc/%d/schedstat" % pid) as stat:
        return int(stat.read().split()[0]) / 1e9


def command(folder, name):
    done = subprocess.run([BINARY, "--" + name, folder / "sp"], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_operator_lists_revives_and_removes_tasks(spooling, tmp_path):
    server = spooling("--spooler-max-attempts", "1")
    server.spool(id="bad", do="raise", priority=3)
    server.spool(id="later", at=2000000000)
    wait_until(lambda: dead(tmp_path), "the task to be given up")
    (tmp_path / "sp" / (PREFIX + "\n\033[2J")).touch()
    listed = command(tmp_path, "spool-list").splitlines()
    assert sorted(line.split()[0] for line in listed) == ["dead", "later", "torn"]
    assert [line.split()[-1] for line in listed if line.startswith("torn")] == [PREFIX + "??[2J"]
    (tmp_path / "sp" / (PREFIX + "\n\033[2J")).unlink()
    assert command(tmp_path, "spool-retry") == "1 retried\n"
    wait_until(lambda: lines(tmp_path).count("bad") == 2 and dead(tmp_path), "the task to fail again")
    assert eval(lines(tmp_path, "tasks")[1])[1] == str(tmp_path / "sp/3")
    assert command(tmp_path, "spool-purge") == "1 removed\n"
    assert not dead(tmp_path) and len(tasks(tmp_path)) == 1
    missing = subprocess.run([BINARY, "--spool-list", tmp_path / "none"], capture_output=True, text=True, timeout=DEADLINE)
    assert missing.returncode == 1 and "No such file" in missing.stderr


# ---- ends and kills


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


# ---- other servers


def test_an_external_spooler_is_written_to_and_run_by_another_server(serve, spooling, tmp_path):
    writer = serve(APP, "--spooler-external", str(tmp_path / "sp"))
    assert "spawned the uWSGI spooler" not in writer.log
    assert eval(writer.post("/", "uwsgi.spooler_pids()").text) == [0]
    spooled(writer.post("/", "uwsgi.spool(id='1')").text)
    assert len(tasks(tmp_path)) == 1
    spooling("--spooler-frequency", "1000")
    wait_for(tmp_path, "1")
    spooled(writer.post("/", "uwsgi.spool(id='2')").text)
    wait_for(tmp_path, "2")


def test_2_0_runs_what_was_written_here(serve, old_server, tmp_path):
    (tmp_path / "sp").mkdir()
    server = serve(APP, "--spooler-external", str(tmp_path / "sp"))
    for call in ("id='1', body=b'\\0\\xff'", "id='2', priority=4", "id='3', at=%d" % (time.time() + 1000)):
        spooled(server.post("/", "uwsgi.spool(%s)" % call).text)
    old_server("python3,spooler", "app.py", "--spooler", str(tmp_path / "sp"), "--spooler-ordered", "--spooler-frequency", "1")
    wait_until(lambda: len(lines(tmp_path, "tasks")) == 2, "two tasks to run")
    bodies = [eval(line)[2].get("body") for line in lines(tmp_path, "tasks")]
    assert b"\0\xff" in bodies
    wait_until(lambda: len(tasks(tmp_path)) == 1, "them to be done")
    assert sorted(lines(tmp_path)) == ["1", "2"]


def test_what_2_0_writes_is_run_here_at_once(spooling, old_server, tmp_path, write):
    write("spool_one.py", """
        import uwsgi
        for n in range(20):
            uwsgi.spool({b"id": str(n).encode(), b"body": b"\\xff" * 5000})
    """)
    spooling("--spooler-frequency", "1000")
    old_server("python3,spooler", "app.py", "--spooler-external", str(tmp_path / "sp"), "--import", "spool_one")
    wait_for(tmp_path, *map(str, range(20)))
    wait_drained(tmp_path)
    assert sorted(lines(tmp_path), key=int) == [str(n) for n in range(20)]


def test_a_packet_of_modifier_17_is_a_task_where_the_socket_may(spooling, tmp_path):
    server = spooling("--socket", "open.sock", "--socket", "closed.sock", "--spooler-remote", "open.sock")
    task = packet({b"id": b"remote", b"priority": b"3"})
    assert exchange(tmp_path / "closed.sock", task) == b"\xff\0\0\0"
    server.wait_for_log("closed.sock is refused: spooler-remote does not name it")
    assert exchange(tmp_path / "open.sock", task) == b"\xff\0\0\x01"
    wait_for(tmp_path, "remote")
    pickled = packet({b"id": b"evil", b"ud_spool_func": b"f", b"args": b"cos\nsystem\n"})
    assert exchange(tmp_path / "open.sock", pickled) == b"\xff\0\0\0"
    server.wait_for_log("its arguments are pickled")
    wait_drained(tmp_path)
    assert lines(tmp_path) == ["remote"]


# ---- decorators


DECORATED = """
    import os, uwsgi
    from uwsgidecorators import *
    HERE = os.getcwd()

    def note(*what):
        with open(os.path.join(HERE, "ran"), "a") as out:
            out.write(repr(what) + "\\n")

    @spool
    def a_long_long_task(arguments):
        note("long", arguments)
        return 12345

    @spool
    def a_longer_task(args):
        note("longer", args)

    @spoolforever
    def forever(args):
        note("forever", args["pippo"])

    @spoolraw
    def a_controlled_task(args):
        note("raw", args["foo"])
        if args["foo"] == "bar":
            return uwsgi.SPOOL_OK
        return uwsgi.SPOOL_RETRY

    @spool(pass_arguments=True)
    def with_arguments(*args, **kwargs):
        note("arguments", args, kwargs)

    @spoolraw(pass_arguments=True)
    def raw_arguments(n):
        note("raw arguments", n)
        return uwsgi.SPOOL_OK

    @spool
    def fails(args):
        note("fails")
        raise RuntimeError("no")

    def application(environ, start_response):
        start_response("200 OK", [])
        return [repr(eval(environ["wsgi.input"].read().decode())).encode()]
"""


def ran(folder):
    notes = []
    for line in lines(folder):
        note = eval(line)
        for part in note[1:]:
            if isinstance(part, dict):
                for key in ("spooler_task_name", "ud_spool_func", "ud_spool_ret"):
                    part.pop(key, None)
        notes.append(note)
    return notes


def test_the_forms_of_the_decorators(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "2", code=DECORATED)
    for call in ("a_long_long_task.spool(foo='bar', hello='world')", "a_longer_task.spool({'pippo': 'pluto'})",
                 "a_longer_task(n=1, at=1)", "a_longer_task.f.spool({'f': 1}, g=2)",
                 "forever.spool({'pippo': 'pluto'})",
                 "a_controlled_task.spool(foo='bar')", "a_controlled_task.spool(foo='again')",
                 "with_arguments(1, 'two', three=[3.0], priority='1')", "raw_arguments.spool(7)",
                 "a_longer_task(x=b'\\xff', body=b'b')", "fails.spool(x='1')"):
        spooled(server.ask(call))
    once = [("long", {"foo": "bar", "hello": "world"}), ("longer", {"pippo": "pluto"}),
            ("longer", {"n": "1", "at": "1"}), ("longer", {"f": "1", "g": "2"}), ("raw", "bar"), ("arguments", (1, "two"), {"three": [3.0]}),
            ("raw arguments", 7), ("longer", {"x": b"\xff", "body": "b"})]
    again = [("forever", "pluto"), ("raw", "again")]
    wait_until(lambda: all(ran(tmp_path).count(note) > 2 for note in again), lambda: "repeats in %s" % ran(tmp_path))
    wait_until(lambda: dead(tmp_path), "the failing task to be given up")
    for note in once:
        assert ran(tmp_path).count(note) == 1, note
    assert ran(tmp_path).count(("fails",)) == 2 and len(tasks(tmp_path)) == 2


def test_with_lazy_apps_a_spooler_loads_the_application_itself(spooling, tmp_path):
    server = spooling("--lazy-apps", code=DECORATED)
    spooled(server.ask("a_longer_task.spool(n=1)"))
    wait_until(lambda: ran(tmp_path) == [("longer", {"n": "1"})], "the task")


def test_functions_of_one_name_are_told_apart(spooling, tmp_path, write):
    write("other.py", DECORATED.replace('"longer"', '"other"'))
    server = spooling("--import", "other", code=DECORATED)
    server.ask("a_longer_task(n=1)")
    server.ask("__import__('other').a_longer_task(n=2)")
    wait_until(lambda: len(lines(tmp_path)) == 2, "two tasks")
    assert sorted(note[0] for note in ran(tmp_path)) == ["longer", "other"]


def test_a_signal_for_the_spooler_is_handled_between_tasks(spooling, tmp_path):
    server = spooling(code=DECORATED.replace("@spoolforever", """
    @timer(1, target="spooler")
    def in_the_spooler(signum):
        note("signal", uwsgi.i_am_the_spooler())

    @spoolforever"""))
    wait_until(lambda: len(lines(tmp_path)) >= 2, "two signals")
    spooled(server.ask("a_longer_task.spool(n=1)"))
    wait_until(lambda: ("longer", {"n": "1"}) in ran(tmp_path), "the task")
    assert ("signal", True) in ran(tmp_path)
