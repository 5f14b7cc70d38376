#!/usr/bin/python3
"""Messages to mules and signals, this server beside uWSGI 2.0: bench/background.py [--uwsgi BINARY] [--rounds N]"""

import argparse
import json
import os
import shutil
import statistics
import sys

import servers
from faults import ask, row

UPSTREAM = "/usr/bin/uwsgi --plugin python3 --http11-socket 127.0.0.1:{port} --master --mule -w background -L"


def measure(name, command, rounds):
    answers = {what: [] for what in ("message", "messages", "signal", "signals")}
    for _ in range(rounds):
        with servers.Server(name, command) as server:
            for what in answers:
                answers[what].append(json.loads(ask(server, "/" + what)[1]))
    for what in ("message", "signal"):
        row("%s: %s there and back" % (name, what),
            median="%.1f us" % statistics.median(a["median_us"] for a in answers[what]))
    for what, n in (("messages", 20000), ("signals", 5000)):
        last = answers[what][-1]
        row("%s: a burst of %d %s" % (name, n, what), accepted=last["accepted"], handled=last["handled"],
            each="%d ns" % statistics.median(a["each_ns"] for a in answers[what]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uwsgi", default="build/uwsgi")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours = os.path.abspath(options.uwsgi) + " --http-socket 127.0.0.1:{port} --master --mule --module background -L"
    measure("ours", ours, options.rounds)
    if shutil.which("/usr/bin/uwsgi"):
        measure("uwsgi-2.0", UPSTREAM, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
