"""The command lines and files of the documentation this server was built from, as they stand there."""
from harness import free_port

BOOTSTRAP = """
    #bootstrap.py
    def application(env, start_response):
        start_response('200 OK', [('Content-Type','text/html')])
        response = ["Hello", "World"]
        return  response
"""
MYTASKS = """
    from uwsgidecorators import *

    @timer(3)
    def three_seconds(signum):
        print("3 seconds elapsed")
"""


def test_the_first_command_serves(start, write):
    write("bootstrap.py", BOOTSTRAP)
    port = free_port()
    server = start("--http", ":%d" % port, "--wsgi-file", "bootstrap.py", "--master", "--processes", "4", "--threads", "2",
                   address=port)
    answer = server.get()
    assert (answer.status, answer.text, answer.headers["Content-Type"]) == (200, "HelloWorld", "text/html")


def test_the_command_with_tasks_serves(start, write):
    write("bootstrap.py", BOOTSTRAP)
    write("mytasks.py", MYTASKS)
    port = free_port()
    server = start("--http", ":%d" % port, "--wsgi-file", "bootstrap.py", "--master", "--processes", "4", "--threads", "2",
                   "--import", "mytasks.py", address=port)
    assert server.get().text == "HelloWorld"
    assert "Traceback" not in server.log


def test_the_ini_file_serves(start, write):
    write("bootstrap.py", BOOTSTRAP)
    port = free_port()
    write("uwsgi.ini", """
        [uwsgi]
        http-socket = 127.0.0.1:%d
        wsgi-file = bootstrap.py
        workers = 4
        threads = 2
    """ % port)
    assert start("--ini", "uwsgi.ini", http=False, address=port).get().text == "HelloWorld"
