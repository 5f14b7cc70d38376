"""A real Django project: the login of the admin, forms, uploads - direct, through the gateway, and behind nginx."""
import http.client
import re
import shutil
import subprocess
import sys
import urllib.parse

import pytest

from harness import DEADLINE, Response, free_port, wait_until

SETTINGS = """
    SECRET_KEY = "test"
    DEBUG = True
    ALLOWED_HOSTS = ["*"]
    ROOT_URLCONF = "urls"
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
    INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                      "django.contrib.sessions", "django.contrib.messages"]
    MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
                  "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                  "django.contrib.messages.middleware.MessageMiddleware"]
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                               "django.contrib.messages.context_processors.messages"]}}]
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
    STATIC_URL = "/static/"
"""
URLS = """
    import hashlib
    from django.contrib import admin
    from django.http import FileResponse, HttpResponse, StreamingHttpResponse
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt

    @csrf_exempt
    def upload(request):
        f = request.FILES["f"]
        digest = hashlib.sha256()
        for chunk in f.chunks():
            digest.update(chunk)
        return HttpResponse("%s %s %s" % (f.name, request.POST["note"], digest.hexdigest()))

    urlpatterns = [
        path("admin/", admin.site.urls),
        path("upload", upload),
        path("stream", lambda request: StreamingHttpResponse(iter(["a", "b", "c"]))),
        path("file", lambda request: FileResponse(open("urls.py", "rb"))),
    ]
"""
WSGI = """
    import os
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    from django.core.wsgi import get_wsgi_application
    application = get_wsgi_application()
"""
NGINX = """
    daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
    events {{ worker_connections 64; }}
    http {{
        access_log off; client_max_body_size 20m;
        client_body_temp_path {folder}/body; uwsgi_temp_path {folder}/uwsgi; proxy_temp_path {folder}/proxy;
        fastcgi_temp_path {folder}/fastcgi; scgi_temp_path {folder}/scgi;
        server {{
            listen 127.0.0.1:{port};
            location / {{ include /etc/nginx/uwsgi_params; uwsgi_pass 127.0.0.1:{upstream}; }}
        }}
    }}
"""


class Browser:
    """Keeps cookies."""

    def __init__(self, port):
        self.port = port
        self.cookies = {}

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        cookie = "; ".join("%s=%s" % pair for pair in self.cookies.items())
        connection.request(method, path, body, {"Cookie": cookie, **(headers or {})})
        answer = Response(connection.getresponse())
        connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def post_form(self, path, **fields):
        return self.request("POST", path, urllib.parse.urlencode(fields),
                            {"Content-Type": "application/x-www-form-urlencoded"})


@pytest.fixture
def project(write, tmp_path):
    write("settings.py", SETTINGS)
    write("urls.py", URLS)
    write("wsgi.py", WSGI)
    script = ("import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'; import django; django.setup();"
              "from django.core.management import call_command; call_command('migrate', verbosity=0);"
              "from django.contrib.auth.models import User; User.objects.create_superuser('ann', 'a@b.c', 'secret')")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


@pytest.fixture
def nginx(tmp_path):
    """nginx(port of the server): the port of an nginx in front of it."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    processes = []

    def run(upstream):
        port = free_port()
        configuration = tmp_path / "nginx.conf"
        configuration.write_text(NGINX.format(folder=tmp_path, port=port, upstream=upstream))
        processes.append(subprocess.Popen([binary, "-c", str(configuration), "-p", str(tmp_path)],
                                          stdin=subprocess.DEVNULL))

        def listens():
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                return True
            except OSError:
                return False

        wait_until(listens, "nginx to listen")
        return port

    yield run
    for process in processes:
        process.terminate()
        process.wait(DEADLINE)


def check_site(port):
    browser = Browser(port)
    answer = browser.request("GET", "/admin/")
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/login/?next=/admin/")
    page = browser.request("GET", "/admin/login/?next=/admin/").text
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
    login = "/admin/login/?next=/admin/"
    refused = browser.post_form(login, csrfmiddlewaretoken=token, username="ann", password="wrong")
    assert refused.status == 200 and "correct username" in refused.text
    accepted = browser.post_form(login, csrfmiddlewaretoken=token, username="ann", password="secret")
    assert (accepted.status, accepted.headers["Location"]) == (302, "/admin/")
    assert "Site administration" in browser.request("GET", "/admin/").text
    check_upload(browser)
    assert browser.request("GET", "/stream").text == "abc"
    assert "urlpatterns" in browser.request("GET", "/file").text
    assert browser.request("GET", "/nowhere").status == 404


def check_upload(browser):
    import hashlib
    content = bytes(range(256)) * 16384  # larger than what Django keeps in memory
    boundary = "----a-boundary"
    body = ("--%s\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nkept\r\n--%s\r\nContent-Disposition: form-data; "
            "name=\"f\"; filename=\"data.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n" % (boundary, boundary))
    data = body.encode() + content + ("\r\n--%s--\r\n" % boundary).encode()
    answer = browser.request("POST", "/upload", data, {"Content-Type": "multipart/form-data; boundary=" + boundary})
    assert answer.text == "data.bin kept " + hashlib.sha256(content).hexdigest()


OPTIONS = ("--master", "--module", "wsgi:application", "--processes", "2", "--threads", "2")


def test_a_site_over_http_socket(project, start):
    check_site(start(*OPTIONS).address)


def test_a_site_through_the_gateway(project, start):
    port = free_port()
    check_site(start("--http", "127.0.0.1:%d" % port, *OPTIONS, address=port).address)


def test_a_site_behind_nginx(project, start, nginx):
    port = free_port()
    start("--socket", "127.0.0.1:%d" % port, *OPTIONS, address=port)
    check_site(nginx(port))
