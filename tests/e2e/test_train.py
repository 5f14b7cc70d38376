"""Every configuration of tests/configs/train is read, and started in a world made for it.

A configuration names users, directories, ports, virtual environments and modules of the machine it was written for. The
file is copied, these are replaced in its text, and what it then refers to is made: modules that answer every name with
one small application.
"""

import getpass
import contextlib
import itertools
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import venv

import pytest

from binary import BINARY, clean_environment, free_port, last_line, run
from harness import DEADLINE

TRAIN = pathlib.Path(__file__).resolve().parents[1] / "configs" / "train"
FILES = sorted(p.name for p in TRAIN.iterdir())
READY = ("spawned uWSGI worker", "spawned uWSGI master", "ready in")

# What cannot be read, and why: uWSGI 2.0 refuses these files too.
REFUSED = {"147.json": "is there a comma after the last one?"}
# `strict` makes an error of what is only told otherwise.
STRICT = "refused because of strict"

STUB = '''
def application(*args, **kwargs):
    if len(args) < 2:
        return application
    if len(args) == 2 and callable(args[1]):
        args[1]("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"stub"]
    return application

SECRET_KEY, ROOT_URLCONF, ALLOWED_HOSTS, urlpatterns = "stub", __name__, ["*"], []

def __getattr__(name):
    if name.startswith("__") or name.isupper():
        raise AttributeError(name)
    return application
'''

ROOTS = "srv|tmp|var|run|etc|usr|data|conf|sockets|sock|log|proc|sys|subscribe|home|opt"
NETWORK = "socket|uwsgi-socket|http-socket|http|https|stats|stats-server|shared-socket|fastrouter[a-z-]*|http-to|subscribe-to"
USERS = "uid|gid|chown-socket|logfile-chown|emperor-tyrant"
HOOKS = "hook-[a-z0-9-]+"
COMMANDS = "exec-[a-z-]+|attach-daemon2?|smart-attach-daemon2?|legion-attach-daemon"
CRONS = "cron|unique-cron"


class World:
    """A copy of one configuration, in directories of its own."""

    def __init__(self, name, root, environment):
        self.root = root
        self.conf = root / "conf"
        self.conf.mkdir(parents=True)
        self.file = self.conf / name
        self.venv = environment
        self.port = free_port()
        self.env = {"PORT": str(self.port), "SOCKET": f"127.0.0.1:{free_port()}", "HOME": str(root),
                    "DJANGO_APP_NAME": "app"}
        self.file.write_text(self.rewrite((TRAIN / name).read_text()))

    def rewrite(self, text):
        text = re.sub(rf"(?<![\w.%)}}$/<-])/(?=(?:{ROOTS})(?:/|\b))", f"{self.root}/", text)
        text = re.sub(r"(=[ \t]*)/(?=%\()", rf"\g<1>{self.root}/", text)

        def value_of(keys, replace):
            nonlocal text
            forms = (rf"^([ \t]*(?:{keys})[ \t]*=[ \t]*)(\S[^\n]*)$",        # ini
                     rf"^([ \t]*(?:{keys})[ \t]*:[ \t]+)(\S[^\n]*)$",        # yaml
                     rf"(<(?:{keys})>)([^<]*)(?=</)",                        # xml
                     rf"(\"(?:{keys})\"[ \t]*:[ \t]*\")([^\"]*)(?=\")")      # json
            for form in forms:
                text = re.sub(form, lambda m: m[1] + replace(m[2]), text, flags=re.M)

        value_of(NETWORK, lambda v: f"127.0.0.1:{free_port()}" if re.search(r":\s*[$\d]\S*", v) and "$(" not in v else v)
        value_of(USERS, lambda v: getpass.getuser())
        value_of(COMMANDS, lambda v: "true")
        value_of(CRONS, lambda v: " ".join(v.split()[:5] + ["true"]))
        value_of("cron2", lambda v: v.split()[0] + " true")
        value_of(HOOKS, lambda v: v if v.startswith("unix_signal:") else "exec:true")
        # The test waits for what it started, so it stays in the foreground.
        text = re.sub(r"\bdaemonize2?\b", "logto2", text)
        return text

    def explain(self):
        done = run("--explain", self.file.name, cwd=self.conf, env=self.env)
        assert done.returncode == 0, done.stderr
        keys = []
        for line in done.stdout.splitlines():
            setting = line.rsplit(" ; ", 1)[0].rstrip()
            keys.append(tuple(setting.split(" = ", 1)))
        return keys

    def make(self, keys):
        """Make what the configuration refers to; returns arguments it needs besides."""
        values = {key: value for key, value in keys}
        base = self.path(values.get("chdir", "."), self.conf)
        base.mkdir(parents=True, exist_ok=True)
        applications = 0
        for key, value in keys:
            if key in ("home", "virtualenv", "venv", "pyhome"):
                for place in (self.conf, base):
                    self.make_venv(self.path(value, place))
            elif key in ("pythonpath", "python-path", "spooler", "chdir2", "emperor", "plugins-dir"):
                self.path(value, base).mkdir(parents=True, exist_ok=True)
            elif key in ("pidfile", "pidfile2", "logto", "logto2", "logger", "req-logger", "socket", "uwsgi-socket",
                         "http-socket", "stats", "master-fifo", "touch-reload", "safe-pidfile"):
                path = value.split(":", 1)[1] if value.startswith("file:") else value
                if not re.search(r":\d+$", path):
                    self.path(path, self.conf).parent.mkdir(parents=True, exist_ok=True)
                    self.path(path, base).parent.mkdir(parents=True, exist_ok=True)
            elif key == "env" and value.partition("=")[0].strip() == "DJANGO_SETTINGS_MODULE":
                self.make_module(value.partition("=")[2].strip(), base)
            elif key in ("module", "wsgi"):
                self.make_module(value, base)
                applications += 1
            elif key in ("wsgi-file", "file"):
                self.make_file(self.path(value, base))
                applications += 1
            elif key == "mount":
                self.make_target(value.split("=", 1)[-1], base)
                applications += 1
            elif key in ("import", "shared-import", "mule") and value not in ("true", ""):
                self.make_target(value, base)
        extra = []
        if not applications:
            self.make_file(self.conf / "stub_application.py")
            extra += ["--wsgi-file", str(self.conf / "stub_application.py")]
        if not any(key in ("socket", "uwsgi-socket", "http-socket", "http") for key, _ in keys):
            extra += ["--http-socket", f"127.0.0.1:{free_port()}"]
        return extra

    def path(self, text, base):
        path = pathlib.Path(text)
        return path if path.is_absolute() else base / path

    def make_venv(self, path):
        if path.is_dir() and not (path / "pyvenv.cfg").exists():
            shutil.copytree(self.venv, path, symlinks=True, dirs_exist_ok=True)
        elif not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self.venv, path, symlinks=True)

    def make_file(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(STUB)

    def make_module(self, name, base):
        name = name.split(":")[0].split("#")[0].strip()
        if name.startswith("django.") or not re.fullmatch(r"[\w.]+", name):
            return
        *packages, last = name.split(".")
        where = base
        for package in packages:
            where = where / package
            where.mkdir(exist_ok=True, parents=True)
            (where / "__init__.py").touch()
        self.make_file(where / f"{last}.py")

    def make_target(self, target, base):
        target = target.strip()
        if "/" in target or target.endswith((".py", ".wsgi")):
            self.make_file(self.path(target.split(":")[0], base))
        else:
            self.make_module(target, base)


def listeners(keys, extra):
    """What a client could ask, as (protocol, address)."""
    pairs = list(keys) + [("http-socket", extra[i + 1]) for i, word in enumerate(extra) if word == "--http-socket"]
    default = dict(keys).get("protocol", "uwsgi")
    found = []
    for key, value in pairs:
        if key in ("http-socket", "http"):
            found.append(("http", value))
        elif key == "uwsgi-socket":
            found.append(("uwsgi", value))
        elif key == "socket":
            found.append((default, value))
    return [(protocol, address) for protocol, address in found if protocol in ("http", "uwsgi")]


def connect(address, base):
    match = re.fullmatch(r"\s*([\w.]*):\s*(\d+)\s*", address)
    if match:
        return socket.create_connection(("127.0.0.1", int(match[2])), timeout=DEADLINE)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE)
    with contextlib.chdir(base):  # a path may be longer than an address
        client.connect(os.path.relpath(base / address, base))
    return client


def ask(protocol, client):
    if protocol == "http":
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    else:
        variables = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_PROTOCOL": "HTTP/1.1", "QUERY_STRING": "",
                     "SERVER_NAME": "localhost", "SERVER_PORT": "80", "REQUEST_URI": "/", "SCRIPT_NAME": ""}
        body = b"".join(struct.pack("<H", len(k)) + k.encode() + struct.pack("<H", len(v)) + v.encode()
                        for k, v in variables.items())
        client.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
    return client.recv(4096)


def wait_for_answer(server, log, places, sockets, deadline):
    """True when a socket answered, or there is none to ask and the log says ready."""
    while time.monotonic() < deadline:
        if server.poll() is not None:
            return False
        for (protocol, address), place in itertools.product(sockets, places):
            try:
                with connect(address, place) as client:
                    if ask(protocol, client).startswith(b"HTTP/1."):
                        return True
            except OSError:
                continue
        if not sockets and any(word in log.read_text(errors="replace") for word in READY):
            return True
        select_pause()
    return False


def select_pause():
    """Give the server the processor for a moment between two questions."""
    select.select([], [], [], 0.05)


def stop(server):
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    path = tmp_path_factory.mktemp("venv") / "venv"
    venv.EnvBuilder(symlinks=True, system_site_packages=True).create(path)
    return path


@pytest.fixture
def place():
    """A directory with a short name: unix sockets are made in it, and their paths have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="u") as path:
        yield pathlib.Path(path)


@pytest.fixture(scope="module")
def tally():
    counts = {}
    yield counts
    print("\nconfigurations: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())), file=sys.__stdout__)


@pytest.mark.parametrize("name", FILES)
def test_a_configuration_of_the_wild_is_valid(name, place, environment, tally):
    world = World(name, place / "root", environment)
    make_included(world)
    done = run("--check", name, cwd=world.conf, env=world.env)
    if done.returncode:
        assert STRICT in last_line(done) or REFUSED.get(name, "\0") in last_line(done), done.stderr
        tally["refused with a reason"] = tally.get("refused with a reason", 0) + 1
        return
    assert done.stdout == f"{name}: configuration is valid\n"
    tally["valid"] = tally.get("valid", 0) + 1


def make_included(world):
    """Files the configuration reads in turn."""
    for match in re.finditer(r"^[ \t]*(?:ini|include|inherit)[ \t]*=[ \t]*([^\s:][^\n:]*)$", world.file.read_text(), re.M):
        path = world.path(match[1].strip().replace("%d", f"{world.conf}/"), world.conf)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[uwsgi]\n")


@pytest.mark.parametrize("name", FILES)
def test_a_configuration_of_the_wild_starts_and_answers(name, place, environment, tally):
    world = World(name, place / "root", environment)
    make_included(world)
    check = run("--check", name, cwd=world.conf, env=world.env)
    if check.returncode:
        assert STRICT in last_line(check) or REFUSED.get(name, "\0") in last_line(check), check.stderr
        return
    keys = world.explain()
    extra = world.make(keys)
    log = place / "log"
    with log.open("wb") as out:
        server = subprocess.Popen([BINARY, *extra, name], cwd=world.conf, env=clean_environment(**world.env), stdout=out,
                                  stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        # A relative unix socket is under the directory the server was in when it was bound.
        places = (world.conf, world.path(dict(keys).get("chdir", "."), world.conf))
        answered = wait_for_answer(server, log, places, listeners(keys, extra), time.monotonic() + DEADLINE)
    finally:
        stop(server)
    logs = "".join(p.read_text(errors="replace") for p in place.rglob("*log*") if p.is_file())
    assert answered, f"{world.file.read_text()}\n{logs[-6000:]}"
    tally["started and answered"] = tally.get("started and answered", 0) + 1
