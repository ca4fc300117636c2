"""The laptop stage with a pump that does what may happen on a bad day: `faulty_pump`."""

import sys
from unittest.mock import patch

from local import run


def main() -> int:
    """Run the stage."""
    with patch("local.stream.pump_process.PROGRAM", "tests.delivery.faulty_pump"):
        return run.main()


if __name__ == "__main__":
    sys.exit(main())
