"""The server under test, and the few things every test of its command line needs."""

import os
import pathlib
import socket
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("UWSGI_BUILD", REPOSITORY / "build"))
BINARY = os.path.abspath(os.environ.get("UWSGI_BIN") or BUILD / "uwsgi")


def clean_environment(**more):
    """The environment without variables that would configure the server."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("UWSGI_")}
    env["UWSGI_ALLOW_ROOT"] = "true"  # these tests may run as root, which servers refuse
    env.update(more)
    return env


def run(*args, cwd, env=None, timeout=60):
    """Run the server until it exits."""
    return subprocess.run([BINARY, *map(str, args)], cwd=cwd, env=clean_environment(**(env or {})), text=True,
                          capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)


def last_line(done):
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
