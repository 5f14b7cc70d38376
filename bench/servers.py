"""Servers under measurement: how each is started, watched and stopped.

A server is a command with {port}, {procs} and {app}.  All run in bench/apps, on loopback, and are stopped by pid."""

import http.client
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "apps")
LIMIT = os.path.join(HERE, "c", "limit_wsgi")

PEERS = {
    "uwsgi-2.0": "/usr/bin/uwsgi --plugin python3 --master --need-app --single-interpreter --http11-socket "
                 "127.0.0.1:{port} -l 1024 -p {procs} -w {app} -L",
    "gunicorn": "gunicorn -b 127.0.0.1:{port} -w {procs} -k gthread --backlog 1024 {app}:application",
    "limit": LIMIT + " {port} {app}",  # one process, no bodies, no parser to speak of: what cannot be undercut
}


def ours(binary):
    return (binary + " --master --need-app --http-socket 127.0.0.1:{port} --listen 1024 --processes {procs} "
            "--module {app} --disable-logging")


def available(name, command):
    """Is the program of a peer there?  The limit is built when it is not."""
    if name == "limit" and not os.path.exists(LIMIT):
        build_limit()
    return shutil.which(shlex.split(command)[0]) is not None


def build_limit():
    python = sysconfig.get_config_vars()
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", LIMIT, LIMIT + ".c", "-I" + sysconfig.get_path("include"),
                    "-lpython" + python["LDVERSION"]], check=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stat_fields(pid):
    with open("/proc/%d/stat" % pid) as f:
        text = f.read()
    return text[text.rindex(")") + 2:].split()


def tree(root):
    """Pids of a process and all below it."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(stat_fields(int(name))[1]), []).append(int(name))
        except OSError:
            pass
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def each_task(root, file):
    for pid in tree(root):
        try:
            for task in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/%s" % (pid, task, file)) as f:
                    yield f.read()
        except OSError:
            pass


def cpu_ns(root):
    """Time on a processor of the whole tree."""
    return sum(int(text.split()[0]) for text in each_task(root, "schedstat"))


def switches(root):
    """Context switches of the whole tree: in an idle server, its wake-ups."""
    return sum(int(line.split()[1]) for text in each_task(root, "status") for line in text.splitlines()
               if "ctxt_switches" in line)


def pss_kib(root):
    total = 0
    for pid in tree(root):
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return total


class Server:
    """A started server; a context manager."""

    def __init__(self, name, command, procs=1, prefix=(), timeout=30):
        self.name, self.port = name, free_port()
        self.log = tempfile.NamedTemporaryFile(prefix="bench.", suffix=".log")
        argv = list(prefix) + shlex.split(command.format(port=self.port, procs=procs, app="hello"))
        env = dict(os.environ, PYTHONPATH=APPS, APPDIR=APPS, UWSGI_ALLOW_ROOT="true", PYTHONDONTWRITEBYTECODE="1")
        begin = time.perf_counter()
        self.process = subprocess.Popen(argv, cwd=APPS, env=env, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self.process.pid
        try:
            self.wait(timeout)
        except BaseException:
            self.stop()
            raise
        self.start_s = time.perf_counter() - begin

    def wait(self, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("%s ended:\n%s" % (self.name, self.text()))
            try:
                return self.get()
            except (OSError, http.client.HTTPException):
                time.sleep(0.002)
        raise RuntimeError("%s does not answer:\n%s" % (self.name, self.text()))

    def text(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()[-2000:]

    def get(self, connection=None):
        c = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request("GET", "/hello")
        body = c.getresponse().read()
        if connection is None:
            c.close()
        return body

    def stop(self):
        pids = tree(self.pid) if self.process.poll() is None else []
        for sig, seconds in ((signal.SIGINT, 3), (signal.SIGTERM, 3), (signal.SIGKILL, 5)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass  # the limit knows no orderly end
        for pid in pids[1:]:  # a child whose parent was killed
            try:
                if int(stat_fields(pid)[1]) == 1:
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
