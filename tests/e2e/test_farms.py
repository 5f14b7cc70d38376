"""Farms as targets of signals: the first of their mules that is free handles each."""
import re
import signal

from harness import wait_until

APP = """
    import time, uwsgi

    def heard(number):
        print("signal %d in mule %d" % (number, uwsgi.mule_id()), flush=True)
        if number == 3:
            time.sleep(0.5)

    uwsgi.register_signal(1, "farm_pigs", heard)
    uwsgi.register_signal(2, "farm2", heard)
    uwsgi.register_signal(3, "farm_cows", heard)
    uwsgi.register_signal(4, "farm_sheep", heard)
    uwsgi.register_signal(5, "cluster", heard)

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr(eval(environ["wsgi.input"].read().decode() or "0")).encode()]
"""
FARMS = ("--mules", "4", "--farm", "pigs:2", "--farm", "cows:3,4")


def ask(server, code):
    return server.post("/", code.encode()).text


def mules_that_heard(server, number):
    return re.findall(r"signal %d in mule (\d)" % number, server.log)


def test_a_signal_for_a_farm_is_handled_once_by_one_of_its_mules(serve):
    server = serve(APP, *FARMS)
    for _ in range(20):
        assert ask(server, "uwsgi.signal(1)") == "True"
        assert ask(server, "uwsgi.signal(2)") == "True"
    wait_until(lambda: mules_that_heard(server, 1) == ["2"] * 20, "twenty in the only mule of the first farm")
    wait_until(lambda: len(mules_that_heard(server, 2)) == 20, "twenty in the second farm")
    assert set(mules_that_heard(server, 2)) <= {"3", "4"}


def test_a_busy_mule_leaves_signals_to_the_others_of_its_farm(serve):
    server = serve(APP, *FARMS)
    for _ in range(4):
        assert ask(server, "uwsgi.signal(3)") == "True"
    wait_until(lambda: len(mules_that_heard(server, 3)) == 4, "all four")
    assert set(mules_that_heard(server, 3)) == {"3", "4"}


def test_a_farm_that_is_not_there_and_other_servers_are_told(serve):
    server = serve(APP, *FARMS)
    server.wait_for_log('no process of this server answers to the target "farm_sheep"')
    server.wait_for_log('no plugin is loaded that reaches other servers, which are the target "cluster"')
    assert ask(server, "uwsgi.signal(4)") == "False"
    assert ask(server, "uwsgi.signal(5)") == "False"


def test_a_program_of_a_mule_gets_signals_of_its_farm_while_it_waits(serve, write):
    script = write("somaro.py", """
        import uwsgi
        uwsgi.register_signal(6, "farm_pigs", lambda n: print("signal 6 in the program", flush=True))
        while True:
            uwsgi.mule_get_msg()
    """)
    server = serve(APP, "--mule=%s" % script, "--farm", "pigs:1")
    server.wait_for_log("signum 6 registered")
    assert ask(server, "uwsgi.signal(6)") == "True"
    server.wait_for_log("signal 6 in the program")


def test_farms_of_long_names_keep_their_messages_over_a_reload(serve, write):
    names = ["f" * 50 + "1", "f" * 50 + "2"]
    busy = """
        import os, time
        while not os.path.exists("free"): time.sleep(0.01)
        import uwsgi
        while True: print("mule %d got" % uwsgi.mule_id(), uwsgi.farm_get_msg(), flush=True)
    """
    script = write("busy.py", busy)
    server = serve(APP, "--mule=%s" % script, "--mule=%s" % script, "--mule-reload-mercy", "1",
                   "--farm", names[0] + ":1", "--farm", names[1] + ":2")
    for name in names:
        assert ask(server, "uwsgi.farm_msg('%s', b'for %s')" % (name, name[-1])) == "True"
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    write("free", "")
    server.wait_for_log("mule 1 got b'for 1'")
    server.wait_for_log("mule 2 got b'for 2'")


def test_there_can_be_many_farms(serve):
    farms = [word for n in range(100) for word in ("--farm", "f%d:1,2" % n)]
    server = serve(APP, "--mules", "2", *farms)
    assert ask(server, "uwsgi.farm_msg('f99', b'hello')") == "True"
    server.wait_for_log("received a 5 bytes message")


def test_two_farms_of_one_name_are_refused(start):
    server = start("--mule", "--farm", "a:1", "--farm", "a:1", ready=False)
    assert server.process.wait(10) == 1
    server.wait_for_log("farm = a: there are two of that name")
