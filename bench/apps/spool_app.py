"""Spools as many tasks as it is asked for, and knows how many were run: /spool?TASKS&BYTES&WRITERS, /count."""
import mmap
import struct
import threading
import time

import uwsgi

run = mmap.mmap(-1, 8)  # shared by the processes, which are forked later


def spooler(task):
    run[:] = struct.pack("q", struct.unpack("q", run[:])[0] + 1)
    return uwsgi.SPOOL_OK


uwsgi.spooler = spooler


def spool(n, body):
    task = {b"name": b"value", b"body": body} if body else {b"name": b"value"}
    for _ in range(n):
        uwsgi.spool(dict(task))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/count":
        return [b"%d" % struct.unpack("q", run[:])[0]]
    n, size, writers = map(int, environ["QUERY_STRING"].split("&"))
    threads = [threading.Thread(target=spool, args=(n // writers, b"x" * size)) for _ in range(writers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [b"%f" % ((time.perf_counter() - began) / n * 1e6)]
