"""Clients that ask on and on, while something happens to the server."""
import threading

from harness import DEADLINE


def read_all(s):
    parts = []
    while part := s.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answered(server, path="/", timeout=DEADLINE):
    with server.connect(timeout) as s:
        s.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path.encode())
        return read_all(s)


class Client(threading.Thread):
    """Does something to the server on and on (`run`), until its block is left."""

    def __init__(self, server):
        super().__init__()
        self.server, self.ended = server, False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.ended = True
        self.join()


class Load(Client):
    """Asks again and again, on a connection each, and keeps what went wrong."""

    def __init__(self, server, path="/"):
        super().__init__(server)
        self.path, self.failures, self.answers = path, [], 0

    def run(self):
        while not self.ended:
            try:
                answer = answered(self.server, self.path)
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.failures.append(answer)
                self.answers += 1
            except OSError as failure:
                self.failures.append(failure)


class KeepAlive(Load):
    """The same on one connection, for as long as the server keeps it.  A request on a connection that was closed before
    a byte of its answer came is asked once more on another, as RFC 9110 9.2.2 has it."""

    def ask(self, s):
        s.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % self.path.encode())
        answer = b""
        while b"hello" not in answer:
            part = s.recv(65536)
            if not part:
                return answer
            answer += part
        return answer

    def run(self):
        s = None
        while not self.ended:
            fresh = s is None
            answer = b""
            try:
                s = s or self.server.connect()
                answer = self.ask(s)
                failure = answer
            except OSError as error:
                failure = error
            if answer.endswith(b"hello"):
                self.answers += 1
                continue
            if s:
                s.close()
                s = None
            if fresh or answer:
                self.failures.append(failure)
        if s:
            s.close()
