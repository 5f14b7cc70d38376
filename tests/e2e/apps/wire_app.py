"""What the tests of the wire talk to: one path for each thing a message can do."""

import json
import os


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").split("/")[0] or "hello"
    return PATHS[name](environ, start_response)


def answer(start_response, body, status="200 OK", headers=()):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))] + list(headers))
    return [body]


def hello(environ, start_response):
    return answer(start_response, b"hello")


def pid(environ, start_response):
    return answer(start_response, b"%d" % os.getpid())


def show(environ, start_response):
    return answer(start_response, json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode())


def echo(environ, start_response):
    return answer(start_response, environ["wsgi.input"].read())


def ignore(environ, start_response):
    return answer(start_response, b"not read")


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (b"part %d\n" % i for i in range(5))


def empty(environ, start_response):
    start_response(environ["QUERY_STRING"].replace("+", " "), [("X-Kept", "yes")])
    return [b"this must not be sent"]


def big(environ, start_response):
    return answer(start_response, b"x" * int(environ["QUERY_STRING"]))


PATHS = {f.__name__: f for f in (hello, pid, show, echo, ignore, stream, empty, big)}
