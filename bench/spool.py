#!/usr/bin/python3
"""Measure the spooler beside that of uWSGI 2.0, when it is installed, in the same run: bench/spool.py [--dir DIR]

Inside of the application: microseconds of one spool(), and tasks a second from the first spool() to the end of the last
task, with a spooler running. `threads` writers at once show what they share of their syncs."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
APP = os.path.join(HERE, "apps", "spool_app.py")
SLOW = os.path.join(HERE, "c", "slow_sync")
OLD = "/usr/bin/uwsgi-core"
COMMON = ["--master", "--wsgi-file", APP, "--spooler", "sp", "--spooler-frequency", "30", "--disable-logging"]


def servers_of(options):
    ours = [options.uwsgi, "--http-socket", "127.0.0.1:{port}", *COMMON, "--spooler-quiet"]
    rows = {"ours": [*ours, "--spooler-sync=false"], "ours, synced": ours}
    if os.path.exists(OLD):
        rows["uwsgi 2.0"] = [OLD, "--plugin", "python3,spooler", "--http-socket", "127.0.0.1:{port}", *COMMON,
                             "--spooler-quiet"]
    return rows


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, command, folder, environment):
        self.port = free_port()
        self.process = subprocess.Popen([word.replace("{port}", str(self.port)) for word in command], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "UWSGI_ALLOW_ROOT": "true", **(environment or {})})

    def get(self, path):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.port, path), timeout=300) as answer:
            return float(answer.read())

    def wait(self):
        end = time.monotonic() + 20
        while True:
            try:
                return self.get("/count")
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError("the server does not answer")
                time.sleep(0.05)

    def stop(self):
        self.process.terminate() if "uwsgi-core" not in self.process.args[0] else self.process.send_signal(2)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def measure(command, options, n, body, writers, environment=None):
    """Microseconds of a spool(), and tasks a second until all are done."""
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        server = Server(command, folder, environment)
        try:
            before = server.wait()
            began = time.monotonic()
            enqueue = server.get("/spool?%d&%d&%d" % (n, body, writers))
            while server.get("/count") < before + n:
                time.sleep(0.005)
            return enqueue, n / (time.monotonic() - began)
        finally:
            server.stop()


def measure_writers(command, options):
    """Where syncs are cheap the processor is what writers share; a disk whose syncs are slow shows what they cost."""
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", SLOW, SLOW + ".c"], check=True)
    disks = {"this disk": {}, "syncs of 5 ms": {"LD_PRELOAD": SLOW, "SYNC_US": "5000"}}
    print("\nwriters at once, synced: us from one acknowledged task to the next, and from a task of each to the next")
    print("%-10s%24s%32s" % ("writers", *disks))
    for writers in (1, 2, 4, 8):
        cells = []
        for environment in disks.values():
            between = statistics.median(measure(command, options, options.synced_tasks, 0, writers, environment)[0]
                                        for _ in range(options.rounds))
            cells += [between, between * writers]
        print("%-10d%12.0f%12.0f%20.0f%12.0f" % (writers, *cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uwsgi", default=os.path.join(HERE, "..", "build", "uwsgi"))
    parser.add_argument("--dir", help="where the spoolers' directories are made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=3000)
    parser.add_argument("--synced-tasks", type=int, default=400)
    options = parser.parse_args()
    options.uwsgi = os.path.abspath(options.uwsgi)
    rows = servers_of(options)
    for body in (0, 1000, 100000):
        figures = {name: [] for name in rows}
        for _ in range(options.rounds):
            for name, command in rows.items():
                n = options.synced_tasks if "synced" in name else options.tasks // (5 if body > 10000 else 1)
                figures[name].append(measure(command, options, n, body, 1))
        print("\nbody of %d bytes: medians of %d rounds" % (body, options.rounds))
        print("%-14s%16s%24s" % ("server", "spool(), us", "spooled and run, 1/s"))
        for name, all_rounds in figures.items():
            print("%-14s%16.1f%24.0f" % (name, *(statistics.median(r[i] for r in all_rounds) for i in (0, 1))),
                  flush=True)
    measure_writers([*rows["ours, synced"], "--threads", "8"], options)


if __name__ == "__main__":
    sys.exit(main())
