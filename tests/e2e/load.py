"""Clients that ask on and on, while something happens to the server."""
import threading


def read_all(s):
    parts = []
    while part := s.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answered(server, path="/", timeout=3):
    with server.connect(timeout) as s:
        s.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path.encode())
        return read_all(s)


class Load(threading.Thread):
    """Asks again and again, on a connection each, and keeps what went wrong."""

    def __init__(self, server, path="/"):
        super().__init__()
        self.server, self.path, self.failures, self.answers, self.ended = server, path, [], 0, False

    def run(self):
        while not self.ended:
            try:
                answer = answered(self.server, self.path, 5)
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.failures.append(answer)
                self.answers += 1
            except OSError as failure:
                self.failures.append(failure)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.ended = True
        self.join()
