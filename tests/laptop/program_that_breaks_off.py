"""A program of functions that ends in the middle of a result, as when it is killed, but only once.

BROKE_OFF is the path of a file that exists once it has.
"""

import os
import sys
from pathlib import Path

from local.gateway import function_program


def main(functions: list[str]) -> int:
    """Run the program."""
    mark = Path(os.environ["BROKE_OFF"])
    if mark.exists():
        return function_program.main(functions)
    mark.touch()
    sys.stdin.readline()
    sys.stdout.write('{"number": 0, "resu')
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
