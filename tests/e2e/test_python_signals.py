"""Signals of the system in programs: what a program finds, sets and puts back with Python's own module `signal`."""
import pytest

from asking import ASK, ask, program

CODE = """
    def handlers():
        import signal
        faults = signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE  # a sanitizer looks after them
        return [signal.getsignal(number) for number in signal.valid_signals() if number < 32 and number not in faults]

    def late():
        import signal, select

        def on_alarm(number, frame):
            raise TimeoutError

        before = signal.signal(signal.SIGALRM, on_alarm)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            select.select([], [], [], 60)
        except TimeoutError:
            return "late"
        finally:
            signal.signal(signal.SIGALRM, before)

    def here(num):
        print("unknown:", handlers().count(None), "and", late(), flush=True)
"""


@pytest.mark.parametrize("place", ["worker1", "mule1", "spooler"])
@pytest.mark.parametrize("options", [(), ("--lazy-apps",)], ids=["", "lazy"])
def test_a_handler_can_be_set_and_what_was_there_put_back(serve, place, options):
    server = serve(program(CODE, """
        import uwsgi
        uwsgi.register_signal(1, %r, here)
    """ % place, ASK), "--mule", "--spooler", "tasks", *options)
    ask(server, "uwsgi.signal(1)")
    server.wait_for_log("unknown: 0 and late\n")


def test_a_program_of_a_mule_finds_handlers_that_it_can_put_back(serve, write):
    write("life.py", program(CODE, "here(0)\nuwsgi.signal_wait()\n"))
    serve(program(ASK), "--mule=life.py").wait_for_log("unknown: 0 and late\n")


def test_so_does_a_request(serve):
    server = serve(program(CODE, ASK))
    assert ask(server, "handlers().count(None), late()") == "(0, 'late')"
