"""An application that evaluates what is posted to it, for tests that ask from inside of a worker."""
import textwrap

ASK = """
    import uwsgi

    def application(environ, start_response):
        start_response("200 OK", [])
        return [repr(eval(environ["wsgi.input"].read().decode() or "None")).encode()]
"""


def program(*parts):
    """One text of parts that are indented each in its own way; ASK is the last, in most cases."""
    return "".join(map(textwrap.dedent, parts))


def ask(server, code):
    answer = server.post("/", code.encode())
    assert answer.status == 200, server.log
    return answer.text
