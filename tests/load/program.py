"""Plays realistic learners against a laptop stage of its own, and checks that nothing was lost.

`load` holds a number of learners for a while. `saturate` looks for the highest steady rate.
`distance` holds half of a core with each DynamoDB call delayed as on AWS. `import` compares the
latencies of learners during an import with those before it. The exit code is 1 if a
response was wrong, a table differs from the responses, a request failed, or
a goal was missed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.load import report
from tests.load.learners import QUESTIONS_OF_A_SESSION
from tests.load.made_up_bank import CATEGORIES, write_bank
from tests.load.rates import Step, highest, holding
from tests.load.rig import Rig, rig
from tests.support.stage_process import free_port

STEP_SECONDS = 10.0
HOLD_SECONDS = 30.0
LEARNERS = 400
"""Learners who take turns where a rate is offered: more than are ever busy at once."""

FEWEST_QUESTIONS = len(CATEGORIES) * QUESTIONS_OF_A_SESSION[1]

FIRST_RATE = 40.0
WARM_UP_RATE = 80.0
WARM_UP_READS = 3
"""Requests for each question of the bank, so that no step pays for reading it first."""

IMPORTED = 12_000
"""Questions of the import that learners play beside."""

HALF = 0.5
CALIBRATION_SECONDS = 15.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="load_test.py", description=__doc__)
    parser.add_argument("mode", nargs="?", choices=MODES, default="load")
    parser.add_argument("--users", type=int, default=100, help="learners at once (default: 100)")
    parser.add_argument(
        "--duration", type=float, default=300, help="seconds observed (default: 300)"
    )
    parser.add_argument(
        "--think", type=float, default=2, help="mean seconds a learner thinks (default: 2)"
    )
    parser.add_argument(
        "--questions", type=int, help="questions of the bank (default: 4000; for a rate, 1000)"
    )
    parser.add_argument("--web", action="store_true", help="serve locust's page on a free port")
    parser.add_argument("--record", action="store_true", help="write docs/performance.md")
    chosen = parser.parse_args(arguments)
    chosen.questions = chosen.questions or (4000 if chosen.mode in ("load", "import") else 1000)
    if chosen.questions < FEWEST_QUESTIONS:
        parser.error(
            f"learners take sessions of one category: {FEWEST_QUESTIONS} questions or more"
        )
    if chosen.web:
        # Locust's page takes the command line for locust's own.
        del sys.argv[1:]
    began = time.monotonic()
    status = MODES[chosen.mode](chosen)
    print(f"{time.monotonic() - began:.0f} seconds in all.")
    return status


def load(chosen: argparse.Namespace) -> int:
    """Hold a number of learners for a while."""
    page = free_port() if chosen.web else None
    with rig(questions=chosen.questions, think=chosen.think, page=page) as loaded:
        where = f"; see http://127.0.0.1:{page}" if page else ""
        print(f"{chosen.users} learners on {loaded.stage.url} for {chosen.duration:.0f} s{where}")
        loaded.hold(chosen.users, settle=chosen.think)
        window = loaded.observe(chosen.duration)
        faults = loaded.end()
        ceiling = loaded.ceiling()
    found = report.of_load(loaded.campaign, window, loaded.samples, ceiling, faults)
    return found.tell(faults, record=chosen.record)


def saturate(chosen: argparse.Namespace) -> int:
    """Look for the highest rate that is served.

    The load is open: requests come in a Poisson process and do not wait for the stage, so a stage
    that falls behind is not spared, and the latencies are those of a rate. The result on one
    stage is held on another: the engine takes less for minutes after a search.
    """
    steps: list[Step] = []
    faults: list[str] = []

    def offered(loaded: Rig, rate: float, seconds: float) -> bool:
        loaded.offer(rate)
        steps.append(Step(rate, loaded.observe(seconds)))
        print(report.line_of_step(steps[-1]), flush=True)
        return steps[-1].served

    def held(rate: float) -> bool:
        with _warm(chosen.questions) as loaded:
            is_served = offered(loaded, rate, HOLD_SECONDS)
            faults.extend(loaded.end())
        return is_served

    with _warm(chosen.questions) as loaded:
        rate = highest(FIRST_RATE, lambda rate: offered(loaded, rate, STEP_SECONDS))
        faults.extend(loaded.end())
        ceiling = loaded.ceiling()
    holding(rate, FIRST_RATE / 10, held)
    return report.of_saturation(steps, ceiling, faults).tell(faults, record=chosen.record)


def distance(chosen: argparse.Namespace) -> int:
    """Hold half of a core's work for the stage, with DynamoDB at a distance."""
    with _warm(chosen.questions, distance=True) as loaded:
        loaded.offer(FIRST_RATE)
        window = loaded.observe(CALIBRATION_SECONDS)
        rate = HALF * window.rate / window.stage_cpu
        print(f"{window.rate:.0f} requests a second take {window.stage_cpu:.2f} cores.")
        print(f"Half of one is about {rate:.0f} a second, held for {chosen.duration:.0f} s.")
        loaded.offer(rate)
        window = loaded.observe(chosen.duration)
        faults = loaded.end()
    return report.of_distance(window, faults).tell(faults, record=chosen.record)


def beside_import(chosen: argparse.Namespace) -> int:
    """Hold a number of learners without an import, and during one into other categories."""
    with (
        tempfile.TemporaryDirectory(prefix="quiz-import-") as name,
        rig(questions=chosen.questions, think=chosen.think) as loaded,
    ):
        bank = Path(name) / "imported.jsonl"
        write_bank(bank, IMPORTED, seed=2, categories=("astronomy", "zoology"))
        loaded.hold(chosen.users, settle=chosen.think)
        print(f"{chosen.users} learners for {chosen.duration:.0f} s, then during an import.")
        before = loaded.observe(chosen.duration)
        during = loaded.observe_import(bank)
        faults = loaded.end()
    found = report.of_import(chosen.users, IMPORTED, before, during, faults)
    return found.tell(faults, record=chosen.record)


@contextmanager
def _warm(questions: int, *, distance: bool = False) -> Iterator[Rig]:
    """Start a stage whose questions are in memory, and learners who have begun."""
    with rig(questions=questions, rate=FIRST_RATE, distance=distance) as loaded:
        loaded.hold(LEARNERS)
        loaded.warm_up(WARM_UP_RATE, WARM_UP_READS * questions)
        yield loaded


MODES = {"load": load, "saturate": saturate, "distance": distance, "import": beside_import}
