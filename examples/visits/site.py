"""Shows the count of the page: uwsgi --plugin ./visits_plugin.so --http :9090 --wsgi-file site.py"""
import uwsgi


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"visit %d\n" % uwsgi.visits(environ["PATH_INFO"])]
