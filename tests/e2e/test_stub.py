"""uwsgi.pyi, written by the server itself, describes the module well enough for a type checker."""
import json
import os
import subprocess

from harness import BINARY, DEADLINE


def api(form):
    result = subprocess.run([os.path.abspath(BINARY), "--api=" + form], capture_output=True, text=True, timeout=DEADLINE)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_row_is_in_every_form():
    names = [f["name"] for f in json.loads(api("json"))["functions"]]
    assert "reload" in names and len(names) == len(set(names))
    stub, page = api("pyi"), api("md")
    for name in names:
        assert "def %s(" % name in stub or "\n%s: tuple" % name in stub
        assert "`%s(" % name in page


def test_the_stub_is_python():
    compile(api("pyi"), "uwsgi.pyi", "exec")


TASKS = """
from uwsgidecorators import *

@timer(3)
def three_seconds(signum: int) -> None:
    print("3 seconds elapsed")

@postfork
def begin() -> None:
    uwsgi.log("worker %d of %d" % (uwsgi.worker_id(), uwsgi.numproc))
    uwsgi.accepting(accepting=True)
    for worker in uwsgi.workers() or ():
        print(worker["pid"])
"""


def check(folder, code):
    (folder / "program.py").write_text(code)
    return subprocess.run(["/usr/bin/python3", "-m", "mypy", "--check-untyped-defs", "program.py"], cwd=folder,
                          capture_output=True, text=True)


def test_a_type_checker_accepts_programs_and_finds_mistakes(tmp_path):
    (tmp_path / "uwsgi.pyi").write_text(api("pyi"))
    folder = os.path.join(os.path.dirname(os.path.abspath(BINARY)), "plugins", "python", "uwsgidecorators.py")
    (tmp_path / "uwsgidecorators.py").write_text(open(folder).read())
    accepted = check(tmp_path, TASKS)
    assert accepted.returncode == 0, accepted.stdout
    refused = check(tmp_path, "import uwsgi\nuwsgi.listen_queue('zero')\n")
    assert "incompatible type" in refused.stdout
