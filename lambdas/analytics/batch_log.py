"""One log line a batch: what was counted, what was not, and how far behind."""

import json
import sys
from typing import Any, NamedTuple

from lambdas.analytics.use_case import Batch
from lambdas.shared.telemetry import LEVELS, Usage


class BatchLog(NamedTuple):
    """What is told of one batch; no learner, session or question is ever part of it.

    `now` is the time in ms the batch was done with.
    """

    batch: Batch
    request_id: str
    milliseconds: float
    spent: Usage
    cold_start: bool
    now: int

    def line(self) -> dict[str, Any]:
        """Return the line's members.

        `oldestMs` is the age of the oldest answer counted; `attemptsToMastery` has, for each
        question that a learner mastered, the answers it took them; `retries` are answers to a
        question answered before.
        """
        batch = self.batch
        counted = batch.counted
        line: dict[str, Any] = {
            "level": "WARNING" if batch.failed else "INFO",
            "event": "batch",
            "function": "analytics",
            "requestId": self.request_id,
            "records": batch.records,
            "counted": len(counted),
            "duplicates": batch.duplicates,
            "tooOld": batch.too_old,
            "erased": batch.erased,
            "ignored": batch.ignored,
            "failed": bool(batch.failed),
            "malformed": batch.malformed,
            "retries": sum(not answer.first_try for answer in counted),
            "attemptsToMastery": [each.attempt for each in counted if each.mastered > 0],
            "ms": round(self.milliseconds, 2),
            "roundTrips": self.spent.round_trips,
            "rru": self.spent.read_units,
            "wru": self.spent.write_units,
        }
        if counted:
            line["oldestMs"] = self.now - min(answer.at for answer in counted)
        if self.cold_start:
            line["coldStart"] = True
        return line

    def write(self, level: str) -> None:
        """Write the line if `level` lets it through; a batch not done is a warning."""
        line = self.line()
        if LEVELS[line["level"]] >= LEVELS[level]:
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
