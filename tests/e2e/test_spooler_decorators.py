"""The decorators of the spooler."""
from harness import wait_until
from spool import dead, lines, spooled, tasks

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
