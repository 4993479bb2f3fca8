"""`python -m reference_server`; the harness starts this file by its path."""

import sys
from pathlib import Path

if not __package__:  # by its path: whatever else has our name, in PYTHONPATH say, is not meant
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_server.server import main

sys.exit(main(sys.argv[1:]))
