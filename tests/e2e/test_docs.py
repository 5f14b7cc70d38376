"""The generated pages say what the server says (`./dev docs` writes them again), and the configurations shown are valid."""
import re
import shutil
import subprocess
import sys

import pytest

from binary import REPOSITORY, run

PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("plugins/*/README.md")])
SHOWN = [(page.relative_to(REPOSITORY), ini) for page in PAGES
         for ini in re.findall(r"^```ini\n(\[uwsgi\]\n.*?)^```$", page.read_text(), re.M | re.S)]
GENERATED = {"options.md": "--options-markdown", "api.md": "--api", "uwsgi.pyi": "--api=pyi"}


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_what_the_server_prints(tmp_path, page):
    done = run(GENERATED[page], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (REPOSITORY / "docs" / page).read_text(), "./dev docs writes it again"


@pytest.mark.parametrize("ini", [ini for _, ini in SHOWN], ids=["%s-%d" % (page, i) for i, (page, _) in enumerate(SHOWN)])
def test_a_configuration_that_a_page_shows_is_valid(tmp_path, write, ini):
    write("shown.ini", ini)
    done = run("--check", "--strict", "shown.ini", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_stubs_are_python(tmp_path):
    shutil.copy(REPOSITORY / "docs" / "uwsgi.pyi", tmp_path / "stubs.py")
    subprocess.run([sys.executable, "-m", "py_compile", tmp_path / "stubs.py"], check=True)


def test_help_lists_every_format_with_the_options_of_the_configuration(tmp_path):
    text = run("--help=configuration", cwd=tmp_path).stdout
    for line in ("--ini VALUE", "--xml VALUE", "--json VALUE", "--yaml VALUE"):
        assert text.count("    %s " % line) == 1, text
    assert "(.yml .yaml)" in text or "(.yaml .yml)" in text


def test_help_lists_the_options_of_plugins_that_upstream_never_had(tmp_path, write):
    write("greet.c", """
        #include <uwsgi.h>
        static bool loudly;
        static const struct uwsgi_option options[] = {
            { "greet-loudly", .value = &loudly, .group = "greeting", .help = "say it twice" },
            { 0 },
        };
        struct uwsgi_plugin greet_plugin = { .name = "greet", .options = options };
    """)
    subprocess.run([sys.executable, REPOSITORY / "uwsgiconfig.py", "--plugin", "greet.c"], cwd=tmp_path, check=True)
    manifest = run("--manifest", "./greet_plugin.so", cwd=tmp_path).stdout
    assert manifest == "option greet-loudly\n"
    write("greet_plugin.manifest", manifest)
    assert "--greet-loudly" in run("--plugin-dir", ".", "--help", cwd=tmp_path).stdout


def test_a_manifest_claims_nothing_of_the_plugins_that_are_needed(tmp_path, write):
    write("lean.c", """
        #include <uwsgi.h>
        struct uwsgi_plugin lean_plugin = { .name = "lean", .alias = "slim", .needs = "yaml http" };
    """)
    subprocess.run([sys.executable, REPOSITORY / "uwsgiconfig.py", "--plugin", "lean.c"], cwd=tmp_path, check=True)
    assert run("--manifest", "./lean_plugin.so", cwd=tmp_path).stdout == "alias slim\n"


def test_every_plugin_has_a_page():
    for folder in (REPOSITORY / "plugins").iterdir():
        if folder.is_dir():
            first = (folder / "README.md").read_text().splitlines()[0]
            assert first.startswith("# " + folder.name)
