"""Threads of the server as the program sees them."""
import concurrent.futures

from asking import ASK, ask, program


NAMES = program("""
    import threading

    all_of_them = threading.Barrier(2)

    def name(wait):
        if wait:
            all_of_them.wait(60)
        return threading.current_thread().name
""", ASK)


def test_threads_of_a_worker_have_the_names_that_logs_show(serve):
    server = serve(NAMES, "--threads", "2")
    with concurrent.futures.ThreadPoolExecutor(2) as clients:
        names = set(clients.map(lambda wait: ask(server, "name(%s)" % wait), [True, True]))
    assert names == {"'uWSGIWorker1Core0'", "'uWSGIWorker1Core1'"}


def test_the_only_thread_has_its_name_too_without_a_master(start, write):
    write("app.py", NAMES)
    assert ask(start("--wsgi-file", "app.py"), "name(False)") == "'uWSGIWorker1Core0'"
