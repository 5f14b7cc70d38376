"""Workers that run a script or a program of their own on the server's sockets."""
import asyncio
import os
import pathlib
import re
import signal
import stat

import pytest

from harness import SOON, free_port, session_members, wait_until

aiohttp = pytest.importorskip("aiohttp")

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "aiohttp" / "aioserver.py"

# As the documentation has it, but for a stray space in front of one line.
GIVEN = """
    import asyncio
    from aiohttp import web

    import uwsgi
    import socket
    import sys
    import signal

    async def handle(request):
       name = request.match_info.get('name', "Anonymous")
       text = "Hello, " + name
       return web.Response(body=text.encode('utf-8'))

    async def wshandler(request):
       ws = web.WebSocketResponse()
       await ws.prepare(request)

       async for msg in ws:
         if msg.tp == web.MsgType.text:
             ws.send_str("Hello, {}".format(msg.data))
         elif msg.tp == web.MsgType.binary:
             ws.send_bytes(msg.data)
         elif msg.tp == web.MsgType.close:
             break

       return ws

    async def init(loop, fd):
        app = web.Application(loop=loop)
        app.router.add_route('GET', '/echo', wshandler)
        app.router.add_route('GET', '/{name}', handle)

        srv = await loop.create_server(app.make_handler(),
                                       sock=socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM))
        print("asyncio server started on uWSGI {0}".format(uwsgi.version))
        return srv

    def destroy():
       print("destroy worker {0}".format(uwsgi.worker_id()))
       sys.exit(0)

    def graceful_reload():
       print("graceful reload for worker {0}".format(uwsgi.worker_id()))
       # TODO do somethign meaningful
       sys.exit(0)

    loop = asyncio.get_event_loop()
    loop.add_signal_handler(signal.SIGINT, destroy)
    loop.add_signal_handler(signal.SIGHUP, graceful_reload)
    # spawn a handler for every uWSGI socket
    for fd in uwsgi.sockets:
       loop.run_until_complete(init(loop, fd))
    uwsgi.accepting()
    loop.run_forever()
"""

ECHO = """
    import os, socket, uwsgi

    listener = socket.socket(fileno=uwsgi.sockets[0])
    uwsgi.accepting()
    while True:
        client, peer = listener.accept()
        client.sendall(REPLY)
        client.close()
"""


@pytest.fixture
def override(start, write):
    """override(code, *options): workers that run `code` on two sockets.  The server has the ports in .ports."""

    def override(code, *options, ready=True):
        path = code if isinstance(code, pathlib.Path) else write("worker.py", code)
        ports = [free_port(), free_port()]
        args = [word for port in ports for word in ("--socket", "127.0.0.1:%d" % port)]
        server = start(*args, "--python-worker-override", path, *options, http=False, address=ports[0], ready=ready)
        server.ports = ports
        return server

    return override


def read_all(server):
    with server.connect() as s:
        parts = []
        while part := s.recv(65536):
            parts.append(part)
        return b"".join(parts)


async def talk(ports):
    async with aiohttp.ClientSession() as session:
        for port in ports:
            async with session.get("http://127.0.0.1:%d/world" % port) as answer:
                assert (answer.status, await answer.text()) == (200, "Hello, world")
            async with session.ws_connect("http://127.0.0.1:%d/echo" % port) as ws:
                await ws.send_str("socket")
                assert await ws.receive_str() == "Hello, socket"
                await ws.send_bytes(b"\0\1")
                assert await ws.receive_bytes() == b"\0\1"


@pytest.mark.parametrize("options", [["--master", "--processes", "4"], []], ids=["four workers", "without a master"])
def test_the_example_serves_http_and_websockets_on_two_sockets(override, options):
    server = override(EXAMPLE, *options)
    asyncio.run(talk(server.ports))
    server.process.send_signal(signal.SIGINT if options else signal.SIGHUP)
    assert server.wait_exit() == 0
    assert "has finished its requests" in server.log


def test_a_reload_replaces_every_worker_of_the_example(override):
    server = override(EXAMPLE, "--master", "--processes", "4")
    server.wait_for_log("aiohttp in worker", times=4)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    server.wait_for_log("has finished its requests", times=4)
    server.wait_for_log("aiohttp in worker", times=8)
    wait_until(lambda: len(session_members(server.process.pid)) == 6, "master, zygote and four workers")
    asyncio.run(talk(server.ports))
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert server.log.count("has finished its requests") == 8 and "DAMN" not in server.log


def test_the_script_of_the_documentation_serves_stops_and_reloads(override):
    server = override(GIVEN, "--master", "--processes", "4")
    assert server.get("/world").text == "Hello, world"
    server.wait_for_log("asyncio server started on uWSGI b'", times=8)  # four workers, two sockets
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    server.wait_for_log("graceful reload for worker", times=4)
    server.wait_for_log("asyncio server started", times=16)
    assert server.get("/world").text == "Hello, world"
    server.process.send_signal(signal.SIGINT)
    assert server.wait_exit() == 0
    assert server.log.count("destroy worker") == 4


@pytest.mark.parametrize("options", [["--master"], []])
def test_a_script_finds_what_any_python_has(override, options):
    server = override(ECHO.replace("REPLY", 'repr(facts).encode()').replace("import os", """import signal, sys, threading, fcntl
    facts = dict(name=__name__, file=__file__, argv=sys.argv, thread=threading.current_thread().name,
                 main=threading.current_thread() is threading.main_thread(),
                 interrupt=signal.getsignal(signal.SIGINT) is signal.default_int_handler,
                 hup=signal.getsignal(signal.SIGHUP) is signal.SIG_DFL, known=sorted(set(globals()) & {"application"}))
    import os""").replace("uwsgi.accepting()", """facts["blocks"] = not fcntl.fcntl(listener, fcntl.F_GETFL) & os.O_NONBLOCK
    uwsgi.accepting()"""), *options)
    facts = eval(read_all(server))
    assert facts.pop("file").endswith("/worker.py")
    assert facts == {"name": "__main__", "argv": ["uwsgi"], "thread": "uWSGIWorker1Core0", "main": True, "interrupt": True,
                     "hup": True, "known": [], "blocks": True}


def test_a_worker_accepts_when_it_says_so(override):
    server = override("""
        import time, uwsgi
        while not uwsgi.workers()[0]["pid"]:
            time.sleep(0.01)
        before = uwsgi.workers()[0]["accepting"]
        uwsgi.accepting()
        print("accepting: %d and then %d" % (before, uwsgi.workers()[0]["accepting"]))
        time.sleep(60)
    """, "--master")
    server.wait_for_log("accepting: 0 and then 1")


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_without_a_handler_ends_the_worker(override, signum):
    server = override(ECHO.replace("REPLY", "str(os.getpid()).encode()"), "--master")
    pid = int(read_all(server))
    os.kill(pid, signum)
    wait_until(lambda: int(read_all(server) or pid) != pid, "another worker")


def test_workers_end_with_their_master(override):
    server = override(ECHO.replace("REPLY", "str(os.getpid()).encode()"), "--master", "--processes", "2")
    read_all(server)
    os.kill(server.process.pid, signal.SIGKILL)
    wait_until(lambda: not session_members(server.process.pid), "all processes to end", SOON)


@pytest.mark.parametrize("code, said", [
    ("raise ValueError('broken')", "exit status 1"),
    ("import sys; sys.exit(7)", "exit status 7"),
    ("import sys; sys.exit()", "exit status 0"),
    ("pass", "exit status 0"),
    ("import sys; sys.exit(17)", "Seeya"),
])
def test_a_script_that_ends_is_started_again(override, code, said):
    server = override(code, "--master", ready=False)
    server.wait_for_log(said)
    server.wait_for_log("Respawned uWSGI worker 1")
    assert ("ValueError: broken" in server.log) == ("ValueError" in code)


def test_a_script_that_is_missing_is_named(override, tmp_path):
    server = override(tmp_path / "nowhere.py", "--master", ready=False)
    server.wait_for_log('nowhere.py"): No such file or directory')


@pytest.mark.parametrize("option", ["--worker-exec", "--worker-exec2"])
def test_a_program_takes_the_place_of_the_workers(start, write, option):
    path = write("serve.sh", """\
        #!/usr/bin/python3
        import os, socket, sys
        listener = socket.socket(fileno=0)
        while True:
            client, peer = listener.accept()
            client.sendall(" ".join([str(os.getpid())] + sys.argv[1:]).encode())
            client.close()
    """)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    port = free_port()
    server = start("--socket", "127.0.0.1:%d" % port, "--master", "--processes", "2", option, "%s with words" % path,
                   http=False, address=port)
    pid, *words = read_all(server).decode().split()
    assert words == ["with", "words"]
    os.kill(int(pid), signal.SIGTERM)
    server.wait_for_log("Respawned uWSGI worker")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    wait_until(lambda: re.match(rb"\d+ with words", read_all(server)), "a worker of the new generation")
