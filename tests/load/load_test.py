#!/usr/bin/env python
"""The load test: python tests/load/load_test.py --users 100 --duration 300 (see program.py)."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # It can be run directly, so the repository has to be found; and sockets have to cooperate
    # before anything opens one.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from gevent import monkey

    monkey.patch_all()
    from tests.load.program import main

    sys.exit(main())
