"""An application that takes time: to be imported (IMPORT_S), and to answer (/slow/SECONDS).  /id names its loading."""
import os
import threading
import time

time.sleep(float(os.environ.get("IMPORT_S", "0")))
BORN = b"%d.%d" % (os.getpid(), time.monotonic_ns())


def idle():
    while True:
        time.sleep(0.01)


for _ in range(int(os.environ.get("THREADS_AT_IMPORT", "0"))):
    threading.Thread(target=idle, daemon=True).start()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = b"hello"
    if path.startswith("/slow/"):
        time.sleep(float(path.rpartition("/")[2]))
    elif path == "/id":
        body = BORN
    elif path == "/pid":
        body = b"%d" % os.getpid()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
