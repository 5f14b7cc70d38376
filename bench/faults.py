#!/usr/bin/python3
"""What clients notice when something happens to the server: bench/faults.py [--uwsgi BINARY] [--only NAME,...] [--short]

  reloads    20 of them under load, an import of 0 s and of 1 s, with and without a gateway, with and without keep-alive
  storm      kill -9 of a random process every 100 ms: workers, mules, spoolers, gateways, zygotes
  worker     kill -9 of the only worker: how long nobody answers
  harakiri   a request of 25 s beside steady load, with a deadline of 2 s
  drain      SIGTERM with 50 requests of 3 s in flight
  recycles   workers replaced again and again, with 20 threads started at import

One table: requests that failed, of how many, and for how long nobody answered.  uWSGI 2.0 and gunicorn are measured in the
same run when they are installed."""

import argparse
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import servers

STEADY = os.path.join(servers.HERE, "c", "steady")
PLAIN, GATEWAY = "http-socket", "http"


def build_steady():
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", STEADY, STEADY + ".c"], check=True)


def ours(binary, front, options):
    return "%s --master --%s 127.0.0.1:{port} --listen 1024 --module faulty -L %s" % (binary, front, options)


def upstream(front, options):
    front = {PLAIN: "--http11-socket 127.0.0.1:{port}", GATEWAY: "--http 127.0.0.1:{port} --http-keepalive"}[front]
    return ("/usr/bin/uwsgi --plugin python3,http,spooler --master --need-app --single-interpreter -l 1024 -w faulty -L %s %s"
            % (front, options))


def gunicorn(options):
    return "gunicorn -b 127.0.0.1:{port} --backlog 1024 --graceful-timeout 30 faulty:application " + options


class Steady:
    """Clients that ask on and on, while the block runs.  A connection that is kept holds a worker of uWSGI 2.0, and nobody else is
    served: there each request has its own."""

    def __init__(self, server, connections=8, keep=True, path="/", interval_us=500):
        keep = keep and not server.name.startswith("uwsgi-2.0")
        self.args = [STEADY, str(server.port), str(connections), str(int(keep)), path, str(interval_us)]

    def __enter__(self):
        self.process = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        time.sleep(0.3)
        return self

    def __exit__(self, *unused):
        out, _ = self.process.communicate("")
        self.answers, self.failures, self.refused, self.silence_us, self.slowest_us = map(int, out.split())


def ask(server, path, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def try_ask(server, path):
    try:
        return ask(server, path)[1]
    except (OSError, http.client.HTTPException):
        return None


def wait_for_other(server, path, before, seconds=30):
    """Until `path` answers something else than before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = try_ask(server, path)
        if now and now != before:
            return now
        time.sleep(0.01)
    raise RuntimeError("%s: nothing new at %s within %g s" % (server.name, path, seconds))


LINE = "%-34s  %-26s  %8s  %8s  %12s  %s"


def header():
    print(LINE % ("fault", "server", "failed", "of", "silence", "and"))


def line(fault, server, failed="-", of="-", silence_ms=None, **more):
    """A line of the table."""
    silence = "-" if silence_ms is None else "%.1f ms" % silence_ms
    print(LINE % (fault, server, failed, of, silence, ", ".join("%s %s" % (k.replace("_", " "), v) for k, v in more.items())),
          flush=True)


def row(name, **cells):
    print("  %-44s %s" % (name, "  ".join("%s %s" % (k.replace("_", " "), v) for k, v in cells.items())), flush=True)


def started(name, command, **env):
    os.environ.update({k: str(v) for k, v in env.items()})
    try:
        return servers.Server(name, command)
    finally:
        for k in env:
            del os.environ[k]


def each(fault, commands, measure, **env):
    """Measure each server that is there; measure(server) gives the cells of its line."""
    for name, command in commands:
        if name != "ours" and not name.startswith("ours ") and not PEERS:
            continue
        try:
            with started(name, command, **env) as server:
                line(fault, name, **measure(server))
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            line(fault, name, why=str(e).splitlines()[0] if str(e) else type(e).__name__)


# ---- the faults ----


def run_reloads(binary, short):
    count = 5 if short else 20
    for import_s in (0, 1):
        for keep in (True,) if short else (True, False):
            def measure(server):
                with Steady(server, keep=keep) as load:
                    for _ in range(count):
                        before = try_ask(server, "/id")
                        os.kill(server.pid, signal.SIGHUP)
                        wait_for_other(server, "/id", before)
                        time.sleep(0.2)
                return dict(failed=load.failures, of=load.answers, silence_ms=load.silence_us / 1e3,
                            slowest="%.1f ms" % (load.slowest_us / 1e3))

            each("%d reloads, import %d s%s" % (count, import_s, "" if keep else ", no keep-alive"),
                 [("ours http-socket", ours(binary, PLAIN, "-p 2")), ("ours http", ours(binary, GATEWAY, "-p 2")),
                  ("uwsgi-2.0 http11-socket", upstream(PLAIN, "-p 2")), ("uwsgi-2.0 http", upstream(GATEWAY, "-p 2")),
                  ("gunicorn", gunicorn("-w 2 -k gthread"))], measure, IMPORT_S=import_s)


def run_storm(binary, short):
    seconds = 10 if short else 60

    def measure(server):
        kills = 0
        with Steady(server) as load:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pids = servers.tree(server.pid)[1:]
                if pids:
                    try:
                        os.kill(random.choice(pids), signal.SIGKILL)
                        kills += 1
                    except OSError:
                        pass
                time.sleep(0.1)
        time.sleep(1)
        return dict(failed=load.failures, of=load.answers, silence_ms=load.silence_us / 1e3, kills=kills,
                    answers_afterwards="yes" if try_ask(server, "/") == "hello" else "no")

    with tempfile.TemporaryDirectory(prefix="bench.") as folder:
        more = "-p 4 --mule --mule --spooler " + folder
        each("storm of kills, %d s" % seconds,
             [("ours http-socket", ours(binary, PLAIN, more)), ("ours http", ours(binary, GATEWAY, more)),
              ("uwsgi-2.0 http11-socket", upstream(PLAIN, more)), ("uwsgi-2.0 http", upstream(GATEWAY, more)),
              ("gunicorn", gunicorn("-w 4 -k gthread"))], measure)


def run_worker(binary, short):
    def measure(server):
        silences, failed, answers = [], 0, 0
        for _ in range(5 if short else 20):
            pid = try_ask(server, "/pid")
            with Steady(server, connections=4) as load:
                os.kill(int(pid), signal.SIGKILL)
                wait_for_other(server, "/pid", pid)
                time.sleep(0.1)
            silences.append(load.silence_us / 1e3)
            failed, answers = failed + load.failures, answers + load.answers
            time.sleep(1.2)
        silences.sort()
        return dict(failed=failed, of=answers, silence_ms=silences[-1], median="%.1f ms" % silences[len(silences) // 2])

    each("kill of the only worker", [("ours", ours(binary, PLAIN, "-p 1")), ("uwsgi-2.0", upstream(PLAIN, "-p 1")),
                                     ("gunicorn", gunicorn("-w 1 -k gthread"))], measure)


def run_harakiri(binary, short):
    for cores, workers in (("--threads 4", "-w 1 -k gthread --threads 4"), ("-p 4", "-w 4 -k sync")):
        def measure(server):
            result = {}

            def slow():
                begin = time.monotonic()
                try:
                    result["answer"] = ask(server, "/slow/25", 40)[0]
                except (OSError, http.client.HTTPException) as e:
                    result["answer"] = type(e).__name__
                result["after"] = time.monotonic() - begin

            thread = threading.Thread(target=slow)
            with Steady(server, connections=3, interval_us=2000) as load:
                thread.start()
                thread.join()
                time.sleep(1)
            return dict(failed=load.failures, of=load.answers, silence_ms=load.silence_us / 1e3, answer=result["answer"],
                        after="%.1f s" % result["after"])

        each("deadline of 2 s, " + cores, [("ours", ours(binary, PLAIN, "--harakiri 2 " + cores)),
                                           ("uwsgi-2.0", upstream(PLAIN, "--harakiri 2 " + cores)),
                                           ("gunicorn", gunicorn("--timeout 2 " + workers))], measure)


def run_drain(binary, short):
    def measure(server):
        answers = []

        def slow():
            try:
                answers.append(ask(server, "/slow/3")[0])
            except (OSError, http.client.HTTPException) as e:
                answers.append(type(e).__name__)

        threads = [threading.Thread(target=slow) for _ in range(50)]
        for t in threads:
            t.start()
        time.sleep(0.5)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        try:
            status = server.process.wait(20)
        except subprocess.TimeoutExpired:
            status = "none"
        took = time.monotonic() - begin
        for t in threads:
            t.join()
        return dict(failed=50 - answers.count(200), of=50, exit=status, after="%.1f s" % took)

    each("SIGTERM, 50 requests in flight", [("ours", ours(binary, PLAIN, "--threads 50")),
                                            ("uwsgi-2.0 die-on-term", upstream(PLAIN, "--threads 50 --die-on-term")),
                                            ("gunicorn", gunicorn("-w 1 -k gthread --threads 50"))], measure)


def run_recycles(binary, short):
    count = 20 if short else 1000

    def measure(server):
        seen, asked, slowest, failed = set(), 0, 0, 0
        end = time.monotonic() + (20 if short else 600)
        while len(seen) < count and time.monotonic() < end:
            begin = time.monotonic()
            pid = try_ask(server, "/pid")
            slowest = max(slowest, time.monotonic() - begin)
            asked += 1
            failed += pid is None
            if pid:
                seen.add(pid)
        return dict(failed=failed, of=asked, workers=len(seen), slowest="%.0f ms" % (slowest * 1e3),
                    aborts=server.text().count("killed by signal"))

    each("%d recycles, 20 threads" % count,
         [("ours", ours(binary, PLAIN, "-p 2 --max-requests 1 --min-worker-lifetime 0")),
          ("uwsgi-2.0", upstream(PLAIN, "-p 2 --max-requests 1 --min-worker-lifetime 0 --enable-threads")),
          ("gunicorn", gunicorn("-w 2 -k gthread --max-requests 1"))], measure, THREADS_AT_IMPORT=20)


FAULTS = {name[4:]: fn for name, fn in list(globals().items()) if name.startswith("run_")}
PEERS = True


def main():
    global PEERS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uwsgi", default="build/uwsgi")
    parser.add_argument("--only", default=",".join(FAULTS))
    parser.add_argument("--short", action="store_true", help="a tenth of it, to see that it runs")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    options = parser.parse_args()
    build_steady()
    header()
    PEERS = not options.alone and shutil.which("gunicorn") is not None
    for name in options.only.split(","):
        FAULTS[name](os.path.abspath(options.uwsgi), options.short)
    return 0


if __name__ == "__main__":
    sys.exit(main())
