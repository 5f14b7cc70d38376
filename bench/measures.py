"""What is measured: one function each, server in, numbers out."""

import http.client
import os
import re
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import servers


BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate, br",
    "Cookie: sessionid=0123456789abcdef0123456789abcdef; csrftoken=0123456789abcdef0123456789abcdef",
    "Referer: http://www.example.com/some/page.html", "Upgrade-Insecure-Requests: 1", "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate", "Cache-Control: max-age=0",
)


def throughput(server, seconds, fields=(), connections=64):
    """Requests a second and processor time a request of the whole tree, keep-alive."""
    fields = sum((["-H", field] for field in fields), [])
    before = servers.cpu_ns(server.pid)
    out = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, *fields,
                          "http://127.0.0.1:%d/hello" % server.port], capture_output=True, text=True).stdout
    spent = servers.cpu_ns(server.pid) - before
    count = int(re.search(r"(\d+) requests in", out).group(1))
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), "cpu_us": spent / 1e3 / max(count, 1)}


def ask(server, count):
    """`count` requests on one connection, or on as many as the server makes necessary."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(count):
        server.get(connection)  # http.client opens it again when it was closed
    connection.close()


def instructions(command, few=100, many=600):
    """User instructions a request over all processes: the difference of two runs leaves out start and stop."""
    totals = []
    for count in (few, many):
        with tempfile.TemporaryDirectory(prefix="bench.") as out:
            prefix = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=%s/%%p" % out]
            with servers.Server("callgrind", command, prefix=prefix, timeout=120) as server:
                ask(server, count)
            total = 0
            for name in os.listdir(out):
                with open(os.path.join(out, name)) as f:
                    total += sum(int(line.split()[1]) for line in f if line.startswith("totals:"))
            totals.append(total)
    return (totals[1] - totals[0]) / (many - few)


class Strace:
    """Count the system calls of a tree while the block runs: .calls is {name: (calls, errors)}."""

    def __init__(self, server):
        self.pids = servers.tree(server.pid)

    def __enter__(self):
        attach = sum((["-p", str(pid)] for pid in self.pids), [])
        self.process = subprocess.Popen(["strace", "-f", "-c"] + attach, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not all(self.is_traced(pid) for pid in self.pids):
            time.sleep(0.01)
        return self

    @staticmethod
    def is_traced(pid):
        with open("/proc/%d/status" % pid) as f:
            return not re.search(r"TracerPid:\s+0\n", f.read())

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGINT)
        self.calls = {}
        for line in self.process.communicate()[1].splitlines():
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                self.calls[words[-1]] = (int(words[3]), int(words[4]) if len(words) > 5 else 0)


def syscalls(server, count=500):
    ask(server, 50)
    with Strace(server) as trace:
        ask(server, count)
    total = sum(calls for calls, _ in trace.calls.values()) / count
    top = sorted(trace.calls.items(), key=lambda item: -item[1][0])[:4]
    return total, " ".join("%s %.2f" % (name, calls / count) for name, (calls, _) in top)


def failed_accepts(server, count=100):
    """accept() calls that found nothing, per connection: how many idle processes one connection wakes for nothing."""
    with Strace(server) as trace:
        for _ in range(count):
            server.get()
    return sum(errors for name, (_, errors) in trace.calls.items() if name.startswith("accept")) / count


def idle_wakeups(server, seconds=5, settle=2):
    time.sleep(settle)  # the last request is logged and its connection forgotten: from here on nothing happens
    before = servers.switches(server.pid)
    time.sleep(seconds)
    return (servers.switches(server.pid) - before) / seconds


# ---- many and slow clients ----


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def connect_many(port, count, first_bytes):
    """Open up to `count` connections and send each a beginning; those that failed are left out."""
    found = []
    for _ in range(count):
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=2)
            s.sendall(first_bytes)
            found.append(s)
        except OSError:
            break
    return found


def latencies(server, count=200):
    """Milliseconds of requests on fresh connections; 5000 for one that got no answer in that time."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        try:
            c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
            server.get(c)
            c.close()
            times.append((time.perf_counter() - begin) * 1e3)
        except (OSError, http.client.HTTPException):
            times.append(5000.0)
            if times.count(5000.0) == 3:
                break  # it does not answer any more: more of the same tells nothing
    return times


def still_open(connections):
    """How many of them the server has not closed."""
    selector = selectors.DefaultSelector()
    for s in connections:
        selector.register(s, selectors.EVENT_READ)
    closed = 0
    for key, _ in selector.select(0):
        try:
            closed += key.fileobj.recv(4096) == b""
        except OSError:
            closed += 1
    return len(connections) - closed


def crowd(server, idle=10000, slow=500):
    """Median and worst latency of a normal client, alone and beside idle and never-ending clients."""
    room = raise_limit() - 200
    idle = min(idle, room - slow)
    alone = latencies(server)
    before = servers.pss_kib(server.pid)
    connections = connect_many(server.port, idle, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
    connections += connect_many(server.port, slow, b"GET /hello HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    beside = latencies(server)
    result = {
        "alone_ms": statistics.median(alone), "beside_ms": statistics.median(beside), "worst_ms": max(beside),
        "open": still_open(connections), "kib_each": (servers.pss_kib(server.pid) - before) / max(len(connections), 1),
    }
    for s in connections:
        s.close()
    return result
