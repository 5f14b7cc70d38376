"""The module `uwsgi` as programs written for uWSGI 2.0 know it."""
import concurrent.futures
import socket
import threading

import pytest

from harness import wait_until

ASK = """
import json, os, sys, time
import uwsgi

def application(environ, start_response):
    source = environ["wsgi.input"].read().decode()
    try:
        answer = repr(eval(source, globals(), {"environ": environ}))
    except Exception as error:
        answer = "%s: %s" % (type(error).__name__, error)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
"""


@pytest.fixture
def ask(serve):
    """ask(expression): its repr, as an application of a server with two workers sees it."""
    server = serve(ASK, "--processes", "2", "--set", "greeting=hello", "--set", "many=1", "--set", "many=2")

    def ask(expression):
        return server.post("/", expression.encode()).text

    ask.server = server
    return ask


@pytest.mark.parametrize("expression, expected", [
    ("uwsgi.numproc", "2"),
    ("type(uwsgi.buffer_size)", "<class 'int'>"),
    ("abs(uwsgi.started_on - time.time()) < 60", "True"),
    ("uwsgi.applications", "None"),
    ("uwsgi.opt['greeting']", "b'hello'"),
    ("uwsgi.opt['master']", "True"),
    ("uwsgi.opt['many']", "[b'1', b'2']"),
    ("type(uwsgi.version)", "<class 'bytes'>"),
    ("len(uwsgi.version_info), type(uwsgi.version_info[4])", "(5, <class 'bytes'>)"),
    ("uwsgi.hostname.decode() == os.uname().nodename", "True"),
    ("len(uwsgi.sockets), type(uwsgi.sockets[0])", "(1, <class 'int'>)"),
    ("uwsgi.cores, uwsgi.has_threads, uwsgi.loop, uwsgi.unbit", "(1, 1, None, None)"),
    ("uwsgi.magic_table[b'h'].decode() == os.uname().nodename", "True"),
    ("uwsgi.env is environ", "True"),
    ("uwsgi.worker_id() in (1, 2)", "True"),
    ("uwsgi.ready()", "True"),
    ("uwsgi.total_requests(1, 2, 3) >= 0", "True"),
    ("type(uwsgi.request_id())", "<class 'int'>"),
    ("type(uwsgi.workers()), [type(w) for w in uwsgi.workers()]", "(<class 'tuple'>, [<class 'dict'>, <class 'dict'>])"),
    ("sorted(uwsgi.workers()[0])", str(sorted(
        "id pid requests delta_requests signals exceptions status rss vsz running_time last_spawn respawn_count tx "
        "avg_rt apps accepting harakiri_count timeouts".split()))),
    ("os.getpid() in [w['pid'] for w in uwsgi.workers()]", "True"),
    ("[w['status'] for w in uwsgi.workers() if w['pid'] == os.getpid()]", "[b'busy']"),
    ("uwsgi.workers() is uwsgi.workers()", "False"),
    ("[type(n) for n in uwsgi.mem()], type(uwsgi.mem())", "([<class 'int'>, <class 'int'>], <class 'tuple'>)"),
    ("uwsgi.listen_queue()", "0"),
    ("uwsgi.listen_queue(9)", "ValueError: unable to find socket 9"),
    ("abs(uwsgi.micros() / 1e6 - time.time()) < 5", "True"),
    ("uwsgi.accepting(accepting=True)", "None"),
    ("uwsgi.set_warning_message('careful')", "True"),
    ("uwsgi.sorry_i_need_to_block()", "True"),
    ("uwsgi.cl()", "10"),
    ("uwsgi.connection_fd() > 2", "True"),
    ("uwsgi.set_logvar('a', b'b'), uwsgi.get_logvar(b'a'), uwsgi.get_logvar('c')", "(None, b'b', None)"),
    ("uwsgi.log_this_request()", "None"),
    ("uwsgi.log('100% safe')", "True"),
    ("uwsgi.connect('127.0.0.1:1')", "-1"),
    ("uwsgi.is_connected(9999)", "False"),
    ("uwsgi.extract('/does/not/exist')", "None"),
    ("uwsgi.parsefile('/etc/hostname')", "None"),
    ("uwsgi.embedded_data('x')", "ValueError: unable to find symbol x"),
    ("uwsgi.get_option(7), uwsgi.get_option(0), uwsgi.get_option(1)", "(1, 1, 0)"),
    ("uwsgi.has_hook(0)", "True"),
    ("[uwsgi.has_hook(n) for n in (7, 255, 256, -1)]", "[None, None, None, None]"),
    ("uwsgi.nothing_of_this_name", "AttributeError: module 'uwsgi' has no attribute 'nothing_of_this_name'"),
])
def test_the_answer_to(ask, expression, expected):
    assert ask(expression) == expected


@pytest.mark.parametrize("expression, error", [
    ("uwsgi.log()", "TypeError: log() is missing its argument 'message': log(message: text) -> bool"),
    ("uwsgi.log(3)", "TypeError: log() argument 1 (message) must be text, not int"),
    ("uwsgi.log('a', 'b')", "TypeError: log() takes at most 1 argument (2 given)"),
    ("uwsgi.log(msg='a')", "TypeError: log() got an unexpected keyword argument 'msg'"),
    ("uwsgi.log('a', message='b')", "TypeError: log() got multiple values for argument 'message'"),
    ("uwsgi.setprocname(b'x')", "TypeError: setprocname() argument 1 (name) must be str, not bytes"),
    ("uwsgi.setprocname('a\\0b')", "ValueError: setprocname() argument 1 (name): embedded null character"),
    ("uwsgi.listen_queue(1.5)", "TypeError: listen_queue() argument 1 (id) must be int, not float"),
    ("uwsgi.listen_queue(2**70)", "OverflowError: Python int too large to convert to a signed 64-bit integer"),
])
def test_a_wrong_call_is_told(ask, expression, error):
    assert ask(expression) == error


def test_functions_document_themselves(ask):
    assert ask("str(__import__('inspect').signature(uwsgi.connect))") == "'(address, timeout=0)'"
    assert "Connect to host:port" in ask("uwsgi.connect.__doc__")
    assert ask("uwsgi.connect.__name__, uwsgi.connect.__module__") == "('connect', 'uwsgi')"


def test_masterpid_is_what_was_started(ask):
    assert int(ask("uwsgi.masterpid()")) == ask.server.process.pid


def test_log_writes_a_line(ask):
    ask("uwsgi.log('a line from the application')")
    ask.server.wait_for_log("a line from the application\n")


def test_setprocname_sets_the_title(ask):
    pid = int(ask("(uwsgi.setprocname('my worker'), os.getpid())[1]"))
    with open("/proc/%d/cmdline" % pid, "rb") as cmdline:
        assert cmdline.read().startswith(b"my worker")


def test_a_function_of_the_request_outside_of_one_is_refused(serve):
    server = serve("""
        import uwsgi
        try:
            uwsgi.disconnect()
        except RuntimeError as error:
            print("refused:", error)
        print("at import:", uwsgi.ready(), uwsgi.worker_id(), uwsgi.cl(), uwsgi.connection_fd())

        def application(environ, start_response):
            start_response("200 OK", [])
            return []
    """)
    server.wait_for_log("refused: disconnect() can be called only while a request is running")
    server.wait_for_log("at import: None 0 0 0")


def test_disconnect_lets_the_request_go_on(serve):
    server = serve("""
        import uwsgi

        def application(environ, start_response):
            start_response("200 OK", [])
            uwsgi.disconnect()
            print("still here")
            return []
    """)
    assert server.raw(b"GET / HTTP/1.0\r\n\r\n") == b""
    server.wait_for_log("still here")


def test_sockets_can_be_used(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        whole = "(lambda fd: (uwsgi.send(fd, 'ping'), uwsgi.is_connected(fd), uwsgi.recv_block(fd, 4), uwsgi.recv(fd), " \
                "uwsgi.close(fd)))(uwsgi.connect('127.0.0.1:%d'))" % port
        answers = []
        asking = threading.Thread(target=lambda: answers.append(ask(whole)))
        asking.start()
        peer, _ = listener.accept()
        with peer:
            assert peer.recv(4) == b"ping"
            peer.sendall(b"abcdef")
        asking.join()
    assert answers == ["(True, True, b'abcd', b'ef', None)"]


def test_parsefile_reads_a_packet(ask, tmp_path):
    def string(text):
        return len(text).to_bytes(2, "little") + text

    packet = string(b"key") + string(b"value") + string(b"n") + string(b"")
    (tmp_path / "task").write_bytes(bytes([17]) + len(packet).to_bytes(2, "little") + b"\0" + packet + b"body")
    assert ask("uwsgi.parsefile('task')") == "{b'key': b'value', b'n': b''}"


def test_sendfile_sends_a_part_of_a_file(serve, write):
    write("data.txt", "0123456789")
    server = serve("""
        import uwsgi

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            uwsgi.sendfile("data.txt", 0, 2, 5)
            return []
    """)
    assert server.get().body == b"23456"


def test_hooks_run(serve):
    server = serve("""
        import atexit
        import uwsgi

        uwsgi.post_fork_hook = lambda: print("hook: fork of", uwsgi.worker_id())
        uwsgi.after_req_hook = lambda: print("hook: after a request")
        uwsgi.atexit = lambda: print("hook: end of", uwsgi.worker_id())
        atexit.register(lambda: print("hook: atexit of Python"))

        def application(environ, start_response):
            start_response("200 OK", [])
            return []
    """)
    server.get()
    server.wait_for_log("hook: fork of 1")
    server.wait_for_log("hook: after a request")
    server.stop()
    assert server.log.index("hook: end of 1") < server.log.index("hook: atexit of Python")


def test_postfork_and_thread(serve):
    server = serve("""
        import time
        from uwsgidecorators import *

        @postfork
        def broken():
            raise ValueError("an entry that fails")

        @postfork
        def everywhere():
            uwsgi.log("postfork in worker %d" % uwsgi.worker_id())

        @postfork(2)
        def second():
            uwsgi.log("only in worker %d" % uwsgi.worker_id())

        @postfork
        @thread
        def threaded(word="default"):
            uwsgi.log("thread says " + word)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [str(threaded.f is not None and second is not None).encode()]
    """, "--processes", "2")
    assert server.get().text == "True"
    for line in ("postfork in worker 1", "postfork in worker 2", "only in worker 2", "thread says default",
                 "ValueError: an entry that fails"):
        server.wait_for_log(line)
    assert "only in worker 1" not in server.log


def test_stop_stops(ask):
    assert ask("uwsgi.stop()") == "True"
    assert ask.server.wait_exit() == 0


def test_reload_reloads(serve):
    server = serve(ASK, "--processes", "1", env={"UWSGI_RELOADS": "5"})  # of another, which started this one
    before = server.post("/", b"os.getpid()").text
    assert server.post("/", b"os.environ['UWSGI_RELOADS']").text == "'0'"
    assert server.post("/", b"uwsgi.reload()").text == "True"
    wait_until(lambda: server.post("/", b"os.getpid()").text != before, "another worker")
    assert server.post("/", b"os.environ['UWSGI_RELOADS']").text == "'1'"


def test_the_module_is_not_there_outside_of_the_server():
    import subprocess
    assert subprocess.run(["/usr/bin/python3", "-c", "import uwsgi"], capture_output=True).returncode == 1


@pytest.mark.parametrize("name", sorted(
    "reload stop workers masterpid worker_id request_id total_requests ready log log_this_request set_logvar get_logvar "
    "get_option getoption set_option setoption disconnect connection_fd cl close is_connected connect async_connect send "
    "recv recv_block mem setprocname listen_queue accepting micros logsize set_warning_message parsefile embedded_data "
    "extract sorry_i_need_to_block sendfile add_var".split()))
def test_the_table_has(ask, name):
    assert ask("callable(uwsgi.%s)" % name) == "True"


def test_an_option_that_is_set_holds_in_all_workers(serve):
    server = serve("""
import time
import uwsgi

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/set":
        return [b"%d" % uwsgi.set_option(10, 1234)]
    time.sleep(0.1)  # so that two requests at once need both workers
    return [b"%d %d" % (uwsgi.worker_id(), uwsgi.get_option(10))]
""", "--processes", "2")
    assert server.get("/set").text == "1234"
    seen = set()

    def both():
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            seen.update(answer.text for answer in pool.map(lambda _: server.get(), range(2)))
        return len(seen) >= 2

    wait_until(both, "both workers to answer")
    assert seen == {"1 1234", "2 1234"}


@pytest.mark.parametrize("code, answer", [
    ("uwsgi.mule_id()", "0"),
    ("uwsgi.in_farm()", "None"),
    ("uwsgi.in_farm('pigs')", "None"),
    ("uwsgi.i_am_the_spooler()", "None"),
    ("uwsgi.mule_msg('x', 1)", "ValueError: no mule configured"),
    ("uwsgi.farm_msg('pigs', 'x')", "ValueError: no mule configured"),
    ("uwsgi.mule_get_msg(timeout=1)", "ValueError: you can receive mule messages only in a mule !!!"),
    ("uwsgi.farm_get_msg()", "ValueError: you can receive farm messages only in a mule !!!"),
    ("hasattr(uwsgi, 'spool'), hasattr(uwsgi, 'spooler_jobs')", "(False, False)"),
])
def test_programs_may_ask_for_mules_and_spoolers_where_there_are_none(ask, code, answer):
    assert ask(code) == answer
