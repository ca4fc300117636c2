"""Signs in to a deployed stage and prints an access token, and nothing else on standard output."""

import argparse
import sys

from local.errors import StageError
from ops.deploy.outputs import OperationError, Outputs
from ops.deploy.sign_in import sign_in_by_hand


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.print_token", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--user", required=True, help="e-mail address; the password is asked for")
    arguments = parser.parse_args()
    try:
        print(sign_in_by_hand(Outputs.read(arguments.stage), arguments.user))
    except (OperationError, StageError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
