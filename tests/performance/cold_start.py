"""Counts what each function takes to start: `make bench-cold` (RECORD=1 writes the document).

The measure is machine instructions, beside those of `boto3.client("dynamodb")` alone, with boto3 as
it is installed. Fails where a goal is missed.
"""

import json
import sys
from typing import Any

from lambdas.contract.routes import FUNCTIONS
from local.data_folder import ROOT
from ops.record import table, write_section
from tests.integration.stage import submission
from tests.performance.packaged import Database, M, Packaged, bench_database, event, packaged

GOAL = 1.25
"""Ratio of any function's start to the reference."""

CATEGORY = "geography"
READS = {
    "health": event("getHealth"),
    "questions": event("listCategories"),
    "users": event("getUser", userId="me"),
    "progress": event("getProgress", userId="me"),
    "privacy": event("exportUser", userId="me"),
}
PROGRAM = ROOT / "tests" / "performance" / "initialize.py"
SECTION = "cold start"
REFERENCE = 'import sys; sys.path.insert(0, sys.argv[1]); import boto3; boto3.client("dynamodb")'
CERTIFICATES = "import sys, ssl; ssl.create_default_context(cafile=sys.argv[1])"
NO_CERTIFICATES = "import sys, ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)"


def main(arguments: list[str]) -> int:
    """Print the table; return the process's status."""
    with packaged() as made, bench_database() as database:
        database.save(CATEGORY, 10)
        reference = made.instructions(["-c", REFERENCE, made.reference], database.environment)
        rows, missed = [], []
        for function in FUNCTIONS:
            start, *others = _counts(made, database, function)
            if start > GOAL * reference:
                missed.append(f"{function} takes more than {GOAL} of the reference")
            columns = (f"{each / M:.1f}" for each in others)
            rows.append((function, f"{start / M:.0f}", f"{start / reference:.2f}", GOAL, *columns))
        bundle = made.asset / "botocore" / "cacert.pem"
        certificates = made.instructions(["-c", CERTIFICATES, bundle]) - made.instructions(
            ["-c", NO_CERTIFICATES]
        )
    head = (
        "function", "start", "ratio", "goal", "warm-up", "first request", "without warm-up",
    )  # fmt: skip
    content = (
        f'Millions of instructions; `boto3.client("dynamodb")` alone takes {reference / M:.0f}. '
        "The engine here speaks no TLS: reading the certificates for a connection takes another "
        f"{certificates / M:.0f}.\n\n{table(head, rows)}"
    )
    print(content, *missed, sep="\n")
    if "--record" in arguments:
        write_section(SECTION, content)
    return 1 if missed else 0


def _counts(made: Packaged, database: Database, function: str) -> tuple[int, int, int, int]:
    """Return what start, warm-up, and a first request with and without warm-up take."""

    def run(*, warm: bool = False, request: bool = False) -> int:
        told = {"AWS_LAMBDA_FUNCTION_NAME": function} if warm else {}
        served = [json.dumps(first_request(database, function))] if request else []
        return made.instructions(
            [PROGRAM, made.asset, function, *served], {**database.environment, **told}
        )

    start, warmed = run(), run(warm=True)
    return start, warmed - start, run(warm=True, request=True) - warmed, run(request=True) - start


def first_request(database: Database, function: str) -> dict[str, Any]:
    """Return a function's most frequent request; of a session, one nobody has answered yet."""
    if function in READS:
        return READS[function]
    body = {"sources": [{"category": CATEGORY}]}
    if function == "session":
        return event("startSession", body)
    session_id = database.call("startSession", body)["sessionId"]
    if function == "quiz":
        return event("getQuestion", sessionId=session_id)
    shown = database.call("getQuestion", sessionId=session_id)["question"]
    return event("submitAnswer", submission(shown), sessionId=session_id)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
