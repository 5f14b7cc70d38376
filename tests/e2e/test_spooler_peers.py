"""One directory of tasks, several servers: external spoolers, uWSGI 2.0, packets over a socket."""
import time

from harness import wait_until
from spool import APP, lines, packet, spooled, tasks, wait_drained, wait_for
from wire import exchange


def test_an_external_spooler_is_written_to_and_run_by_another_server(serve, spooling, tmp_path):
    writer = serve(APP, "--spooler-external", str(tmp_path / "sp"))
    assert "spawned the uWSGI spooler" not in writer.log
    assert eval(writer.post("/", "uwsgi.spooler_pids()").text) == [0]
    spooled(writer.post("/", "uwsgi.spool(id='1')").text)
    assert len(tasks(tmp_path)) == 1
    spooling("--spooler-frequency", "1000")
    wait_for(tmp_path, "1")
    spooled(writer.post("/", "uwsgi.spool(id='2')").text)
    wait_for(tmp_path, "2")


def test_2_0_runs_what_was_written_here(serve, old_server, tmp_path):
    (tmp_path / "sp").mkdir()
    server = serve(APP, "--spooler-external", str(tmp_path / "sp"))
    for call in ("id='1', body=b'\\0\\xff'", "id='2', priority=4", "id='3', at=%d" % (time.time() + 1000)):
        spooled(server.post("/", "uwsgi.spool(%s)" % call).text)
    old_server("python3,spooler", "app.py", "--spooler", str(tmp_path / "sp"), "--spooler-ordered", "--spooler-frequency", "1")
    wait_until(lambda: len(lines(tmp_path, "tasks")) == 2, "two tasks to run")
    bodies = [eval(line)[2].get("body") for line in lines(tmp_path, "tasks")]
    assert b"\0\xff" in bodies
    wait_until(lambda: len(tasks(tmp_path)) == 1, "them to be done")
    assert sorted(lines(tmp_path)) == ["1", "2"]


def test_what_2_0_writes_is_run_here_at_once(spooling, old_server, tmp_path, write):
    write("spool_one.py", """
        import uwsgi
        for n in range(20):
            uwsgi.spool({b"id": str(n).encode(), b"body": b"\\xff" * 5000})
    """)
    spooling("--spooler-frequency", "1000")
    old_server("python3,spooler", "app.py", "--spooler-external", str(tmp_path / "sp"), "--import", "spool_one")
    wait_for(tmp_path, *map(str, range(20)))
    wait_drained(tmp_path)
    assert sorted(lines(tmp_path), key=int) == [str(n) for n in range(20)]


def test_a_packet_of_modifier_17_is_a_task_where_the_socket_may(spooling, tmp_path):
    server = spooling("--socket", "open.sock", "--socket", "closed.sock", "--spooler-remote", "open.sock")
    task = packet({b"id": b"remote", b"priority": b"3"})
    assert exchange(tmp_path / "closed.sock", task) == b"\xff\0\0\0"
    server.wait_for_log("closed.sock is refused: spooler-remote does not name it")
    assert exchange(tmp_path / "open.sock", task) == b"\xff\0\0\x01"
    wait_for(tmp_path, "remote")
    pickled = packet({b"id": b"evil", b"ud_spool_func": b"f", b"args": b"cos\nsystem\n"})
    assert exchange(tmp_path / "open.sock", pickled) == b"\xff\0\0\0"
    server.wait_for_log("its arguments are pickled")
    wait_drained(tmp_path)
    assert lines(tmp_path) == ["remote"]
