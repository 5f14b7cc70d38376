"""A real server for a test: started in its own session, watched through its log, ended by its pid.

Nothing here sleeps for a fixed time: every wait is for a condition, and has a deadline.
"""
import http.client
import os
import re
import select
import signal
import socket
import subprocess
import time

BINARY = os.path.abspath(os.environ.get("UWSGI_BIN", "build/uwsgi"))
os.environ.setdefault("UWSGI_ALLOW_ROOT", "true")  # these tests may run as root, which servers refuse
DEADLINE = float(os.environ.get("UWSGI_TEST_DEADLINE", "60"))  # for what must happen, on the slowest machine
SOON = 10  # for what must happen within a second; sanitized, on a machine that has other things to do
PAUSE = 0.02


def wait_until(condition, what, deadline=DEADLINE):
    """The first true value of condition(), or a failure that says what was waited for."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %g s in vain for %s" % (deadline, what() if callable(what) else what))
        select.select([], [], [], PAUSE)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask_packet(path, packet):
    """What the server of a unix socket answers to a packet of the uwsgi protocol."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(str(path))
        s.sendall(packet)
        return b"".join(iter(lambda: s.recv(100), b""))


def others_may_run(path):
    """Is the program, with all directories above it, another user's to start?"""
    folders = [os.path.dirname(path)]
    while folders[-1] != "/":
        folders.append(os.path.dirname(folders[-1]))
    return all(os.stat(name).st_mode & 0o001 for name in (path, *folders))


def session_members(session):
    """Pids of the processes of a session that are not zombies."""
    members = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name) as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            members.append(int(name))
    return members


class Response:
    def __init__(self, answer):
        self.status = answer.status
        self.reason = answer.reason
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def text(self):
        return self.body.decode("latin-1")


class Server:
    """One run of the server.  `address` is where requests of this test go, `before` the command that starts it."""

    def __init__(self, folder, args, address=None, env=None, before=()):
        self.address = address
        args = [str(arg) for arg in args]
        self.expected = self.expected_of(args)
        self.log_path = folder / "server.log"
        self.log_begin = self.log_path.stat().st_size if self.log_path.exists() else 0  # where earlier servers left it
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*before, BINARY, *args], cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, env={**os.environ, **(env or {})})

    @staticmethod
    def expected_of(args):
        """How many processes of which kind the log will tell of; none when it goes elsewhere."""
        if any(re.match("--(logto|daemonize|no-server)", arg) for arg in args):
            return {}
        expected = {"worker": 1, "mule": 0}
        for flag, value in zip(args, [*args[1:], ""]):
            if flag in ("-p", "--processes", "--workers"):
                expected["worker"] = int(value)
            elif flag == "--mules":
                expected["mule"] += int(value)
            elif re.match("--mule(=|$)", flag):
                expected["mule"] += 1
            elif flag == "--http":
                expected["http"] = 1
        return expected

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def last_line(self):
        lines = [line for line in self.log.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def own_log(self):
        """The log since this server was started."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_begin)
            return log.read().decode(errors="replace")

    def wait_for_log(self, text, times=1):
        wait_until(lambda: self.log.count(text) >= times,
                   lambda: "%r in the log, which ends:\n%s" % (text, self.log[-4000:]))

    def wait_for_match(self, pattern):
        """The last match of a regular expression in the log; ^ and $ are those of a line."""
        matches = wait_until(lambda: list(re.finditer(pattern, self.log, re.M)),
                             lambda: "a match of %r in the log, which ends:\n%s" % (pattern, self.log[-4000:]))
        return matches[-1]

    def pid_of(self, kind, number=1):
        """The pid of the process that was the last to be spawned as this one.  The line is the master's, who writes it when
        the process says that it is ready: what that process does may be seen before."""
        pattern = r"spawned uWSGI %s %d .*pid: (\d+)" % (kind, number)
        return int(self.wait_for_match(pattern)[1])

    def spawned(self, kind):
        """How many processes of a kind this server's log tells of, successors included."""
        return self.own_log.count("spawned uWSGI %s " % kind)

    def wait_spawned(self, kind, count):
        wait_until(lambda: self.spawned(kind) >= count, lambda: "%d of the kind %s:\n%s" % (count, kind, self.own_log))

    def wait_ready(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError("the server ended with %d:\n%s" % (self.process.returncode, self.log))
            if any(self.spawned(kind) < count for kind, count in self.expected.items()):
                return False
            try:
                self.connect().close()
                return True
            except OSError:
                return False

        wait_until(answers, lambda: "the server to accept:\n" + self.log)
        return self

    def wait_exit(self):
        wait_until(lambda: self.process.poll() is not None, lambda: "the server to end:\n" + self.log)
        return self.process.returncode

    def connect(self, timeout=DEADLINE):
        if isinstance(self.address, int):
            return socket.create_connection(("127.0.0.1", self.address), timeout)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(str(self.address))
        return s

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.address, timeout=DEADLINE)
        try:
            connection.request(method, path, body, headers or {})
            return Response(connection.getresponse())
        finally:
            connection.close()

    def get(self, path="/", headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def raw(self, data):
        """Send bytes, and return all that comes until the server closes."""
        with self.connect() as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            parts = []
            while part := s.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def stop(self):
        """End it as an operator does; nothing of it may be left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.wait_exit()
            wait_until(lambda: not session_members(self.process.pid), "the server's processes to end")
            return status
        finally:
            for pid in session_members(self.process.pid):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
