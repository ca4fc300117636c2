"""Writes one log line per batch: what was counted, what was not, and the lag."""

from typing import Any

from lambdas.analytics.use_case import Batch
from lambdas.shared.settings import Settings
from lambdas.shared.telemetry.metrics import (
    ANSWER_AGE,
    ATTEMPTS_TO_MASTERY,
    COUNTED,
    COUNTING,
    DUPLICATES,
    MALFORMED,
    TIME_SPENT,
    UNFINISHED,
)
from lambdas.shared.telemetry.request_log import Usage, log_measured


def log_batch(
    settings: Settings,
    spent: Usage,
    batch: Batch,
    *,
    request_id: str,
    milliseconds: float,
    now: int,
) -> None:
    """Write the log line of a batch. It never names a learner, a session or a question.

    `now` is the time in ms at which the batch was done. The level is WARNING if records are left,
    were set aside, or belong to items edited by hand. `retries` counts answers to a question that
    the learner had answered before.
    """
    counted = batch.counted
    event: dict[str, Any] = {
        "event": "batch",
        "requestId": request_id,
        "records": batch.records,
        "tooOld": batch.too_old,
        "erased": batch.erased,
        "edited": batch.edited,
        "ignored": batch.ignored,
        "retries": sum(not answer.first_try for answer in counted),
        "roundTrips": spent.round_trips,
    }
    for answer in counted:
        if answer.mastered > 0:
            spent.sample(ATTEMPTS_TO_MASTERY, answer.attempt)
        if answer.time_spent:
            spent.sample(TIME_SPENT, answer.time_spent)
    values = spent.totals(milliseconds)
    for metric, number in (
        (COUNTED, len(counted)),
        (DUPLICATES, batch.duplicates),
        (UNFINISHED, int(batch.failed is not None)),
        (MALFORMED, len(batch.uncountable)),
    ):
        if number:
            values[metric.name] = number
    if counted:
        values[ANSWER_AGE.name] = now - min(answer.at for answer in counted)
    level = "WARNING" if batch.failed or batch.uncountable or batch.edited else "INFO"
    log_measured(settings, level, "Batch counted", event, {"Operation": COUNTING}, values)
