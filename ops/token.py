"""Signs in to a deployed stage and prints an access token, and nothing else on standard output."""

import argparse
import getpass
import os
import sys
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from local.errors import StageError
from ops.outputs import OperationError, Outputs
from ops.sign_in import access_token, explained


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m ops.token", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--user", required=True, help="e-mail address; the password is asked for")
    arguments = parser.parse_args()
    try:
        outputs = Outputs.read(arguments.stage)
        # Signing in is open to all: it takes no credentials of AWS.
        client: Any = boto3.client(
            "cognito-idp",
            region_name=outputs.region,
            config=Config(signature_version=UNSIGNED),
        )
        password = os.environ.get("QUIZ_PASSWORD") or getpass.getpass()
        with explained("sign in"):
            print(access_token(client, outputs, arguments.user, password, _ask_for_code))
    except (OperationError, StageError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0


def _ask_for_code(secret: str | None) -> str:
    if secret:
        print(f"Enter this key in your authenticator app: {secret}", file=sys.stderr)
    print("Code of the authenticator app: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


if __name__ == "__main__":
    sys.exit(main())
