"""py-auto-reload: a change of the program is served without being told, and a bad one does no harm."""
import pytest

from harness import wait_until

APP = """
    def application(environ, start_response):
        import helper
        start_response("200 OK", [])
        return [helper.WORD]
"""


@pytest.mark.parametrize("option", ["--py-auto-reload", "--py-autoreload", "--python-autoreload"])
def test_a_change_of_the_program_is_served(start, write, option):
    write("helper.py", "WORD = b'first'\n")
    write("app.py", "import helper\n" + APP.replace("    ", "", 1))
    server = start("--wsgi-file", "app.py", option, "1", "--processes", "2")
    assert server.get().text == "first"
    write("helper.py", "WORD = b'a second'\n")
    wait_until(lambda: server.get().text == "a second", "the change")
    server.wait_for_log("[uwsgi-python-reloader] helper.py has been modified. reloading uWSGI.")


def test_a_module_that_is_imported_late_is_watched_too(start, write):
    write("lib/helper.py", "WORD = b'first'\n")
    write("app.py", APP)
    server = start("--wsgi-file", "app.py", "--py-auto-reload", "1", "--pythonpath", "lib")
    assert server.get().text == "first"

    def changed():
        write("lib/helper.py", "WORD = b'a second'\n")
        return "helper.py has been modified" in server.log

    wait_until(changed, "the change to be noticed")
    wait_until(lambda: server.get().text == "a second", "the change")


def test_after_a_change_that_cannot_be_imported_the_next_one_is_served(start, write):
    write("helper.py", "WORD = b'first'\n")
    write("app.py", APP)
    server = start("--wsgi-file", "app.py", "--py-auto-reload", "1")
    write("app.py", "import new\n" + APP)
    server.wait_for_log("keeps serving")
    assert server.get().text == "first"
    write("app.py", "import new\n")
    server.wait_for_log("keeps serving", times=2)
    write("new.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'new']\n")
    write("app.py", "from new import application\n")
    wait_until(lambda: server.get().text == "new", "the repaired program")


def test_other_files_change_nothing(start, write):
    write("helper.py", "WORD = b'first'\n")
    write("app.py", APP)
    server = start("--wsgi-file", "app.py", "--py-auto-reload", "1")
    for name in ("notes.txt", ".app.py.swp", ".#app.py", "app.pyc"):
        write(name, "nothing")
    write("helper.py", "WORD = b'second'\n")
    wait_until(lambda: server.get().text == "second", "the change")
    assert server.log.count("has been modified") == 1
