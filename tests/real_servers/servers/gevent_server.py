"""gevent's WSGI server with the application of web_app.py."""

import sys

from gevent.pywsgi import WSGIServer
from web_app import application

WSGIServer(("127.0.0.1", int(sys.argv[1])), application, log=None).serve_forever()
