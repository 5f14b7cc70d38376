"""uwsgi.pyi, written by the server itself, describes the module well enough for a type checker."""
import json
import os
import subprocess


from harness import BINARY


def api(form):
    result = subprocess.run([os.path.abspath(BINARY), "--api=" + form], capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_row_is_in_every_form():
    names = [f["name"] for f in json.loads(api("json"))["functions"]]
    assert "reload" in names and len(names) == len(set(names))
    stub, page = api("pyi"), api("md")
    for name in names:
        assert "def %s(" % name in stub
        assert "`%s(" % name in page


def test_the_stub_is_python():
    compile(api("pyi"), "uwsgi.pyi", "exec")
