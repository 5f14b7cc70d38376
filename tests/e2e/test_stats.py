"""Statistics: what the server tells of itself, to whom, and that it is never held up by who asks."""
import http.client
import json
import os
import pwd
import select
import signal
import socket
import stat
import subprocess
import time

import pytest

from binary import BINARY
from harness import DEADLINE, free_port, others_may_run, wait_until

APP = """
    import uwsgi

    def fail(number):
        raise ValueError("a handler that fails")

    uwsgi.register_signal(17, "mule1", lambda number: None)
    uwsgi.register_signal(18, "workers", fail)
    uwsgi.register_signal(19, "cluster", lambda number: None)
    uwsgi.add_ms_timer(17, 50)
    uwsgi.add_rb_timer(18, 1, 1)
    uwsgi.add_ms_timer(19, 50)
    uwsgi.add_cron(17, -1, -1, -1, -1, -1)
    uwsgi.add_file_monitor(17, "watched")

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        code = environ["wsgi.input"].read().decode()
        return [repr(eval(code)).encode() if code else b"ok"]
"""


class Stats:
    """Where a server tells of itself."""

    def __init__(self, address):
        self.address = address

    @property
    def option(self):
        return self.address if isinstance(self.address, str) else "127.0.0.1:%d" % self.address

    def connect(self):
        if isinstance(self.address, int):
            return socket.create_connection(("127.0.0.1", self.address), DEADLINE)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(DEADLINE)
        s.connect(self.address)
        return s

    def raw(self, said=b""):
        with self.connect() as s:
            s.sendall(said)
            parts = []
            while part := s.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def read(self):
        return json.loads(self.raw())

    def one(self, section, **which):
        """The entry of a section with these values, or None."""
        for entry in self.read()[section]:
            if all(entry.get(key) == value for key, value in which.items()):
                return entry
        return None

    def wait_for(self, section, condition, **which):
        seen = []

        def there():
            seen[:] = [self.one(section, **which)]
            return seen[0] and condition(seen[0]) and seen[0]

        return wait_until(there, lambda: "%s %s, which is %s" % (section, which, seen))


@pytest.fixture
def told(serve, tmp_path):
    """told(code, *options): a server and its statistics."""

    def told(code=APP, *args, address=None, site=None, **options):
        stats = Stats(address or free_port())
        (tmp_path / "watched").write_text("")
        if site:
            args, options = ("--http-socket", site, *args), {"address": site}
        return serve(code, "--stats", stats.option, *args, **options), stats

    return told


def test_the_fields_that_uwsgi_has_are_there(told, tmp_path):
    server, stats = told(APP, "-p", "2", "--memory-report")
    server.get()
    wait_until(lambda: sum(w["requests"] for w in stats.read()["workers"]), "the request to be counted")
    all = stats.read()
    assert list(all)[:3] == ["version", "listen_queue", "signal_queue"]
    assert all["pid"] == server.process.pid
    assert (all["uid"], all["gid"], all["cwd"]) == (os.getuid(), os.getgid(), str(tmp_path))
    assert all["sockets"][0]["name"] == "127.0.0.1:%d" % server.address
    assert (all["sockets"][0]["proto"], all["sockets"][0]["max_queue"]) == ("http", 100)
    assert [worker["id"] for worker in all["workers"]] == [1, 2]
    for worker in all["workers"]:
        assert set(worker) >= set("""id pid accepting requests delta_requests exceptions harakiri_count signals
            signal_queue status rss vsz running_time last_spawn respawn_count tx avg_rt apps cores""".split())
        assert worker["status"] in ("idle", "busy") and worker["accepting"] == 1
        assert abs(worker["last_spawn"] - time.time()) < 2 * DEADLINE
        os.kill(worker["pid"], 0)
        assert [core["id"] for core in worker["cores"]] == [0]
    served = max(all["workers"], key=lambda worker: worker["requests"])
    assert served["requests"] == served["cores"][0]["requests"] == 1
    assert served["rss"] > 0 and served["vsz"] > 0 and served["tx"] > 0


def test_a_worker_that_answers_is_busy(told, write):
    server, stats = told("""
        import os, time
        def application(environ, start_response):
            while not os.path.exists("go on"):
                time.sleep(0.01)
            start_response("200 OK", [])
            return [b"ok"]
    """)
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        busy = stats.wait_for("workers", lambda worker: worker["status"] == "busy", id=1)
        assert busy["cores"] == [{"id": 0, "requests": 0, "in_request": 1}]
        write("go on", "")
        assert client.recv(100).startswith(b"HTTP/1")
    stats.wait_for("workers", lambda worker: worker["status"] == "idle" and worker["requests"] == 1, id=1)


def test_connections_that_wait_are_counted_on_unix_sockets_too(told, tmp_path):
    path = tmp_path / "app.sock"
    server, stats = told(APP, site=path)
    server.process.send_signal(signal.SIGTSTP)  # nothing is accepted
    stats.wait_for("workers", lambda worker: worker["status"] == "pause", id=1)
    clients = []

    def one_more():  # until the worker has heard of the pause
        clients.append(server.connect())
        return stats.one("sockets", name=str(path))["queue"] == 2

    wait_until(one_more, "two connections that wait")
    all = stats.read()
    assert all["listen_queue"] == all["load"] == 2
    assert all["sockets"][0]["max_queue"] == 100
    for client in clients:
        client.close()


def test_a_worker_that_is_not_there_is_cheap_and_a_paused_one_says_so(told):
    server, stats = told(APP, "-p", "2", "--cheaper", "1", "--cheaper-initial", "1", ready=False)
    wait_until(lambda: "spawned uWSGI worker 1" in server.log, "the worker")
    assert [(w["status"], w["pid"] > 0) for w in stats.read()["workers"]] == [("idle", True), ("cheap", False)]
    server.process.send_signal(signal.SIGTSTP)
    stats.wait_for("workers", lambda worker: worker["status"] == "pause", id=1)


def test_timers_tell_how_they_went_and_when_they_are_due(told):
    _, stats = told(APP, "--mules", "2")
    timer = stats.wait_for("timers", lambda timer: timer["runs"] >= 3, signal=17)
    assert (timer["period"], timer["failures"]) == (0.05, 0)
    assert abs(timer["last"] - time.time()) < DEADLINE
    assert 0 <= timer["next"] - timer["last"] < 0.1
    done = stats.wait_for("timers", lambda timer: timer["runs"] == 1, signal=18)
    assert (done["left"], done["next"]) == (0, 0)


def test_a_signal_that_is_refused_is_counted_with_what_raised_it(told):
    server, stats = told(APP, "--mules", "2")
    timer = stats.wait_for("timers", lambda timer: timer["failures"] >= 2, signal=19)
    assert timer["runs"] == 0
    refused = stats.one("signals", number=19)
    assert refused["refused"] >= 2 and refused["raised"] == 0 and refused["target"] == "cluster"
    assert server.post("/", b"uwsgi.signal(77)").text == "False"
    assert stats.one("signals", number=77)["refused"] == 1


def test_a_handler_that_fails_is_counted(told):
    server, stats = told(APP, "--mules", "2", "-p", "2")
    server.post("/", b"uwsgi.signal(18)")
    number = stats.wait_for("signals", lambda number: number["failed"] >= 2, number=18)
    assert number["handled"] == 0 and number["raised"] == number["failed"]
    worker = stats.one("workers", id=1)
    assert worker["signals"] == worker["signal_failures"] > 0
    assert abs(worker["last_signal"] - time.time()) < DEADLINE


def test_a_mule_tells_what_it_did_and_lives_on_in_its_successor(told):
    _, stats = told(APP, "--mules", "2")
    mule = stats.wait_for("mules", lambda mule: mule["signals"] >= 3, id=1)
    assert (mule["respawns"], mule["failures"]) == (0, 0)
    assert stats.one("mules", id=2)["signals"] == 0
    os.kill(mule["pid"], signal.SIGKILL)
    after = stats.wait_for("mules", lambda mule: mule["respawns"] == 1 and mule["pid"], id=1)
    assert after["signals"] >= mule["signals"] and after["pid"] != mule["pid"]


def test_the_messages_of_a_mule_and_those_that_failed_are_counted(told):
    server, stats = told(APP + """
    import uwsgidecorators
    @uwsgidecorators.mulefunc(1)
    def work(how):
        if how == "badly":
            raise ValueError("on purpose")
    for how in ("well", "badly", "well"):
        work(how)
    """, "--mules", "2")
    mule = stats.wait_for("mules", lambda mule: mule["messages"] == 3, id=1)
    assert mule["runs"] == mule["messages"] + mule["signals"]
    stats.wait_for("mules", lambda mule: mule["failures"] == 1, id=1)
    assert abs(mule["last"] - time.time()) < DEADLINE
    assert stats.one("mules", id=2)["messages"] == 0


def test_a_file_that_is_watched_is_counted(told, tmp_path):
    _, stats = told(APP, "--mules", "1")
    watched = stats.wait_for("file_monitors", lambda monitor: True, signal=17)
    assert (watched["file"], watched["runs"], watched["last"]) == ("watched", 0, 0)
    (tmp_path / "watched").write_text("changed")
    stats.wait_for("file_monitors", lambda monitor: monitor["runs"] >= 1, signal=17)


def test_crons_tell_their_runs_and_their_next_minute(told):
    _, stats = told(APP, "--mules", "1", "--cron", "-1 -1 -1 -1 -1 exit 3", "--cron", "0 0 30 2 -1 never",
                    "--unique-cron", "-1 -1 -1 -1 -1 exec sleep 1000")
    failed = stats.wait_for("crons", lambda cron: cron["failures"] >= 1, command="exit 3")
    assert failed["runs"] >= 1 and (failed["minute"], failed["week"], failed["unique"]) == (-1, -1, 0)
    assert (failed["pid"], failed["started_at"]) == (-1, 0)
    assert failed["next"] % 60 == 0 and 0 < failed["next"] - failed["last"] <= 60
    runs = stats.one("crons", command="exec sleep 1000")
    assert runs["unique"] == runs["runs"] == 1 and runs["started_at"] == runs["last"]
    os.kill(runs["pid"], 0)
    never = stats.one("crons", command="never")
    assert (never["runs"], never["last"], never["next"]) == (0, 0, 0)
    raised = stats.wait_for("crons", lambda cron: cron["runs"] >= 1, signal=17)
    assert raised["next"] % 60 == 0 and raised["next"] > raised["last"]


def test_what_lives_on_over_a_reload_keeps_its_counters(told, write):
    server, stats = told(APP, "--mules", "1", "--cron", "-1 -1 -1 -1 -1 exit 3")
    stats.wait_for("crons", lambda cron: cron["failures"] >= 1, command="exit 3")
    before = stats.wait_for("timers", lambda timer: timer["runs"] >= 20, signal=17)
    write("app.py", "import os, time\n"
          "while not os.path.exists('go on'): time.sleep(0.01)\n"
          "def application(e, s):\n    s('200 OK', [])\n    return [b'new']\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("gracefully (RE)spawned uWSGI master process")
    # the new application is being loaded: the timers are the old one's, kept by the next image of the master
    during = stats.wait_for("timers", lambda timer: timer["runs"] > before["runs"], signal=17)
    assert during["next"] > before["next"]
    assert stats.read()["generation"] == 1
    write("go on", "")
    wait_until(lambda: stats.read().get("generation") == 2, "the next generation")
    assert stats.read()["timers"] == []
    assert stats.one("crons", command="exit 3")["failures"] >= 1
    assert stats.read()["workers"][0]["generation"] == 2


def test_a_command_is_the_same_one_after_a_reload_whatever_its_words(told):
    command = "true '\\n' '\t'; exec sleep\t1000"
    server, stats = told(APP, "--mules", "1", "--unique-cron", "-1 -1 -1 -1 -1 %s" % command)
    before = stats.wait_for("crons", lambda cron: cron["runs"] == 1, command=command)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    after = stats.one("crons", command=command)
    assert (after["runs"], after["pid"]) == (1, before["pid"])


def test_processes_without_the_application_are_told_of_by_their_kind(told):
    _, stats = told(APP, "--http", "127.0.0.1:0")
    entry = stats.wait_for("processes", lambda entry: entry["status"] == "idle", kind="http", id=1)
    os.kill(entry["pid"], 0)
    assert entry["respawns"] == 0


# ---- how it is asked ----


def test_a_client_of_http_is_answered_in_http(told):
    _, stats = told()
    connection = http.client.HTTPConnection("127.0.0.1", stats.address, timeout=DEADLINE)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("Access-Control-Allow-Origin") is None
    assert json.loads(answer.read())["workers"]


def test_stats_http_answers_everybody_in_http(told):
    _, stats = told(APP, "--stats-http")
    head, _, body = stats.raw().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\nConnection: close\r\n")
    assert json.loads(body)["workers"]


def test_white_space_is_left_out_when_it_is_not_wanted(told):
    _, stats = told(APP, "--stats-minified")
    text = stats.raw()
    assert text.count(b"\n") == 1 and json.loads(text)["workers"]


def test_a_client_that_talks_gets_all_of_the_answer(told):
    _, stats = told()
    assert json.loads(stats.raw(b"what is going on here?\r\n" * 1000))["workers"]


def test_a_unix_socket_is_for_its_owner_alone_and_goes_with_the_server(told, tmp_path):
    server, stats = told(APP, "--vacuum", "--chmod-socket=666", address=str(tmp_path / "stats.sock"))
    assert stat.S_IMODE(os.stat(stats.address).st_mode) == 0o600
    assert stats.read()["pid"] == server.process.pid
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: stats.read().get("generation") == 2, "the reload")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert not os.path.exists(stats.address)


def test_a_port_without_a_host_is_this_machines_alone(serve):
    port = free_port()
    server = serve(APP, "--stats", ":%d" % port)
    assert "Stats server enabled on 127.0.0.1:%d" % port in server.log
    listening = open("/proc/net/tcp").read()
    assert "0100007F:%04X 00000000:0000 0A" % port in listening


def test_a_port_that_is_taken_ends_the_start_with_its_cause(write):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "127.0.0.1:%d" % other.getsockname()[1]
        done = subprocess.run([BINARY, "--http-socket", "127.0.0.1:0", "--stats", address, "--need-app=false"],
                              capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert "cannot listen on %s: another process listens there already" % address in done.stderr.splitlines()[-1]


# ---- who holds it up ----


def test_more_clients_than_there_is_room_for_are_all_answered(told):
    server, stats = told()
    idle = [stats.connect() for _ in range(40)]  # answered, and never closed by them
    assert stats.read()["pid"] == server.process.pid
    for client in idle:
        text = b""
        while part := client.recv(65536):
            text += part
        assert json.loads(text)["workers"]
        client.close()
    assert server.get().text == "ok"


def test_a_client_that_does_not_read_is_parted_with(told, tmp_path):
    much = APP + "    for period in range(3000): uwsgi.add_timer(17, 1000 + period)\n"
    _, stats = told(much, "--mules", "1", address=str(tmp_path / "stats.sock"))
    wait_until(lambda: len(stats.read()["timers"]) > 3000, "an answer that no buffer holds")
    with stats.connect() as client:
        end = select.poll()
        end.register(client, 0)
        assert len(stats.raw()) > 400000  # others are not held up
        assert not end.poll(0)
        wait_until(lambda: end.poll(0), "the server to close it")
        text = b""
        while part := client.recv(65536):
            text += part
        assert text.startswith(b"{") and not text.endswith(b"}\n")


def test_nobody_but_the_master_holds_what_is_open_for_it(told):
    server, stats = told(APP, "--mules", "1")
    client = stats.connect()
    mule = stats.one("mules", id=1)["pid"]
    os.kill(mule, signal.SIGKILL)  # its successor is forked while a client is there
    wait_until(lambda: stats.one("mules", id=1)["respawns"] == 1, "the next mule")
    inodes = {line.split()[9] for line in open("/proc/net/tcp") if ":%04X " % stats.address in line.split()[1] + " "}
    all = stats.read()
    for pid in [worker["pid"] for worker in all["workers"]] + [mule["pid"] for mule in all["mules"]]:
        held = {os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}
        assert not held & {"socket:[%s]" % inode for inode in inodes}
    client.close()


# ---- what a plugin adds ----


def test_a_daemon_is_told_of_with_its_command(told):
    _, stats = told(APP, "--attach-daemon", "sleep 1000")
    daemon = stats.wait_for("daemons", lambda daemon: daemon["pid"] > 0, cmd="sleep 1000")
    assert daemon["respawns"] == 0
    os.kill(daemon["pid"], signal.SIGKILL)
    again = stats.wait_for("daemons", lambda again: again["respawns"] == 1 and again["pid"], cmd="sleep 1000")
    assert again["pid"] != daemon["pid"]


# ---- over a change of the configuration, and of the user ----


def test_statistics_begin_and_end_with_the_configuration(start, write, tmp_path):
    path = tmp_path / "stats.sock"
    write("app.py", APP)
    plain = "[uwsgi]\nmaster = true\nwsgi-file = app.py\nmules = 1\n"
    config = write("site.ini", plain)
    server = start("--ini", str(config))
    stats = Stats(str(path))
    config.write_text(plain + "stats = stats.sock\n")
    server.process.send_signal(signal.SIGHUP)

    def second_generation():
        try:
            return stats.read()["generation"] == 2
        except (OSError, ValueError):
            return False  # not bound, or by the rehearsal of the start

    wait_until(second_generation, "statistics of the next generation")
    config.write_text(plain)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 3 answers")
    with pytest.raises(ConnectionRefusedError):
        stats.connect()


@pytest.mark.skipif(os.geteuid() != 0 or not others_may_run(BINARY), reason="only root can become somebody else")
def test_a_unix_socket_belongs_to_the_user_of_the_server(told, tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    _, stats = told(APP, "--mules", "1", "--uid", "nobody", address=str(tmp_path / "stats.sock"))
    status = os.stat(stats.address)
    assert status.st_uid == pwd.getpwnam("nobody").pw_uid
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stats.read()["uid"] == status.st_uid
