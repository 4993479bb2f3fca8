"""`python -m reference_server`."""

import sys

from reference_server.server import main

sys.exit(main(sys.argv[1:]))
