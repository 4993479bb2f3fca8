"""An aiosmtpd that accepts every message and offers STARTTLS."""

import signal
import ssl
import sys

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
trustme.CA().issue_cert("localhost").configure_cert(context)
port = int(sys.argv[1])
controller = Controller(Sink(), hostname="127.0.0.1", port=port, tls_context=context)
controller.start()
signal.pause()
