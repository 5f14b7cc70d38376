"""The signal bus: who handles what is raised, and what raises it."""
import json
import os
import re
import signal
import socket

import pytest

from harness import session_members, wait_until
from load import Load, answered

APP = """
    import os, time, uwsgi

    def handler(number):
        where = "worker %d" % uwsgi.worker_id()
        print("handled %d in %s" % (number, where), flush=True)

    uwsgi.register_signal(17, "worker2", handler)
    uwsgi.register_signal(18, "workers", handler)
    uwsgi.register_signal(19, "", handler)
    uwsgi.register_signal(20, "nobody", handler)

    def broken(number):
        raise ValueError("on purpose")

    uwsgi.register_signal(21, "worker", broken)
    COUNT = 0

    def count(number):
        global COUNT
        COUNT += 1

    uwsgi.register_signal(22, "worker1", count)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        code = environ["wsgi.input"].read().decode()
        if environ["PATH_INFO"] == "/slow":
            time.sleep(1)
        return [repr(eval(code)).encode() if code else b"ok"]
"""


def ask(server, code):
    return server.post("/", code.encode()).text


def handled(server, number):
    return re.findall(r"handled %d in worker (\d)" % number, server.log)


def test_a_signal_goes_to_the_worker_it_is_for(serve):
    server = serve(APP, "--processes", "3")
    for _ in range(5):
        assert ask(server, "uwsgi.signal(17)") == "True"
    wait_until(lambda: handled(server, 17) == ["2"] * 5, "five in worker 2")


def test_a_signal_goes_to_each_worker(serve):
    server = serve(APP, "--processes", "3")
    ask(server, "uwsgi.signal(18)")
    wait_until(lambda: sorted(handled(server, 18)) == ["1", "2", "3"], "one in each worker")


def test_a_signal_goes_to_one_free_worker(serve):
    server = serve(APP, "--processes", "2", "--threads", "2")
    for _ in range(10):
        ask(server, "uwsgi.signal(19)")
    wait_until(lambda: len(handled(server, 19)) == 10, "ten in any worker")


def test_a_signal_of_nobody_is_refused_and_said(serve):
    server = serve(APP)
    server.wait_for_log('answers to the target "nobody"')
    assert ask(server, "uwsgi.signal(20)") == "False"
    assert ask(server, "uwsgi.signal(99)") == "False"
    server.wait_for_log("could not deliver signal 99: it is not registered")


@pytest.mark.parametrize("number", [256, -1])
def test_there_are_256_signals(serve, number):
    server = serve(APP)
    assert server.post("/", b"uwsgi.signal(%d)" % number).status == 500
    server.wait_for_log("is no signal, they are 0 to 255")


def test_a_handler_that_raises_is_logged_and_the_worker_lives(serve):
    server = serve(APP)
    pid = ask(server, "os.getpid()")
    ask(server, "uwsgi.signal(21)")
    server.wait_for_log("error managing signal 21 on worker 1")
    server.wait_for_log("ValueError: on purpose")
    assert ask(server, "os.getpid()") == pid


def test_each_of_a_burst_is_handled_or_refused(serve):
    server = serve(APP, "--processes", "2")
    accepted = int(ask(server, "sum(uwsgi.signal(22) for i in range(5000))"))
    assert accepted >= 1024

    def counted():
        for _ in range(20):
            if ask(server, "(uwsgi.worker_id(), COUNT)") == "(1, %d)" % accepted:
                return True

    wait_until(counted, "%d in worker 1" % accepted)


def test_a_signal_waits_for_the_successor_of_a_killed_worker(serve):
    server = serve(APP, "--processes", "2")
    second = server.pid_of("worker", 2)
    os.kill(second, signal.SIGSTOP)

    def ask_first():
        answer = ask(server, "uwsgi.signal(17)")
        assert answer == "True"

    ask_first()
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: handled(server, 17) == ["2"], "the new worker 2 to handle it")


def test_a_registered_number_is_taken(serve):
    server = serve("""
        import uwsgi
        uwsgi.register_signal(1, "", print)
        try:
            uwsgi.register_signal(1, "", print)
        except ValueError as e:
            print("refused:", e)
        free = next(n for n in range(256) if not uwsgi.signal_registered(n))
        print("free:", free)
        def application(e, s):
            s("200 OK", [])
            return [b"ok"]
    """)
    server.wait_for_log("refused: unable to register signal: 1 is registered already")
    server.wait_for_log("free: 0")


# ---- sources ----

TIMERS = """
    import uwsgi
    def tick(number):
        print("tick %d of %d" % (number, uwsgi.worker_id()), flush=True)
    for number in (1, 2, 3):
        uwsgi.register_signal(number, "worker1", tick)
    uwsgi.add_ms_timer(1, 50)
    uwsgi.add_rb_timer(2, 1, 1)
    uwsgi.add_timer(3, 1)
    def application(e, s):
        s("200 OK", [])
        return [b"one"]
"""


def stats_of(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        return json.loads(b"".join(iter(lambda: client.recv(65536), b"")))


def ticks(server, number):
    return server.log.count("tick %d of 1" % number)


def test_timers_raise_signals_until_their_iterations_are_done(serve):
    server = serve(TIMERS)
    wait_until(lambda: ticks(server, 1) >= 20 and ticks(server, 2) and ticks(server, 3) >= 3, "ticks")
    assert ticks(server, 2) == 1


def test_timers_go_on_over_a_reload_and_are_not_doubled(serve, write):
    server = serve(TIMERS)
    wait_until(lambda: ticks(server, 1) >= 3, "ticks")
    write("app.py", TIMERS.replace("50)", "100000)").replace("one", "two"))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    wait_until(lambda: answered(server).endswith(b"two"), "the new code")
    before = ticks(server, 1)
    wait_until(lambda: ticks(server, 3) >= 2, "ticks of the new generation")
    assert ticks(server, 1) - before <= 1, "the old generation's timer is over"


def test_timers_of_a_refused_reload_go_on(serve, write):
    server = serve(TIMERS)
    write("app.py", "raise ValueError('no')")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("keeps serving")
    before = ticks(server, 1)
    wait_until(lambda: ticks(server, 1) >= before + 5, "the old timers")


def test_a_reload_to_a_version_that_keeps_its_signals_in_another_way_succeeds(serve):
    """Which shows by the size of their memory."""
    server = serve(TIMERS)
    server.wait_for_log("tick 1 of 1")
    fds = "/proc/%d/fd" % server.process.pid
    memory = next(os.path.join(fds, fd) for fd in os.listdir(fds)
                  if "uwsgi-signals 1" in os.readlink(os.path.join(fds, fd)))
    os.truncate(memory, os.stat(memory).st_size + 4096)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("the signals of generation 1 cannot be taken over")
    server.wait_for_log("generation 2 answers")
    server.wait_for_log("tick 1 of 1", times=ticks(server, 1) + 3)


DECORATED = """
    import os
    from uwsgidecorators import rbtimer, timer

    print("loaded by", os.getpid(), flush=True)

    @timer(1)
    def first(number):
        print("tick of", os.getpid(), flush=True)

    @rbtimer(1)
    def second(number):
        print("tick of", os.getpid(), flush=True)

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"ok"]
"""


def kill_zygote(server):
    """Until another has loaded the application."""
    os.kill(int(server.wait_for_match(r"loaded by (\d+)")[1]), signal.SIGKILL)
    server.wait_for_log("loaded by", times=2)
    server.wait_for_log(" ready in ", times=2)


def test_timers_go_on_when_the_zygote_is_killed(serve, tmp_path):
    """Those of the application, of which it adds one less when it is loaded again, and those a worker added."""
    server = serve("""
        import os, uwsgi

        def handler(number):
            print("tick", number, "of 1", flush=True)

        print("loaded by", os.getpid(), flush=True)
        for number in (30, 31, 32):
            uwsgi.register_signal(number, "", handler)
        uwsgi.add_ms_timer(30, 50)
        if not os.path.exists("again"):
            uwsgi.add_ms_timer(31, 50)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [repr(uwsgi.add_ms_timer(32, 50)).encode()]
    """)
    server.get("/")
    for number in (30, 31, 32):
        server.wait_for_log("tick %d of 1" % number)
    (tmp_path / "again").touch()
    kill_zygote(server)

    def is_gone():
        before = ticks(server, 31)
        for number in (30, 32):
            server.wait_for_log("tick %d of 1" % number, times=ticks(server, number) + 3)
        return ticks(server, 31) == before

    wait_until(is_gone, "the timer to be gone, and the others not")


LAZY = """
    import os, uwsgi

    for number in (30, 31):
        uwsgi.register_signal(number, "", lambda number: print("tick", number, "of 1", flush=True))
    uwsgi.add_ms_timer(30, 50)
    uwsgi.add_ms_timer(31, 50)

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"ok"]
"""


def timers_of(tmp_path):
    return [(row["signal"], row["period"]) for row in stats_of(tmp_path / "stats.sock")["timers"]]


def test_a_timer_that_new_code_does_not_add_is_over_when_all_lazy_workers_have_it(serve, write, tmp_path):
    server = serve(LAZY, "--lazy-apps", "--processes", "2", "--stats", str(tmp_path / "stats.sock"))
    server.wait_for_log("tick 31 of 1")
    write("app.py", LAZY.replace("uwsgi.add_ms_timer(31, 50)", ""))
    for worker, timers in ((1, [(30, 0.05), (31, 0.05)]), (2, [(30, 0.05)])):
        os.kill(server.pid_of("worker", worker), signal.SIGKILL)
        server.wait_spawned("worker", 2 + worker)
        assert timers_of(tmp_path) == timers
    server.wait_for_log("tick 30 of 1", times=ticks(server, 30) + 3)


def test_lazy_workers_that_are_replaced_have_the_timers_of_their_code_alone(serve, write, tmp_path):
    touched = write("touched", "")
    server = serve(LAZY, "--lazy-apps", "--processes", "2", "--touch-workers-reload", str(touched),
                   "--stats", str(tmp_path / "stats.sock"))
    server.wait_for_log("tick 31 of 1")
    write("app.py", LAZY.replace("uwsgi.add_ms_timer(31, 50)", "uwsgi.add_ms_timer(31, 5000)"))
    os.utime(touched)
    server.wait_spawned("worker", 4)
    assert timers_of(tmp_path) == [(30, 0.05), (31, 5)]
    server.wait_for_log("tick 30 of 1", times=ticks(server, 30) + 3)


def test_decorators_have_the_same_numbers_when_the_zygote_is_killed(serve):
    server = serve(DECORATED, "--processes", "2")
    server.wait_for_log("tick of")
    kill_zygote(server)
    server.wait_for_log("tick of", times=server.log.count("tick of") + 2)
    assert "it has no handler here" not in server.log


def test_decorators_have_the_same_numbers_in_all_workers_under_lazy_apps(serve):
    server = serve(DECORATED, "--processes", "3", "--lazy-apps")
    server.wait_for_log(" registered", times=6)
    server.wait_for_log("tick of", times=server.log.count("tick of") + 3)
    assert "it has no handler here" not in server.log
    assert set(re.findall(r"signum (\d+) registered", server.log)) == {"0", "1"}


def test_programs_of_mules_have_numbers_of_their_own_which_their_successors_find_again(serve, write):
    for mule in (1, 2):
        write("program%d.py" % mule, """
            import os, time
            from uwsgidecorators import timer

            while not uwsgi.signal_registered(%d):  # one after the other
                time.sleep(0.01)

            @timer(1, target="mule%d")
            def tick(number):
                print("tick of", os.getpid(), flush=True)

            print("mule %d is", os.getpid(), flush=True)
            while True:
                uwsgi.mule_get_msg()
        """ % (mule, mule, mule))
    server = serve(DECORATED, "--mule=program1.py", "--mule=program2.py")
    pids = [int(server.wait_for_match(r"mule %d is (\d+)" % mule)[1]) for mule in (1, 2)]
    for pid in pids:
        server.wait_for_log("tick of %d" % pid)
    os.kill(pids[0], signal.SIGKILL)
    server.wait_for_log("mule 1 is", times=2)
    server.wait_for_log("tick of %s\n" % server.wait_for_match(r"mule 1 is (\d+)")[1])
    server.wait_for_log("tick of %d\n" % pids[1], times=3)
    assert "it has no handler here" not in server.log
    assert set(re.findall(r"signum (\d+) registered", server.log)) == {"0", "1", "2", "3"}


def test_programs_that_ask_for_a_free_number_at_once_get_different_ones(serve, write):
    """And a successor gets the one its predecessor did not come to register."""
    write("program.py", """
        import os, time, uwsgi
        from uwsgidecorators import get_free_signal

        number = get_free_signal()
        print("mule %d got %d" % (uwsgi.mule_id(), number), flush=True)
        while not os.path.exists("go on"):  # nobody registers before both have a number
            time.sleep(0.01)
        uwsgi.register_signal(number, "mule%d" % uwsgi.mule_id(), lambda n: print("heard", n, flush=True))
        uwsgi.signal(number)
        while True:
            uwsgi.mule_get_msg()
    """)
    server = serve(DECORATED, "--mule=program.py", "--mule=program.py")

    def number_of(mule):
        return int(server.wait_for_match(r"mule %d got (\d+)" % mule)[1])

    assert {number_of(1), number_of(2)} == {2, 3}
    os.kill(server.pid_of("mule", 1), signal.SIGKILL)
    before = number_of(1)
    server.wait_for_log("mule 1 got", times=2)
    assert number_of(1) == before
    write("go on", "")
    for number in (2, 3):
        server.wait_for_log("heard %d" % number)


def test_a_timer_of_some_iterations_is_the_same_one_when_a_worker_adds_it_again(serve, tmp_path):
    server = serve("""
        import os, uwsgi
        uwsgi.register_signal(30, "", lambda number: print("tick", flush=True))
        uwsgi.post_fork_hook = lambda: uwsgi.add_rb_timer(30, 1, 3)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"%d" % os.getpid()]
    """, "--stats", str(tmp_path / "stats.sock"))
    server.wait_for_log("tick")
    os.kill(int(server.get("/").text), signal.SIGKILL)
    server.wait_spawned("worker", 2)
    timers = stats_of(tmp_path / "stats.sock")["timers"]
    assert len(timers) == 1, timers


@pytest.mark.parametrize("call", ["add_timer(1, 0)", "add_rb_timer(1, -1)", "add_rb_timer(1, 0)", "add_rb_timer(1, 1, -2)",
                                  "add_timer(300, 1)", "add_ms_timer(1, 0)", "add_file_monitor(1, '')",
                                  "add_cron(1, 60, -1, -1, -1, -1)", "add_cron(1, -1, -1, -1, 70000, -1)"])
def test_what_cannot_be_raised_is_refused(serve, call):
    server = serve(APP)
    assert server.post("/", b"uwsgi.%s" % call.encode()).status == 500
    server.wait_for_log("ValueError")


def test_a_cron_of_this_minute_runs_once(serve):
    server = serve("""
        import uwsgi
        uwsgi.register_signal(7, "", lambda n: print("it is time", flush=True))
        assert uwsgi.add_cron(7, -1, -1, -1, -1, -1) is True
        def application(e, s):
            s("200 OK", [])
            return [b"ok"]
    """)
    server.wait_for_log("it is time")
    server.wait_for_log("[uwsgi-cron] routing signal 7")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    assert server.log.count("it is time") <= 2  # a new minute may have begun


def test_a_file_monitor_tells_changes_of_files_and_directories(serve, tmp_path):
    (tmp_path / "watched").mkdir()
    server = serve("""
        import uwsgi
        uwsgi.register_signal(8, "", lambda n: print("the file changed", flush=True))
        uwsgi.register_signal(9, "", lambda n: print("the directory changed", flush=True))
        uwsgi.add_file_monitor(8, "file")
        uwsgi.add_file_monitor(9, "watched")
        def application(e, s):
            s("200 OK", [])
            return [b"ok"]
    """)
    (tmp_path / "file").write_text("x")
    server.wait_for_log("the file changed")
    (tmp_path / "watched" / "new").write_text("x")
    server.wait_for_log("the directory changed")


def test_a_probe_tells_when_somebody_stops_and_begins_to_answer(serve, write):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        app = """
            import uwsgi
            uwsgi.register_signal(9, "", lambda n: print("the peer changed", flush=True))
            uwsgi.add_probe(9, "connect", "localhost:%d", 1, 1)
            def application(e, s):
                s("200 OK", [])
                return [b"ok"]
        """ % port
        server = serve(app)
    server.wait_for_log("[uwsgi-probe] 127.0.0.1:%d is down: routing signal 9" % port)
    wait_until(lambda: server.log.count("the peer changed") == 1, "the handler")
    with socket.create_server(("127.0.0.1", port)):
        server.wait_for_log("[uwsgi-probe] 127.0.0.1:%d is up: routing signal 9" % port)
        wait_until(lambda: server.log.count("the peer changed") == 2, "the handler, again")


@pytest.mark.parametrize("call, why", (
    ("(1, 'ping', ':1')", 'there is none of the name "ping", only connect'),
    ("(1, 'connect', 'nowhere:x')", '"nowhere:x" is no address'),
    ("(1, 'connect', ':1', 0)", "timeout and freq are 1 to 86400 seconds"),
    ("(1, 'connect', ':1', 1, -1)", "timeout and freq are 1 to 86400 seconds")))
def test_a_probe_that_makes_no_sense_is_refused(serve, call, why):
    server = serve(APP)
    server.post("/", ("uwsgi.add_probe%s" % call).encode())
    server.wait_for_log("ValueError: unable to add probe: %s" % why)


CONFIGURED = """
    import uwsgi
    for number in (1, 2, 3):
        uwsgi.register_signal(number, "worker1", lambda number: print("tick %d of 1" % number, flush=True))
    def application(e, s):
        s("200 OK", [])
        return [b"ok"]
"""


def test_the_configuration_raises_signals_by_the_clock_and_by_touch(serve, tmp_path):
    (tmp_path / "a file").touch()
    server = serve(CONFIGURED, "--timer", "1 1", "--rbtimer=2 1 1", "--touch-signal", "a file 3")
    wait_until(lambda: ticks(server, 1) >= 3 and ticks(server, 2), "ticks")
    assert ticks(server, 2) == 1
    assert ticks(server, 3) == 0
    os.utime(tmp_path / "a file")
    wait_until(lambda: ticks(server, 3), "the touch")


def test_a_reload_takes_what_raises_signals_from_the_new_configuration(start, write):
    write("app.py", CONFIGURED)
    ini = "[uwsgi]\nmaster = true\nwsgi-file = app.py\nsignal-timer = %d 1\n"
    write("site.ini", ini % 1)
    server = start("--ini", "site.ini")
    server.wait_for_log("tick 1 of 1")
    write("site.ini", ini % 2)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    before = ticks(server, 1)
    server.wait_for_log("tick 2 of 1", times=3)
    assert ticks(server, 1) - before <= 1, "the old generation's timer is over"


def test_what_the_configuration_raises_and_nobody_registered_is_counted(serve, tmp_path):
    server = serve(CONFIGURED, "--timer=99 1", "--stats", str(tmp_path / "stats.sock"))
    wait_until(lambda: [row["failures"] for row in stats_of(tmp_path / "stats.sock")["timers"]] >= [1], "a refusal")
    assert answered(server).endswith(b"ok")


@pytest.mark.parametrize("option, why", [
    ("--timer=256 1", "a signal is 0 to 255"), ("--signal-timer=1 0", "a period has at least one second"),
    ("--rbtimer=1 1 often", "give signum seconds[ iterations]"), ("--touch-signal=file", "give file signum"),
    ("--fs-signal=file x", "give file signum")])
def test_a_source_of_the_configuration_that_makes_no_sense_ends_the_start(start, write, option, why):
    write("app.py", CONFIGURED)
    server = start("--master", "--wsgi-file", "app.py", option, ready=False)
    assert server.process.wait(20) == 1
    server.wait_for_log(why)


def test_the_decorators_of_the_seeds_work(serve):
    server = serve("""
        import uwsgi
        from uwsgidecorators import timer, rbtimer, cron, signal, filemon

        @timer(1)
        def every(signum):
            print("timer", signum, uwsgi.worker_id(), flush=True)

        @rbtimer(1, target="workers")
        def rb(signum):
            print("rbtimer", uwsgi.worker_id(), flush=True)

        @cron(-1, -1, -1, -1, -1)
        def minutely(signum):
            print("cron", flush=True)

        @signal(40, target="worker1")
        def on_signal(signum):
            print("signal", signum, flush=True)

        def application(e, s):
            uwsgi.signal(40)
            s("200 OK", [])
            return [b"ok"]
    """, "--processes", "2")
    answered(server)
    for line in ("timer 0", "rbtimer 1", "rbtimer 2", "cron", "signal 40"):
        server.wait_for_log(line)


def test_signal_wait_returns_for_a_signal(serve):
    server = serve("""
        import threading, uwsgi
        uwsgi.register_signal(5, "worker1", lambda n: print("handled", n, flush=True))

        def application(e, s):
            threading.Timer(0.2, uwsgi.signal, (5,)).start()
            print("got", uwsgi.signal_wait(5), uwsgi.signal_received(), flush=True)
            s("200 OK", [])
            return [b"ok"]
    """)
    assert answered(server).endswith(b"ok")
    server.wait_for_log("got b'' 5")


def test_signals_under_load_and_reloads_are_all_handled(serve):
    server = serve("""
        import uwsgi
        uwsgi.register_signal(5, "", lambda n: print("one more", flush=True))
        def application(e, s):
            if e["PATH_INFO"] == "/raise":
                print("raised %s" % uwsgi.signal(5), flush=True)
            s("200 OK", [])
            return [b"ok"]
    """, "--processes", "2", "-L")
    with Load(server, "/raise") as load:
        for generation in (2, 3, 4):
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_log("generation %d answers" % generation)
    assert not load.failures
    raised = server.log.count("raised True")
    assert raised == load.answers
    wait_until(lambda: server.log.count("one more") == raised, lambda: "%d of %d" % (server.log.count("one more"), raised))
    wait_until(lambda: len(session_members(server.process.pid)) == 4, "one generation")
