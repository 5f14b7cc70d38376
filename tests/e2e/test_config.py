"""Configuration as a user meets it: sources, precedence, questions and mistakes."""

import pytest

from binary import last_line, run


@pytest.fixture
def here(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return name

    write.path = tmp_path
    return write


def explain(here, *args, env=None):
    """What the server would run with: {key: [(value, where), ...]}."""
    done = run("--explain", *args, cwd=here.path, env=env)
    assert done.returncode == 0, done.stderr
    result = {}
    for line in done.stdout.splitlines():
        setting, where = line.rsplit(" ; ", 1)
        key, value = setting.rstrip().split(" = ", 1)
        result.setdefault(key, []).append((value, where))
    return result


FORMS = {
    "x.ini": "[uwsgi]\nprocesses = 4\nenv = A=1\nenv = B=2\nmaster = true\n[dev]\nprocesses = 7\n",
    "x.json": '{"uwsgi": {"processes": 4, "env": ["A=1", "B=2"], "master": true}, "dev": {"processes": 7}}',
    "x.yaml": "uwsgi:\n  processes: 4\n  env: [A=1, B=2]\n  master: true\ndev:\n  processes: 7\n",
    "x.yml": "uwsgi:\n  processes: 4\n  env:\n    - A=1\n    - B=2\n  master: true\ndev:\n  processes: 7\n",
    "x.js": '{"uwsgi": {"processes": 4, "env": ["A=1", "B=2"], "master": true}, "dev": {"processes": 7}}',
    "x.xml": "<c><uwsgi><processes>4</processes><env>A=1</env><env>B=2</env><master/></uwsgi>"
             "<uwsgi id='dev'><processes>7</processes></uwsgi></c>",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_format_says_the_same(here, name):
    here(name, FORMS[name])
    keys = explain(here, name)
    assert keys["processes"][0][0] == "4"
    assert [value for value, _ in keys["env"]] == ["A=1", "B=2"]
    assert "master" in keys


@pytest.mark.parametrize("name", FORMS)
def test_every_format_has_sections(here, name):
    here(name, FORMS[name])
    assert explain(here, f"{name}:dev")["processes"][0][0] == "7"


@pytest.mark.parametrize("option, name", [("--ini", "x.ini"), ("--xml", "x.xml"), ("-x", "x.xml"), ("--xmlconfig", "x.xml"),
                                          ("--json", "x.json"), ("-j", "x.json"), ("--js", "x.json"), ("--yaml", "x.yaml"),
                                          ("-y", "x.yaml"), ("--yml", "x.yaml"), ("--config", "x.json")])
def test_a_format_is_read_by_its_options(here, option, name):
    here(name, FORMS[name])
    assert explain(here, option, name)["processes"][0][0] == "4"


@pytest.mark.parametrize("args, env, workers", [
    (["--workers", "3"], {"UWSGI_WORKERS": "5"}, "3"),
    (["--ini", "w2.ini", "--workers", "3"], {}, "3"),
    (["--workers", "3", "--ini", "w2.ini"], {}, "2"),
    (["w2.ini", "--workers", "3"], {}, "2"),
    (["w2.ini"], {"UWSGI_WORKERS": "5"}, "2"),
    (["inherits.ini"], {}, "5"),
    (["includes.ini"], {}, "3"),
])
def test_what_comes_later_wins(here, args, env, workers):
    here("w2.ini", "[uwsgi]\nworkers = 2\n")
    here("t.ini", "[uwsgi]\nworkers = 5\n")
    here("inherits.ini", "[uwsgi]\ninherit = t.ini\nworkers = 3\n")
    here("includes.ini", "[uwsgi]\ninclude = t.ini\nworkers = 3\n")
    keys = explain(here, *args, env=env)
    assert keys["workers"][-1][0] == workers


def test_explain_tells_where_a_value_came_from(here):
    here("x.ini", "[uwsgi]\n\nthreads = 2\nname = blog\n")
    keys = explain(here, "--processes", "3", "x.ini", env={"UWSGI_MASTER": "1"})
    assert keys["processes"] == [("3", "command line")]
    assert keys["threads"] == [("2", "x.ini:3")]
    assert keys["name"] == [("blog", "x.ini:4 (placeholder)")]
    assert keys["master"] == [("1", "UWSGI_MASTER")]


def test_explain_keeps_secrets(here):
    here("x.ini", "[uwsgi]\nenv = DB_PASSWORD=hunter2\n")
    done = run("--explain", "x.ini", cwd=here.path)
    assert "hunter2" not in done.stdout + done.stderr


def test_check_accepts_a_valid_file_and_starts_nothing(here):
    here("x.ini", "[uwsgi]\nhttp-socket = 127.0.0.1:1\nmodule = nowhere\n")
    done = run("--check", "x.ini", cwd=here.path)
    assert (done.returncode, done.stdout) == (0, "x.ini: configuration is valid\n")


@pytest.mark.parametrize("name, text, reason", [
    ("x.ini", "[uwsgi]\n\nprocesses = -1\n", "x.ini:3: processes = -1: the value must not be less than 0"),
    ("x.ini", "[uwsgi]\nstrict = true\nvaccum = true\n", "x.ini:3: [strict-mode] unknown config directive: vaccum"),
    ("x.ini", "[uwsgi]\ninclude = none.ini\n", "x.ini:2: cannot read the configuration none.ini: No such file"),
    ("x.ini", "[uwsgi]\ninclude = x.ini\n", "more than 32 deep"),
    ("x.ini", "[uwsgi]\npidfile = @(none)\n", "x.ini:2: pidfile: cannot read @(none): No such file"),
    ("x.ini", "[uwsgi]\nif-env = HOME\nfor = a\n", "x.ini:3: for: recursive logic"),
    ("x.ini", "[uwsgi]\nchmod-socket = 77\n", "x.ini:2: chmod-socket = 77 was refused"),
    ("x.json", '{"uwsgi": {"a": 1,}}', "x.json: line 1: "),
    ("x.xml", "<uwsgi>\n<a></b></uwsgi>", "x.xml: line 2: mismatched tag"),
    ("x.yaml", "uwsgi:\n  a: [1\n", "x.yaml: line "),
    ("x.conf", "", "unable to load configuration from x.conf"),
])
def test_the_last_line_of_a_refusal_is_its_reason(here, name, text, reason):
    here(name, text)
    for args in (["--check", name], [name]):
        done = run(*args, cwd=here.path)
        assert done.returncode == 1
        assert reason in last_line(done)


@pytest.mark.parametrize("args, reason", [
    (["--vaccum"], "unrecognized option '--vaccum', did you mean --vacuum?"),
    (["--qqqqqq"], "unrecognized option '--qqqqqq', see --help"),
    (["--processes"], "option '--processes' requires an argument"),
    (["--procname-"], "option '--procname-' is ambiguous, it could be"),
    (["--set", "x"], "invalid --set value"),
    (["nothing"], "unable to load configuration from nothing"),
])
def test_the_command_line_is_checked(here, args, reason):
    done = run(*args, cwd=here.path)
    assert done.returncode == 1
    assert reason in last_line(done)


def test_a_typing_mistake_is_kept_and_told_once(here):
    here("x.ini", "[uwsgi]\nmaster = true\nvaccum = true\nvaccum = true\n")
    done = run("--check", "x.ini", cwd=here.path)
    assert done.returncode == 0
    told = [line for line in done.stderr.splitlines() if "no such option" in line]
    assert told == ["x.ini:3: vaccum: no such option, did you mean vacuum? It is kept as a placeholder"]


def test_a_placeholder_in_use_is_no_mistake(here):
    here("x.ini", "[uwsgi]\nmastr = 1\nmaster = %(mastr)\n")
    assert "no such option" not in run("--check", "x.ini", cwd=here.path).stderr


def test_an_option_of_upstream_that_is_missing_is_told(here):
    here("x.ini", "[uwsgi]\n\nlegion = mylegion 225.1.1.1:4242 98 bf-cbc:hello\n")
    done = run("--check", "x.ini", cwd=here.path)
    assert done.returncode == 0
    assert "x.ini:3: legion is known but not there yet, ignored" in done.stderr


def test_version_and_get_answer_on_stdout(here):
    assert run("--version", cwd=here.path).stdout.count("\n") == 1
    here("x.ini", "[uwsgi]\nname = %(first)-x\nfirst = a\n")
    done = run("--get", "name", "x.ini", cwd=here.path)
    assert (done.returncode, done.stdout) == (0, "a-x\n")


def test_help_is_grouped(here):
    everything = run("--help", cwd=here.path)
    assert everything.returncode == 0
    for text in ("-p|--processes VALUE", "\nsockets\n", "\nlogging\n", "uwsgi --help=upstream"):
        assert text in everything.stdout
    one = run("--help=logging", cwd=here.path).stdout
    assert "--disable-logging" in one and "--processes" not in one


def test_a_file_tells_what_it_sees(here):
    here("app.ini", "[uwsgi]\npidfile = %d%n.pid\nprocname = $(NAME_IN_ENV)-%(x + 1)\nx = 4\nfor = a b\nmount = /%(_)=%(_)\n"
                    "endfor =\n")
    keys = explain(here, "app.ini", env={"NAME_IN_ENV": "blog"})
    assert keys["pidfile"][0][0] == str(here.path / "app.pid")
    assert keys["procname"][0][0] == "blog-5"
    assert [value for value, _ in keys["mount"]] == ["/a=a", "/b=b"]
