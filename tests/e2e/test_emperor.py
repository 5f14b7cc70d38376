"""The Emperor: a server for each file, started, reloaded and stopped with it, and none left when he is gone."""
import json
import os
import re
import signal
import socket

import pytest

from harness import DEADLINE, free_port, session_members, wait_until
from load import read_all
from test_daemon import alive, wait_dead

APP = """
    import os

    def application(environ, start_response):
        start_response("200 OK", [])
        return [os.environ.get("SAYS", "hello").encode()]
"""
VASSAL = """
    [uwsgi]
    http-socket = 127.0.0.1:%d
    wsgi-file = %s/app.py
    %s
"""
SLOW_LOOKS = ("--emperor-freq", "3600")  # what happens, happens because of inotify


def ask(port, path="/"):
    """What a vassal answers, None when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
            s.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
            return read_all(s).rpartition(b"\r\n\r\n")[2].decode() or None
    except OSError:
        return None


class Empire:
    """A directory of vassals and the Emperor who watches it."""

    def __init__(self, start, write, tmp_path):
        self.begin, self.write, self.folder = start, write, tmp_path
        self.vassals = tmp_path / "vassals"
        self.vassals.mkdir()
        self.server = None
        write("app.py", APP)

    def start(self, *options, env=None):
        self.server = self.begin("--emperor", "vassals", *options, http=False, ready=False, env=env)
        self.server.wait_for_log("*** starting uWSGI Emperor ***")
        return self.server

    def deploy(self, name, extra=""):
        """Write a vassal's file, and say on which port it will answer."""
        port = free_port()
        self.rewrite(name, port, extra)
        return port

    def rewrite(self, name, port, extra=""):
        """As an editor does: a new file in the place of the old."""
        self.write("vassal.tmp", VASSAL % (port, self.folder, extra)).rename(self.vassals / name)

    def wait_answer(self, port, text="hello"):
        wait_until(lambda: ask(port) == text, lambda: "%r on %d:\n%s" % (text, port, self.server.log))

    def wait_silence(self, port):
        wait_until(lambda: ask(port) is None, "nothing on %d" % port)

    def pids(self):
        return [pid for pid in session_members(self.server.process.pid)]

    def masters(self):
        """Pids of the vassals, in the order of their starts; the log tells."""
        return [int(pid) for pid in re.findall(r"(?m)^spawned uWSGI master process \(pid: (\d+)\)", self.server.log)[1:]]

    def emperor(self):
        return self.server.pid_of("emperor")


@pytest.fixture
def empire(start, write, tmp_path):
    return Empire(start, write, tmp_path)


# ---- files ----


def test_vassals_that_are_there_are_started(empire):
    ports = [empire.deploy(name, "env = SAYS=%s" % name) for name in ("one.ini", "two.ini")]
    server = empire.start()
    empire.wait_answer(ports[0], "one.ini")
    empire.wait_answer(ports[1], "two.ini")
    server.wait_for_log("[emperor] vassal one.ini is ready to accept requests")
    server.wait_for_log("[emperor] vassal one.ini has been spawned")


def test_a_file_that_appears_is_a_vassal_at_once_and_one_that_goes_is_none(empire):
    server = empire.start(*SLOW_LOOKS)
    port = empire.deploy("site.ini")
    empire.wait_answer(port)
    (empire.vassals / "site.ini").unlink()
    empire.wait_silence(port)
    server.wait_for_log("[emperor] removed uwsgi instance site.ini")
    server.wait_for_log("[emperor] stop the uwsgi instance site.ini")
    wait_dead(empire.masters()[0])


def test_a_changed_file_reloads_its_vassal_and_no_other(empire):
    port, other = empire.deploy("site.ini"), empire.deploy("other.ini")
    server = empire.start(*SLOW_LOOKS)
    empire.wait_answer(port)
    empire.wait_answer(other)
    masters = set(empire.masters())
    empire.rewrite("site.ini", port, "env = SAYS=changed")
    empire.wait_answer(port, "changed")
    server.wait_for_log("[emperor] reload the uwsgi instance site.ini")
    assert "reload the uwsgi instance other.ini" not in server.log
    assert set(empire.masters()) == masters


def test_a_touched_file_is_a_changed_one(empire):
    port = empire.deploy("site.ini")
    server = empire.start(*SLOW_LOOKS)
    empire.wait_answer(port)
    os.utime(empire.vassals / "site.ini")
    server.wait_for_log("generation 2 answers")
    empire.wait_answer(port)


def test_a_vassal_hears_its_emperor_after_a_reload(empire):
    port = empire.deploy("site.ini")
    server = empire.start(*SLOW_LOOKS)
    empire.wait_answer(port)
    for text in ("second", "third"):
        empire.rewrite("site.ini", port, "env = SAYS=%s" % text)
        empire.wait_answer(port, text)
    vassal = empire.masters()[0]
    server.process.kill()
    wait_dead(vassal)
    wait_until(lambda: not empire.pids(), "all to end")


def test_a_vassal_whose_new_file_is_bad_keeps_serving(empire):
    port = empire.deploy("site.ini")
    server = empire.start(*SLOW_LOOKS)
    empire.wait_answer(port)
    empire.rewrite("site.ini", port, "module = not_there")
    server.wait_for_log("keeps serving")
    empire.wait_answer(port)


def test_only_files_with_the_right_suffix_are_vassals(empire):
    for name in ("readme.txt", "site.ini.bak", ".hidden.ini", "ini", "site.ini~"):
        empire.deploy(name)
    (empire.vassals / "folder.ini").mkdir()
    port = empire.deploy("site.conf", "env = SAYS=extra")
    server = empire.start("--emperor-extra-extension", ".conf", "--set", "x=y")
    server.wait_for_log("is ready to accept requests")
    assert set(re.findall(r"vassal (\S+) ", server.log)) == {"site.conf"}
    empire.wait_answer(port, "extra")


@pytest.mark.parametrize("name, text", [
    ("site.yaml", "uwsgi:\n  http-socket: 127.0.0.1:%d\n  wsgi-file: %s/app.py\n"),
    ("site.json", '{"uwsgi": {"http-socket": "127.0.0.1:%d", "wsgi-file": "%s/app.py"}}'),
    ("site.xml", "<uwsgi><http-socket>127.0.0.1:%d</http-socket><wsgi-file>%s/app.py</wsgi-file></uwsgi>"),
])
def test_vassals_of_every_format(empire, name, text):
    port = free_port()
    (empire.vassals / name).write_text(text % (port, empire.folder))
    empire.start()
    empire.wait_answer(port)


def test_a_pattern_is_watched_by_regular_looks(empire):
    port = empire.deploy("site.ini")
    server = empire.begin("--emperor", "%s/*/site*.ini" % empire.folder, "--emperor-freq", "1", http=False, ready=False)
    empire.server = server
    empire.wait_answer(port)
    second = empire.deploy("site2.ini")
    empire.wait_answer(second)
    (empire.vassals / "site.ini").unlink()
    empire.wait_silence(port)


def test_several_places_may_have_files_of_the_same_name(empire, tmp_path):
    port = empire.deploy("site.ini")
    second = free_port()
    (tmp_path / "more").mkdir()
    empire.write("more/site.ini", VASSAL % (second, tmp_path, ""))
    empire.start("--emperor", "dir://%s/more" % tmp_path)
    empire.wait_answer(port)
    empire.wait_answer(second)


def test_a_directory_that_cannot_be_read_takes_no_vassal_away(empire):
    port = empire.deploy("site.ini")
    server = empire.start("--emperor-freq", "1")
    empire.wait_answer(port)
    empire.vassals.rename(empire.folder / "elsewhere")
    server.wait_for_log("[emperor] cannot look for vassals in vassals: No such file or directory; those it has go on")
    empire.wait_answer(port)
    (empire.folder / "elsewhere").rename(empire.vassals)
    (empire.vassals / "site.ini").unlink()
    empire.wait_silence(port)


@pytest.mark.parametrize("what, why", [
    ("nowhere", "emperor = nowhere: No such file or directory"),
    ("app.py", "emperor = app.py: it is not a directory"),
    ("pg://host/db", "emperor = pg://host/db: nothing here watches that"),
])
def test_an_emperor_with_nothing_to_watch_does_not_start(start, write, what, why):
    write("app.py", APP)
    server = start("--emperor", what, http=False, ready=False)
    assert server.wait_exit() == 1
    assert why in server.last_line() and "exit status 1" in server.last_line()


# ---- what vassals are given ----


def test_vassals_get_the_options_meant_for_them_and_none_of_the_emperors(empire, write):
    write("before.ini", "[uwsgi]\nenv = ORDER=before\nenv = SAYS=before\n")
    write("after.ini", "[uwsgi]\nenv = SAYS=%(who)-$(ORDER)-%n\n")
    port = empire.deploy("site.ini", "env = SAYS=own")
    empire.start("--vassals-include-before", "%s/before.ini" % empire.folder, "--vassals-inherit",
                 "%s/after.ini" % empire.folder, "--vassal-set", "who=me", "--procname", "emperor")
    wait_until(lambda: (ask(port) or "").startswith("me-before-"), lambda: "the options: %s\n%s" % (ask(port), empire.server.log))
    with open("/proc/%d/cmdline" % empire.masters()[0], "rb") as cmdline:
        words = cmdline.read().split(b"\0")
    folder = str(empire.folder).encode()
    assert words[1:-1] == [b"--include", folder + b"/before.ini", b"--set", b"who=me", b"--ini", b"site.ini",
                           b"--inherit", folder + b"/after.ini"]
    assert os.readlink("/proc/%d/cwd" % empire.masters()[0]) == str(empire.vassals)


def test_a_vassal_has_nothing_of_the_emperor_but_a_line(empire, write):
    write("wrapper", """\
        #!/usr/bin/python3
        import os, stat

        def is_open(fd):
            try:
                return bool(os.fstat(fd))
            except OSError:
                return False

        print("open:", *filter(is_open, range(64)))
        print("line:", os.environ["UWSGI_EMPEROR_FD"], stat.S_ISSOCK(os.fstat(3).st_mode))
        print("stdin:", os.readlink("/proc/self/fd/0"))
        print("told:", os.environ["UWSGI_VASSALS_DIR"], os.environ.get("NOTIFY_SOCKET"), flush=True)
        os.read(3, 1)
    """).chmod(0o755)
    empire.deploy("site.ini")
    server = empire.start("--emperor-wrapper", "%s/wrapper" % empire.folder, env={"NOTIFY_SOCKET": "/nowhere/notify"})
    for line in ("open: 0 1 2 3", "line: 3 True", "stdin: /dev/null", "told: vassals None"):
        server.wait_for_log("\n%s\n" % line)


def test_hooks_are_run_before_and_after_a_vassal(empire, write):
    write("hook.sh", 'echo "$1 $2" >> %s/hooks\n' % empire.folder)
    port = empire.deploy("site.ini")
    empire.start("--vassals-start-hook", "sh %s/hook.sh start" % empire.folder, "--vassals-stop-hook",
                 "sh %s/hook.sh stop" % empire.folder)
    empire.wait_answer(port)
    wait_until(lambda: (empire.folder / "hooks").read_text() == "start site.ini\n", "the first hook")
    (empire.vassals / "site.ini").unlink()
    wait_until(lambda: (empire.folder / "hooks").read_text() == "start site.ini\nstop site.ini\n", "the hook")


def test_a_wrapper_is_run_in_place_of_the_server(empire, write):
    write("wrapper.sh", '#!/bin/sh\necho "wrapped: $*"\nexec sleep 1000\n').chmod(0o755)
    empire.deploy("site.ini")
    server = empire.start("--emperor-wrapper", "%s/wrapper.sh" % empire.folder)
    server.wait_for_log("wrapped: --ini site.ini")
    server.stop()  # it does not listen to the Emperor, and ends all the same


# ---- lives and deaths ----


def test_a_vassal_that_dies_is_started_again(empire):
    port = empire.deploy("site.ini")
    server = empire.start()
    empire.wait_answer(port)
    server.wait_for_log("[emperor] vassal site.ini is now loyal")
    server.wait_for_log("announcing my loyalty to the Emperor...")
    first = empire.masters()[0]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(empire.masters()) == 2, "the next one")
    empire.wait_answer(port)
    # no pause before the next start; which may fail once, while what the dead one left still holds its port
    assert "starts again in" not in server.log.split("killed by signal 9")[1].split("*** Starting uWSGI")[0]


def test_a_vassal_that_cannot_start_is_tried_less_and_less_until_its_file_changes(empire):
    port = empire.deploy("site.ini", "http-socket = nonsense:99999999")
    server = empire.start("--emperor-throttle", "50", "--emperor-max-throttle", "400000")
    for ms in (50, 100, 200, 400):
        server.wait_for_log("[emperor] vassal site.ini starts again in %d ms" % ms)
    empire.rewrite("site.ini", port)
    empire.wait_answer(port)


def test_a_vassal_without_heart_is_replaced(empire):
    port = empire.deploy("site.ini", "heartbeat = 1")
    server = empire.start("--emperor-required-heartbeat", "5", "--emperor-curse-tolerance", "1", "--emperor-freq", "1")
    empire.wait_answer(port)
    victim = empire.masters()[0]
    os.kill(victim, signal.SIGSTOP)
    server.wait_for_log("[emperor] vassal site.ini sent no heartbeat in the last 5 seconds")
    wait_until(lambda: len(empire.masters()) == 2, "the next one")
    wait_dead(victim)
    empire.wait_answer(port)


def test_a_vassal_that_says_goodbye_rests_until_its_file_changes(empire, write):
    write("wrapper.sh", "#!/bin/sh\nprintf '\\026' >&3\nhead -c 1 <&3 >/dev/null\n").chmod(0o755)
    empire.deploy("site.ini")
    server = empire.start("--emperor-wrapper", "%s/wrapper.sh" % empire.folder, "--emperor-freq", "1")
    server.wait_for_log("[emperor] vassal site.ini rests until its file changes")
    os.utime(empire.vassals / "site.ini")
    server.wait_for_log("rests until its file changes", times=2)
    assert "starts again in" not in server.log


def test_a_vassal_that_does_not_listen_is_cursed_and_killed(empire, write):
    write("wrapper.sh", "#!/bin/sh\ntrap '' INT TERM\nexec 3>&-\nwhile :; do sleep 0.1; done\n").chmod(0o755)
    empire.deploy("site.ini")
    server = empire.start("--emperor-wrapper", "%s/wrapper.sh" % empire.folder, "--emperor-curse-tolerance", "1")
    server.wait_for_log("[emperor] vassal site.ini does not listen any more")
    server.wait_for_log("does not end: killing it")
    server.wait_for_log("ended, killed by signal 9")
    (empire.vassals / "site.ini").unlink()
    server.wait_for_log("[emperor] removed uwsgi instance site.ini")


@pytest.mark.parametrize("options, reloads", [((), True), (("--emperor-nofollow",), False)])
def test_the_target_of_a_link_counts_unless_nothing_is_followed(empire, options, reloads):
    port, other = empire.deploy("site.ini"), empire.deploy("zother.ini")
    (empire.vassals / "site.ini").rename(empire.folder / "target.ini")
    (empire.vassals / "site.ini").symlink_to(empire.folder / "target.ini")
    server = empire.start("--emperor-freq", "1", *options)
    empire.wait_answer(port)
    empire.wait_answer(other)
    os.utime(empire.folder / "target.ini")
    os.utime(empire.vassals / "zother.ini")
    server.wait_for_log("[emperor] reload the uwsgi instance zother.ini")
    if reloads:
        server.wait_for_log("[emperor] reload the uwsgi instance site.ini")
    else:
        assert "[emperor] reload the uwsgi instance site.ini" not in server.log


# ---- the end ----


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_end_of_the_emperor_is_the_end_of_all(empire, signum):
    ports = [empire.deploy(name) for name in ("one.ini", "two.ini")]
    server = empire.start()
    for port in ports:
        empire.wait_answer(port)
    server.process.send_signal(signum)
    assert server.wait_exit() == 0
    assert not empire.pids()
    assert "[emperor] *** RAGNAROK EVOKED ***" in server.log
    assert "The Emperor is buried." in server.log


def test_requests_in_flight_are_finished_when_the_emperor_ends(empire, write):
    write("slow.py", """
        import time

        def application(environ, start_response):
            print("begun", flush=True)
            time.sleep(0.7)
            start_response("200 OK", [])
            return [b"finished"]
    """)
    port = empire.deploy("site.ini")
    empire.rewrite("site.ini", port, "wsgi-file = %s/slow.py" % empire.folder)
    server = empire.start()
    server.wait_for_log("vassal site.ini is ready")
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        server.wait_for_log("begun")
        server.process.send_signal(signal.SIGTERM)
        assert read_all(s).endswith(b"finished")
    assert server.wait_exit() == 0


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_killed_emperor_leaves_no_vassal(empire, all_of_it):
    port = empire.deploy("site.ini")
    server = empire.start()
    empire.wait_answer(port)
    vassal = empire.masters()[0]
    if all_of_it:
        server.process.kill()
        wait_until(lambda: not empire.pids(), "all to end")
    else:
        os.kill(empire.emperor(), signal.SIGKILL)
        wait_dead(vassal)
        empire.wait_answer(port)  # the next Emperor's
        server.wait_for_log("lost connection with my Emperor !!!")
    assert not alive(vassal)


def test_a_hangup_makes_another_emperor_with_the_same_vassals(empire):
    port = empire.deploy("site.ini")
    server = empire.start()
    empire.wait_answer(port)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("*** starting uWSGI Emperor ***", times=2)
    second = empire.deploy("second.ini")
    empire.wait_answer(second)
    empire.wait_answer(port)


def test_the_pid_of_the_emperor_is_written(empire):
    empire.start("--emperor-pidfile", "emperor.pid")
    wait_until(lambda: (empire.folder / "emperor.pid").exists() and (empire.folder / "emperor.pid").read_text(), "the file")
    assert (empire.folder / "emperor.pid").read_text() == "%d\n" % empire.emperor()


def test_the_emperor_tells_of_his_vassals(empire):
    port = empire.deploy("site.ini")
    empire.write('vassals/a"b.ini', "[uwsgi]\nmodule = not_there\n")
    address = free_port()
    server = empire.start("--emperor-stats", "127.0.0.1:%d" % address)
    empire.wait_answer(port)
    server.wait_for_log("is now loyal")

    def told():
        with socket.create_connection(("127.0.0.1", address), DEADLINE) as s:
            return json.load(s.makefile())

    stats = wait_until(lambda: [stats for stats in [told()] if stats["blacklist"]], "the one that cannot start")[0]
    assert stats["pid"] == empire.emperor() and stats["emperor"] == ["vassals"]
    assert [entry["id"] for entry in stats["blacklist"]] == ['a"b.ini']
    vassals = {vassal["id"]: vassal for vassal in stats["vassals"]}
    assert set(vassals) == {'a"b.ini', "site.ini"}
    assert vassals["site.ini"]["pid"] in empire.masters()
    assert vassals["site.ini"]["ready"] == vassals["site.ini"]["loyal"] == 1
    assert vassals["site.ini"]["respawns"] == 0


def test_statistics_in_a_unix_socket_are_for_the_owner(empire):
    server = empire.start("--emperor-stats-server", "stats.sock")
    path = empire.folder / "stats.sock"
    wait_until(lambda: path.exists() and path.stat().st_mode & 0o777 == 0o600, "the socket, for the owner alone")
    server.stop()
    assert not (empire.folder / "stats.sock").exists()


# ---- tyrants ----


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_tyrant_runs_vassals_as_the_owner_of_their_file_and_none_as_root(empire):
    """Nobody may enter the test's folder: its parents are opened for the path alone."""
    for folder in (empire.folder, *empire.folder.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o111)
    (empire.folder / "app.py").chmod(0o644)
    port, rooted = empire.deploy("site.ini"), empire.deploy("rooted.ini")
    (empire.vassals / "site.ini").chmod(0o644)
    os.chown(empire.vassals / "site.ini", 65534, 65534)
    server = empire.start("--emperor-tyrant")
    server.wait_for_log("invalid permissions for vassal rooted.ini")
    empire.wait_answer(port)
    with open("/proc/%d/status" % empire.masters()[0]) as status:
        facts = dict(line.split(":", 1) for line in status)
    assert facts["Uid"].split() == facts["Gid"].split() == ["65534"] * 4
    assert facts["Groups"].split() == ["65534"]
    assert ask(rooted) is None
    os.chown(empire.vassals / "rooted.ini", 65534, 65534)
    (empire.vassals / "rooted.ini").chmod(0o644)
    empire.wait_answer(rooted)
    os.chown(empire.vassals / "site.ini", 0, 0)
    empire.wait_silence(port)
    server.wait_for_log("invalid permissions for vassal site.ini")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_tyrant_reads_no_socket_through_a_link_and_gives_sockets_to_the_owner(empire):
    (empire.folder / "run").mkdir()
    empire.write("secret", "127.0.0.1:%d\n" % free_port())
    for name in ("linked.ini", "site.ini"):
        empire.write("vassals/" + name, UNBOUND % empire.folder)
        os.chown(empire.vassals / name, 65534, 65534)
    (empire.vassals / "linked.ini.socket").symlink_to(empire.folder / "secret")
    server = empire.start("--emperor-tyrant", "--emperor-on-demand-extension", ".socket", "--emperor-on-demand-directory",
                          "%s/run" % empire.folder)
    server.wait_for_log("vassal linked.ini waits for a connection on %s/run/linked.socket" % empire.folder)
    server.wait_for_log("vassal site.ini waits for a connection on %s/run/site.socket" % empire.folder)
    facts = (empire.folder / "run" / "site.socket").stat()
    assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o777) == (65534, 65534, 0o660)


def test_a_tyrant_who_will_not_be_root_does_not_start(empire):
    server = empire.begin("--emperor", "vassals", "--emperor-tyrant", "--uid", "nobody", http=False, ready=False)
    assert server.wait_exit() == 1
    assert "a tyrant must be root" in server.last_line()


# ---- on demand ----

UNBOUND = """[uwsgi]
protocol = http
wsgi-file = %s/app.py
"""


def test_a_vassal_on_demand_starts_with_its_first_connection_and_again_after_its_end(empire):
    port = free_port()
    empire.write("vassals/site.ini", UNBOUND % empire.folder)
    empire.write("vassals/site.ini.socket", "127.0.0.1:%d\n" % port)
    server = empire.start("--emperor-on-demand-extension", ".socket")
    server.wait_for_log("[emperor] vassal site.ini waits for a connection on 127.0.0.1:%d" % port)
    assert not empire.masters()
    assert ask(port) == "hello"
    server.wait_for_log("uwsgi socket 0 inherited INET address 127.0.0.1:%d" % port)
    os.utime(empire.vassals / "site.ini")
    server.wait_for_log("generation 2 answers")
    assert ask(port) == "hello"
    os.kill(empire.masters()[0], signal.SIGTERM)
    server.wait_for_log("waits for a connection", times=2)
    assert ask(port) == "hello"
    assert len(empire.masters()) == 2


def test_an_idle_vassal_on_demand_ends_and_waits_for_the_next_connection(empire):
    port = free_port()
    empire.write("vassals/site.ini", UNBOUND % empire.folder + "idle = 1\ndie-on-idle = true\n")
    empire.write("vassals/site.ini.socket", "127.0.0.1:%d\n" % port)
    server = empire.start("--emperor-on-demand-extension", ".socket")
    for lives in (1, 2):
        server.wait_for_log("waits for a connection", times=lives)
        assert ask(port) == "hello"
        assert len(empire.masters()) == lives
    assert "starts again in" not in server.log


def test_an_idle_vassal_that_dies_rests_until_its_file_changes(empire):
    port = empire.deploy("site.ini", "idle = 1\n    die-on-idle = true")
    server = empire.start()
    server.wait_for_log("[emperor] vassal site.ini rests until its file changes")
    assert ask(port) is None
    os.utime(empire.vassals / "site.ini")
    empire.wait_answer(port)


def test_a_vassal_on_demand_may_name_its_socket(empire):
    port = empire.deploy("site.ini")
    empire.write("vassals/site.ini.socket", "127.0.0.1:%d" % port)
    server = empire.start("--emperor-on-demand-ext", ".socket")
    server.wait_for_log("waits for a connection")
    assert ask(port) == "hello"
    assert "cannot listen" not in server.log


def test_the_sockets_of_a_directory_are_named_after_the_vassals(empire):
    (empire.folder / "run").mkdir()
    empire.write("vassals/site.ini", UNBOUND % empire.folder)
    server = empire.start("--emperor-on-demand-directory", "%s/run" % empire.folder, "--chmod-socket=600")
    server.wait_for_log("waits for a connection")
    path = empire.folder / "run" / "site.socket"
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(str(path))
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_all(s)
    (empire.vassals / "site.ini").unlink()
    wait_until(lambda: not path.exists(), "the socket's file to go")


def test_a_command_may_say_the_socket(empire, write):
    port = free_port()
    write("which.sh", 'test "$1" = site.ini && echo 127.0.0.1:%d\n' % port)
    empire.write("vassals/site.ini", UNBOUND % empire.folder)
    server = empire.start("--emperor-on-demand-exec", "sh %s/which.sh" % empire.folder)
    server.wait_for_log("waits for a connection")
    assert ask(port) == "hello"


def test_a_vassal_on_demand_that_cannot_start_is_not_tried_without_end(empire):
    port = free_port()
    empire.write("vassals/site.ini", "[uwsgi]\nmodule = not_there\n")
    empire.write("vassals/site.ini.socket", "127.0.0.1:%d\n" % port)
    server = empire.start("--emperor-on-demand-extension", ".socket", "--emperor-throttle", "60000")
    server.wait_for_log("waits for a connection")
    with socket.create_connection(("127.0.0.1", port), DEADLINE):
        server.wait_for_log("starts again in 60000 ms")
    assert server.log.count("wakes vassal") == 1
