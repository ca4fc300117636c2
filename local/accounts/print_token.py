"""Prints an access token for the running stage, and nothing else."""

import argparse
import sys

from local.accounts.sign_up import confirm_sign_up
from local.accounts.token_issuer import Issuer, load_key
from local.accounts.user_pool import UserPool
from local.data_folder import DataFolder
from local.errors import StageError
from local.running_stage import RunningStage


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(
        prog="python -m local.accounts.print_token", description=__doc__
    )
    parser.add_argument("--user", default="", help="whose token; a name is always the same user")
    parser.add_argument("--groups", default="", help="groups, separated by commas: admin")
    arguments = parser.parse_args()
    user = arguments.user.strip()
    groups = [group.strip() for group in arguments.groups.split(",") if group.strip()]
    try:
        if not user:
            raise StageError("Say whose token it is: make token USER=ada [GROUPS=admin]")
        folder = DataFolder.from_environment()
        stage = RunningStage.find(folder)
        pool = UserPool(folder.deleted_accounts)
        confirm_sign_up(stage, user)
        print(Issuer(load_key(folder), stage.issuer, pool.user_id).access_token(user, groups))
    except StageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
