"""What `import uwsgi` finds outside of the server, in which that name is taken."""
raise ImportError("the module uwsgi is a part of the server: start the program with uwsgi; for tests, import uwsgi_stub first")
