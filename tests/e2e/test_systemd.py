"""The example units are units, and sockets that systemd has bound are taken over."""
import os
import shutil
import signal
import socket
import subprocess

import pytest

from binary import REPOSITORY
from harness import BINARY, DEADLINE, wait_until

UNITS = REPOSITORY / "examples" / "systemd"
APP = """
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"hello"]
"""
# What systemd does, but for its pid, which must be the server's.
AS_SYSTEMD = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&%d'


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_the_units_are_understood(tmp_path):
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/usr/local/bin/uwsgi", BINARY)
        (tmp_path / unit.name.replace("@.", "@alice.")).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units], timeout=60, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_page_names_every_unit():
    text = (REPOSITORY / "docs" / "systemd.md").read_text()
    for unit in UNITS.iterdir():
        assert "(../examples/systemd/%s)" % unit.name in text


def ask(port):
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        parts = []
        while part := s.recv(65536):
            parts.append(part)
        return b"".join(parts)


@pytest.fixture
def activated(tmp_path, write):
    """activated(*options): a server that got a listening socket as systemd gives it; and the socket's port."""
    processes = []
    write("app.py", APP)

    def activated(*options):
        with socket.socket() as s, open(tmp_path / "log", "wb") as log:
            s.bind(("127.0.0.1", 0))
            s.listen()
            options = [option.replace("PORT", str(s.getsockname()[1])) for option in options]
            processes.append(subprocess.Popen(
                ["sh", "-c", AS_SYSTEMD % 9, "sh", BINARY, "--wsgi-file", "app.py", *options], cwd=tmp_path, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, preexec_fn=lambda: os.dup2(s.fileno(), 9), close_fds=False))
            return processes[-1], s.getsockname()[1]

    yield activated
    for process in processes:
        process.terminate()
        process.wait(DEADLINE)


@pytest.mark.parametrize("options", [
    ("--http-socket", "127.0.0.1:PORT"),
    ("--protocol", "http"),
    ("--protocol", "http", "--socket", "fd://3"),
    ("--http", "127.0.0.1:PORT"),
])
def test_a_socket_of_systemd_is_taken_over_and_kept_over_a_reload(activated, tmp_path, options):
    server, port = activated("--master", *options)
    log = tmp_path / "log"
    assert ask(port).endswith(b"hello")
    assert "bound to TCP address" not in log.read_text()
    assert "there is nothing to listen on" not in log.read_text()
    for generation in (2, 3):
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: "generation %d answers" % generation in log.read_text(), lambda: log.read_text())
        assert ask(port).endswith(b"hello")


def test_without_a_master_it_is_taken_over_too(activated):
    server, port = activated("--protocol", "http")
    assert ask(port).endswith(b"hello")


def test_an_application_does_not_inherit_what_systemd_said(activated, write):
    write("app.py", """
        import os

        def application(environ, start_response):
            start_response("200 OK", [])
            return [" ".join(name for name in os.environ if name.startswith("LISTEN_")).encode()]
    """)
    server, port = activated("--protocol", "http")
    assert ask(port).endswith(b"\r\n\r\n")


def test_an_emperor_without_workers_says_that_he_is_ready_and_that_he_ends(start, tmp_path):
    (tmp_path / "vassals").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE)
        server = start("--emperor", "vassals", http=False, ready=False, env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        told = ""
        for word in ("READY=1", "STOPPING=1"):
            while word not in told:
                told += manager.recv(4096).decode() + "\n"
            if word == "READY=1":
                server.process.send_signal(signal.SIGTERM)
        assert server.wait_exit() == 0
