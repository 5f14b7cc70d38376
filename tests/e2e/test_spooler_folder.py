"""The directory of a spooler: what lies in it, what is left alone, what cannot be written."""
import contextlib
import os
import pathlib
import shutil
import stat
import subprocess
import time

import pytest

from harness import BINARY, DEADLINE, wait_until
from spool import APP, PREFIX, dead, lines, packet, spooled, spooler_pid, tasks, wait_drained, wait_for

FIXTURE = pathlib.Path(__file__).parent.parent / "plugins/spooler/written_by_2.0.21"


def test_torn_files_are_buried_and_foreign_ones_left_alone(spooling, tmp_path):
    folder = tmp_path / "sp"
    folder.mkdir()
    whole = packet({b"id": b"1"})
    (folder / (PREFIX + "torn")).write_bytes(whole[:-1])
    (folder / (PREFIX + "foreign")).write_bytes(b"GET / HTTP/1.1\r\n\r\n")
    (folder / (PREFIX + "empty")).touch()
    os.mkfifo(folder / (PREFIX + "pipe"))
    (folder / (PREFIX + "link")).symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(whole)
    (folder / "notes.txt").write_bytes(whole)
    (folder / "sub").mkdir()
    (folder / "sub" / (PREFIX + "x")).write_bytes(whole)
    (folder / (PREFIX + "whole")).write_bytes(whole)
    server = spooling()
    wait_for(tmp_path, "1")
    wait_until(lambda: len(dead(tmp_path)) == 2, "two to be buried")
    assert sorted(p.name for p in dead(tmp_path)) == [PREFIX + "foreign", PREFIX + "torn"]
    server.wait_for_log("cannot run %slink: " % PREFIX)
    server.wait_for_log("cannot run %spipe: " % PREFIX)
    assert server.log.count(PREFIX + "torn is no whole task") == 1
    assert lines(tmp_path) == ["1"] and (folder / "notes.txt").exists() and (folder / (PREFIX + "empty")).exists()


@pytest.mark.parametrize("size", [5000, 200000])
def test_the_file_of_a_done_task_serves_the_next_and_nothing_of_it_is_left(spooling, tmp_path, size):
    server = spooling()
    first = server.spool(id="1", do="wait", body="x" * size)
    inode = first.stat().st_ino
    (tmp_path / "go").touch()
    wait_until(lambda: list((tmp_path / "sp/.state").glob("new_spare_*")), "a spare")
    second = server.spool(id="2", at=2000000000)  # makes it last that the first is gone
    third = server.spool(id="3", at=2000000000)
    assert [path.stat().st_ino == inode for path in (second, third)] == [False, True]
    assert third.read_bytes() == packet({b"id": b"3", b"at": b"2000000000"})
    assert stat.S_IMODE(third.stat().st_mode) == 0o600


def test_a_body_of_a_gigabyte_is_refused_and_found_in_the_directory_it_is_not_read(spooling, tmp_path):
    folder = tmp_path / "sp"
    folder.mkdir()
    huge = folder / (PREFIX + "huge")
    huge.write_bytes(packet({b"id": b"huge", b"priority": b"3"}))
    os.truncate(huge, 1 << 30)
    server = spooling()
    peaks = []
    for call in "uwsgi.spool(id='1', body=bytes(1 << 30))", "uwsgi.spool({'id': '1', 'body': bytes(1 << 30)})":
        assert server.ask(call) == (
            "ValueError: unable to spool job: it has 1073741835 bytes, spooler-max-size allows 268435456")
        peaks.append(peak_kib(int(server.ask("os.getpid()"))))
    assert peaks[1] - peaks[0] < 200 * 1024, "nor is one in a dict copied"
    server.wait_for_log(PREFIX + "huge is larger than spooler-max-size (268435456 bytes): it is moved to ")
    server.spool(id="2")
    wait_for(tmp_path, "2")
    assert lines(tmp_path) == ["2"] and [p.name for p in dead(tmp_path)] == [PREFIX + "huge"]
    assert peak_kib(spooler_pid(server)) < 200 * 1024
    # nor do those read it who look after the dead
    for command, told in ("--spool-list", "1073741824 bytes"), ("--spool-retry", "1 retried"):
        with subprocess.Popen([BINARY, command, folder], stdout=subprocess.PIPE, text=True) as process:
            assert told in process.stdout.read()
            assert os.wait4(process.pid, 0)[2].ru_maxrss < 200 * 1024
    wait_until(lambda: server.log.count("3/%shuge is larger" % PREFIX) == 1, "it to be found and refused again")


def peak_kib(pid):
    with open("/proc/%d/status" % pid) as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def test_a_file_that_2_0_wrote_is_a_task(spooling, tmp_path):
    (tmp_path / "sp/7").mkdir(parents=True)
    written = next(FIXTURE.iterdir())
    shutil.copyfile(written, tmp_path / "sp/7" / written.name)
    spooling()
    wait_drained(tmp_path)
    task = eval(lines(tmp_path, "tasks")[0])[2]
    assert task == {"spooler_task_name": written.name.encode(), b"ud_spool_func": b"encode_video",
                    b"ud_spool_ret": b"-2", b"filename": b"a b.avi", b"priority": b"7", "body": b"frames\n\0\xff"}


@pytest.mark.parametrize("frequency", [1, -1])
def test_a_directory_that_is_removed_and_made_again_is_used(spooling, tmp_path, frequency):
    server = spooling("--spooler-frequency", "1")
    server.ask("uwsgi.set_spooler_frequency(%d)" % frequency)  # nobody looks at -1, but for where the directory is
    server.spool(id="before")
    wait_for(tmp_path, "before")
    wait_drained(tmp_path)  # what is put away meanwhile could not be removed
    shutil.rmtree(tmp_path / "sp")
    server.spool(id="after")
    wait_for(tmp_path, "after")


@pytest.mark.parametrize("lost", ["sp", "sp/.state"])
def test_deaths_are_counted_in_a_directory_that_was_made_again(spooling, tmp_path, lost):
    server = spooling("--spooler-frequency", "1", "--spooler-max-attempts", "2")
    server.spool(id="before")
    wait_for(tmp_path, "before")
    wait_drained(tmp_path)
    shutil.rmtree(tmp_path / lost)
    wait_until(lambda: list(tmp_path.glob("sp/.state/hand_*")) or not server.spool(id="again"), "the directory to be used again")
    server.spool(id="poison", do="die")
    wait_until(lambda: dead(tmp_path), "the task to be given up")
    assert lines(tmp_path).count("poison") == 2


@pytest.mark.parametrize("frequency", [1000, -1])
def test_a_directory_that_is_moved_away_and_made_again_is_used_at_once(spooling, tmp_path, frequency):
    server = spooling("--spooler-frequency=%d" % frequency)
    server.spool(id="before")
    wait_for(tmp_path, "before")
    (tmp_path / "sp").rename(tmp_path / "away")
    server.spool(id="after")
    wait_for(tmp_path, "after")


def test_a_spooler_that_cannot_be_written_to_ends_the_start(serve, write):
    write("plain", "a file")
    server = serve(APP, "--spooler", "plain/sp", ready=False)
    assert server.wait_exit() == 1
    assert "plain/sp: cannot write to the directory: Not a directory" in server.last_line()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give it up")
def test_what_is_made_for_a_user_belongs_to_that_user(serve, tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    server = serve(APP, "--spooler", "sp", "--uid", "nobody", "--gid", "nogroup", "--spooler-frequency", "1")
    path = spooled(server.post("/", "uwsgi.spool(id='1', priority='3')").text)
    wait_for(tmp_path, "1")
    wait_drained(tmp_path)
    owners = {p.stat().st_uid for p in (tmp_path / "sp", tmp_path / "sp/.state", path.parent)}
    assert owners == {(tmp_path / "ran").stat().st_uid} and 0 not in owners


def test_a_directory_that_everybody_can_write_to_is_told(spooling, tmp_path):
    (tmp_path / "sp").mkdir()
    (tmp_path / "sp").chmod(0o777)
    server = spooling()
    server.wait_for_log("WARNING: the spooler directory %s is writable for everybody" % (tmp_path / "sp"))


def test_a_full_disk_is_an_error_of_the_caller_and_nothing_is_torn(spooling, tmp_path):
    (tmp_path / "sp").mkdir()
    with mounted("-t", "tmpfs", "-o", "size=64k,mode=750", "tmpfs", tmp_path / "sp"):
        server = spooling()
        answer = server.ask("uwsgi.spool(id='big', body=b'x' * 100000)")
        assert answer.startswith("OSError: unable to spool job: writing to %s: No space left" % (tmp_path / "sp"))
        assert not tasks(tmp_path) and not list((tmp_path / "sp/.state").glob("new_*"))
        server.spool(id="small")
        wait_for(tmp_path, "small")
        server.stop()


@contextlib.contextmanager
def mounted(*args):
    """mount(*args), the last of which is where."""
    if subprocess.run(["mount", *args], capture_output=True).returncode:
        pytest.skip("no right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", args[-1]], check=True)


def test_a_done_task_that_cannot_be_removed_is_not_run_again(spooling, tmp_path):
    server = spooling("--spooler-frequency", "1")
    path = server.spool(id="1", do="wait")
    wait_for(tmp_path, "1")
    with mounted("--bind", path, path):
        (tmp_path / "go").touch()
        server.wait_for_log("cannot remove task %s: Device or resource busy; it is looked at again in 1 seconds" % path.name, times=3)
    wait_drained(tmp_path)
    assert lines(tmp_path) == ["1", "after 1"]


def test_a_time_in_the_farthest_future_costs_nothing(spooling, tmp_path):
    (tmp_path / "sp").mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1m,mode=750", "tmpfs", tmp_path / "sp"):  # which keeps any time
        server = spooling("--spooler-frequency", "1000")
        server.spool(id="far", at=18446744073710)  # 2 ** 64 microseconds, and a little
        server.spool(id="now")
        wait_for(tmp_path, "now")
        began, before = time.monotonic(), cpu_seconds(spooler_pid(server))
        while time.monotonic() < began + 1:
            server.ask("1")
        assert cpu_seconds(spooler_pid(server)) - before < 0.2 and len(tasks(tmp_path)) == 1
        server.stop()


def cpu_seconds(pid):
    with open("/proc/%d/schedstat" % pid) as stat:
        return int(stat.read().split()[0]) / 1e9


def command(folder, name):
    done = subprocess.run([BINARY, "--" + name, folder / "sp"], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_operator_lists_revives_and_removes_tasks(spooling, tmp_path):
    server = spooling("--spooler-max-attempts", "1")
    server.spool(id="bad", do="raise", priority=3)
    server.spool(id="later", at=2000000000)
    wait_until(lambda: dead(tmp_path), "the task to be given up")
    (tmp_path / "sp" / (PREFIX + "\n\033[2J")).touch()
    listed = command(tmp_path, "spool-list").splitlines()
    assert sorted(line.split()[0] for line in listed) == ["dead", "later", "torn"]
    assert [line.split()[-1] for line in listed if line.startswith("torn")] == [PREFIX + "??[2J"]
    (tmp_path / "sp" / (PREFIX + "\n\033[2J")).unlink()
    assert command(tmp_path, "spool-retry") == "1 retried\n"
    wait_until(lambda: lines(tmp_path).count("bad") == 2 and dead(tmp_path), "the task to fail again")
    assert eval(lines(tmp_path, "tasks")[1])[1] == str(tmp_path / "sp/3")
    assert command(tmp_path, "spool-purge") == "1 removed\n"
    assert not dead(tmp_path) and len(tasks(tmp_path)) == 1
    missing = subprocess.run([BINARY, "--spool-list", tmp_path / "none"], capture_output=True, text=True, timeout=DEADLINE)
    assert missing.returncode == 1 and "No such file" in missing.stderr
