"""The programs of the documentation that work behind the requests, as they stand there but for Python 3: tasks, timers, mules."""
import contextlib
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as xml

import pytest

from asking import ASK, ask, program
from harness import free_port, session_members, wait_until

BOOTSTRAP = """
    #bootstrap.py
    def application(env, start_response):
        start_response('200 OK', [('Content-Type','text/html')])
        response = [b"Hello", b"World"]
        return  response
"""


# ---- a Django project: sessions are cleared at night, videos encoded by whoever has time ----

TASK = """
    from uwsgidecorators import *
    from django.contrib.sessions.models import Session
    import os

    @cron(40, 2, -1, -1, -1)
    def clear_django_session(num):
        print("it's 2:40 in the morning: clearing django sessions")
        Session.objects.all().delete()

    @spool
    def encode_video(arguments):
        os.system("ffmpeg -i \\"%s\\" image%%d.jpg" % arguments['filename'])
"""
VIEWS = """
    from task import encode_video
    from django.shortcuts import render

    def index(request):
        # launching video encoding
        encode_video.spool(filename=request.POST['video_filename'])
        return render(request, 'enqueued.html')
"""
URLS = """
    import uwsgi
    from django.http import HttpResponse
    from django.urls import path
    import views

    def visit(request):
        request.session["visits"] = request.session.get("visits", 0) + 1
        return HttpResponse(str(request.session["visits"]))

    def morning(request):
        return HttpResponse(str(uwsgi.signal(0)))  # what cron does at 2:40

    urlpatterns = [path("", views.index), path("visit", visit), path("morning", morning)]
"""
SETTINGS = """
    import os
    HERE = os.path.dirname(os.path.abspath(__file__))
    SECRET_KEY = "x"
    ALLOWED_HOSTS = ["*"]
    ROOT_URLCONF = "foobar.urls"
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(HERE, "db.sqlite3"),
                             "OPTIONS": {"timeout": 60}}}
    INSTALLED_APPS = ["django.contrib.sessions"]
    MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [HERE]}]
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""
DJANGO = """
    [uwsgi]
    ; a couple of placeholder
    django_projects_dir = {apps}
    my_project = foobar
    ; chdir to app project dir and set pythonpath
    chdir = %(django_projects_dir)/%(my_project)
    pythonpath = %(django_projects_dir)
    ; load django
    module = django.core.wsgi:get_wsgi_application()
    env = DJANGO_SETTINGS_MODULE=%(my_project).settings
    ; enable master
    master = true
    ; 4 processes should be enough
    processes = 4
    ; enable the spooler (the mytasks dir must exist!)
    spooler = %(chdir)/mytasks
    ; load the task.py module
    import = task
    ; bind on a tcp socket
    socket = 127.0.0.1:{port}
"""


@pytest.fixture
def django(start, write, tmp_path):
    """The project of the documentation behind a socket of the test."""
    pytest.importorskip("django")
    apps = tmp_path / "apps"
    write("apps/foobar/__init__.py", "")
    write("apps/foobar/settings.py", SETTINGS)
    write("apps/foobar/urls.py", URLS)
    write("apps/foobar/views.py", VIEWS)
    write("apps/foobar/task.py", TASK)
    write("apps/foobar/enqueued.html", "enqueued\n")
    (apps / "foobar/mytasks").mkdir()
    migrate = "import django; django.setup(); from django.core.management import call_command; call_command('migrate', verbosity=0)"
    subprocess.run(["/usr/bin/python3", "-c", migrate], cwd=apps / "foobar", check=True,
                   env={**os.environ, "DJANGO_SETTINGS_MODULE": "foobar.settings", "PYTHONPATH": str(apps)})
    write("site.ini", DJANGO.format(apps=apps, port=free_port()))
    server = start("--ini", "site.ini")
    server.wait_spawned("worker", 4)
    server.folder = apps / "foobar"
    return server


def sessions(server):
    with contextlib.closing(sqlite3.connect(server.folder / "db.sqlite3", timeout=60)) as db:
        return db.execute("select count(*) from django_session").fetchone()[0]


def test_the_sessions_of_a_django_project_are_cleared_in_the_morning(django):
    for _ in range(3):
        assert django.get("/visit").text == "1"
    assert sessions(django) == 3
    assert django.get("/morning").text == "True"
    django.wait_for_log("it's 2:40 in the morning: clearing django sessions")
    wait_until(lambda: sessions(django) == 0, lambda: "the sessions to be cleared:\n" + django.log)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_a_view_of_a_django_project_has_a_video_encoded(django, tmp_path):
    film = tmp_path / "my film.avi"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=duration=1:rate=5:size=64x48", str(film)],
                   stdin=subprocess.DEVNULL, check=True)
    answer = django.post("/", "video_filename=%s" % str(film).replace(" ", "+"),
                         {"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.text) == (200, "enqueued\n"), django.log
    tasks = django.folder / "mytasks"
    wait_until(lambda: not list(tasks.glob("uwsgi_spoolfile_on_*")), lambda: "the task to be done:\n" + django.log)
    frames = sorted(path.name for path in tasks.glob("image*.jpg"))
    assert frames == ["image%d.jpg" % n for n in range(1, 6)]
    assert all((tasks / name).read_bytes().startswith(b"\xff\xd8\xff") for name in frames)


# ---- a web2py controller ----

WEB2PY_TASKS = """
    from uwsgidecorators import *

    @spool
    def a_long_task(args):
        print(args)

    @spool
    def a_longer_task(args):
        print("longer.....")

    @timer(3)
    def three_seconds(signum):
        print("3 seconds elapsed")

    @timer(10, target='spooler')
    def ten_seconds_in_the_spooler(signum):
        print("10 seconds elapsed in the spooler")
"""
CONTROLLER = """
    import mytasks # be sure mytasks is importable!

    def index(): # this is a web2py action
        mytasks.a_long_task.spool(foo='bar')
        mytasks.a_longer_task.spool({'pippo':'pluto'})
        return "Task enqueued"
"""
WSGIHANDLER = """
    import os

    HERE = os.path.dirname(os.path.abspath(__file__))

    def application(environ, start_response):
        '''As web2py does: the controller is executed for each request, and its action called.'''
        controller = {}
        with open(os.path.join(HERE, "default.py")) as source:
            exec(compile(source.read(), source.name, "exec"), controller)
        start_response("200 OK", [("Content-Type", "text/html")])
        return [controller["index"]().encode()]
"""


def uwsgi_packet(variables):
    body = b"".join(struct.pack("<H", len(word)) + word.encode() for pair in variables.items() for word in pair)
    return struct.pack("<BHB", 0, len(body), 0) + body


def test_a_controller_of_web2py_queues_tasks_while_two_timers_run(start, write, tmp_path):
    write("mytasks.py", WEB2PY_TASKS)
    write("web2py/wsgihandler.py", WSGIHANDLER)
    write("web2py/default.py", CONTROLLER)
    port = free_port()
    server = start("--socket", ":%d" % port, "--spooler", "myspool", "--master", "--processes", "4", "--import", "mytasks",
                   "--module", "web2py.wsgihandler", http=False, address=port)
    answer = server.raw(uwsgi_packet({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.1"}))
    assert b" 200 OK" in answer and answer.endswith(b"Task enqueued")
    server.wait_for_match(r"^\{.*'foo': 'bar'.*\}$")
    server.wait_for_log("longer.....")
    server.wait_for_log("10 seconds elapsed in the spooler")
    server.wait_for_log("3 seconds elapsed\n", times=3)
    assert server.log.count("longer.....") == 1 and "Traceback" not in server.log
    assert not list((tmp_path / "myspool").glob("uwsgi_spoolfile_on_*"))


# ---- timers ----


def test_the_timer_of_a_module_of_tasks_goes_off_every_three_seconds(start, write):
    write("bootstrap.py", BOOTSTRAP)
    write("mytasks.py", """
        from uwsgidecorators import *

        @timer(3)
        def three_seconds(signum):
            print("3 seconds elapsed")
    """)
    port = free_port()
    server = start("--http", ":%d" % port, "--wsgi-file", "bootstrap.py", "--master", "--processes", "4", "--threads", "2",
                   "--import", "mytasks.py", address=port)
    server.wait_for_log("3 seconds elapsed", times=2)
    assert server.get().text == "HelloWorld"


def test_a_timer_without_an_end_and_one_that_fires_once(start, write):
    """40 seconds are 4 here."""
    write("bootstrap.py", BOOTSTRAP)
    write("mytasks.py", """
        import uwsgi

        def hello_timer(num):
                print("2 seconds elapsed, signal %d raised" % num)

        def oneshot_timer(num):
                print("4 seconds elapsed, signal %d raised. You will never see me again." % num)


        uwsgi.register_signal(26, "worker", hello_timer)
        uwsgi.register_signal(30, "", oneshot_timer)

        uwsgi.add_timer(26, 2) # never-ending timer every 2 seconds
        uwsgi.add_rb_timer(30, 4, 1) # one shot rb timer after 4 seconds
    """)
    server = start("--master", "--wsgi-file", "bootstrap.py", "--processes", "4", "--threads", "2", "--import", "mytasks.py")
    server.wait_for_log("4 seconds elapsed, signal 30 raised. You will never see me again.")
    server.wait_for_log("2 seconds elapsed, signal 26 raised", times=5)
    assert server.log.count("signal 30 raised") == 1


# ---- mules ----


def test_as_many_mules_as_the_command_line_says(start, write):
    write("app.py", ASK)
    port = free_port()
    server = start("--socket", ":%d" % port, "--mule", "--mule", "--mule", "--mule", "--wsgi-file", "app.py", http=False,
                   address=port)
    assert len({server.pid_of("mule", number) for number in (1, 2, 3, 4)}) == 4
    wait_until(lambda: len(session_members(server.process.pid)) == 7, "master, zygote, a worker and four mules")


def test_as_many_mules_as_the_xml_file_says(start, write):
    write("app.py", ASK)
    root = xml.Element("uwsgi")
    for name, text in [("socket", ":%d" % free_port()), *[("mule", None)] * 4]:
        xml.SubElement(root, name).text = text
    write("mules.xml", xml.tostring(root).decode())
    server = start("--xml", "mules.xml", "--wsgi-file", "app.py")
    server.wait_spawned("mule", 4)
    assert len({server.pid_of("mule", number) for number in (1, 2, 3, 4)}) == 4


def test_mules_have_timers_signals_and_watch_files(start, write):
    """30 seconds are 2 here."""
    write("app.py", program("""
        import uwsgi
        from uwsgidecorators import timer, signal, filemon

        # run a timer in the first available mule
        @timer(2, target='mule')
        def hello(signum):
            print("Hi! I am responding to signal %d, running on mule %d" % (signum, uwsgi.mule_id()))

        # map signal 17 to mule 2
        @signal(17, target='mule2')
        def i_am_mule2(signum):
            print("Greetings! I am running in mule number two.", uwsgi.mule_id())

        # monitor /tmp and arouse all of the mules on modifications
        @filemon('/tmp', target='mules')
        def tmp_modified(signum):
            print("/tmp has been modified. I am mule %d!" % uwsgi.mule_id())
    """, ASK))
    server = start("--wsgi-file", "app.py", "--mule", "--mule", "--mule")
    assert ask(server, "uwsgi.signal(17)") == "True"
    server.wait_for_log("Greetings! I am running in mule number two. 2\n")
    with tempfile.NamedTemporaryFile(dir="/tmp"):
        for number in (1, 2, 3):
            server.wait_for_log("/tmp has been modified. I am mule %d!" % number)
    server.wait_for_match(r"^Hi! I am responding to signal 0, running on mule [123]$")


SOMARO = """
    # somaro.py
    from threading import Thread
    import time

    def loop1():
        while True:
            print("loop1: Waiting for messages... yawn.")
            message = uwsgi.mule_get_msg()
            print(message)

    def loop2():
        print("Hi! I am loop2.")
        while True:
            time.sleep(2)
            print("This is a thread!")

    t = Thread(target=loop2)
    t.daemon = True
    t.start()

    if __name__ == '__main__':
        loop1()
"""


@pytest.fixture
def somaro(start, write):
    """somaro(*options): three mules for signals, and before them one with a program."""

    def somaro(*options, app=ASK):
        write("app.py", app)
        write("somaro.py", SOMARO)
        server = start("--mule=somaro.py", "--mule", "--mule", "--mule", "--wsgi-file", "app.py", *options)
        server.wait_for_log("loop1: Waiting for messages... yawn.")
        return server

    return somaro


def test_a_mule_has_a_program_of_its_own(somaro):
    server = somaro()
    server.wait_for_log("Hi! I am loop2.")
    assert ask(server, 'uwsgi.mule_msg("ciuchino", 1)') == "True"
    server.wait_for_log("b'ciuchino'\n")
    server.wait_for_log("This is a thread!", times=2)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_a_message_to_no_mule_in_particular_goes_to_one_with_a_program(somaro):
    server = somaro()
    for number in range(8):
        assert ask(server, 'uwsgi.mule_msg("to anybody %d")' % number) == "True"
    for number in range(8):
        server.wait_for_log("b'to anybody %d'\n" % number)


def test_a_message_may_come_from_a_worker_a_spooler_or_another_mule(somaro, write):
    server = somaro("--spooler", "sp", app=program("""
        import uwsgi
        from uwsgidecorators import *

        @spool
        def from_the_spooler(arguments):
            uwsgi.mule_msg("from the spooler", 1)

        @signal(17, target="mule3")
        def from_a_mule(signum):
            uwsgi.mule_msg("from mule %d" % uwsgi.mule_id(), 1)
    """, ASK))
    ask(server, 'uwsgi.mule_msg("from worker %d" % uwsgi.worker_id(), 1)')
    ask(server, "from_the_spooler.spool(x='1')")
    ask(server, "uwsgi.signal(17)")
    for sender in ("worker 1", "the spooler", "mule 3"):
        server.wait_for_log("b'from %s'\n" % sender)


def test_several_threads_of_a_program_wait_for_messages(start, write):
    write("app.py", ASK)
    write("many.py", """
        import threading, uwsgi

        def life(name):
            message = uwsgi.mule_get_msg()
            print("thread %d got %s" % (name, message.decode()))
            threading.Event().wait()  # it takes one, so that each has to get its own

        for name in range(1, 4):
            threading.Thread(target=life, args=(name,), daemon=True).start()
        life(0)
    """)
    server = start("--mule=many.py", "--wsgi-file", "app.py")
    for number in range(4):
        ask(server, 'uwsgi.mule_msg("message %d", 1)' % number)
    for number in range(4):
        server.wait_for_match(r"^thread \d got message %d$" % number)
    for name in range(4):
        server.wait_for_match(r"^thread %d got message \d$" % name)


def test_a_program_can_wait_for_a_signal_and_not_for_a_message(start, write):
    write("app.py", program("""
        import uwsgi
        uwsgi.register_signal(5, "mule1", lambda number: print("the handler of %d" % number))
    """, ASK))
    write("waits.py", """
        import uwsgi
        while True:
            print("waiting")
            uwsgi.signal_wait()
            print("it was signal %d" % uwsgi.signal_received())
    """)
    server = start("--mule=waits.py", "--wsgi-file", "app.py")
    for times in (1, 2):
        server.wait_for_log("waiting\n", times=times)
        ask(server, "uwsgi.signal(5)")
        server.wait_for_log("the handler of 5\n", times=times)
        server.wait_for_log("it was signal 5\n", times=times)


# ---- what the module uwsgi says of targets ----


@pytest.mark.parametrize("target, where", [
    ("", r"worker [12]"), ("worker", r"worker [12]"), ("worker0", r"worker [12]"), ("worker2", "worker 2"), ("mule", r"mule [12]"),
    ("mule0", r"mule [12]"), ("mule2", "mule 2"), ("spooler", "spooler"),
])
def test_a_signal_has_one_of_the_targets_that_are_listed(serve, target, where):
    server = serve(TARGETS % target + ASK, "--processes", "2", "--mules", "2", "--spooler", "sp")
    assert ask(server, "uwsgi.signal(7)") == "True"
    server.wait_for_match("^signal 7 in %s$" % where)


@pytest.mark.parametrize("target, kind", [("workers", "worker"), ("mules", "mule")])
def test_a_signal_can_be_for_all_of_a_kind(serve, target, kind):
    server = serve(TARGETS % target + ASK, "--processes", "2", "--mules", "2", "--spooler", "sp")
    assert ask(server, "uwsgi.signal(7)") == "True"
    for number in (1, 2):
        server.wait_for_match("^signal 7 in %s %d$" % (kind, number))


TARGETS = """
    import uwsgi

    def handler(number):
        here = "mule %%d" %% uwsgi.mule_id() if uwsgi.mule_id() else "worker %%d" %% uwsgi.worker_id()
        print("signal %%d in %%s" %% (number, "spooler" if uwsgi.i_am_the_spooler() else here))

    uwsgi.register_signal(7, "%s", handler)
"""
