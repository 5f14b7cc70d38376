"""Mules: signals, messages, farms, and programs of their own."""
import os
import re
import signal

import pytest

from asking import program
from harness import session_members, wait_until
from load import answered

APP = """
    import os, uwsgi

    def heard(message):
        print("mule %d heard %d bytes: %s" % (uwsgi.mule_id(), len(message), message[:40].decode()), flush=True)

    uwsgi.mule_msg_hook = heard
    uwsgi.register_signal(17, "mule2", lambda n: print("signal %d in mule %d" % (n, uwsgi.mule_id()), flush=True))
    uwsgi.register_signal(18, "mules", lambda n: print("signal %d in mule %d" % (n, uwsgi.mule_id()), flush=True))

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        code = environ["wsgi.input"].read().decode()
        return [repr(eval(code)).encode() if code else b"ok"]
"""


def ask(server, code):
    answer = server.post("/", code.encode())
    return answer.text if answer.status == 200 else answer.status


def test_signals_reach_mules(serve):
    server = serve(APP, "--mule", "--mule", "--mule")
    ask(server, "uwsgi.signal(17)")
    ask(server, "uwsgi.signal(18)")
    wait_until(lambda: len(re.findall(r"signal \d+ in mule \d", server.log)) == 4, "four deliveries")
    assert sorted(re.findall(r"signal 18 in mule (\d)", server.log)) == ["1", "2", "3"]
    assert re.findall(r"signal 17 in mule (\d)", server.log) == ["2"]


def test_a_message_goes_to_the_mule_it_is_for_or_to_any(serve):
    server = serve(APP, "--mules", "2")
    assert ask(server, "uwsgi.mule_msg(b'for the second', 2)") == "True"
    server.wait_for_log("mule 2 heard 14 bytes: for the second")
    assert ask(server, "uwsgi.mule_msg('for anybody')") == "True"
    server.wait_for_log("heard 11 bytes: for anybody")
    assert ask(server, "uwsgi.mule_msg(b'')") == "True"
    server.wait_for_log("heard 0 bytes")


def test_a_message_has_any_size_up_to_the_limit(serve):
    server = serve(APP, "--mule", "--mule-msg-size", "3000000")
    assert ask(server, "uwsgi.mule_msg(b'x' * 3000000)") == "True"
    server.wait_for_log("heard 3000000 bytes")
    assert ask(server, "uwsgi.mule_msg(b'x' * 3000001)") == 500
    server.wait_for_log("the message has 3000001 bytes, mule-msg-size allows 3000000")


def test_the_number_of_a_mule_may_be_anything_that_counts(serve):
    server = serve(APP, "--mules", "2")
    for number in ("True", "__import__('enum').IntEnum('Mule', 'FIRST').FIRST"):
        assert ask(server, "uwsgi.mule_msg(b'x', %s)" % number) == "True"


def test_a_message_to_nobody_is_refused(serve):
    server = serve(APP, "--mule", "--farm", "pigs:1")
    for code, reason in (("uwsgi.mule_msg(b'x', 2)", "invalid mule"), ("uwsgi.mule_msg(b'x', -1)", "invalid mule"),
                         ("uwsgi.mule_msg(b'x', 'cows')", "unknown farm"), ("uwsgi.farm_msg('cows', b'x')", "unknown farm"),
                         ("uwsgi.mule_get_msg()", "only in a mule")):
        assert ask(server, code) == 500
        server.wait_for_log(reason)


def test_a_burst_of_messages_is_handled_whole_and_in_order(serve):
    server = serve("""
        import uwsgi
        expected = 0
        def heard(message):
            global expected
            assert int(message) == expected, (message, expected)
            expected += 1
            if expected == 20000:
                print("all of them", flush=True)
        uwsgi.mule_msg_hook = heard
        def application(e, s):
            s("200 OK", [])
            return [b"%d" % sum(uwsgi.mule_msg(b"%d" % i, 1) for i in range(20000))]
    """, "--mule")
    assert answered(server).endswith(b"20000")
    server.wait_for_log("all of them")


def test_what_was_accepted_is_delivered_though_mules_are_killed(serve):
    server = serve("""
        import os, uwsgi
        def heard(message):
            os.write(1, b"heard <%s>\\n" % message)
        uwsgi.mule_msg_hook = heard
        def application(e, s):
            s("200 OK", [])
            return [b"%d" % uwsgi.mule_msg(e["PATH_INFO"].encode(), 1)]
    """, "--mule", "-L")
    accepted = []
    for i in range(300):
        if answered(server, "/%d" % i).endswith(b"1"):
            accepted.append("/%d" % i)
        if i % 75 == 74:
            wait_until(lambda: server.pid_of("mule", 1) in session_members(server.process.pid), "a living mule")
            os.kill(server.pid_of("mule", 1), signal.SIGKILL)
    assert len(accepted) == 300

    # what a mule had in hand when it was killed is handled by the next one
    wait_until(lambda: set(re.findall(r"heard <(/\d+)>", server.log)) == set(accepted), "all of them")


def test_a_message_in_hand_is_handled_by_the_successor_of_a_killed_mule(serve, tmp_path):
    server = serve("""
        import os, time, uwsgi
        def heard(message):
            print("mule", os.getpid(), "begins", message.decode(), flush=True)
            while not os.path.exists("go"):
                time.sleep(0.01)
            print("mule", os.getpid(), "ends", message.decode(), flush=True)
        uwsgi.mule_msg_hook = heard
        def application(e, s):
            s("200 OK", [])
            return [b"%d" % uwsgi.mule_msg(b"important")]
    """, "--mule")
    assert answered(server).endswith(b"1")
    first = int(server.wait_for_match(r"mule (\d+) begins important")[1])
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: server.log.count("begins important") == 2, "the next mule to begin")
    (tmp_path / "go").touch()
    assert int(server.wait_for_match(r"mule (\d+) ends important")[1]) != first


def test_a_message_that_ends_two_mules_is_dropped(serve):
    server = serve("""
        import os, signal, uwsgi
        def heard(message):
            print("begins", message.decode(), flush=True)
            if message == b"poison":
                os.kill(os.getpid(), signal.SIGKILL)
        uwsgi.mule_msg_hook = heard
        def application(e, s):
            s("200 OK", [])
            return [b"%d" % (uwsgi.mule_msg(b"poison") and uwsgi.mule_msg(b"next"))]
    """, "--mule")
    assert answered(server).endswith(b"1")
    server.wait_for_log("begins next")
    server.wait_for_log("1 message is dropped: it has ended two mules")
    assert server.log.count("begins poison") == 2


# Its messages are 0, 1 and 2; each is handled until its file is there.
ONE_BY_ONE = """
    import os, time, uwsgi
    def heard(message):
        print("begins", message.decode(), flush=True)
        while not os.path.exists("go" + message.decode()):
            time.sleep(0.01)
    uwsgi.mule_msg_hook = heard
    uwsgi.register_signal(17, "mule1", lambda n: print("signal", n, flush=True))
    def application(e, s):
        s("200 OK", [])
        if e["PATH_INFO"] == "/signal":
            return [b"%d" % uwsgi.signal(17)]
        for n in range(3):
            uwsgi.mule_msg(b"%d" % n)
        return [b"%d" % os.getpid()]
"""


def test_a_mule_ends_between_two_messages_and_leaves_the_others_to_the_next(serve, tmp_path):
    server = serve(ONE_BY_ONE, "--mule", "--mule-reload-mercy", "600")
    worker = int(server.get().text)
    server.wait_for_log("begins 0")
    old = server.pid_of("mule")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: worker not in session_members(server.process.pid), "all of the generation to be told")
    server.wait_for_log("begins 1")  # in the new mule
    (tmp_path / "go0").touch()
    wait_until(lambda: old not in session_members(server.process.pid), "the old mule to end")
    assert "begins 2" not in server.log
    for name in "go1", "go2":
        (tmp_path / name).touch()
    server.wait_for_log("begins 2")
    assert server.log.count("begins") == 3


def test_a_signal_is_handled_between_two_messages(serve, tmp_path):
    server = serve(ONE_BY_ONE, "--mule")
    server.get()
    server.wait_for_log("begins 0")
    assert server.get("/signal").text == "1"
    (tmp_path / "go0").touch()
    server.wait_for_log("signal 17")
    for name in "go1", "go2":
        (tmp_path / name).touch()
    server.wait_for_log("begins 2")


def test_messages_wait_for_the_next_generation(serve, write):
    server = serve("import uwsgi\n" + APP.replace("\n    ", "\n"), "--mule")
    first = server.pid_of("mule", 1)
    os.kill(first, signal.SIGSTOP)
    assert ask(server, "uwsgi.mule_msg(b'over the reload', 1)") == "True"
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    server.wait_for_log("heard 15 bytes: over the reload")
    os.kill(first, signal.SIGKILL)


def test_a_farm_message_goes_to_one_of_the_farm(serve):
    server = serve(APP, "--mules", "3", "--farm", "pigs:2,3")
    for i in range(6):
        assert ask(server, "uwsgi.farm_msg('pigs', b'oink %d')" % i) == "True"
    wait_until(lambda: len(re.findall(r"mule [23] heard 6 bytes: oink", server.log)) == 6, "six in the farm")
    assert "created farm 1 name: pigs mules:2,3" in server.log


@pytest.mark.parametrize("farm", ["pigs", "pigs:", "pigs:4", "pigs:0", "pigs:x", ":1"])
def test_a_farm_that_makes_no_sense_is_refused(start, farm):
    server = start("--mules", "3", "--farm", farm, "--need-app=false", ready=False)
    assert server.wait_exit() == 1
    assert "farm = " + farm in server.last_line()


# ---- programs ----


def test_a_script_is_the_program_of_a_mule(serve, write):
    write("somaro.py", """
        from threading import Thread
        import time, uwsgi

        def loop1():
            while True:
                message = uwsgi.mule_get_msg()
                print("loop1 got %r in mule %d" % (message, uwsgi.mule_id()), flush=True)

        def loop2():
            print("Hi! I am loop2.", flush=True)
            while True:
                time.sleep(2)

        t = Thread(target=loop2)
        t.daemon = True
        t.start()

        if __name__ == '__main__':
            loop1()
    """)
    server = serve(APP, "--mule=somaro.py", "--mule")
    server.wait_for_log("Hi! I am loop2.")
    assert ask(server, "uwsgi.mule_msg('ciuchino', 1)") == "True"
    server.wait_for_log("loop1 got b'ciuchino' in mule 1")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert not session_members(server.process.pid)


def test_a_function_is_the_program_of_a_mule(serve, write):
    write("tasks.py", """
        import uwsgi
        def live():
            while True:
                print("timeout gives", uwsgi.mule_get_msg(timeout=0), flush=True)
                print("got", uwsgi.mule_get_msg(signals=False), flush=True)
    """)
    server = serve(APP, "--mule=tasks:live")
    server.wait_for_log("timeout gives b''")
    ask(server, "uwsgi.mule_msg(b'work', 1)")
    server.wait_for_log("got b'work'")


def test_a_program_gets_signals_though_messages_wait(serve, write, tmp_path):
    write("tasks.py", """
        import os, time, uwsgi
        def live():
            while True:
                message = uwsgi.mule_get_msg()
                print("got", message, flush=True)
                while message == b"first" and not os.path.exists("go"):
                    time.sleep(0.01)
    """)
    server = serve(APP, "--mule", "--mule=tasks:live")
    ask(server, "[uwsgi.mule_msg(text, 2) for text in (b'first', b'second')]")
    server.wait_for_log("got b'first'")
    ask(server, "uwsgi.signal(17)")
    (tmp_path / "go").touch()
    server.wait_for_log("got b'second'")
    assert "signal 17 in mule 2" in server.log.partition("got b'second'")[0]


def test_a_script_that_ends_is_started_again_with_a_pause(serve, write):
    write("short.py", "print('short life', flush=True)\n")
    server = serve(APP, "--mule=short.py")
    server.wait_for_log("short life", times=3)
    server.wait_for_log("ends again and again")


def test_a_missing_script_is_said_and_the_site_is_up(serve):
    server = serve(APP, "--mule=nowhere.py")
    server.wait_for_log('open("nowhere.py"): No such file or directory')
    assert answered(server).endswith(b"ok")


def test_mules_that_end_again_and_again_do_not_keep_a_slow_application_from_serving(serve):
    server = serve(program("""
        import select, uwsgi
        if uwsgi.worker_id():
            select.select([], [], [], 3)  # longer than the mules' first five lives
    """, APP), "--lazy-apps", "--mule=nowhere.py", "--mule=nothing.py")
    server.wait_for_log("mule 1 ends again and again")
    assert answered(server).endswith(b"ok")


def test_timers_run_where_mules_end_again_and_again(serve):
    server = serve(program(APP, """
        uwsgi.register_signal(9, "worker", lambda num: print("a timer's signal", flush=True))
        uwsgi.add_ms_timer(9, 50)
    """), *("--mule=nowhere.py",) * 8)
    server.wait_for_log("a timer's signal\n")


def test_a_killed_mule_comes_back(serve):
    server = serve(APP, "--mule")
    first = server.pid_of("mule", 1)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: server.pid_of("mule", 1) != first, "the next one")
    ask(server, "uwsgi.mule_msg(b'still here', 1)")
    server.wait_for_log("heard 10 bytes: still here")


def test_mules_are_replaced_when_a_file_is_touched(serve, tmp_path):
    (tmp_path / "flag").touch()
    server = serve(APP, "--mules", "2", "--touch-mules-reload", "flag")
    os.utime(tmp_path / "flag", (1, 1))
    server.wait_for_log("flag has been touched... mules reload !!!")
    server.wait_spawned("mule", 4)
    wait_until(lambda: len(session_members(server.process.pid)) == 5, "master, zygote, worker and two mules")


# ---- decorators ----


def test_the_decorators_of_mules_work(serve):
    server = serve("""
        import uwsgi
        from uwsgidecorators import *

        @mulefunc
        def anywhere(a, b=0):
            print("anywhere", a, b, uwsgi.mule_id() > 0, flush=True)

        @mulefunc(3)
        def in_three(a):
            print("in three", a, uwsgi.mule_id(), flush=True)

        @mulefunc('old_mcdonalds_farm')
        def in_farm(a):
            print("in farm", a, uwsgi.mule_id(), flush=True)

        @timer(1, target="mule2")
        def tick(n):
            print("tick in mule", uwsgi.mule_id(), flush=True)

        def application(e, s):
            anywhere(1, b=2)
            in_three("x")
            in_farm([1, 2])
            s("200 OK", [])
            return [b"ok"]
    """, "--mules", "3", "--farm", "old_mcdonalds_farm:2,3")
    assert answered(server).endswith(b"ok")
    for line in ("anywhere 1 2 True", "in three x 3", "in farm [1, 2]", "tick in mule 2"):
        server.wait_for_log(line)


def test_a_function_can_be_the_program_of_a_mule_or_a_farm(serve):
    server = serve("""
        import uwsgi
        from uwsgidecorators import *

        @mulemsg(1)
        def message(m):
            print("mule 1 got", m, flush=True)

        @farm('pigs')
        def oink(m):
            print("farm got", m, flush=True)
            if m == b"die":
                raise ValueError("on purpose")

        def application(e, s):
            uwsgi.mule_msg(b"hello", 1)
            uwsgi.farm_msg("pigs", b"die")
            uwsgi.farm_msg("pigs", b"oink")
            s("200 OK", [])
            return [b"ok"]
    """, "--mules", "3", "--farm", "pigs:2,3")
    assert answered(server).endswith(b"ok")
    for line in ("mule 1 got b'hello'", "farm got b'die'", "ValueError: on purpose", "farm got b'oink'"):
        server.wait_for_log(line)
    server.wait_spawned("mule", 4)  # the one that failed comes back


def test_a_mule_that_is_too_long_at_a_message_is_replaced(serve):
    server = serve(APP + """
    import time
    def slow(message):
        if message == b"slow":
            time.sleep(1000)
        heard(message)
    uwsgi.mule_msg_hook = slow
    """, "--mule", "--mule-harakiri", "1")
    before = server.pid_of("mule", 1)
    for message in ("slow", "next"):
        assert ask(server, "uwsgi.mule_msg(b'%s')" % message) == "True"
    server.wait_for_log("*** HARAKIRI ON mule 1 (pid: %d): a message takes longer than 1 seconds" % before)
    server.wait_for_log(" in slow")
    server.wait_for_log("heard 4 bytes: next")
    assert server.pid_of("mule", 1) != before


def test_a_mule_that_is_too_long_at_a_signal_is_replaced(serve):
    server = serve(APP + """
    import time
    uwsgi.register_signal(19, "mule", lambda n: time.sleep(1000))
    """, "--mule", "--mule-harakiri", "1")
    before = server.pid_of("mule", 1)
    assert ask(server, "uwsgi.signal(19)") == "True"
    server.wait_for_log("*** HARAKIRI ON mule 1 (pid: %d): the handler of signal 19 takes longer" % before)
    wait_until(lambda: server.pid_of("mule", 1) != before, "another mule")


def test_a_program_can_set_a_time_for_what_its_mule_does(serve):
    server = serve(APP + """
    import time
    from uwsgidecorators import harakiri
    @harakiri(1)
    def limited(seconds):
        time.sleep(seconds)
    def work(message):
        limited(float(message))
        heard(message)
    uwsgi.mule_msg_hook = work
    """, "--mule")
    before = server.pid_of("mule", 1)
    assert ask(server, "uwsgi.mule_msg(b'0.1')") == "True"
    server.wait_for_log("heard 3 bytes: 0.1")
    assert ask(server, "uwsgi.mule_msg(b'1000')") == "True"
    server.wait_for_log("*** HARAKIRI ON mule 1 (pid: %d): what the program set a time for takes longer than 1 seconds" % before)
    wait_until(lambda: server.pid_of("mule", 1) != before, "another mule")


def test_a_mule_is_killed_when_its_mercy_is_over(serve, write):
    script = write("deaf.py", """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        while True:
            time.sleep(1)
    """)
    server = serve(APP, "--mule=%s" % script, "--mule-reload-mercy", "1")
    server.wait_for_log("deaf")
    server.process.terminate()
    assert server.process.wait(15) == 0


def test_actions_are_done_in_each_mule_before_anything_else(serve, tmp_path):
    serve(APP, "--mules", "2", "--hook-as-mule", "exec:echo $$ >> %s/hooked" % tmp_path)
    wait_until(lambda: (tmp_path / "hooked").exists() and len((tmp_path / "hooked").read_text().split()) == 2, "both hooks")


def test_an_action_of_mules_that_is_none_ends_the_start(start):
    server = start("--mule", "--hook-as-mule", "nonsense:1", ready=False)
    assert server.wait_exit() == 1
    server.wait_for_log("hook-as-mule: hook action not found: nonsense")


def test_a_process_that_a_mule_forked_can_fork_and_set_a_time(serve):
    server = serve(APP + """
    import time
    def work(message):
        uwsgi.set_user_harakiri(100)
        if not os.fork():
            uwsgi.set_user_harakiri(1)
            print("the child is at it", flush=True)
            time.sleep(1000)
        uwsgi.set_user_harakiri(0)
        os.wait()
        print("the child is gone", flush=True)
    uwsgi.mule_msg_hook = work
    """, "--mule")
    assert ask(server, "uwsgi.mule_msg(b'x')") == "True"
    server.wait_for_log("the child is gone")
