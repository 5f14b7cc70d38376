#!/usr/bin/python3
"""Measure this server beside its peers, started in the same run: bench/run.py [--uwsgi BINARY] [--only NAME,...]

Numbers of one run compare with each other and with nothing else; each table shows the ratio to ours."""

import argparse
import os
import statistics
import sys

import measures
import servers


def table(title, rows, columns, ratio):
    """Print rows {server: {column: number or text}}; the ratio column compares with the first row, which is ours."""
    print("\n%s" % title)
    print("%-12s" % "server" + "".join("%14s" % c for c in columns) + "%10s" % "ratio")
    first = next(iter(rows.values()), {}).get(ratio)
    for name, row in rows.items():
        cells = "".join("%14s" % (("%.2f" % row[c]) if isinstance(row[c], (int, float)) else row[c]) for c in columns)
        print("%-12s%s%10s" % (name, cells, "%.2f" % (row[ratio] / first) if first else "-"), flush=True)


def each(commands, measure, procs=1):
    """{server: measure(server)}; a server that fails is reported and left out."""
    rows = {}
    for name, command in commands.items():
        try:
            with servers.Server(name, command, procs=procs) as server:
                rows[name] = measure(server)
        except (RuntimeError, OSError, AttributeError, ValueError) as e:
            print("bench: %s is left out: %s" % (name, e), file=sys.stderr)
    return rows


def run_hello(commands, options, fields=(), what="hello"):
    rounds = [each(commands, lambda s: measures.throughput(s, options.seconds, fields)) for _ in range(options.rounds)]
    rows = {name: {k: statistics.median(r[name][k] for r in rounds if name in r) for k in ("rps", "cpu_us")}
            for name in rounds[0]}
    table("%s, keep-alive, 64 connections, 1 process: medians of %d rounds" % (what, options.rounds), rows,
          ("rps", "cpu_us"), "cpu_us")


def run_browser(commands, options):
    run_hello(commands, options, measures.BROWSER, "hello with the fields of a browser")


def run_instructions(commands, options):
    rows = {}
    for name, command in commands.items():
        try:
            rows[name] = {"instructions": measures.instructions(command.replace("{procs}", "1"))}
        except RuntimeError as e:
            print("bench: %s is left out: %s" % (name, e), file=sys.stderr)
    table("user instructions per request (callgrind, all processes)", rows, ("instructions",), "instructions")


def run_syscalls(commands, options):
    def measure(server):
        total, top = measures.syscalls(server)
        return {"syscalls": total, "most": "  " + top}
    table("system calls per keep-alive request, one connection", each(commands, measure), ("syscalls", "most"),
          "syscalls")


def run_start(commands, options):
    rounds = [each(commands, lambda s: s.start_s * 1e3) for _ in range(5)]
    rows = {name: {"ms": statistics.median(r[name] for r in rounds if name in r)} for name in rounds[0]}
    table("start to first answer", rows, ("ms",), "ms")


def run_memory(commands, options):
    def measure(server):
        measures.ask(server, 100)
        return {"pss_kib": servers.pss_kib(server.pid)}
    table("PSS of the whole tree, 4 processes", each(without_limit(commands), measure, procs=4), ("pss_kib",), "pss_kib")


def run_idle(commands, options):
    rows = each(without_limit(commands), lambda s: {"wakeups/s": measures.idle_wakeups(s)}, procs=4)
    table("wake-ups of an idle server, 4 processes", rows, ("wakeups/s",), "wakeups/s")


def run_accepts(commands, options):
    rows = each(without_limit(commands), lambda s: {"failed": measures.failed_accepts(s)}, procs=8)
    table("accept calls in vain per connection, 8 idle processes", rows, ("failed",), "failed")


def run_crowd(commands, options):
    rows = each(without_limit(commands), lambda s: measures.crowd(s, options.idle, options.slow), procs=2)
    table("a client beside %d idle and %d never-ending ones, 2 processes" % (options.idle, options.slow), rows,
          ("alone_ms", "beside_ms", "worst_ms", "open", "kib_each"), "beside_ms")


def without_limit(commands):
    """The limit is one process without a master: it takes no part in questions about processes."""
    return {name: command for name, command in commands.items() if name != "limit"}


SUITES = {
    "hello": run_hello, "browser": run_browser, "instructions": run_instructions, "syscalls": run_syscalls,
    "start": run_start, "memory": run_memory, "idle": run_idle, "accepts": run_accepts, "crowd": run_crowd,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uwsgi", default=os.path.join(servers.HERE, "..", "build", "uwsgi"), help="our binary")
    parser.add_argument("--only", default=",".join(SUITES), help="of: " + ",".join(SUITES))
    parser.add_argument("--peers", default=",".join(servers.PEERS), help="of: " + ",".join(servers.PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--idle", type=int, default=10000)
    parser.add_argument("--slow", type=int, default=500)
    options = parser.parse_args()

    commands = {"ours": servers.ours(os.path.abspath(options.uwsgi))}
    for name in filter(None, options.peers.split(",")):
        if servers.available(name, servers.PEERS[name]):
            commands[name] = servers.PEERS[name]
        else:
            print("bench: %s is not installed" % name, file=sys.stderr)
    for name in options.only.split(","):
        SUITES[name](commands, options)


if __name__ == "__main__":
    main()
