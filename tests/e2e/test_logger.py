"""One process writes the lines of all: where to, in what form, and that none is lost whatever dies."""
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from harness import session_members, wait_until
from test_log_target import address_of, receive_until, udp  # noqa: F401 (a fixture)

APP = """
    import sys, uwsgi
    def application(environ, start_response):
        uwsgi.log("said %s" % environ["PATH_INFO"])
        start_response("404 Not Found" if environ["PATH_INFO"].startswith("/no") else "200 OK", [])
        return [b"x"]
"""


def writer_of(server, before=None):
    """The pid of the one that lives, or of the one that lives after that of `before`."""
    def living():
        pids = map(int, re.findall(r"spawned uWSGI logger 1 \(pid: (\d+)\)", everything(server)))
        alive = session_members(server.process.pid)
        return next((pid for pid in pids if pid in alive and pid != before), None)

    return wait_until(living, "a writer")


def text_of(path):
    """What stands in a file, nothing while it is being renamed."""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def everything(server):
    """All that was written anywhere in the folder of the test."""
    return "".join(text_of(path) for path in sorted(server.log_path.parent.glob("*.log*")))


def wait_for_text(path, text):
    wait_until(lambda: text in text_of(path), lambda: "%r in %s:\n%s" % (text, path, text_of(path)))


def wait_for_another_file(path, inode):
    wait_until(lambda: path.exists() and path.stat().st_ino != inode, "a new file")


def numbers(text):
    return [int(n) for n in re.findall(r"GET /n/(\d+) ", text)]


def ask_all(server, first, last):
    for i in range(first, last):
        assert server.get("/n/%d" % i).status == 200


# ---- destinations ----

def test_lines_of_all_processes_go_to_a_file(serve, tmp_path):
    path = tmp_path / "all.log"
    server = serve(APP, "-p", "2", "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 2")
    server.get("/one")
    wait_for_text(path, "GET /one ")
    wait_for_text(path, "said /one\n")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert path.read_text().endswith("goodbye to uWSGI.\n")
    assert "said" not in server.log


def test_requests_can_have_a_log_of_their_own(serve, tmp_path):
    requests = tmp_path / "req.log"
    server = serve(APP, "--req-logger", "file:%s" % requests)
    server.get("/one")
    wait_for_text(requests, "GET /one ")
    server.wait_for_log("said /one")
    assert "said" not in requests.read_text() and "GET /one" not in server.log


def test_routes_choose_the_logger(serve, tmp_path):
    bad, rest, never = tmp_path / "bad.log", tmp_path / "rest.log", tmp_path / "never.log"
    server = serve(APP, "--logger", "bad file:%s" % bad, "--logger", "file:%s" % rest, "--logger", "never file:%s" % never,
                   "--log-route", r"bad HTTP/1\.\d 404", ready=False)
    wait_for_text(rest, "spawned uWSGI worker 1")
    server.get("/no")
    server.get("/yes")
    wait_for_text(bad, "GET /no ")
    wait_for_text(rest, "GET /yes ")
    assert bad.read_text().count("\n") == 1 and "GET /no " not in rest.read_text() and never.read_text() == ""


def test_request_routes_choose_the_request_logger(serve, tmp_path):
    bad, rest = tmp_path / "bad.log", tmp_path / "rest.log"
    server = serve(APP, "--req-logger", "bad file:%s" % bad, "--req-logger", "file:%s" % rest,
                   "--log-req-route", r"bad 404\)")
    server.get("/no")
    server.get("/yes")
    wait_for_text(bad, "GET /no ")
    wait_for_text(rest, "GET /yes ")
    assert "GET /no " not in rest.read_text()


def test_lines_can_be_dropped_or_kept_by_what_they_say(serve):
    server = serve(APP, "--log-drain", r"said /a+$")
    server.get("/aaa")
    server.get("/bbb")
    server.wait_for_log("GET /bbb ")
    server.wait_for_log("said /bbb")
    assert "said /aaa" not in server.log
    server = serve(APP, "--log-filter", "GET|spawned")
    server.get("/ccc")
    server.wait_for_log("GET /ccc ")
    assert "said /ccc" not in server.log


def test_a_socket_gets_a_datagram_with_a_prefix(serve, udp):  # noqa: F811
    server = serve(APP, "--req-logger", "socket:%s,pre" % address_of(udp))
    server.get("/one")
    got = receive_until(udp, "GET /one ")
    assert got[-1].startswith("pre[pid: ") and got[-1].endswith(")\n")


def test_a_unix_socket_does_as_well_and_may_come_later(serve, tmp_path):
    path = tmp_path / "log.sock"
    server = serve(APP, "--req-logger", "socket:%s" % path)
    server.get("/lost")
    server.wait_for_log("cannot write the log socket:%s: No such file or directory" % path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(0.02)

        def came():
            server.get("/found")
            try:
                return s.recv(65536)
            except TimeoutError:
                return None

        assert b"GET /found " in wait_until(came, "a datagram")
    wait_until(lambda: re.search(r"is written again; [1-9]\d* lines were lost", server.log), "how many were lost")


def test_a_remote_syslog_gets_its_form(serve, udp):  # noqa: F811
    server = serve(APP, "--logger", "rsyslog:%s,myapp" % address_of(udp), ready=False)
    receive_until(udp, "spawned uWSGI worker 1")
    server.get("/one")
    got = receive_until(udp, "GET /one ")
    line = next(text for text in got if "GET /one " in text)
    assert re.fullmatch(r"<29>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d myapp: \[pid: .*\)", line)


def test_long_messages_to_syslog_are_cut_or_split(serve, udp):  # noqa: F811
    server = serve(APP, "--req-logger", "rsyslog:%s,a" % address_of(udp), "--rsyslog-packet-size", "400",
                   "--rsyslog-split-messages", "--log-format", "%(uri) END")
    server.get("/" + "x" * 900)
    got = receive_until(udp, "END")
    assert len(got) == 3 and all(len(text) <= 400 for text in got)
    assert "".join(text.split("a: ", 1)[1] for text in got) == "/" + "x" * 900 + " END"


def test_a_command_reads_the_lines_and_ends_with_the_server(serve, tmp_path):
    out = tmp_path / "piped.txt"
    server = serve(APP, "--req-logger", "pipe:sed -u 's/^/got /' >>%s" % out)
    server.get("/one")
    wait_for_text(out, "GET /one ")
    assert out.read_text().startswith("got [pid: ")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    wait_until(lambda: not session_members(server.process.pid), "the command to end")


def test_standard_output_and_descriptors_are_those_of_the_start(serve):
    server = serve(APP, "--logger", "stdio:", "--req-logger", "fd:2")
    server.get("/one")
    server.wait_for_log("GET /one ")
    server.wait_for_log("said /one")


@pytest.mark.parametrize("options, cause", [
    (("--logger", "nope:x"), "unable to find logger nope"),
    (("--logger", "file:"), "the path of a file is missing"),
    (("--logger", "file:/nonexistent/x.log"), "cannot open the log /nonexistent/x.log: No such file or directory"),
    (("--logger", "file:size=1"), "there is no key size"),
    (("--logger", "fd:99"), "is no open descriptor"),
    (("--log-route", "id x"), "no logger has the id id"),
    (("--log-drain", "("), "missing closing parenthesis"),
    (("--log-encoder", "rot13"), "unable to find the encoder rot13"),
    (("--logger", "syslog:a,nofacility"), "syslog knows no facility nofacility"),
    (("--log-master-bufsize", "1"), "give a number between"),
])
def test_what_cannot_work_ends_the_start(start, options, cause):
    server = start("--master", *options, ready=False)
    assert server.wait_exit() == 1
    assert cause in server.last_line() and server.last_line().endswith("exit status 1")


def test_names_of_plugins_of_uwsgi_are_understood(start, write):
    write("app.py", APP)
    start("--plugin", "logfile,logsocket,syslog,rsyslog,logpipe", "--wsgi-file", "app.py")


# ---- encoders ----

def test_json_is_valid_whatever_is_logged(serve, tmp_path):
    path = tmp_path / "json.log"
    server = serve("""
        import os
        def application(environ, start_response):
            os.write(2, bytes(b for b in range(256) if b != 10) + b'"\\\\\\n')
            start_response("200 OK", [])
            return []
    """, "--logger", "file:%s" % path, "--log-encoder", 'json {"t":${unix},"id":"${request_id}","m":"${msg}"}',
                   "--request-id", ready=False)
    wait_for_text(path, "spawned uWSGI worker 1")
    server.get("/%22%ff?\"", {"X-Request-ID": "my-id"})
    wait_for_text(path, "my-id")
    wait_for_text(path, "\\u0001")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert any(line["id"] == "my-id" and '] GET /%22%ff?" => ' in line["m"] for line in lines)
    everything = next(line["m"] for line in lines if "\x01" in line["m"])
    assert everything.startswith("\0\x01") and everything.endswith("\ufffd\"\\")


def test_encoders_follow_each_other_and_can_be_for_one_logger(serve, tmp_path):
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    server = serve(APP, "--req-logger", "one file:%s" % one, "--req-logger", "two file:%s" % two,
                   "--log-req-route", "one GET", "--log-req-route", "two GET", "--log-format", "GET %(uri)",
                   "--log-req-encoder", "prefix:one <", "--log-req-encoder", "suffix:one >",
                   "--log-req-encoder", "format:two [${msg}] ${strftime:%Y}")
    server.get("/a")
    wait_for_text(one, "GET /a")
    wait_for_text(two, "GET /a")
    assert one.read_text() == "<GET /a>\n"
    assert re.fullmatch(r"\[GET /a\] \d{4}\n", two.read_text())


def test_lines_are_cut_where_they_become_too_long(serve):
    server = serve(APP, "--log-master", "--log-master-bufsize", "300")
    server.get("/" + "x" * 600)
    server.wait_for_log("said /xxx")
    wait_until(lambda: "GET /xxx" in server.log, "the request")
    assert max(len(line) for line in server.log.splitlines()) == 300


def test_a_long_message_stays_one_line(serve):
    server = serve("""
        import sys
        def application(environ, start_response):
            sys.stderr.write("x" * 20000 + " END\\n")
            sys.stderr.flush()
            start_response("200 OK", [])
            return []
    """, "--log-master", "--log-master-bufsize", "32000")
    server.get("/")
    server.wait_for_log("x" * 20000 + " END\n")


# ---- rotation ----

def test_a_log_that_grows_is_rotated_and_loses_no_line(serve, tmp_path):
    path = tmp_path / "app.log"
    server = serve(APP, "-p", "2", "--logto", path, "--log-maxsize", "20000")
    threads = [threading.Thread(target=ask_all, args=(server, i * 150, (i + 1) * 150)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: sorted(numbers(everything(server))) == list(range(600)),
               lambda: "600 lines, not %d" % len(numbers(everything(server))))
    rotated = list(tmp_path.glob("app.log.*"))
    assert len(rotated) >= 3 and all(re.match(r"app\.log\.\d+", p.name) for p in rotated)
    assert all(p.stat().st_size < 90000 for p in [*rotated, path])


def test_the_rotated_file_can_have_a_name(serve, tmp_path):
    path, backup = tmp_path / "app.log", tmp_path / "old.log"
    server = serve(APP, "--logto", path, "--log-maxsize", "2000", "--log-backupname", backup)
    ask_all(server, 0, 30)
    wait_until(backup.exists, "the backup")
    assert backup.stat().st_size > 2000
    wait_until(lambda: sorted(p.name for p in tmp_path.glob("app.log*")) == ["app.log"], "a new file beside it, and no other")


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_a_log_that_may_not_be_rotated_goes_on_and_says_so_once(serve, tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    path = tmp_path / "app.log"
    server = serve(APP, "--uid", "65534", "--logto", path, "--log-maxsize", "2000")
    ask_all(server, 0, 30)
    wait_for_text(path, "cannot rotate the log")
    end = time.monotonic() + 2.2  # it is tried again each second

    def still_goes_on():
        server.get("/n/30")
        return time.monotonic() > end and "GET /n/30 " in text_of(path)

    wait_until(still_goes_on, "more lines")
    assert path.read_text().count("cannot rotate the log") == 1
    assert set(numbers(path.read_text())) == set(range(31))


@pytest.mark.parametrize("option, moved", [("--touch-logreopen", True), ("--touch-logrotate", False)])
def test_a_touched_file_opens_or_rotates_the_log(serve, tmp_path, write, option, moved):
    path, touch = tmp_path / "app.log", write("touch", "")
    server = serve(APP, "--logto", path, option, touch)
    server.get("/before")
    wait_for_text(path, "GET /before ")
    inode = path.stat().st_ino
    if moved:
        path.rename(tmp_path / "app.log.moved")
    os.utime(touch, ns=(1, 1))
    wait_for_another_file(path, inode)
    server.get("/after")
    wait_for_text(path, "GET /after ")
    old = next(p for p in tmp_path.glob("app.log.*"))
    assert "GET /before " in old.read_text() and "GET /after " not in old.read_text()


@pytest.mark.parametrize("letter, moved", [("l", True), ("L", False)])
def test_a_letter_opens_or_rotates_the_log(serve, tmp_path, letter, moved):
    path, fifo = tmp_path / "app.log", tmp_path / "fifo"
    server = serve(APP, "--logto", path, "--log-master", "--master-fifo", fifo)
    server.get("/before")
    wait_for_text(path, "GET /before ")
    inode = path.stat().st_ino
    if moved:
        path.rename(tmp_path / "app.log.moved")
    fifo.write_text(letter)
    wait_for_another_file(path, inode)
    server.get("/after")
    wait_for_text(path, "GET /after ")


def test_a_letter_says_when_nobody_can_rotate_the_log(serve, tmp_path):
    fifo = tmp_path / "fifo"
    server = serve(APP, "--master-fifo", fifo)
    wait_until(fifo.exists, "the FIFO")
    fifo.write_text("L")
    server.wait_for_log("the log cannot be rotated: each process writes to it; log-master gives it to one")


def test_a_reload_opens_the_log_again_when_asked(serve, tmp_path):
    path = tmp_path / "app.log"
    server = serve(APP, "--logto", path, "--log-reopen")
    wait_for_text(path, "spawned uWSGI worker 1")
    path.rename(tmp_path / "app.log.moved")
    server.process.send_signal(signal.SIGHUP)
    wait_until(path.exists, "a new file")
    server.get("/after")
    wait_for_text(path, "GET /after ")


def test_a_logger_has_its_own_size_and_touch(serve, tmp_path, write):
    path, touch = tmp_path / "own.log", write("touch", "")
    server = serve(APP, "--req-logger", "file:path=%s,maxsize=1500,backupname=%s.bak,touch-reopen=%s" % (path, path, touch))
    ask_all(server, 0, 20)
    wait_until((tmp_path / "own.log.bak").exists, "the backup")
    wait_until(lambda: 19 in numbers(everything(server)), "the last line")
    path.rename(tmp_path / "own.log.moved")
    os.utime(touch, ns=(1, 1))
    wait_until(path.exists, "a new file")


# ---- deaths ----

def test_lines_outlive_the_process_that_writes_them(serve, tmp_path):
    path = tmp_path / "all.log"
    server = serve(APP, "-p", "2", "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 2")
    threads = [threading.Thread(target=ask_all, args=(server, i * 1000, (i + 1) * 1000)) for i in range(2)]
    for thread in threads:
        thread.start()
    killed = 0
    while any(thread.is_alive() for thread in threads) and killed < 4:
        pid = writer_of(server)
        os.kill(pid, signal.SIGKILL)
        killed += 1
        writer_of(server, before=pid)
    for thread in threads:
        thread.join()
    assert killed
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert sorted(set(numbers(everything(server)))) == list(range(2000))
    assert everything(server).count("goodbye to uWSGI.\n") == 1


def test_lines_written_while_nobody_reads_are_not_lost(serve, tmp_path):
    path = tmp_path / "all.log"
    server = serve(APP, "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 1")
    writer = writer_of(server)
    os.kill(writer, signal.SIGSTOP)
    ask_all(server, 0, 100)
    os.kill(writer, signal.SIGKILL)
    wait_until(lambda: numbers(path.read_text()) == list(range(100)), "all lines")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_writer_that_dies_while_the_server_ends_loses_nothing(serve, tmp_path, signum):
    path = tmp_path / "all.log"
    server = serve(APP, "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 1")
    writer = writer_of(server)
    os.kill(writer, signal.SIGSTOP)
    ask_all(server, 0, 50)
    server.process.send_signal(signum)
    os.kill(writer, signal.SIGKILL)
    assert server.wait_exit() == 0
    assert sorted(set(numbers(everything(server)))) == list(range(50))
    assert "goodbye to uWSGI.\n" in everything(server)


def test_the_master_does_not_wait_for_a_writer_that_hangs(serve, tmp_path):
    path = tmp_path / "all.log"
    server = serve(APP, "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 1")
    hanging = writer_of(server)
    os.kill(hanging, signal.SIGSTOP)
    # more than the pipe takes
    for _ in range(40):
        server.process.send_signal(signal.SIGUSR1)
    server.process.send_signal(signal.SIGINT)
    assert server.wait_exit() == 0
    assert "NO MERCY" in everything(server) and "goodbye to uWSGI.\n" in everything(server)
    assert not session_members(server.process.pid)


def test_the_keys_of_a_terminal_do_not_end_the_writer_first(serve, tmp_path):
    path = tmp_path / "all.log"
    server = serve(APP, "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 1")
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.wait_exit() == 0
    end = path.read_text().split("SIGINT")[-1]
    assert re.search(r"worker 1 buried.*logger 1 buried.*goodbye to uWSGI\.\n$", end, re.S)


def test_the_end_of_a_failed_start_is_told_through_the_logger(start, write, tmp_path):
    path = tmp_path / "all.log"
    write("broken.py", "raise SystemError('no such day')\n")
    server = start("--wsgi-file", "broken.py", "--logger", "file:%s" % path, ready=False)
    assert server.wait_exit() == 22
    assert path.read_text().splitlines()[-1].endswith("exit status 22") and "no such day" in path.read_text()


def test_no_line_is_lost_over_reloads(serve, tmp_path):
    path = tmp_path / "all.log"
    server = serve(APP, "-p", "2", "--logger", "file:%s" % path, ready=False)
    wait_for_text(path, "spawned uWSGI worker 2")
    threads = [threading.Thread(target=ask_all, args=(server, i * 500, (i + 1) * 500)) for i in range(2)]
    for thread in threads:
        thread.start()
    for generation in (2, 3):
        server.process.send_signal(signal.SIGHUP)
        wait_for_text(path, "generation %d answers" % generation)
        wait_until(lambda: everything(server).count("spawned uWSGI logger 1") >= generation, "its logger")
    for thread in threads:
        thread.join()
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert sorted(numbers(path.read_text())) == list(range(1000))
    assert path.read_text().endswith("goodbye to uWSGI.\n") and "DAMN" not in everything(server)


def test_a_reload_brings_the_logger_and_takes_it_away(start, write, tmp_path):
    write("app.py", APP)
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    plain = "[uwsgi]\nmaster = true\nwsgi-file = app.py\n"
    write("uwsgi.ini", plain)
    server = start("--ini", "uwsgi.ini")
    for text, log, number in ((plain + "logger = file:%s\n" % one, one, 2), (plain + "logger = file:%s\n" % two, two, 3),
                              (plain, server.log_path, 4)):
        write("uwsgi.ini", text)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "generation %d answers" % number in everything(server), "generation %d" % number)

        def came():
            server.get("/in/%d" % number)  # the old worker may still answer the first
            return log.exists() and "GET /in/%d " % number in log.read_text()

        wait_until(came, lambda: "the lines of generation %d:\n%s" % (number, everything(server)))
    wait_until(lambda: len(session_members(server.process.pid)) == 3, "master, zygote and worker")
    server.get("/last")
    server.wait_for_log("GET /last ")
    assert "GET /last " not in one.read_text() + two.read_text()


def test_a_full_disk_stops_nobody(serve, tmp_path):
    server = serve(APP, "--req-logger", "file:/dev/full")
    for i in range(5):
        assert server.get("/full/%d" % i).status == 200
    server.wait_for_log("cannot write the log file:/dev/full: No space left on device")
    assert server.log.count("cannot write the log") == 1 and server.get().status == 200


def test_a_log_that_can_be_written_again_says_what_was_lost(serve, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    server = serve(APP, "--req-logger", "file:%s" % fifo)
    os.close(reader)
    server.get("/lost")
    server.wait_for_log("cannot write the log")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    def again():
        server.get("/found")
        return "is written again" in server.log

    wait_until(again, "it to be written again")
    assert b"GET /found " in os.read(reader, 65536)
    os.close(reader)
    wait_until(lambda: re.search(r"is written again; [1-9]\d* lines were lost", server.log), "how many were lost")


def test_standard_error_can_be_opened_by_name(serve):
    server = serve("""
        def application(environ, start_response):
            with open("/dev/stderr", "w") as err:
                err.write("by name\\n")
            start_response("200 OK", [])
            return []
    """, "--log-master")
    assert server.get().status == 200
    server.wait_for_log("by name\n")


def test_nobody_pays_for_it_who_does_not_ask(serve):
    server = serve(APP)
    wait_until(lambda: len(session_members(server.process.pid)) == 3, "master, zygote and worker, and nobody else")
    assert "logger" not in server.log
