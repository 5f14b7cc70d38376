"""The command lines and files of the documentation this server was built from, as they stand there."""
import contextlib
import os
import signal
import xml.etree.ElementTree as xml

import pytest

from harness import free_port
from load import Load, answered

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


def test_the_xml_file_serves(start, write):
    write("bootstrap.py", BOOTSTRAP)
    port = free_port()
    root = xml.Element("uwsgi")
    for name, text in [("http-socket", "127.0.0.1:%d" % port), ("module", "bootstrap"), ("workers", "4"), ("threads", "2")]:
        xml.SubElement(root, name).text = text
    write("uwsgi.xml", xml.tostring(root).decode())
    assert start("--xml", "uwsgi.xml", http=False, address=port).get().text == "HelloWorld"


# ---- the processes: one master, its workers, and their threads ----


@pytest.mark.parametrize("options, loads", [([], 1), (["--lazy-apps"], 4)])
def test_the_application_is_loaded_once_or_once_in_each_worker(serve, options, loads):
    server = serve("print('loading', flush=True)\n" + BOOTSTRAP.replace("\n    ", "\n"), "--processes", "4", *options)
    assert server.get().text == "HelloWorld"
    server.wait_for_log("loading\n", times=loads)
    assert server.log.count("loading\n") == loads


def test_each_thread_of_each_worker_answers_a_request_at_the_same_time(serve, tmp_path):
    (tmp_path / "wait").touch()
    server = serve("""
        import os, time
        def application(env, start_response):
            print("begun", flush=True)
            while os.path.exists("wait"):
                time.sleep(0.01)
            start_response("200 OK", [])
            return [b"done"]
    """, "--processes", "4", "--threads", "2")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(8)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        server.wait_for_log("begun\n", times=8)
        (tmp_path / "wait").unlink()
        for client in clients:
            assert b" 200 OK" in client.recv(1000)


def test_the_master_replaces_a_worker_and_obeys_signals(serve):
    server = serve(BOOTSTRAP, "--processes", "2")
    os.kill(server.pid_of("worker", 2), signal.SIGKILL)
    server.wait_for_log("trying respawn")
    server.wait_for_log("Respawned uWSGI worker")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    server.process.send_signal(signal.SIGINT)
    assert server.wait_exit() == 0


def test_thunder_lock_is_understood(serve):
    server = serve(BOOTSTRAP, "--thunder-lock", "--strict", "--processes", "4")
    assert server.get().text == "HelloWorld"
    assert "thunder" not in server.log


# ---- overriding workers: "accepting() is needed for touch-chain-reload to work" ----

ACCEPTS_LATE = """
    import socket, time, uwsgi
    print("worker %d begins" % uwsgi.worker_id(), flush=True)
    time.sleep(0.3)  # what it takes before it can serve
    print("worker %d accepts" % uwsgi.worker_id(), flush=True)
    uwsgi.accepting()
    listener = socket.socket(fileno=uwsgi.sockets[0])
    while True:
        client, _ = listener.accept()
        client.recv(1000)
        client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nhello")
        client.close()
"""


def test_a_chain_of_overridden_workers_waits_for_each_to_accept(start, write, tmp_path):
    write("worker.py", ACCEPTS_LATE)
    (tmp_path / "chain").touch()
    server = start("--master", "--processes", "2", "--python-worker-override", "worker.py", "--touch-chain-reload", "chain")
    assert answered(server).endswith(b"hello")
    server.wait_for_log(" accepts\n", times=2)
    old = len(server.log)
    with Load(server) as load:
        os.utime(tmp_path / "chain", (1, 1))
        server.wait_for_log("chain reloading complete")
    new = server.log[old:]
    steps = ["victim is worker 1", "worker 1 begins", "worker 1 accepts", "victim is worker 2", "worker 2 begins",
             "worker 2 accepts", "chain reloading complete"]
    assert [step for line in new.splitlines() for step in steps if step in line] == steps
    assert len(load.failures) <= 2  # a script that is told to end with a request at hand ends
