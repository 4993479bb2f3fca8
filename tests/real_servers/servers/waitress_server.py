"""Waitress with the application of web_app.py."""

import sys

import waitress
from web_app import application

waitress.serve(application, host="127.0.0.1", port=int(sys.argv[1]))
