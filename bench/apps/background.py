"""What the background half costs: the request runs the measurement and answers with its numbers as JSON.

Mules and workers share a pipe and a page of memory from before the fork."""
import json
import mmap
import os
import struct
import time

import uwsgi

READ, WRITE = os.pipe()
PAGE = mmap.mmap(-1, 4096)


def count():
    PAGE[:8] = struct.pack("Q", struct.unpack("Q", PAGE[:8])[0] + 1)


def counted():
    return struct.unpack("Q", PAGE[:8])[0]


def on_message(message):
    if message == b"ping":
        os.write(WRITE, b"x")
    else:
        count()


def on_signal(number):
    if number == 17:
        os.write(WRITE, b"x")
    else:
        count()


uwsgi.mule_msg_hook = on_message
uwsgi.register_signal(17, "mule1", on_signal)
uwsgi.register_signal(18, "mule1", on_signal)


def settle(seconds=3):
    end, last = time.monotonic() + seconds, -1
    while time.monotonic() < end and last != counted():
        last = counted()
        time.sleep(0.3)
    return counted()


def there_and_back(send, rounds=2000):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter_ns()
        send()
        os.read(READ, 1)
        times.append(time.perf_counter_ns() - begin)
    times.sort()
    return times[len(times) // 2] / 1000


def burst(send, n):
    PAGE[:8] = bytes(8)
    begin = time.perf_counter_ns()
    accepted = sum(send() is not False for _ in range(n))
    each = (time.perf_counter_ns() - begin) / n
    return {"accepted": accepted, "handled": settle(), "each_ns": round(each)}


def application(environ, start_response):
    what = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "application/json")])
    if what == "/message":
        result = {"median_us": there_and_back(lambda: uwsgi.mule_msg(b"ping", 1))}
    elif what == "/messages":
        result = burst(lambda: uwsgi.mule_msg(b"work", 1), 20000)
    elif what == "/signal":
        result = {"median_us": there_and_back(lambda: uwsgi.signal(17))}
    elif what == "/signals":
        result = burst(lambda: uwsgi.signal(18), 5000)
    else:
        result = {}
    return [json.dumps(result).encode()]
