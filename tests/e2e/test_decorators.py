"""uwsgidecorators: each form of docs/decorators.md, errors, and programs outside of the server."""
import os
import re
import subprocess

import pytest

from asking import ASK, ask, program
from binary import REPOSITORY
from harness import DEADLINE, wait_until

PAGE = (REPOSITORY / "docs" / "decorators.md").read_text()
MODULES = REPOSITORY / "plugins" / "python"


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, PAGE, re.M | re.S)


# what the page has a program's tests begin with, for a server that is not installed
STUB = blocks("py")[1].replace("/usr/local/lib/x86_64-linux-gnu/uwsgi/1/python", str(MODULES))


@pytest.fixture
def page(start, write):
    """The program of docs/decorators.md under the configuration it shows."""
    write("tasks.py", "\n".join(blocks("python")))
    write("mysite.py", program("import tasks\nfrom tasks import *\n", ASK))
    write("site.ini", blocks("ini")[0])
    server = start("--ini", "site.ini", "--spooler-frequency", "1")
    server.wait_spawned("worker", 2)
    server.wait_spawned("mule", 3)
    return server


def test_the_program_of_the_page_does_what_the_page_says(page):
    ask(page, "enqueue()")
    for line in ("a long task: bar", "a long task: pluto", "the sum is 3", "cleaning /tmp"):
        page.wait_for_log(line + "\n")
    page.wait_for_log("cleaning /tmp\n", times=2)
    ask(page, "uwsgi.signal(17)")
    for worker in (1, 2):
        page.wait_for_log("i am signal 17 in worker %d\n" % worker)
    page.wait_for_log("3 seconds elapsed\n")
    page.wait_for_match(r"^3 seconds elapsed in mule [23]$")
    ask(page, "i_am_an_offloaded_function(1, argument2='two'), on_three(), on_mcd(), send()")
    for line in ("offloaded: 1 two", "I'm running on mule 3.", "I'm running on a mule on Old McDonalds' farm.", "a postman heard b'hello'"):
        page.wait_for_log(line + "\n")
    page.wait_for_log("a connection for process ", times=6)  # two workers, three mules, a spooler
    for worker in (1, 2):
        page.wait_for_log("Hello from a thread in worker %d\n" % worker)
    ask(page, "a_running_thread_with_args('uWSGI')")
    page.wait_for_log("Hello uWSGI (from arged-thread)\n")
    assert ask(page, "dangerous_op()") == "'Concurrency is for fools!'"
    assert ask(page, "slow_function(1, bar=2)") == "3"
    assert "Traceback" not in page.log


@pytest.mark.parametrize("handler, said", [
    ("execute_me_at_three_and_fiftynine", "it's 3:59 in the morning"),
    ("execute_me_every_five_min", "5 minutes, what a long time!"),
    ("tmp_has_been_modified", "/tmp has been modified"),
])
def test_what_the_clock_or_a_file_would_raise_can_be_raised_by_hand(page, handler, said):
    order = ["three_seconds", "three_seconds_in_a_mule", "execute_me_at_three_and_fiftynine", "execute_me_every_five_min",
             "tmp_has_been_modified"]
    assert ask(page, "uwsgi.signal(%d)" % order.index(handler)) == "True"
    page.wait_for_log(said + "\n")


@pytest.mark.parametrize("name", (
    "postfork spool spoolforever spoolraw rpc signal timer rbtimer cron filemon erlang thread lock mulefunc harakiri mule muleloop "
    "mulemsg farm").split())
def test_the_page_has(name):
    assert "`@%s" % name in PAGE


# ---- forms the program of the page has no room for ----


def test_tasks_that_take_their_time_are_done_after_their_loops(serve, tmp_path):
    """Ten million rounds are three here."""
    server = serve(program("""
        import time
        from uwsgidecorators import *

        @spool
        def a_long_long_task(arguments):
            print(arguments)
            for i in range(0, 3):
                time.sleep(0.1)

        @spool
        def a_longer_task(args):
            print(args)
            for i in range(0, 3):
                time.sleep(0.5)

        # enqueue the tasks
        def enqueue():
            a_long_long_task.spool(foo='bar',hello='world')
            a_longer_task.spool({'pippo':'pluto'})
    """, ASK), "--spooler", "sp")
    ask(server, "enqueue()")
    server.wait_for_match("^{.*'foo': 'bar'.*'hello': 'world'.*}$")
    server.wait_for_match("^{.*'pippo': 'pluto'.*}$")
    wait_until(lambda: not list((tmp_path / "sp").glob("uwsgi_spoolfile_on_*")), "both to be done")


def test_threads_without_and_with_arguments(serve):
    server = serve(program("""
        import time
        from uwsgidecorators import *

        @thread
        def a_running_thread():
            while True:
                time.sleep(2)
                print("i am a no-args thread")

        @thread
        def a_running_thread_with_args(who):
            while True:
                time.sleep(2)
                print("Hello %s (from arged-thread)" % who)

        @postfork
        def begin():
            a_running_thread()
            a_running_thread_with_args("uWSGI")
    """, ASK))
    server.wait_for_log("i am a no-args thread\n", times=2)
    server.wait_for_log("Hello uWSGI (from arged-thread)\n", times=2)


def test_entries_after_the_fork_are_run_in_their_order_in_each_process(serve):
    server = serve(program("""
        from uwsgidecorators import *

        class myfoodb:
            def connect():
                print("connected in worker %d" % uwsgi.worker_id())

        @postfork
        def reconnect_to_db():
            myfoodb.connect()

        @postfork
        def hello_world():
            print("Hello World %d" % uwsgi.worker_id())

        @postfork
        @lock
        def dangerous_op():
            print("Concurrency is for fools! %d" % uwsgi.worker_id())
    """, ASK), "--processes", "2")
    for worker in (1, 2):
        server.wait_for_log("Concurrency is for fools! %d\n" % worker)
        places = [server.log.index(text % worker) for text in ("connected in worker %d\n", "Hello World %d\n", "fools! %d\n")]
        assert places == sorted(places)


def test_a_function_that_is_too_slow_is_cut_and_one_in_time_is_not(serve):
    """10 and 30 seconds are 1 here."""
    server = serve(program("""
        import uwsgi
        from uwsgidecorators import *

        @harakiri(1)
        def slow_function(foo, bar):
            for i in range(0, foo):
                for y in range(0, bar):
                    pass
            return "in time"

        # or the alternative lower level api
        def lower(foo, bar):
            uwsgi.set_user_harakiri(1) # you have 1 second. fight!
            slow_function.__wrapped__(foo, bar)
            uwsgi.set_user_harakiri(0) # clear the timer, all is well
            return "in time"
    """, ASK))
    for name in ("slow_function", "lower"):
        assert ask(server, name + "(10, 10)") == "'in time'"
        assert server.post("/", ("%s(10**6, 10**6)" % name).encode()).status == 504


def test_functions_of_one_name_are_told_apart_in_mules_and_spoolers(serve, write):
    for module in ("one", "two"):
        write(module + ".py", """
            from uwsgidecorators import mulefunc, spool

            @mulefunc
            def to_mule(word):
                print("mule: %s heard" % __name__, word, flush=True)

            @spool
            def to_spooler(task):
                print("spooler: %s heard" % __name__, task["word"], flush=True)
        """)
    server = serve(program("import one, two\n", ASK), "--mule", "--spooler", "tasks")
    for module in ("one", "two"):
        ask(server, "%s.to_mule('%s')" % (module, module))
        ask(server, "%s.to_spooler(word='%s')" % (module, module))
    for module in ("one", "two"):
        server.wait_for_log("mule: %s heard %s" % (module, module))
        server.wait_for_log("spooler: %s heard %s" % (module, module))


def test_a_lock_does_nothing_in_a_spooler(serve):
    server = serve(program("""
        from uwsgidecorators import *

        @lock
        def locked():
            return "called"

        @spool
        def task(arguments):
            print("in the spooler:", locked())
    """, ASK), "--spooler", "sp")
    assert ask(server, "locked()") == "'called'"
    ask(server, "task.spool(x='1')")
    server.wait_for_log("in the spooler: None\n")


# ---- what is missing ----


@pytest.mark.parametrize("plugin", ["rpc", "erlang"])
def test_a_decorator_names_the_plugin_it_needs(start, write, plugin):
    write("app.py", """
        from uwsgidecorators import *

        @%s('helloworld')
        def ciao_mondo_function():
            return "Hello World"
    """ % plugin)
    server = start("--master", "--no-autoload", "--plugin", "python", "--wsgi-file", "app.py", ready=False)
    assert server.wait_exit() == 22
    assert "Exception: @%s('helloworld') needs the plugin %s, which is not loaded: plugin = %s;" % (
        plugin, plugin, plugin) in server.last_line()


def test_a_module_of_tasks_is_imported_where_there_is_no_spooler_and_no_mule(serve):
    server = serve(program("""
        from uwsgidecorators import *

        @spool
        def task(arguments):
            pass

        @mulefunc
        def offloaded():
            pass

        def said(function):
            try:
                function()
            except Exception as error:
                return str(error)
    """, ASK))
    server.wait_for_log("spool needs the spooler subsystem, which is not loaded: task will not run")
    assert "needs the mule plugin" in ask(server, "said(offloaded)")


@pytest.mark.parametrize("use, error", [
    ("@timer\ndef f(n): pass", "TypeError: timer takes 1 positional argument (0 given)"),
    ("@signal\ndef f(n): pass", "TypeError: signal takes a number"),
    ("@timer()\ndef f(n): pass", "TypeError: timer takes 1 positional argument (0 given)"),
    ("@cron(1, 2)\ndef f(n): pass", "TypeError: cron takes 5 positional arguments (2 given)"),
    ("@timer(0)\ndef f(n): pass", "ValueError"),
    ("@signal(256)\ndef f(n): pass", "ValueError"),
    ("@signal(1)\ndef f(n): pass\n@signal(1)\ndef g(n): pass", "ValueError: unable to register signal: 1 is registered already"),
])
def test_a_decorator_that_makes_no_sense_raises_where_it_stands(start, write, use, error):
    write("app.py", "from uwsgidecorators import *\n%s\n" % use)
    server = start("--master", "--wsgi-file", "app.py", ready=False)
    assert server.wait_exit() == 22
    assert error in server.last_line()


# ---- outside of the server ----


def python(folder, *words, path=MODULES):
    return subprocess.run(["/usr/bin/python3", *words], cwd=folder, timeout=DEADLINE, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.mark.parametrize("name", ["uwsgi", "uwsgidecorators"])
def test_an_import_outside_of_the_server_says_what_to_do(tmp_path, name):
    done = python(tmp_path, "-c", "import " + name)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == ("ImportError: the module uwsgi is a part of the server: start the program with uwsgi; "
                                            "for tests, import uwsgi_stub first")


def test_programs_that_run_in_both_places_can_tell_them_apart(serve, tmp_path):
    code = blocks("py")[0]
    assert python(tmp_path, "-c", code + "print(uwsgi)").stdout == "None\n"
    assert ask(serve(program(code, ASK)), "uwsgi.worker_id()") == "1"


TESTS = """
    import pytest
    import uwsgi
    import tasks

    def test_tasks_wait_until_they_are_run(capsys):
        tasks.enqueue()
        assert [task[b"ud_spool_func"] for task in uwsgi.tasks] == [b"a_long_task", b"a_long_task", b"add", b"clean_up",
                                                                    b"a_controlled_task"]
        uwsgi.run_tasks()
        assert capsys.readouterr().out == "a long task: bar\\na long task: pluto\\nthe sum is 3\\ncleaning /tmp\\n"
        assert [task[b"ud_spool_func"] for task in uwsgi.tasks] == [b"clean_up"]  # for ever

    def test_a_task_that_raises_leaves_the_others():
        uwsgi.tasks[:] = []
        uwsgi.spool(ud_spool_func=b"missing")
        tasks.enqueue()
        waiting = uwsgi.tasks[1:]
        with pytest.raises(KeyError):
            uwsgi.run_tasks()
        assert uwsgi.tasks == waiting

    def test_signals_are_handled_where_they_are_raised(capsys):
        assert uwsgi.signal(17)
        assert capsys.readouterr().out == "i am signal 17 in worker 1\\n"
        assert not uwsgi.signal(200)

    def test_sources_are_noted(capsys):
        number = next(args[0] for kind, *args in uwsgi.sources if kind == "cron" and args[1:3] == [59, 3])
        uwsgi.signal(number)
        assert capsys.readouterr().out == "it's 3:59 in the morning\\n"

    def test_mules_work_at_once(capsys):
        tasks.on_three()
        assert capsys.readouterr().out == "I'm running on mule 0.\\n"

    def test_the_rest_does_what_it_can():
        assert tasks.dangerous_op() == "Concurrency is for fools!"
        assert tasks.slow_function(1, 2) == 3
"""


def test_a_program_is_tested_without_a_server(write, tmp_path):
    write("conftest.py", STUB)
    write("tasks.py", "\n".join(blocks("python")))
    write("test_tasks.py", TESTS)
    done = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", path="")
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout


def test_a_django_project_is_tested_without_a_server(write, tmp_path):
    pytest.importorskip("django")
    write("manage.py", """
        import os, sys
        os.environ["DJANGO_SETTINGS_MODULE"] = "settings_of_tests"
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
    """)
    write("settings_of_tests.py", STUB + "from settings import *\n")
    write("settings.py", """
        SECRET_KEY = "x"
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        INSTALLED_APPS = ["django.contrib.sessions", "foobar"]
        DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
    """)
    write("foobar/__init__.py", "")
    write("foobar/task.py", """
        from uwsgidecorators import *
        from django.contrib.sessions.models import Session

        @cron(40, 2, -1, -1, -1)
        def clear_django_session(num):
            Session.objects.all().delete()
    """)
    write("foobar/tests.py", """
        import uwsgi
        from django.contrib.sessions.backends.db import SessionStore
        from django.test import TestCase
        import foobar.task

        class Sessions(TestCase):
            def test_they_are_cleared(self):
                SessionStore().create()
                uwsgi.signal(uwsgi.sources[0][1])
                self.assertEqual(foobar.task.Session.objects.count(), 0)
    """)
    done = python(tmp_path, "manage.py", "test", path="")
    assert done.returncode == 0 and "Ran 1 test" in done.stdout, done.stdout
