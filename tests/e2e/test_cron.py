"""Commands at times; when is tested on a fake clock in tests/kernel/test_cron.c."""
import os
import signal
import subprocess

import pytest

from binary import BINARY
from harness import DEADLINE, wait_until

APP = "def application(e, s):\n    s('200 OK', [])\n    return [b'ok']\n"


def test_a_command_runs_in_its_minute_and_is_waited_for(serve, tmp_path):
    server = serve(APP, "--cron", "-1 -1 -1 -1 -1 echo it is time > said", "--cron2", "minute=-1 exit 3")
    wait_until((tmp_path / "said").exists, "the command")
    server.wait_for_log('command "echo it is time > said" registered as cron task')
    server.wait_for_log('[uwsgi-cron] command "echo it is time > said" running with pid')
    server.wait_for_log("[uwsgi-cron] its status was 3")


def test_a_command_that_runs_goes_on_over_a_reload_and_ends_with_the_server(serve, tmp_path):
    server = serve(APP, "--unique-cron", "-1 -1 -1 -1 -1 echo $$ > pid; exec sleep 1000")
    pid = int(wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the command"))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 answers")
    os.kill(pid, 0)
    assert server.log.count("[uwsgi-cron] running") == 1
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    wait_until(lambda: not os.path.exists("/proc/%d" % pid), "the command to end")


def test_a_command_that_takes_too_long_is_killed(serve):
    server = serve(APP, "--cron2", "minute=-1,harakiri=1 sleep 1000")
    server.wait_for_log("took too long and is killed")
    server.wait_for_log("running with pid")
    server.wait_for_match(r"exited after [1-9]\d* second")


@pytest.mark.parametrize("option", ["--cron", "--cron2", "--unique-cron"])
def test_a_line_that_is_no_cron_is_refused(option):
    done = subprocess.run([BINARY, option, "now and then"], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert "invalid cron syntax" in done.stderr


@pytest.mark.parametrize("line, why", (("60 -1 -1 -1 -1 x", "a minute is 0 to 59"), ("-1 -1 0 -1 -1 x", "a day is 1 to 31"),
                                       ("65536 -1 -1 -1 -1 x", "a minute is 0 to 59")))
def test_a_time_that_never_comes_is_refused(line, why):
    done = subprocess.run([BINARY, "--cron", line], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert why in done.stderr
