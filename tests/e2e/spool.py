"""An application with a spooler `sp`, and what tests look at in its folder."""
import pathlib
import struct

from harness import wait_until

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
