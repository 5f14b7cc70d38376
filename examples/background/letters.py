"""A page that takes a letter, and answers before it is sent."""
from html import escape
from urllib.parse import parse_qs

import uwsgi

import tasks

PAGE = """<!DOCTYPE html>
<title>Letters</title>
<form method="post"><input name="to" placeholder="to"> <input name="text" placeholder="text"> <button>Send</button></form>
<p>%d wait.</p>
<pre>%s</pre>
"""


def application(environ, start_response):
    tasks.count_visit(environ["PATH_INFO"])
    if environ["REQUEST_METHOD"] == "POST":
        form = parse_qs(environ["wsgi.input"].read().decode(), keep_blank_values=True)
        tasks.send_letter.spool(to=form["to"][0], text=form["text"][0])
        start_response("303 See Other", [("Location", "/"), ("Content-Length", "0")])
        return []
    page = PAGE % (len(uwsgi.spooler_jobs()), escape(tasks.SENT.read_text() if tasks.SENT.exists() else ""))
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [page.encode()]
