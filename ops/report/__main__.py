"""Writes a page of plots of how a stage's questions behave: for teachers, from what was answered.

It signs in as an administrator. In a deployed stage that is --user, or QUIZ_USER, with the password
of QUIZ_PASSWORD, else asked for; on the laptop stage the token is the local issuer's. It reads
through the API alone. The page holds right answers: it is not for learners.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from local.accounts.token_issuer import Issuer, load_key
from local.data_folder import DataFolder
from local.errors import StageError
from local.running_stage import RunningStage
from ops.deploy.api import TIMEOUT, Api, ResponseError
from ops.deploy.outputs import OperationError, Outputs
from ops.deploy.sign_in import sign_in_by_hand
from ops.report.page import page
from ops.report.reading import MOST_QUESTIONS, Reading, read


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m ops.report", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--category", help="of this category alone")
    parser.add_argument(
        "--user", default=os.environ.get("QUIZ_USER"), help="an administrator's e-mail address"
    )
    parser.add_argument(
        "--questions",
        type=int,
        default=MOST_QUESTIONS,
        help="at most so many of a category, a call each (default: %(default)s)",
    )
    arguments = parser.parse_args()
    terminal = _Terminal()
    try:
        url, token = _access(arguments.stage, arguments.user)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT) as client:
            reading = read(
                Api(client),
                arguments.stage,
                terminal.show,
                arguments.category,
                max(1, arguments.questions),
            )
        terminal.end()
        if arguments.category and not reading.categories:
            raise OperationError(f"The stage has no category {arguments.category}.")
        print(f"file://{_write(reading)}")
    except (OperationError, ResponseError, StageError) as error:
        terminal.end()
        print(error, file=sys.stderr)
        return 1
    except httpx2.HTTPError as error:
        terminal.end()
        print(f"Stage {arguments.stage} cannot be reached: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130
    return 0


class _Terminal:
    """Shows on one line of a terminal what is being read; says nothing where there is none."""

    def __init__(self) -> None:
        self.shown = False

    def show(self, what: str) -> None:
        if sys.stderr.isatty():
            self.shown = True
            print(f"\r\x1b[KReading {what}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.shown:
            self.shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _access(stage: str, user: str | None) -> tuple[str, str]:
    """Return the address of a stage and an administrator's token for it."""
    if stage == "local":
        folder = DataFolder.from_environment()
        running = RunningStage.find(folder)
        return running.url, Issuer(load_key(folder), running.issuer).access_token(
            "report", ["admin"]
        )
    outputs = Outputs.read(stage)
    if not user:
        raise OperationError(
            "Say which administrator signs in: make report STAGE=… USER=ada@example.com"
        )
    return outputs.apiUrl.rstrip("/"), sign_in_by_hand(outputs, user)


def _write(reading: Reading) -> Path:
    """Write the page at once, readable by its owner alone."""
    file = DataFolder.from_environment().path / f"report-{reading.stage}.html"
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(page(reading, datetime.now(UTC)), encoding="utf-8")
    return draft.replace(file)


if __name__ == "__main__":
    sys.exit(main())
