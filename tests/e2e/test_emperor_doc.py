"""docs/emperor.md does what it says: its commands are typed as they stand there, on ports of the test's own."""
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from binary import REPOSITORY
from harness import BINARY, free_port, wait_until
from test_daemon import alive

TEXT = (REPOSITORY / "docs" / "emperor.md").read_text()


def steps(text):
    """Pairs of commands and what they print at last, None where the page does not say."""
    blocks = re.findall(r"```(sh|text)\n(.*?)```", text, re.S)
    for (kind, body), (next_kind, next_body) in zip(blocks, [*blocks[1:], ("", "")]):
        if kind == "sh":
            yield body, next_body if next_kind == "text" else None


class Terminal:
    def __init__(self, folder):
        self.folder = folder
        self.ports = {port: str(free_port()) for port in set(re.findall(r"\b80\d\d\b", TEXT))}
        (folder / "bin").mkdir()
        (folder / "bin" / "uwsgi").symlink_to(BINARY)

    def type(self, commands):
        for port, own in self.ports.items():
            commands = commands.replace(port, own)
        done = subprocess.run(["sh", "-c", "set -e\n" + commands], cwd=self.folder, timeout=60, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "PATH": "%s/bin:%s" % (self.folder, os.environ["PATH"])})
        for port, own in self.ports.items():
            done.stdout = done.stdout.replace(own, port)
        return done

    def emperor(self):
        path = self.folder / "emperor.pid"
        text = path.read_text().strip() if path.exists() else ""
        return int(text) if text else None

    def do(self, commands, answer):
        if answer is not None:
            wait_until(lambda: self.type(commands).stdout == answer, lambda: "%s to say\n%s, not\n%s" % (
                commands, answer, self.type(commands).stdout))
            return
        emperor = self.emperor()
        done = self.type(commands)
        assert done.returncode == 0, commands + done.stdout
        if commands.startswith("kill"):
            wait_until(lambda: not alive(emperor), "the Emperor to end")


@pytest.fixture
def terminal():
    with tempfile.TemporaryDirectory(prefix="uwsgi-emperor-") as name:
        Path(name).chmod(0o755)  # tyrants' vassals must come in
        terminal = Terminal(Path(name))
        yield terminal
        emperor = terminal.emperor()
        if emperor and alive(emperor):
            os.kill(emperor, signal.SIGTERM)
            wait_until(lambda: not alive(emperor), "the Emperor to end")


def test_the_walk_through(terminal):
    text, tyrants = TEXT.split("## Tyrants")
    for commands, answer in steps(text):
        terminal.do(commands, answer)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_the_walk_through_of_tyrants(terminal):
    (terminal.folder / "vassals").mkdir()
    (terminal.folder / "vassals" / "old").touch()
    for commands, answer in steps(TEXT.split("## Tyrants")[1]):
        terminal.do(commands, answer)
