"""`python -m local.import_bank` beside a running stage."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lambdas.questions.bank_writer import LEASE
from lambdas.shared.services import system_clock
from local.data_folder import ROOT, DataFolder
from local.running_stage import RunningStage
from tests.integration.importer.importing import Importing, plain
from tests.support.stage_process import environment

LONG = 60.0
TABLE = """\
              created     updated   unchanged  duplicates     refused
geography           2           0           0           1           0
history             1           0           0           0           0
all                 3           0           0           1           0
"""


class Program:
    """Runs the program on a data folder."""

    def __init__(self, importing: Importing, data: DataFolder) -> None:
        self.importing = importing
        self._data = data

    def start(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "ops", "import", *map(str, arguments)],
            cwd=ROOT,
            env={k: v for k, v in environment(self._data).items() if not k.endswith("_TABLE")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=LONG)
            return process.returncode, output, errors

    @contextmanager
    def midway(self, lines: int) -> Iterator["subprocess.Popen[str]"]:
        """Yield the program while it imports a file, some of which is staged."""
        file = self.importing.file((plain(number) for number in range(lines)), "long.jsonl")
        questions = self.importing.stage.services.questions
        with self.start(file) as process:
            deadline = time.monotonic() + LONG
            while not questions.records(["geography:000200"]):
                assert process.poll() is None
                assert time.monotonic() < deadline
            yield process


@contextmanager
def announced(importing: Importing, data: DataFolder, endpoint: str | None) -> Iterator[None]:
    """Let programs find a stage that runs on a folder."""
    settings = importing.stage.services.settings
    environment = {
        "STAGE": "test",
        "DYNAMODB_ENDPOINT": endpoint or settings.dynamodb_endpoint or "",
        "QUESTIONS_TABLE": settings.questions_table or "",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    stage = RunningStage(url="", issuer="", process_id=os.getpid(), environment=environment)
    with closing(data.stage_lock()) as lock:
        assert lock.acquire()
        stage.announce(data)
        yield


@pytest.fixture
def program(importing: Importing, tmp_path: Path) -> Iterator[Program]:
    importing.stage.clock.now = system_clock()
    data = DataFolder(tmp_path)
    with announced(importing, data, None):
        yield Program(importing, data)


def test_everything_goes_in(program: Program) -> None:
    file = program.importing.file([plain(1), plain(2), plain(1), plain(3, "history")])
    assert program.run(file) == (0, TABLE, "")
    assert len(program.importing.bank()[1]) == 3


def test_each_refused_line_is_named(program: Program) -> None:
    wicked = {**plain(2), "\x1b[2J[red]": 1}
    file = program.importing.file([plain(1), "{", wicked, plain(3)])
    code, output, errors = program.run(file, "--category", "rivers")
    assert code == 1
    assert output.splitlines()[1].split() == ["rivers", "2", "0", "0", "0", "2"]
    first, second = errors.splitlines()
    assert first.startswith("line 2: is not JSON: ")
    assert second.startswith("line 3: \N{REPLACEMENT CHARACTER}[2J[red]: ")
    assert len(program.importing.bank()[1]) == 2


def test_an_empty_file_is_no_failure(program: Program) -> None:
    assert program.run(program.importing.file([])) == (0, "The file holds no question.\n", "")


def test_wrong_calls_are_refused(program: Program, tmp_path: Path) -> None:
    array = program.importing.file(["[]"], "array.json")
    cases: Sequence[tuple[Sequence[str | Path], str]] = [
        ([tmp_path / "absent.jsonl"], "absent.jsonl cannot be read: No such file or directory."),
        ([tmp_path], "cannot be read: Is a directory."),
        ([array], "write each question on a line of its own."),
        ([array, "--category", "No Such"], "lower-case letters, digits and hyphens, not 'No Such'"),
    ]
    for arguments, sentence in cases:
        code, output, errors = program.run(*arguments)
        assert (code, output) == (2, "")
        assert errors.endswith(f"{sentence}\n")


def test_without_a_stage_it_says_so(importing: Importing, tmp_path: Path) -> None:
    file = importing.file([plain(1)])
    sentence = "The stage is not running: start it with 'make run'.\n"
    assert Program(importing, DataFolder(tmp_path)).run(file) == (1, "", sentence)


def test_without_an_engine_it_says_so(importing: Importing, tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    with announced(importing, data, "http://127.0.0.1:9"):
        result = Program(importing, data).run(importing.file([plain(1)]))
    assert result == (
        1,
        "",
        "The database cannot be reached. Nothing was published. Import it again.\n",
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_import_leaves_the_bank_as_it_was(
    program: Program, how: signal.Signals
) -> None:
    with program.midway(3_000) as process:
        process.send_signal(how)
        output, errors = process.communicate(timeout=LONG)
    assert (process.returncode, output, errors) == (
        130,
        "",
        "Interrupted. Nothing was published. Importing again is safe.\n",
    )
    assert program.importing.bank() == ({}, {})
    program.importing.run([plain(1)])
    assert not program.importing.pauses


def test_a_killed_import_leaves_the_bank_as_it_was_and_a_repeat_completes(
    program: Program, at_system_time: Callable[[], None]
) -> None:
    with program.midway(3_000) as process:
        process.kill()
        process.communicate(timeout=LONG)
    importing = program.importing
    assert importing.bank() == ({}, {})
    at_system_time()
    fates = importing.run(plain(number) for number in range(1_000))
    assert fates["geography"].created == 1_000
    (wait,) = importing.watch.waits
    assert 0 < wait <= LEASE
    assert importing.pauses == [wait / 1000]
    _, records = importing.bank()
    assert [record.question.text for _, record in sorted(records.items())] == [
        f"{number}?" for number in range(1_000)
    ]


@pytest.fixture
def at_system_time(importing: Importing) -> Callable[[], None]:
    def set_clock() -> None:
        importing.stage.clock.now = system_clock()

    return set_clock
