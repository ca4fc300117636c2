"""Writes a page of plots of how a stage's questions behave: for teachers, from what was answered.

It signs in as an administrator. In a deployed stage that is --user, or QUIZ_USER, with the password
of QUIZ_PASSWORD, else asked for; on the laptop stage the token is the local issuer's. It reads
through the API alone. The page holds right answers: it is not for learners.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from local.data_folder import DataFolder
from local.errors import CommandError
from ops.deploy.access import AdministratorAccess
from ops.deploy.api import TIMEOUT, Api, ResponseError
from ops.report.page import page
from ops.report.reading import MOST_QUESTIONS, Reading, read


def write_report(
    stage: str, user: str | None, category: str | None, most_questions: int | None
) -> Path:
    """Read a stage as an administrator; write the page and return its file.

    Raises:
        CommandError: The stage cannot be read.
    """
    access = AdministratorAccess.find(stage, user, "report")
    headers = {"Authorization": f"Bearer {access.sign_in()}"}
    with (
        httpx2.Client(base_url=access.url, headers=headers, timeout=TIMEOUT) as client,
        _progress_line() as show,
    ):
        try:
            reading = read(Api(client), stage, show, category, most_questions or MOST_QUESTIONS)
        except ResponseError as error:
            raise CommandError(str(error)) from error
        except httpx2.HTTPError as error:
            raise CommandError(f"Stage {stage} cannot be reached: {error}") from error
    if category and not reading.categories:
        raise CommandError(f"The stage has no category {category}.")
    return _write(reading)


@contextmanager
def _progress_line() -> Iterator[Callable[[str], None]]:
    """Show on one line of a terminal what is being read; write nothing where there is none."""

    def show(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    try:
        yield lambda name: show(f"Reading {name}")
    finally:
        show("")


def _write(reading: Reading) -> Path:
    """Write the page at once, readable by its owner alone."""
    file = DataFolder.from_environment().report(reading.stage)
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(page(reading, datetime.now(UTC)), encoding="utf-8")
    return draft.replace(file)
