"""Shows what a file holds and what would be imported, without a stage."""

import sys
from pathlib import Path

from banks.inspection import Summary, as_json, summarize
from banks.question import BankFileError
from local.errors import CommandError
from ops.bank.files import Refused, described, opened, refusals


def inspect_file(file: Path, *, json_output: bool = False) -> None:
    """Print a description of a file.

    The file is read twice, once to count: it may be larger than memory.

    Raises:
        CommandError: It is no question bank that can be read.
    """
    try:
        with opened(file) as bank:
            summary = summarize(bank)
    except CommandError as error:
        if json_output and isinstance(error.__context__, BankFileError):
            sys.stdout.writelines(as_json(error.__context__.format, Summary(), []))
        raise
    with opened(file) as again:
        if json_output:
            sys.stdout.writelines(as_json(bank.format, summary, again))
        else:
            refused = (
                Refused(str(item.place), str(item.reason), item.message)
                for item in again
                if item.question is None
            )
            lines = (*described(file, bank, summary), *refusals(refused, summary.refused))
            print("\n".join(lines))
