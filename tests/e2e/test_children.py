"""Processes that the program itself starts, in workers, mules and spoolers: they are its own, and not the server's."""
import os
import signal
import socket

import pytest

from asking import ASK, ask, program

PLACES = pytest.mark.parametrize("place", ["worker1", "mule1", "spooler"])


@pytest.fixture
def run_in(serve):
    """run_in(place, code): a server whose signal 1 runs the function `here` of the code there."""

    def run_in(place, code):
        server = serve(program(code, "\nimport uwsgi\nuwsgi.register_signal(1, %r, here)\n" % place, ASK),
                       "--mule", "--spooler", "tasks", "--spooler-frequency", "1")
        assert ask(server, "uwsgi.signal(1)") == "True"
        return server

    return run_in


@PLACES
def test_a_child_is_ended_by_a_signal_that_does_not_reach_its_parent(run_in, place):
    server = run_in(place, """
        import multiprocessing
        import time

        def here(num):
            child = multiprocessing.Process(target=time.sleep, args=(600,))
            child.start()
            child.terminate()
            child.join()
            print("the child ended with", child.exitcode, flush=True)
    """)
    server.wait_for_log("the child ended with -15\n")
    ask(server, "uwsgi.signal(1)")
    server.wait_for_log("the child ended with -15\n", times=2)
    assert "died" not in server.log


FORKS = """
    import os

    def here(num):
        child = os.fork()
        if child == 0:
            print("a child speaks", end="")
            return
        os.waitpid(child, 0)
        print("the parent goes on", flush=True)
"""


@PLACES
def test_a_child_that_comes_back_from_a_handler_ends(run_in, place):
    server = run_in(place, FORKS)
    server.wait_for_log("the parent goes on\n")
    server.wait_for_match(r"%s 1: process \d+, which its program forked, ends" % place.rstrip("1"))
    assert server.log.count("a child speaks") == 1


def test_a_child_that_comes_back_from_a_task_leaves_the_task_to_its_parent(serve):
    server = serve(program("""
        import os
        from uwsgidecorators import spool

        @spool
        def task(arguments):
            print("begins", flush=True)
            if os.fork() == 0:
                raise ValueError("of a child")
            os.wait()
            print("ends", flush=True)
    """, ASK), "--spooler", "tasks")
    ask(server, "task.spool(a=1)")
    server.wait_for_log("done with task")
    assert server.log.count("begins\n") == server.log.count("ends\n") == server.log.count("done with task") == 1
    assert "ValueError: of a child" in server.log and "failed" not in server.log


def test_a_child_that_comes_back_from_a_request_sends_nothing(serve):
    server = serve(program("import os\n", ASK))
    child = int(ask(server, "os.fork()"))
    assert child
    server.wait_for_log("process %d, which its program forked, ends" % child)
    assert ask(server, "os.wait()[0]") == str(child)


@pytest.mark.parametrize("kind", ["zygote", "worker", "mule", "spooler"])
def test_a_child_that_comes_back_from_the_import_or_after_the_fork_ends(serve, kind):
    server = serve(program("""
        import os
        import uwsgi
        from uwsgidecorators import postfork

        def fork():
            child = os.fork()
            if child:
                print("the child ended with", os.waitpid(child, 0)[1], flush=True)

        kind = %r
        if kind == "zygote":
            fork()

        @postfork
        def begin():
            if kind == ("mule" if uwsgi.mule_id() else "spooler" if uwsgi.i_am_the_spooler() else "worker"):
                fork()
    """ % kind, ASK), "--mule", "--spooler", "tasks")
    server.wait_for_log("the child ended with 0\n")
    server.wait_for_match("^%s [01]: process [0-9]+, which its program forked, ends" % kind)
    assert ask(server, "uwsgi.worker_id()") == "1"


def test_a_child_of_a_mules_program_ends_with_the_program_and_not_as_a_mule(serve, write):
    write("program.py", """
        import os
        uwsgi.atexit = lambda: print("a mule ends", flush=True)
        child = os.fork()
        if child:
            print("the child ended with", os.waitpid(child, 0)[1], flush=True)
            uwsgi.signal_wait()
    """)
    server = serve(program(ASK), "--mule=program.py")
    server.wait_for_log("the child ended with 0\n")
    assert "a mule ends" not in server.log


@pytest.mark.parametrize("place", ["mule1", "spooler"])
def test_a_child_that_outlives_the_server_does_not_keep_its_address(run_in, place):
    server = run_in(place, """
        import os
        import signal

        def here(num):
            if os.fork() == 0:
                os.setsid()
                print("the child is", os.getpid(), flush=True)
                signal.pause()
    """)
    child = int(server.wait_for_match(r"^the child is (\d+)$")[1])
    try:
        server.stop()
        with socket.create_server(("127.0.0.1", server.address)):
            os.kill(child, 0)  # it is there
    finally:
        os.kill(child, signal.SIGKILL)
