"""A Flask application: routes, forms, JSON, streams."""
import json

APP = """
    from flask import Flask, Response, jsonify, request

    app = Flask(__name__)

    @app.route("/hello/<name>")
    def hello(name):
        return "hello " + name

    @app.route("/form", methods=["POST"])
    def form():
        return jsonify(dict(request.form, size=len(request.files)))

    @app.route("/stream")
    def stream():
        return Response((str(i) for i in range(5)), mimetype="text/plain")

    @app.route("/error")
    def error():
        return 1 / 0
"""


def test_a_flask_application_works(start, write):
    write("app.py", APP)
    server = start("--master", "--module", "app:app", "--threads", "2")
    assert server.get("/hello/w%C3%B6rld").body.decode() == "hello wörld"
    answer = server.post("/form", "a=1&b=two", {"Content-Type": "application/x-www-form-urlencoded"})
    assert json.loads(answer.body) == {"a": "1", "b": "two", "size": 0}
    assert server.get("/stream").text == "01234"
    assert server.get("/error").status == 500
    assert server.get("/none").status == 404
    server.wait_for_log("ZeroDivisionError")
