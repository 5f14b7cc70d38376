"""A server that speaks to us on a free port, and a client that says exactly what it is told, byte for byte."""

import contextlib
import json
import os
import re
import socket

from harness import DEADLINE, Server, free_port

APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")


def exchange(path, data):
    """What a unix socket answers to these bytes, until it closes."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(str(path))
        s.sendall(data)
        answer = b""
        while part := s.recv(65536):
            answer += part
        return answer


class WireServer(Server):
    """The server with the application of these tests; {port} in an option is a free port."""

    def __init__(self, folder, *options):
        port = free_port()
        args = ["--master", "--need-app", "--module", "wire_app"] + [o.replace("{port}", str(port)) for o in options]
        super().__init__(folder, args, port, {"PYTHONPATH": APPS, "PYTHONDONTWRITEBYTECODE": "1"})

    def client(self, **kwargs):
        return Client(("127.0.0.1", self.address), **kwargs)

    def __enter__(self):
        try:
            return self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *unused):
        self.stop()


class Response:
    def __init__(self, version, status, headers, body):
        self.version, self.status, self.headers, self.body = version, status, headers, body

    def get(self, name):
        return dict((k.lower(), v) for k, v in self.headers).get(name.lower())

    def json(self):
        return json.loads(self.body)


class Client:
    """One connection."""

    def __init__(self, address, rcvbuf=None):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(DEADLINE)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.connect(address)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        self.rest += data
        return data

    def take(self, count):
        while len(self.rest) < count:
            assert self.more(), "the connection ended after %r" % self.rest
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def line(self):
        while b"\r\n" not in self.rest:
            assert self.more(), "the connection ended after %r" % self.rest
        data, self.rest = self.rest.split(b"\r\n", 1)
        return data

    def head(self):
        version, status = re.match(rb"(HTTP/1\.[01]) (\d{3}) ", self.line()).groups()
        headers = []
        while line := self.line():
            name, value = line.split(b": ", 1)
            headers.append((name.decode("latin-1"), value.decode("latin-1")))
        return Response(version.decode(), int(status), headers, b"")

    def chunks(self):
        body = b""
        while size := int(self.line(), 16):
            body += self.take(size)
            assert self.line() == b""
        assert self.line() == b""
        return body

    def all(self):
        """Everything until the server closes."""
        with contextlib.suppress(ConnectionResetError):
            while self.more():
                pass
        data, self.rest = self.rest, b""
        return data

    def response(self, method="GET"):
        r = self.head()
        if method == "HEAD" or r.status in (204, 304) or r.status < 200:
            return r
        if r.get("Transfer-Encoding") == "chunked":
            r.body = self.chunks()
        elif r.get("Content-Length") is not None:
            r.body = self.take(int(r.get("Content-Length")))
        else:
            r.body = self.all()
        return r

    def ask(self, target="/", method="GET", fields="", body=b""):
        self.send(("%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (method, target, fields)).encode("latin-1") + body)
        return self.response(method)

    def is_closed(self):
        """Has the server closed, with nothing more said?"""
        return self.all() == b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
