"""The native packet on the wire, by hand and through nginx."""

import shutil
import struct
import subprocess

import pytest
import wire
from harness import DEADLINE, free_port, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with wire.WireServer(tmp_path_factory.mktemp("uwsgi"), "--socket", "127.0.0.1:{port}") as s:
        yield s


def packet(variables, modifier1=0, modifier2=0):
    block = b"".join(struct.pack("<H", len(s)) + s for pair in variables.items() for s in map(str.encode, pair))
    return struct.pack("<BHB", modifier1, len(block), modifier2) + block


def variables(path="/", **more):
    return {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_PROTOCOL": "HTTP/1.1", **more}


def test_a_packet_is_a_request(server):
    with server.client() as c:
        c.send(packet(variables(QUERY_STRING="a=b", HTTP_X_Y="z")))
        r = c.response()
        assert (r.version, r.status, r.body) == ("HTTP/1.1", 200, b"hello")
        assert c.is_closed()


def test_the_environ_holds_what_the_packet_says(server):
    with server.client() as c:
        c.send(packet(variables("/show", REMOTE_ADDR="192.0.2.7", SERVER_PORT="8443", HTTP_X_Y="z")))
        env = c.response().json()
    assert (env["REMOTE_ADDR"], env["SERVER_PORT"], env["HTTP_X_Y"]) == ("192.0.2.7", "8443", "z")


def test_a_packet_without_a_version_is_answered_with_1_0(server):
    with server.client() as c:
        c.send(packet({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}))
        assert c.response().version == "HTTP/1.0"


def test_a_body_follows_the_packet(server):
    body = b"x" * 100000
    with server.client() as c:
        c.send(packet(variables("/echo", REQUEST_METHOD="POST", CONTENT_LENGTH=str(len(body)))) + body)
        assert c.response().body == body


def test_a_packet_cut_at_every_byte_is_the_same_request(server):
    message = packet(variables())
    for cut in range(1, len(message)):
        with server.client() as c:
            c.send(message[:cut])
            c.send(message[cut:])
            assert c.response().body == b"hello"


BROKEN = {
    "about nothing": b"\0\0\0\0",
    "ends within a value": b"\0\x05\0\0\x03\0abc",
    "an empty name": b"\0\x04\0\0\0\0\0\0",
    "a length with letters": packet(variables(CONTENT_LENGTH="1x")),
    "a negative length": packet(variables(CONTENT_LENGTH="-1")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_packet_is_refused_and_the_next_one_served(server, name):
    with server.client() as c:
        c.send(BROKEN[name])
        assert c.response().status == 400
        assert c.is_closed()
    with server.client() as c:
        c.send(packet(variables()))
        assert c.response().body == b"hello"


def test_variables_cannot_choose_code(server, tmp_path):
    (tmp_path / "other.py").write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'other']\n")
    for extra in ({"UWSGI_FILE": str(tmp_path / "other.py")}, {"UWSGI_SCRIPT": "other"}, {"UWSGI_MODULE": "other"},
                  {"UWSGI_CHDIR": str(tmp_path)}):
        with server.client() as c:
            c.send(packet(variables(**extra)))
            assert c.response().body == b"hello"


NGINX = """
daemon off; pid {dir}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 128; }}
http {{
    access_log off; client_body_buffer_size 1m; client_body_temp_path {dir}/body; uwsgi_temp_path {dir}/uwsgi; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            uwsgi_pass 127.0.0.1:{backend};
            uwsgi_param QUERY_STRING $query_string; uwsgi_param REQUEST_METHOD $request_method;
            uwsgi_param CONTENT_TYPE $content_type; uwsgi_param CONTENT_LENGTH $content_length;
            uwsgi_param REQUEST_URI $request_uri; uwsgi_param PATH_INFO $document_uri;
            uwsgi_param DOCUMENT_ROOT $document_root; uwsgi_param SERVER_PROTOCOL $server_protocol;
            uwsgi_param REQUEST_SCHEME $scheme; uwsgi_param REMOTE_ADDR $remote_addr;
            uwsgi_param REMOTE_PORT $remote_port; uwsgi_param SERVER_PORT $server_port;
            uwsgi_param SERVER_NAME $server_name;
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def nginx(server, tmp_path_factory):
    path, port = tmp_path_factory.mktemp("nginx"), free_port()
    (path / "conf").write_text(NGINX.format(dir=path, port=port, backend=server.address))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-p", str(path), "-c", str(path / "conf"), "-e", "stderr"])
    try:
        def connect():
            assert process.poll() is None, "nginx ended"
            try:
                return wire.Client(("127.0.0.1", port))
            except OSError:
                return None
        wait_until(connect, "nginx listens").close()
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(DEADLINE)


def test_nginx_passes_requests_on(nginx):
    with wire.Client(nginx) as c:
        assert c.ask().body == b"hello"
        env = c.ask("/show?a=b", fields="X-Y: z\r\n").json()
        assert (env["QUERY_STRING"], env["HTTP_X_Y"], env["SERVER_PORT"]) == ("a=b", "z", str(nginx[1]))
        assert c.ask("/echo", "POST", "Content-Length: 70000\r\n", b"y" * 70000).body == b"y" * 70000
        assert c.ask("/stream").body == b"".join(b"part %d\n" % i for i in range(5))
        assert c.ask("/", "HEAD").get("Content-Length") == "5"
