#!/usr/bin/python3
"""What clients notice when something happens to the server: bench/faults.py [--uwsgi BINARY] [--only NAME,...] [--short]

  reloads    20 of them under load, an import of 0 s and of 1 s, with and without a gateway, with and without keep-alive
  kills      kill -9 of a random process every 100 ms; and of the only worker: how long nobody answers
  harakiri   a request of 25 s beside steady load, with a deadline of 2 s
  drain      SIGTERM with 50 requests of 3 s in flight
  recycles   workers replaced again and again, with 20 threads started at import

uWSGI 2.0 and gunicorn are measured in the same run when they are installed."""

import argparse
import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
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
    return ("/usr/bin/uwsgi --plugin python3 --master --need-app --single-interpreter -l 1024 -w faulty -L %s %s"
            % (front, options))


def gunicorn(options):
    return "gunicorn -b 127.0.0.1:{port} --backlog 1024 --graceful-timeout 30 faulty:application " + options


class Steady:
    """Clients that ask on and on, while the block runs."""

    def __init__(self, server, connections=8, keep=True, path="/", interval_us=500):
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


def row(name, **cells):
    print("  %-44s %s" % (name, "  ".join("%s %s" % (k.replace("_", " "), v) for k, v in cells.items())), flush=True)


def started(name, command, **env):
    os.environ.update({k: str(v) for k, v in env.items()})
    try:
        return servers.Server(name, command)
    finally:
        for k in env:
            del os.environ[k]


def each(commands, measure, **env):
    for name, command in commands:
        try:
            with started(name, command, **env) as server:
                measure(server)
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            row(name, failed=str(e).splitlines()[0] if str(e) else type(e).__name__)


# ---- the faults ----


def run_reloads(binary, short):
    count = 5 if short else 20
    print("\n%d reloads under load, 2 processes, 8 clients" % count)
    for import_s in (0, 1):
        for keep in (True, False):
            kind = "import %d s, %s" % (import_s, "keep-alive" if keep else "connection per request")

            def measure(server):
                with Steady(server, keep=keep) as load:
                    for _ in range(count):
                        before = try_ask(server, "/id")
                        os.kill(server.pid, signal.SIGHUP)
                        wait_for_other(server, "/id", before)
                        time.sleep(0.2)
                row("%s: %s" % (server.name, kind), failed=load.failures, of=load.answers,
                    longest_silence="%.1f ms" % (load.silence_us / 1e3), slowest="%.1f ms" % (load.slowest_us / 1e3))

            commands = [("ours --http-socket", ours(binary, PLAIN, "-p 2")), ("ours --http", ours(binary, GATEWAY, "-p 2"))]
            if PEERS:
                commands += [("uwsgi-2.0 --http11-socket", upstream(PLAIN, "-p 2")),
                             ("uwsgi-2.0 --http", upstream(GATEWAY, "-p 2")), ("gunicorn", gunicorn("-w 2 -k gthread"))]
            each(commands, measure, IMPORT_S=import_s)


def victims(server):
    return [pid for pid in servers.tree(server.pid)[1:]]


def run_kills(binary, short):
    seconds = 10 if short else 60

    def storm(server):
        kills = 0
        with Steady(server) as load:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pids = victims(server)
                if pids:
                    try:
                        os.kill(random.choice(pids), signal.SIGKILL)
                        kills += 1
                    except OSError:
                        pass
                time.sleep(0.1)
        time.sleep(1)
        alive = try_ask(server, "/") == "hello"
        row(server.name, kills=kills, failed=load.failures, of=load.answers,
            longest_silence="%.0f ms" % (load.silence_us / 1e3), answers_afterwards=alive)

    def replacement(server):
        silences = []
        for _ in range(5 if short else 20):
            pid = try_ask(server, "/pid")
            with Steady(server, connections=4) as load:
                os.kill(int(pid), signal.SIGKILL)
                wait_for_other(server, "/pid", pid)
                time.sleep(0.1)
            silences.append(load.silence_us / 1e3)
            time.sleep(1.2)
        silences.sort()
        row(server.name, median="%.1f ms" % silences[len(silences) // 2], worst="%.1f ms" % silences[-1])

    print("\nkill -9 of a random process every 100 ms for %d s, 4 workers, 8 clients" % seconds)
    commands = [("ours --http-socket", ours(binary, PLAIN, "-p 4")), ("ours --http", ours(binary, GATEWAY, "-p 4"))]
    if PEERS:
        commands += [("uwsgi-2.0 --http11-socket", upstream(PLAIN, "-p 4")), ("gunicorn", gunicorn("-w 4 -k gthread"))]
    each(commands, storm)
    print("\nkill -9 of the only worker: how long nobody answers")
    commands = [("ours --http-socket", ours(binary, PLAIN, "-p 1"))]
    if PEERS:
        commands += [("uwsgi-2.0 --http11-socket", upstream(PLAIN, "-p 1")), ("gunicorn", gunicorn("-w 1 -k gthread"))]
    each(commands, replacement)


def run_harakiri(binary, short):
    print("\na request of 25 s with a deadline of 2 s, 4 clients beside it")
    for cores in ("--threads 4", "-p 4"):
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
            with Steady(server, connections=4, interval_us=2000) as load:
                thread.start()
                thread.join()
                time.sleep(1)
            row("%s %s" % (server.name, cores), answer=result["answer"], after="%.1f s" % result["after"],
                siblings_failed=load.failures, of=load.answers)

        commands = [("ours", ours(binary, PLAIN, "--harakiri 2 " + cores))]
        if PEERS:
            commands.append(("uwsgi-2.0", upstream(PLAIN, "--harakiri 2 " + cores)))
        each(commands, measure)


def run_drain(binary, short):
    print("\nSIGTERM with 50 requests of 3 s in flight, 50 threads")

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
        row(server.name, answered_200=answers.count(200), exit=status, after="%.1f s" % took)

    commands = [("ours", ours(binary, PLAIN, "--threads 50"))]
    if PEERS:
        commands += [("uwsgi-2.0 die-on-term", upstream(PLAIN, "--threads 50 --die-on-term")),
                     ("gunicorn", gunicorn("-w 1 -k gthread --threads 50"))]
    each(commands, measure)


def run_recycles(binary, short):
    count = 100 if short else 1000
    print("\n%d recycles with 20 threads started at import" % count)

    def measure(server):
        seen, slowest, failed = set(), 0, 0
        while len(seen) < count and failed < 100:
            begin = time.monotonic()
            pid = try_ask(server, "/pid")
            slowest = max(slowest, time.monotonic() - begin)
            failed += pid is None
            seen.add(pid)
        aborts = server.text().count("killed by signal")
        row(server.name, workers=len(seen), failed=failed, aborts=aborts, slowest="%.0f ms" % (slowest * 1e3))

    commands = [("ours", ours(binary, PLAIN, "-p 2 --max-requests 1 --min-worker-lifetime 0"))]
    if PEERS and not short:
        commands.append(("gunicorn", gunicorn("-w 2 -k gthread --max-requests 1")))
    each(commands, measure, THREADS_AT_IMPORT=20)


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
    PEERS = not options.alone and shutil.which("gunicorn") is not None
    for name in options.only.split(","):
        FAULTS[name](os.path.abspath(options.uwsgi), options.short)
    return 0


if __name__ == "__main__":
    sys.exit(main())
