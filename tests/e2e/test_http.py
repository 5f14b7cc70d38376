"""HTTP on the wire, against the real server: what is kept, what is refused, and that nobody is in nobody's way."""

import os
import resource
import signal
import socket
import struct

import pytest
import wire
from harness import wait_until

OPTIONS = ("--http-socket", "127.0.0.1:{port}", "--buffer-size", "8192", "--limit-post", "200000")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with wire.WireServer(tmp_path_factory.mktemp("http"), *OPTIONS) as s:
        yield s


@pytest.fixture
def client(server):
    with server.client() as c:
        yield c


def worker(server):
    with server.client() as c:
        return int(c.ask("/pid").body)


# ---- connections ----


def test_a_connection_carries_many_requests(client):
    for _ in range(100):
        assert client.ask().body == b"hello"


def test_connection_close_is_honoured(client):
    assert client.ask(fields="Connection: close\r\n").body == b"hello"
    assert client.is_closed()


def test_http_1_0_is_closed_after_one_request(client):
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.response().body == b"hello"
    assert client.is_closed()


def test_http_1_0_with_keep_alive_is_kept(client):
    for _ in range(3):
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        r = client.response()
        assert r.body == b"hello"
        assert r.get("Connection").lower() == "keep-alive"


def test_pipelined_requests_are_answered_in_order(client):
    client.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%d" % (len(str(i)), i)
                         for i in range(200)))
    for i in range(200):
        assert client.response().body == b"%d" % i


def test_a_request_cut_at_every_byte_is_the_same_request(client):
    message = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    for cut in range(1, len(message)):
        client.send(message[:cut])
        client.send(message[cut:])
        assert client.response().body == b"abc"


def test_a_request_sent_byte_by_byte_is_answered(client):
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":
        client.send(bytes([byte]))
    assert client.response().body == b"abc"


# ---- bodies ----


def chunked(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, 1000, 65535, 65536, 65537, 199999])
def test_a_body_of_known_length_arrives_whole(client, size):
    body = os.urandom(size)
    assert client.ask("/echo", "POST", "Content-Length: %d\r\n" % size, body).body == body
    assert client.ask().body == b"hello"


@pytest.mark.parametrize("size", [1, 1000, 65536, 150000])
def test_a_chunked_body_arrives_whole(client, size):
    body = os.urandom(size)
    parts = [body[i:i + 1500] for i in range(0, size, 1500)]
    assert client.ask("/echo", "POST", "Transfer-Encoding: chunked\r\n", chunked(*parts)).body == body
    assert client.ask().body == b"hello"


def test_a_stream_is_chunked_for_1_1_and_ends_with_the_connection_for_1_0(client, server):
    whole = b"".join(b"part %d\n" % i for i in range(5))
    r = client.ask("/stream")
    assert r.get("Transfer-Encoding") == "chunked"
    assert r.body == whole
    assert client.ask().body == b"hello"
    with server.client() as old:
        old.send(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        r = old.response()
        assert r.get("Transfer-Encoding") is None
        assert r.body == whole


def test_a_client_that_expects_100_gets_it_before_the_body(client):
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.head().status == 100
    client.send(b"abc")
    assert client.response().body == b"abc"
    assert client.ask().body == b"hello"


def test_a_body_nobody_reads_does_not_become_the_next_request(client):
    smuggled = b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n"
    r = client.ask("/ignore", "POST", "Content-Length: %d\r\n" % len(smuggled), smuggled)
    assert r.body == b"not read"
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    rest = client.all()
    assert rest == b"" or (rest.count(b"HTTP/1.1") == 1 and rest.endswith(b"hello"))


@pytest.mark.parametrize("status", ["204+No+Content", "304+Not+Modified"])
def test_statuses_without_a_body_have_none(client, status):
    r = client.ask("/empty?" + status)
    assert r.get("X-Kept") == "yes"
    assert r.get("Transfer-Encoding") is None
    assert client.ask().body == b"hello"


def test_head_has_the_head_of_get_and_no_body(client):
    r = client.ask("/", "HEAD")
    assert r.get("Content-Length") == "5"
    assert client.ask("/stream", "HEAD").status == 200
    assert client.ask().body == b"hello"


def test_a_big_response_reaches_a_slow_reader_whole(server):
    with server.client(rcvbuf=4096) as slow:
        slow.send(b"GET /big?3000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        with server.client() as other:
            assert other.ask().body == b"hello"
        assert slow.response().body == b"x" * 3000000


# ---- variables ----


def test_the_environ_is_what_was_sent(client, server):
    env = client.ask("/show/a%20b/../c?d=%20", fields="X-One: 1\r\nX-One: 2\r\nCookie: a=b\r\nCookie: c=d\r\n"
                     "Content-Type: text/plain\r\nX_Under: no\r\nProxy: no\r\n").json()
    expected = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": "/show/a%20b/../c?d=%20", "PATH_INFO": "/show/c",
        "QUERY_STRING": "d=%20", "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": "", "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(client.socket.getsockname()[1]), "SERVER_PORT": str(server.address), "HTTP_HOST": "a",
        "HTTP_X_ONE": "1, 2", "HTTP_COOKIE": "a=b; c=d", "CONTENT_TYPE": "text/plain",
    }
    assert {k: env.get(k) for k in expected} == expected
    assert env["SERVER_NAME"]
    assert not {"HTTP_X_UNDER", "HTTP_PROXY", "HTTP_CONTENT_TYPE", "CONTENT_LENGTH"} & set(env)


def test_bytes_above_127_arrive_as_latin_1(client):
    client.send(b"GET /show/\xc3\xa9 HTTP/1.1\r\nHost: a\r\nX-High: \xe9\r\n\r\n")
    env = client.response().json()
    assert env["PATH_INFO"] == "/show/\xc3\xa9"
    assert env["HTTP_X_HIGH"] == "\xe9"


def test_the_host_of_an_absolute_target_replaces_the_field(client):
    env = client.ask("http://b.example:81/show?x").json()
    assert (env["HTTP_HOST"], env["PATH_INFO"], env["QUERY_STRING"]) == ("b.example:81", "/show", "x")


# ---- refusals ----

GET, POST = "GET / HTTP/1.1\r\nHost: a\r\n", "POST /echo HTTP/1.1\r\nHost: a\r\n"
REFUSED = {
    "no version": ("GET /\r\n\r\n", 400),
    "garbage": ("\x16\x03\x01\x02\x01", 400),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "no host": ("GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + "Host: a\r\n\r\n", 400),
    "bad host": ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "bare LF": ("GET / HTTP/1.1\nHost: a\n\n", 400),
    "space before colon": (GET + "X : y\r\n\r\n", 400),
    "folded line": (GET + "X: y\r\n z\r\n\r\n", 400),
    "no colon": (GET + "nonsense\r\n\r\n", 400),
    "NUL": (GET + "X: \0\r\n\r\n", 400),
    "NUL in path": ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "bad escape": ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "fragment": ("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "asterisk": ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "two lengths": (POST + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    "signed length": (POST + "Content-Length: +1\r\n\r\nx", 400),
    "length and coding": (POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "coding twice": (POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "unknown coding": (POST + "Transfer-Encoding: gzip\r\n\r\n", 501),
    "coding on 1.0": ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "bad chunk size": (POST + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "bad chunk end": (POST + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    "expectation": (POST + "Expect: magic\r\nContent-Length: 1\r\n\r\nx", 417),
    "body too large": (POST + "Content-Length: 200001\r\n\r\n", 413),
    "chunks too large": (POST + "Transfer-Encoding: chunked\r\n\r\n" + "1000\r\n%s\r\n" % ("x" * 4096) * 200, 413),
    "number too large": (POST + "Content-Length: 99999999999999999999\r\n\r\n", 413),
    "target too long": ("GET /" + "a" * 9000, 414),
    "target too long in a whole head": ("GET /" + "a" * 8900 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "target too long with many fields": ("GET /" + "a" * 8900 + " HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 1000, 414),
    "head too long": (GET + "X: %s\r\n" % ("a" * 9000), 431),
    "too many fields": (GET + "".join("X-%d: y\r\n" % i for i in range(300)) + "\r\n", 431),
}


SMUGGLED = b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_two_meanings_or_no_end_is_refused_and_the_connection_closed(server, name):
    before = worker(server)
    message, status = REFUSED[name]
    with server.client() as c:
        try:
            c.send(message.encode("latin-1") + (SMUGGLED if "\r\n\r\n" in message else b""))
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        r = c.response()
        assert r.status == status
        assert r.get("Connection") == "close"
        assert c.is_closed()
    assert worker(server) == before


# ---- clients that leave, stall, or are many ----


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("sent", [b"", b"GET", POST.encode() + b"Content-Length: 10\r\n\r\nabc",
                                  POST.encode() + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                                  b"GET /big?3000000 HTTP/1.1\r\nHost: a\r\n\r\n"])
@pytest.mark.parametrize("leave", [wire.Client.close, reset])
def test_a_client_that_leaves_takes_nobody_with_it(server, sent, leave):
    before = worker(server)
    for _ in range(20):
        c = server.client()
        c.send(sent)
        leave(c)
    assert worker(server) == before


def test_slow_clients_do_not_hold_up_others(server):
    slow = [server.client() for _ in range(100)]
    try:
        for i, c in enumerate(slow):
            c.send((b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", POST.encode() + b"Content-Length: 9\r\n\r\nx")[i % 2])
        for _ in range(50):
            with server.client() as c:
                assert c.ask().body == b"hello"
        slow[0].send(b"done\r\n\r\n")
        assert slow[0].response().body == b"hello"
    finally:
        for c in slow:
            c.close()


def test_idle_connections_wait_without_being_forgotten(server):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(int(os.environ.get("UWSGI_TEST_IDLE", "500")), hard - 100)
    idle = [server.client() for _ in range(count)]
    try:
        for c in idle:
            assert c.ask().body == b"hello"
        for c in idle:
            assert c.ask().body == b"hello"
    finally:
        for c in idle:
            c.close()


# ---- ways in ----


def test_protocol_http_on_a_plain_socket(tmp_path):
    with wire.WireServer(tmp_path, "--socket", "127.0.0.1:{port}", "--protocol", "http") as s, s.client() as c:
        assert c.ask().body == b"hello"


def test_http11_socket_is_the_same_as_http_socket(tmp_path):
    with wire.WireServer(tmp_path, "--http11-socket", "127.0.0.1:{port}") as s, s.client() as c:
        assert c.ask().body == b"hello"
        assert c.ask(fields="Connection: close\r\n").body == b"hello"
        assert c.is_closed()


def test_a_unix_socket_speaks_http_too(tmp_path):
    path = str(tmp_path / "sock")
    with wire.WireServer(tmp_path, "--http-socket", path, "--http-socket", "127.0.0.1:{port}"):
        with wire.Client(path) as c:
            assert c.ask("/show").json()["REMOTE_ADDR"] == "0.0.0.0"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with wire.WireServer(tmp_path_factory.mktemp("gateway"), "--http", ":{port}", "--processes", "2") as s:
        yield s


def test_the_gateway_hands_over_connections(gateway):
    with gateway.client() as c:
        env = c.ask("/show").json()
        assert env["REMOTE_ADDR"] == "127.0.0.1"
        assert env["REMOTE_PORT"] == str(c.socket.getsockname()[1])
        assert env["SERVER_PORT"] == str(gateway.address)
        assert env["UWSGI_ROUTER"] == "http"
        assert c.ask("/echo", "POST", "Content-Length: 3\r\n", b"abc").body == b"abc"


@pytest.mark.parametrize("address", ["{port}", "0.0.0.0:{port}", "localhost:{port}"])
def test_the_gateway_takes_every_spelling_of_an_address(tmp_path, address):
    with wire.WireServer(tmp_path, "--http", address) as s, s.client() as c:
        assert c.ask().body == b"hello"


def test_the_gateway_listens_on_a_unix_socket_too(tmp_path):
    path = str(tmp_path / "sock")
    with wire.WireServer(tmp_path, "--http", path, "--http", ":{port}"), wire.Client(path) as c:
        assert c.ask().body == b"hello"


def test_an_address_the_gateway_cannot_have_ends_the_start(gateway, tmp_path):
    second = wire.WireServer(tmp_path, "--http", "127.0.0.1:%d" % gateway.address)
    assert second.wait_exit() != 0
    assert "127.0.0.1:%d" % gateway.address in second.log


def test_the_gateway_serves_many_connections_at_once(gateway):
    clients = [gateway.client() for _ in range(300)]
    try:
        for c in clients:
            c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for c in clients:
            assert c.response().body == b"hello"
    finally:
        for c in clients:
            c.close()


def test_the_gateway_is_replaced_when_it_dies(gateway):
    def answers():
        try:
            with gateway.client() as c:
                return c.ask().body == b"hello"
        except (OSError, AssertionError):
            return False

    os.kill(gateway.pid_of("http"), signal.SIGKILL)
    gateway.wait_spawned("http", 2)
    wait_until(answers, "the new gateway hands over")
