"""Fuzzes the published API of a running laptop stage with schemathesis: `make fuzz`.

Two learners and an administrator call every operation with valid and invalid data; every response
is held to the OpenAPI document and to each other (`schemathesis.toml`).
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

import click

from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from local.data_folder import ROOT, DataFolder
from tests.security.people import People, Person, people_of
from tests.support.stage_process import StageProcess

CONFIG = Path(__file__).with_name("schemathesis.toml")
ERASING = [r.operation for r in ROUTES if (r.method, r.path) == ("DELETE", "/users/{userId}")]
RUNS: dict[str, list[str]] = {
    name: [part for each in ERASING for part in (f"--{how}-operation-id", each)]
    for name, how in {"ada": "exclude", "root": "exclude", "carol": "include"}.items()
    if ERASING or how == "exclude"
}
"""On whose behalf operations are called, and which; nobody is left to call any once erased."""

HOLDING = frozenset(
    each.operation for each in ROUTES if each.access is Access.ADMIN and each.method != "GET"
)
"""Operations that write to the bank: 503 while an import holds the category."""

DOCUMENT = ROOT / "docs" / "openapi.json"


@click.command(help=__doc__)
@click.option("--examples", default=100, help="Cases of each operation.")
@click.option("--seed", default=1, help="The same seed tries the same cases.")
def main(examples: int, seed: int) -> None:
    """Run the program."""
    limits = ("--max-examples", str(examples), "--seed", str(seed))
    with tempfile.TemporaryDirectory() as folder:
        stage = start(DataFolder(Path(folder)))
        try:
            with people_of(stage) as people:
                users = prepare(people)
            statuses = [
                fuzz(stage, users, who, *limits, *selection) for who, selection in RUNS.items()
            ]
            sys.exit(max(*statuses, report(stage)))
        finally:
            stage.close()


def start(data: DataFolder) -> StageProcess:
    """Return a stage of its own on an empty folder."""
    return StageProcess.start(data).await_ready()


def prepare(people: People) -> list[Person]:
    """Return learners with records and an administrator, who has questions to change."""
    root = people.player("root", "admin")
    answers = [{"text": "right", "correct": True}, {"text": "wrong", "correct": False}]
    questions = [{"category": "fuzz", "text": f"{n}?", "answers": answers} for n in range(5)]
    people.do(root, "POST", "/admin/questions", {"questions": questions})
    return [people.player("ada"), people.player("grace"), people.player("carol"), root]


def fuzz(
    stage: StageProcess,
    users: list[Person],
    who: str,
    *options: str,
) -> int:
    """Run schemathesis to its end on behalf of one of the users; return its exit code."""
    folder = stage.data.path
    logins = [
        {"name": user.name, "fixedHeaders": [{"name": name, "value": value}]}
        for user in users
        for name, value in user.headers.items()
    ]
    (folder / "users.json").write_text(json.dumps({"auth": logins}))
    caller = next(user for user in users if user.name == who)
    known = {
        "sessions": [caller.session_id],
        "shown": [caller.shown["questionId"]],
        "choices": [each["id"] for each in caller.shown["answers"]],
    }
    for name, values in known.items():
        (folder / f"{name}.txt").write_text("\n".join(f'"{value}"' for value in values))
    shutil.copy(CONFIG, folder)
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    command = [str(program), "run", str(DOCUMENT), "--url", stage.url, "--auth-wfc-user", who]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*command, *options], cwd=folder, env=variables, check=False).returncode


def report(stage: StageProcess) -> int:
    """Print failures in the stage's own log of the run; return 1 if there are any."""
    statuses: Counter[int] = Counter()
    failed = 0
    for line in stage.data.stage_log.read_text().splitlines():
        if line.startswith("{") and '"status"' in line:
            event = json.loads(line)
            status = int(event["status"])
            statuses[status] += 1
            held = status == 503 and (event.get("Operation") or event.get("what")) in HOLDING
            failed += status >= 500 and not held
    print(f"Requests that reached a function: {statuses.total()}; answered with 5xx: {failed}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    main()
