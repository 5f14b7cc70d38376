"""Processes that the program itself starts, in workers, mules and spoolers: they are its own, and not the server's."""
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
