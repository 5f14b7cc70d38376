"""The folders of examples/ that have a uwsgi.ini, served as they are but for their ports."""
import os
import re
import shutil
import signal
import subprocess

import pytest

from binary import REPOSITORY
from harness import free_port, wait_until

EXAMPLES = REPOSITORY / "examples"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def example(start, tmp_path):
    """example(name): a server of a copy of that example, on free ports."""

    def example(name):
        shutil.copytree(EXAMPLES / name, tmp_path, dirs_exist_ok=True)
        ports = []

        def other_port(match):
            ports.append(free_port())
            return "%s:%d" % (match[1], ports[-1])

        ini = tmp_path / "uwsgi.ini"
        ini.write_text(re.sub(r"(127\.0\.0\.1|0\.0\.0\.0):\d+", other_port, ini.read_text()))
        server = start("--ini", "uwsgi.ini", http=False, address=ports[0])
        server.ports = ports
        return server

    return example


def test_the_first_steps(example):
    assert example("bootstrap").get("/").text == "HelloWorld"


def test_a_flask_site(example):
    assert example("flask").get("/").text == "Hello from Flask"


def test_a_django_project(example, tmp_path):
    shutil.copy(EXAMPLES / "django" / "project.py", tmp_path)
    subprocess.run(["/usr/bin/python3", "project.py", "migrate"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert "Django administration" in example("django").get("/admin/login/").text


def test_letters_are_sent_in_the_background_whatever_is_killed(example, tmp_path):
    server = example("background")
    for number in range(3):
        assert server.post("/", "to=Ada&text=number%%20%d" % number, FORM).status == 303
    server.wait_spawned("spooler", 1)
    os.kill(server.pid_of("spooler"), signal.SIGKILL)
    sent = tmp_path / "sent.txt"
    for number in range(3):
        wait_until(lambda: sent.exists() and "Ada: number %d\n" % number in sent.read_text(), "letter %d to be sent" % number)
    wait_until(lambda: "<p>0 wait.</p>" in server.get("/").text, "no letter to wait")
    assert "Ada: number 2" in server.get("/").text
    server.wait_for_match(r"^visits: {'/': [1-9]\d*}$")
